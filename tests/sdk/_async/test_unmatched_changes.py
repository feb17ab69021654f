"""Changes that matched no row: they were not made, and the error says so."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monogram_sdk import errors
from tests.sdk.support import PNG, AsyncThunk

from .conftest import AsyncClub, AsyncPeople


async def test_a_refusal_that_got_a_reply_is_certain(people: AsyncPeople, club: AsyncClub) -> None:
    boris = await people.sign_up("Boris")
    await club.leader.spaces.update(club.space.id, is_public=True)
    await boris.spaces.join(club.space.id)
    nothing = uuid4()
    refused: dict[str, tuple[AsyncThunk[object], type[errors.MonogramError]]] = {
        "spaces.update": (
            lambda: boris.spaces.update(club.space.id, name="Mine"), errors.PermissionDeniedError,
        ),
        "spaces.delete": (lambda: boris.spaces.delete(club.space.id), errors.PermissionDeniedError),
        "spaces.update of none": (
            lambda: boris.spaces.update(nothing, name="None"), errors.SpaceNotFoundError,
        ),
        "prompts.update": (
            lambda: boris.prompts.update(club.prompt.id, question="Why?"), errors.PermissionDeniedError,
        ),
        "prompts.delete of none": (lambda: boris.prompts.delete(nothing), errors.PromptNotFoundError),
        "responses.edit of none": (
            lambda: boris.responses.edit(nothing, content="None"), errors.ResponseNotFoundError,
        ),
        "responses.delete of none": (lambda: boris.responses.delete(nothing), errors.ResponseNotFoundError),
    }  # fmt: skip
    for name, (attempt, kind) in refused.items():
        with pytest.raises(kind) as caught:
            await attempt()
        assert not caught.value.uncertain, name


async def test_a_row_that_was_refused_after_its_picture_was_stored_is_certain(people: AsyncPeople) -> None:
    """The picture is deleted again, and nothing has happened."""
    club = await people.club()
    response = await club.member.responses.submit(club.prompt.id, content="Dune", image=PNG)
    refused: dict[str, tuple[AsyncThunk[object], type[errors.MonogramError]]] = {
        "responses.submit": (
            lambda: club.member.responses.submit(club.prompt.id, image=PNG), errors.ResponseExistsError,
        ),
        "responses.draft": (
            lambda: club.member.responses.draft(club.prompt.id, image=PNG), errors.ResponseExistsError,
        ),
        "responses.edit": (
            lambda: club.leader.responses.edit(response.id, image=PNG), errors.PermissionDeniedError,
        ),
    }  # fmt: skip
    for name, (attempt, kind) in refused.items():
        with pytest.raises(kind) as caught:
            await attempt()
        assert not caught.value.uncertain, name
