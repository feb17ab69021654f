"""What happens, as it happens: feeds of events and responses, and who is present."""

from __future__ import annotations

import gc
import time
from functools import partial
from uuid import UUID

import pytest

from monogram_sdk import LiveStatus, errors
from monogram_sdk.models import (
    MemberJoined,
    Present,
    PromptsPublished,
    ResponseDeleted,
    ResponsePublished,
    ResponseUpdated,
    WeekAdvanced,
)
from tests.sdk.support import PASSWORD, async_beside, new_email

from .conftest import AsyncClub, AsyncPeople


async def test_everything_that_happens(club: AsyncClub) -> None:
    told: list[tuple[LiveStatus, str]] = []
    async with club.member.live.events(
        club.space.id, on_status=lambda status, reason: told.append((status, reason))
    ) as feed:
        begun = feed.cursor
        assert begun is not None
        response = await club.member.responses.submit(club.prompt.id, content="Dune")
        event = await anext(feed)
        match event:
            case ResponsePublished():
                assert event.payload.response_id == event.subject_id == response.id
                assert (event.payload.prompt_id, event.payload.week_number) == (club.prompt.id, 1)
            case _:
                raise AssertionError(event)
        assert event.cursor == feed.cursor
        assert event.seq == int(begun.partition(":")[0]) + 1
        await club.member.responses.edit(response.id, content="Dune Messiah")
        assert isinstance(await anext(feed), ResponseUpdated)
        await club.member.responses.delete(response.id)
        assert isinstance(await anext(feed), ResponseDeleted)
        await club.leader.responses.submit(club.prompt.id, content="Emma")
        assert isinstance(await anext(feed), ResponsePublished)
        assert (told, feed.status) == ([(LiveStatus.LIVE, "joined")], LiveStatus.LIVE)


async def test_from_the_beginning_and_from_a_cursor(club: AsyncClub) -> None:
    events = []
    async for event in club.member.live.events(club.space.id, after=0):
        events.append(event)
        if isinstance(event, PromptsPublished):
            break
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0], MemberJoined)
    assert events == await club.member.spaces.events(club.space.id).all()
    rest = []
    async for event in club.member.live.events(club.space.id, after=events[1].cursor):
        rest.append(event)
        if event.seq == events[-1].seq:
            break
    assert rest == events[2:]


async def test_a_feed_goes_on_after_its_loop(club: AsyncClub) -> None:
    feed = club.member.live.events(club.space.id, after=0)
    async for event in feed:
        assert event.seq == 1
        break
    async for event in feed:
        assert event.seq == 2
        break
    await feed.aclose()
    async for _event in feed:
        raise AssertionError("a closed feed yields nothing")


async def test_closing_ends_a_wait(club: AsyncClub) -> None:
    feed = club.member.live.events(club.space.id)
    async with async_beside(feed.__anext__) as waiting:
        await feed.aclose()
        with pytest.raises((StopIteration, StopAsyncIteration)):
            await waiting.result()


async def test_closing_the_client_ends_a_wait(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    space = await ada.spaces.create(name="Test Book Club")
    feed = ada.live.events(space.id)
    async with feed, async_beside(feed.__anext__) as waiting:
        await ada.aclose()
        with pytest.raises(errors.ClientClosedError):
            await waiting.result()
    with pytest.raises(errors.ClientClosedError):
        await anext(ada.live.events(space.id))


async def test_many_feeds_share_one_connection(club: AsyncClub) -> None:
    other = await club.leader.spaces.create(name="Other")
    one, same = club.leader.live.events(club.space.id), club.leader.live.events(club.space.id)
    another = club.leader.live.events(other.id)
    async with one, same, another:
        channels = club.leader._core.socket.channels
        assert [channels.listeners(f"space:{id}") for id in (club.space.id, other.id)] == [2, 1]
        await club.leader.prompts.create(other.id, question="Why?")
        await club.leader.prompts.publish(other.id)
        assert isinstance(await anext(another), PromptsPublished)
        await club.leader.responses.submit(club.prompt.id, content="Emma")
        assert await anext(one) == await anext(same)


async def test_what_a_consumer_raises_harms_no_other(club: AsyncClub) -> None:
    def fail(status: LiveStatus, _reason: str) -> None:
        raise RuntimeError(f"cannot be told {status}")

    async with club.member.live.events(club.space.id) as sound:
        broken = club.member.live.events(club.space.id, after=0, on_status=fail)
        with pytest.raises(RuntimeError, match="cannot be told LIVE"):
            async for _event in broken:
                pass
        await club.leader.responses.submit(club.prompt.id, content="Emma")
        published = await anext(sound)
        assert isinstance(published, ResponsePublished)
        # Whoever was told may go on.
        async for event in broken:
            if event == published:
                break


async def test_a_forgotten_feed_ends(club: AsyncClub) -> None:
    feed = club.member.live.events(club.space.id)
    async with feed:
        assert club.member._core.socket.channels.listeners(f"space:{club.space.id}") == 1
    feed = club.member.live.events(club.space.id)
    await feed._reader.begin()
    assert club.member._core.socket.channels.listeners(f"space:{club.space.id}") == 1
    del feed
    gc.collect()
    assert club.member._core.socket.channels.listeners(f"space:{club.space.id}") == 0


async def test_who_may_not_read_gets_an_error(club: AsyncClub, people: AsyncPeople) -> None:
    for after in (None, 0, 3):
        with pytest.raises(errors.SpaceNotFoundError):
            await anext(club.stranger.live.events(club.space.id, after=after))
        with pytest.raises(errors.SpaceNotFoundError):
            await anext(club.stranger.live.responses(club.space.id, after=after))
    with pytest.raises(errors.SpaceNotFoundError):
        async with club.stranger.live.presence(club.space.id):
            pass
    with pytest.raises(errors.NotSignedInError):
        await anext(people.nobody().live.events(club.space.id))
    for beyond in (1000, "1000", f"1000:{UUID(int=1)}"):
        with pytest.raises(errors.HistoryReplacedError, match="beyond"):
            await anext(club.member.live.events(club.space.id, after=beyond))
    for wrong in (
        {"after": -1},
        {"after": "x"},
        {"after": "5:"},
        {"after": True},
        {"after": 2**63},
        {"after": 1.5},
        {"poll_seconds": 0},
        {"poll_seconds": 61},
    ):
        with pytest.raises(errors.InvalidValueError):
            club.member.live.events(club.space.id, **wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidValueError):
        club.member.live.events("no id")


async def test_a_secret_key_follows_every_space(club: AsyncClub, people: AsyncPeople) -> None:
    async with people.service().live.events(club.space.id) as feed:
        await club.leader.responses.submit(club.prompt.id, content="Emma")
        assert isinstance(await anext(feed), ResponsePublished)


async def test_a_removed_member_is_told(club: AsyncClub) -> None:
    me = (await club.member.auth.user()).id
    async with club.member.live.events(club.space.id) as feed, club.member.live.presence(club.space.id) as room:
        await club.leader.spaces.remove_member(club.space.id, me)
        with pytest.raises(errors.MembershipEndedError):
            async for event in feed:
                assert event.payload.user_id == me
        with pytest.raises(errors.MembershipEndedError):
            async for _people in room:
                pass


async def test_signing_out_ends_what_is_open_at_once(club: AsyncClub, people: AsyncPeople) -> None:
    chloe = new_email("chloe")
    await people.nobody().auth.sign_up(email=chloe, password=PASSWORD)
    for signs_in in (False, True):
        client = people.nobody()
        email = new_email("boris")
        me = (await client.auth.sign_up(email=email, password=PASSWORD)).user.id
        invite = await club.leader.spaces.create_invite(club.space.id, max_uses=1)
        await client.spaces.join(invite_code=invite.code)
        feed, later = client.live.events(club.space.id), client.live.events(club.space.id)
        replies = client.live.responses(club.space.id)
        room = client.live.presence(club.space.id)
        async with club.leader.live.presence(club.space.id) as others, feed, later, replies, room:
            assert await anext(room)
            await client.responses.submit(club.prompt.id, content="Emma")
            assert isinstance(await anext(feed), ResponsePublished)
            await anext(replies)
            async with async_beside(feed.__anext__) as waiting, async_beside(room.__anext__) as watching:
                if signs_in:
                    await client.auth.sign_in_with_password(email=chloe, password=PASSWORD)
                else:
                    await client.auth.sign_out()
                began = time.monotonic()
                for open_one in (waiting, watching):
                    with pytest.raises(errors.NotSignedInError):
                        await open_one.result()
                for call in (later.__anext__, replies.__anext__, feed.__anext__, partial(room.set_writing, True)):
                    with pytest.raises(errors.NotSignedInError):
                        await call()
                with pytest.raises(errors.NotSignedInError):
                    _ = room.here
                assert time.monotonic() - began < 2
            # The others see at once that the person has gone.
            async for present in others:
                if me not in [person.user_id for person in present]:
                    break
            assert time.monotonic() - began < 4
        # Who signs in then begins with a connection of their own.
        await client.auth.sign_in_with_password(email=email, password=PASSWORD)
        async with client.live.presence(club.space.id) as again:
            assert me in [person.user_id for person in again.here]
            await again.set_writing(True)


async def test_the_same_person_may_sign_in_again(club: AsyncClub) -> None:
    email = (await club.member.auth.user()).email
    assert email is not None
    async with club.member.live.events(club.space.id) as feed, club.member.live.presence(club.space.id) as room:
        await club.member.auth.sign_in_with_password(email=email, password=PASSWORD)
        await club.leader.responses.submit(club.prompt.id, content="Emma")
        assert isinstance(await anext(feed), ResponsePublished)
        await room.set_writing(True)


async def test_new_responses(club: AsyncClub) -> None:
    async with club.member.live.responses(club.space.id) as feed:
        draft = await club.member.responses.draft(club.prompt.id, content="Perhaps")
        emma = await club.leader.responses.submit(club.prompt.id, content="Emma")
        assert await anext(feed) == emma
        await club.member.responses.publish(draft.id)
        response = await anext(feed)
        assert (response.id, response.content, response.is_published) == (draft.id, "Perhaps", True)
        cursor = feed.cursor
    await club.leader.responses.delete(emma.id)
    again = club.member.live.responses(club.space.id, after=0)
    assert (await anext(again)).id == draft.id
    assert again.cursor == cursor
    await again.aclose()


async def test_the_cursor_of_responses_is_where_to_go_on(club: AsyncClub) -> None:
    await club.leader.responses.submit(club.prompt.id, content="Emma")
    dune = await club.member.responses.submit(club.prompt.id, content="Dune")
    first = club.member.live.responses(club.space.id, after=0)
    assert (await anext(first)).content == "Emma"
    second = club.member.live.responses(club.space.id, after=first.cursor)
    assert await anext(second) == dune


async def test_weeks_go_by(club: AsyncClub) -> None:
    async with club.member.live.events(club.space.id) as feed:
        response = await club.member.responses.submit(club.prompt.id, content="Dune")
        await club.leader.responses.select(club.space.id, [response.id])
        newsletter = await club.leader.newsletters.generate(club.space.id)
        await club.leader.newsletters.publish(newsletter.id)
        async for event in feed:
            if isinstance(event, WeekAdvanced):
                assert event.payload.week_number == 2
                break


async def test_who_is_here_and_who_is_writing(club: AsyncClub) -> None:
    leader, member = [(await client.auth.user()).id for client in (club.leader, club.member)]
    async with club.leader.live.presence(club.space.id) as room:
        assert [person.user_id for person in room.here] == [leader]
        async with club.member.live.presence(club.space.id) as other:
            assert {person.user_id for person in other.here} == {leader, member}
            await other.set_writing(True)
            with pytest.raises(errors.InvalidValueError, match="is_writing"):
                await other.set_writing("yes")  # type: ignore[arg-type]
            async for people in room:
                if any(person.is_writing for person in people):
                    break
            written = {person.user_id: person for person in people}
            assert isinstance(written[member], Present) and not written[leader].is_writing
            assert written[member].since is not None
        for gone in (other, club.member.live.presence(club.space.id)):
            with pytest.raises(errors.ConflictError, match="not in this room"):
                await gone.set_writing(True)
        async for people in room:
            if len(people) == 1:
                break
        assert [person.user_id for person in room.here] == [leader]
        with pytest.raises(errors.ConflictError):
            async with club.leader.live.presence(club.space.id):
                pass


async def test_more_calls_than_the_platform_allows_are_held_back(club: AsyncClub) -> None:
    async with club.leader.live.presence(club.space.id) as room:
        for number in range(12):
            await room.set_writing(number % 2 == 0)
        channel = club.leader._core.socket.channels
        assert room.status is LiveStatus.LIVE
        assert channel.listeners(f"room:{club.space.id}") == 1
        # Still joined, and still told of others.
        async with club.member.live.presence(club.space.id):
            async for people in room:
                if len(people) == 2:
                    break


async def test_a_person_with_two_windows_is_here_once(people: AsyncPeople) -> None:
    email = new_email("Chloe")
    one = people.nobody()
    await one.auth.sign_up(email=email, password=PASSWORD, display_name="Chloe")
    space = await one.spaces.create(name="Two Windows")
    two = people.nobody()
    await two.auth.sign_in_with_password(email=email, password=PASSWORD)
    async with one.live.presence(space.id) as here, two.live.presence(space.id) as there:
        await there.set_writing(True)
        async for persons in here:
            assert len(persons) == 1
            if persons[0].is_writing:
                break
