"""Two devices edit the same: nothing is lost, and both texts are at hand."""

from __future__ import annotations

import pickle

import pytest

from monogram_sdk import errors
from monogram_sdk.models import Response

from .conftest import AsyncClub, AsyncPeople
from .faults import AsyncFaults


async def test_a_change_to_what_was_changed_meanwhile_has_both_texts(club: AsyncClub) -> None:
    draft = await club.member.responses.draft(club.prompt.id, content="One")
    phone = await club.member.responses.edit(draft.id, content="From the phone", if_version=draft.version)
    with pytest.raises(errors.EditConflictError) as caught:
        await club.member.responses.edit(draft.id, content="From the laptop", if_version=draft.version)
    error = caught.value
    assert error.mine == {"content": "From the laptop"}
    assert error.theirs == phone and isinstance(error.theirs, Response)
    assert pickle.loads(pickle.dumps(error)).theirs == phone
    both = await club.member.responses.edit(
        draft.id, content=f"{error.theirs.content}, {error.mine['content']}", if_version=error.theirs.version
    )
    assert (both.content, both.version) == ("From the phone, From the laptop", 3)
    with pytest.raises(errors.EditConflictError):
        await club.member.responses.publish(draft.id, if_version=phone.version)
    assert (await club.member.responses.publish(draft.id, if_version=both.version)).is_published
    assert (await club.member.responses.edit(draft.id, content="Without a version")).version == 5


async def test_all_that_people_edit_takes_the_version_they_changed(club: AsyncClub) -> None:
    leader = club.leader
    space = await leader.spaces.get(club.space.id)
    prompt = await leader.prompts.create(space.id, question="And then?")
    newsletter = await leader.newsletters.generate(space.id)
    profile, settings = await leader.profiles.get(), await leader.settings.get()
    await leader.spaces.update(space.id, name="Second", if_version=space.version)
    await leader.prompts.update(prompt.id, question="So?", if_version=prompt.version)
    await leader.newsletters.update(newsletter.id, title="Second", if_version=newsletter.version)
    await leader.profiles.update(bio="Second", if_version=profile.version)
    await leader.settings.update(email_reminders=False, if_version=settings.version)
    with pytest.raises(errors.EditConflictError):
        await leader.spaces.update(space.id, name="Third", if_version=space.version)
    with pytest.raises(errors.EditConflictError):
        await leader.prompts.update(prompt.id, question="What?", if_version=prompt.version)
    with pytest.raises(errors.EditConflictError):
        await leader.newsletters.update(newsletter.id, title="Third", if_version=newsletter.version)
    with pytest.raises(errors.EditConflictError):
        await leader.profiles.update(bio="Third", if_version=profile.version)
    with pytest.raises(errors.EditConflictError):
        await leader.settings.update(email_reminders=True, if_version=settings.version)
    deleted = (await leader.settings.get()).version
    await leader.settings.delete()
    for attempt in (
        lambda: leader.settings.update(email_reminders=True, if_version=2),
        leader.settings.get,
        leader.settings.delete,
    ):
        with pytest.raises(errors.NotFoundError, match="You have deleted your settings") as caught:
            await attempt()
        assert "create them again" in str(caught.value.hint) and not caught.value.uncertain
    again = await leader.settings.update(email_reminders=True)
    for version in (1, deleted):
        with pytest.raises(errors.EditConflictError):
            await leader.settings.update(email_reminders=False, if_version=version)
    assert (await leader.settings.update(email_reminders=False, if_version=again.version)).version == again.version + 1
    for version in (0, -1, 2**31, True, "2"):
        with pytest.raises(errors.InvalidValueError, match="if_version"):
            await leader.spaces.update(space.id, name="Fourth", if_version=version)


async def test_a_change_whose_reply_was_lost_does_not_conflict_with_itself(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    club = await people.club(faults=faults)
    draft = await club.member.responses.draft(club.prompt.id, content="One")
    faults.then("lost")
    edited = await club.member.responses.edit(draft.id, content="Two", if_version=draft.version)
    assert (edited.content, edited.version) == ("Two", 2)
