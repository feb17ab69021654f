"""Somebody whose account or session is gone, and whose token is good for some time still."""

from __future__ import annotations

import pytest

from monogram_sdk import AsyncMonogram, AuthEvent, errors
from monogram_sdk.models import Session
from tests.sdk.support import PASSWORD, PNG, AsyncThunk

from .conftest import AsyncClub, AsyncPeople
from .faults import AsyncFaults


async def test_an_account_that_was_deleted_gets_one_clear_error(people: AsyncPeople, club: AsyncClub) -> None:
    invite = await club.leader.spaces.create_invite(club.space.id, max_uses=9)
    item = await club.leader.store.items().first()
    assert item is not None
    service = people.service()

    def attempts(ada: AsyncMonogram) -> dict[str, AsyncThunk[object]]:
        return {
            "auth.user": ada.auth.user,
            "auth.update_user": lambda: ada.auth.update_user(metadata={"a": 1}),
            "spaces.create": lambda: ada.spaces.create(name="Never"),
            "spaces.get": lambda: ada.spaces.get(club.space.id),
            "spaces.members": lambda: ada.spaces.members(club.space.id).all(),
            "spaces.join": lambda: ada.spaces.join(invite_code=invite.code),
            "profiles.get": ada.profiles.get,
            "profiles.update": lambda: ada.profiles.update(bio="x"),
            "profiles.set_avatar": lambda: ada.profiles.set_avatar(PNG),
            "tokens.balance": ada.tokens.balance,
            "tokens.gift": lambda: ada.tokens.gift(club.space.leader_id, amount=1),
            "store.purchase": lambda: ada.store.purchase(item.id),
            "settings.get": ada.settings.get,
            "settings.update": lambda: ada.settings.update(timezone="Europe/Berlin"),
            "responses.submit": lambda: ada.responses.submit(club.prompt.id, content="Never"),
        }

    for name in attempts(people.nobody()):
        ada = await people.sign_up("Ada")
        events: list[AuthEvent] = []

        def heard(event: AuthEvent, _session: Session | None, events: list[AuthEvent] = events) -> None:
            events.append(event)

        ada.auth.on_auth_change(heard)
        await service.admin.delete_user((await ada.auth.user()).id)
        with pytest.raises(errors.AccountGoneError):
            await attempts(ada)[name]()
        assert events == [AuthEvent.SIGNED_OUT], name
        with pytest.raises(errors.AccountGoneError):
            await ada.spaces.list().all()
        await ada.auth.sign_out()
        assert await ada.spaces.list_public().first_page()


async def test_a_session_that_was_ended_elsewhere_is_named_as_that(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    email = (await ada.auth.user()).email
    assert email is not None
    other = people.nobody()
    await other.auth.sign_in_with_password(email=email, password=PASSWORD)
    await other.auth.sign_out(scope="global")
    with pytest.raises(errors.SessionExpiredError):
        await ada.auth.user()
    assert (await other.auth.sign_in_with_password(email=email, password=PASSWORD)).user.email == email
    assert await other.tokens.balance() == 0


async def test_a_refusal_costs_one_question_in_ten_seconds(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    ada = await people.sign_up("Ada", faults=faults)
    faults.then()
    for _ in range(3):
        with pytest.raises(errors.SpaceNotFoundError):
            await ada.spaces.get("00000000-0000-4000-8000-000000000000")
    assert faults.count("/auth/v1/user") == 1
    # What cannot be found out changes nothing.
    ada = await people.sign_up("Ada", faults=faults, retries=0)
    faults.then("ok", "unsent")
    with pytest.raises(errors.SpaceNotFoundError) as caught:
        await ada.spaces.get("00000000-0000-4000-8000-000000000000")
    assert not caught.value.uncertain
