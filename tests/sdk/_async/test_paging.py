"""Lists that are longer than a page."""

from __future__ import annotations

import pytest

from monogram_sdk import errors

from .conftest import AsyncPeople
from .faults import AsyncFaults, AsyncNarrow


async def test_every_row_comes_once_also_while_others_insert_and_delete(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    spaces = [await ada.spaces.create(name=f"Space {number}") for number in range(7)]
    seen = []
    async for space in ada.spaces.list(page_size=2):
        seen.append(space.id)
        if len(seen) == 2:
            await ada.spaces.delete(spaces[0].id)
            added = await ada.spaces.create(name="Late")
    assert seen == [*(space.id for space in spaces), added.id]


async def test_pages_have_cursors_that_work_later(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    ada = await people.sign_up("Ada", faults=faults)
    spaces = [await ada.spaces.create(name=f"Space {number}") for number in range(3)]
    faults.then()
    lazy = ada.spaces.list(page_size=2)
    assert faults.paths == [], "nothing is asked before it is used"
    page = await lazy.first_page()
    assert [space.id for space in page.items] == [space.id for space in spaces[:2]]
    assert page.cursor is not None
    rest = await ada.spaces.list(after=page.cursor).all()
    assert [space.id for space in rest] == [spaces[2].id]
    sizes = [len(page.items) async for page in ada.spaces.list(page_size=2).pages()]
    assert sizes == [2, 1]
    first = await ada.spaces.list().first()
    assert first is not None and first.id == spaces[0].id
    assert await (await people.sign_up("Boris")).spaces.list().first() is None


async def test_newest_first_by_a_number(people: AsyncPeople) -> None:
    club = await people.club()
    prompts = await club.leader.prompts.create_many(club.space.id, ["Two?", "Three?"])
    await club.leader.prompts.publish(club.space.id)
    for prompt in [club.prompt, *prompts]:
        await club.member.responses.submit(prompt.id, content="Yes")
    paged = [entry.seq async for entry in club.member.tokens.statement(page_size=2)]
    whole = [entry.seq for entry in await club.member.tokens.statement().all()]
    assert paged == whole == sorted(whole, reverse=True)
    assert len(paged) == 4, "three responses and a badge"
    members = [member.display_name async for member in club.member.spaces.members(club.space.id, page_size=1)]
    assert members == ["Ada", "Boris"]
    words = [response.id async for response in club.leader.responses.list(club.space.id, page_size=1)]
    assert len(set(words)) == 3


async def test_wrong_places_and_sizes_are_refused(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    for size in (0, 1001):
        with pytest.raises(errors.InvalidValueError, match="page_size"):
            ada.spaces.list(page_size=size)
    for cursor in ("nonsense", "WyJhIl0", "e30"):
        with pytest.raises(errors.InvalidValueError, match="cursor"):
            await ada.spaces.list(after=cursor).all()


async def test_a_cursor_of_another_list_is_refused(people: AsyncPeople) -> None:
    club = await people.club()
    ada, other = club.leader, await club.leader.spaces.create(name="Another")
    await ada.prompts.create(other.id, question="What else?")
    for _ in range(2):
        await ada.spaces.create_invite(club.space.id)
    lists = {
        "spaces": ada.spaces.list,
        "invites": lambda **more: ada.spaces.invites(club.space.id, **more),
        "invites of another space": lambda **more: ada.spaces.invites(other.id, **more),
        "members": lambda **more: ada.spaces.members(club.space.id, **more),
        "members of another space": lambda **more: ada.spaces.members(other.id, **more),
        "prompts": lambda **more: ada.prompts.list(club.space.id, **more),
        "prompts of another space": lambda **more: ada.prompts.list(other.id, **more),
        "prompts of a week": lambda **more: ada.prompts.list(club.space.id, week_number=1, **more),
        "events": lambda **more: ada.spaces.events(club.space.id, **more),
        "statement": ada.tokens.statement,
        "notifications": ada.notifications.list,
        "unread notifications": lambda **more: ada.notifications.list(unread=True, **more),
        "spaces of somebody else": club.member.spaces.list,
    }  # fmt: skip
    cursors = {name: (await listed(page_size=1).first_page()).cursor for name, listed in lists.items()}
    known = {name: cursor for name, cursor in cursors.items() if cursor is not None}
    assert {"spaces", "invites", "members", "events"} <= set(known)
    for name, listed in lists.items():
        for origin, cursor in known.items():
            if name == origin:
                await listed(after=cursor).all()
            else:
                with pytest.raises(errors.InvalidValueError, match="cursor"):
                    await listed(after=cursor).all()
    # What is asked for at once, and how a place is written, are not what makes a list.
    assert await ada.prompts.list(str(club.space.id).upper(), after=known.get("prompts"), page_size=7).all() == []


async def test_pages_of_events_have_the_cursors_of_events(people: AsyncPeople) -> None:
    club = await people.club()
    everything = await club.member.spaces.events(club.space.id).all()
    page = await club.member.spaces.events(club.space.id, page_size=2).first_page()
    assert page.cursor == everything[1].cursor
    later = club.member.spaces.events(club.space.id, after=page.cursor, page_size=1)
    assert [event.seq async for event in later] == [event.seq for event in everything[2:]]
    assert await club.member.spaces.events(club.space.id, after=everything[-1].cursor).all() == []


async def test_a_server_with_a_lower_cap_shortens_pages_and_no_list(people: AsyncPeople) -> None:
    narrow = AsyncNarrow(3)
    ada = await people.sign_up("Ada", faults=narrow)
    spaces = [(await ada.spaces.create(name=f"Space {number}")).id for number in range(7)]
    me = (await ada.auth.user()).id
    place = ada.spaces.list()._listing.cursor(await ada.spaces.get(spaces[5]), me)
    for page_size in (2, 3, 100):
        assert [space.id async for space in ada.spaces.list(page_size=page_size)] == spaces
        assert [space.id for space in await ada.spaces.list(page_size=page_size).all()] == spaces
        first = await ada.spaces.list(page_size=page_size).first_page()
        assert [space.id for space in first.items] == spaces[: min(page_size, 3)] and first.cursor is not None
        last = await ada.spaces.list(after=place, page_size=page_size).first_page()
        assert [space.id for space in last.items] == spaces[6:] and last.cursor is None


async def test_the_same_response_chosen_twice_is_one(people: AsyncPeople) -> None:
    club = await people.club()
    response = (await club.member.responses.submit(club.prompt.id, content="Yes")).id
    assert len(await club.leader.responses.select(club.space.id, [response, response])) == 1
