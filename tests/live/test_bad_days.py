"""One thing goes wrong at a time: what the program sees of it, and how long it takes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from monogram_sdk import AsyncMonogram, EventFeed, LiveStatus, Monogram, errors
from monogram_sdk._live import channels, wires
from monogram_sdk._live import feed as feeds
from monogram_sdk.models import SpaceEvent
from tests.live.conftest import Ground, as_bytes


def last_of(feed: EventFeed) -> int:
    """Return the number of the last event that a feed yielded."""
    return int((feed.cursor or "0").partition(":")[0])


class Watched:
    """A feed of somebody in a space, and what they were told."""

    def __init__(self, ground: Ground, *, token_lasts: float | None = None) -> None:
        self.ground = ground
        self.user_id, storage = ground.session_of_somebody_new()
        (self.space_id,) = ground.spaces(1, [self.user_id])
        if token_lasts is not None:
            ground.shorten(storage, token_lasts)
        self.client = Monogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage)
        self.told: list[tuple[LiveStatus, str]] = []
        self.feed = self.client.live.events(
            self.space_id, on_status=lambda status, reason: self.told.append((status, reason)), poll_seconds=0.2
        )

    def emit(self, number: int = 1) -> None:
        with psycopg.connect(self.ground.stack.db_url) as connection:
            self.ground.emit(connection, self.space_id, number)

    def expect(self, number: int) -> None:
        """Let something happen, and see that it is the next that comes."""
        self.emit(number)
        before = last_of(self.feed)
        event = next(self.feed)
        assert (event.seq, event.payload.week_number) == (before + 1, number)

    def until(self, status: LiveStatus) -> None:
        """Go on until the feed says this: it says so while somebody waits for an event."""
        for number in range(1000, 1200):
            if self.told and self.told[-1][0] is status:
                return
            self.expect(number)
            time.sleep(0.05)
        raise AssertionError(f"never {status}, but {self.told}")


@pytest.fixture
def watched(ground: Ground) -> Iterator[Watched]:
    watched = Watched(ground)
    with watched.client, watched.feed:
        watched.until(LiveStatus.LIVE)
        yield watched
    ground.proxy.realtime = "on"
    ground.proxy.drop = ground.proxy.double = ground.proxy.delay = 0.0


def test_a_cut_connection_is_made_again(ground: Ground, watched: Watched) -> None:
    for number in range(5):
        ground.proxy.cut()
        watched.expect(number)
    watched.until(LiveStatus.LIVE)
    assert LiveStatus.POLLING in dict(watched.told)


def test_where_realtime_is_blocked_it_polls_with_the_same_guarantees(ground: Ground, watched: Watched) -> None:
    ground.proxy.realtime = "refused"
    ground.proxy.cut()
    watched.until(LiveStatus.POLLING)
    for number in range(20):
        watched.expect(number)
    assert watched.feed.status is LiveStatus.POLLING
    ground.proxy.realtime = "on"
    watched.until(LiveStatus.LIVE)


@pytest.mark.parametrize(
    ("client", "obstacle"),
    [
        ("threads", "swallowed"),
        ("tasks", "refused"),
        *(
            pytest.param("threads", obstacle, marks=pytest.mark.long)
            for obstacle in ("refused", "page", "deaf", "reset")
        ),
        pytest.param("tasks", "swallowed", marks=pytest.mark.long),
    ],
)
def test_where_websockets_never_open_nothing_is_lost_either(
    ground: Ground, client: str, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long a handshake and a join may take: the real figures are for real networks.
    monkeypatch.setattr(wires, "_OPEN_SECONDS", 0.5)
    monkeypatch.setattr(channels, "REPLY_SECONDS", 0.5)
    user_id, storage = ground.session_of_somebody_new()
    (space_id,) = ground.spaces(1, [user_id])
    told: list[LiveStatus] = []
    settings: Any = {"url": ground.proxy.url, "key": ground.stack.publishable_key, "session_storage": storage}
    arguments: Any = {"on_status": lambda status, _reason: told.append(status), "poll_seconds": 0.1}
    log: list[bytes] = []
    ground.proxy.realtime = obstacle
    try:
        with psycopg.connect(ground.stack.db_url, autocommit=True) as connection:

            def is_enough(event: SpaceEvent) -> bool:
                """Write an event down, and let another one happen until the feed is live after all."""
                log.append(as_bytes(event))
                if told[-1:] == [LiveStatus.LIVE]:
                    return True
                if LiveStatus.POLLING in told and len(log) >= 20:
                    ground.proxy.realtime = "on"
                ground.emit(connection, space_id, len(log))
                return False

            if client == "threads":
                with Monogram(**settings) as client:
                    for event in client.live.events(space_id, after=0, **arguments):
                        if is_enough(event):
                            break
            else:

                async def follow() -> None:
                    async with AsyncMonogram(**settings) as client:
                        async for event in client.live.events(space_id, after=0, **arguments):
                            if is_enough(event):
                                break

                asyncio.run(follow())
    finally:
        ground.proxy.realtime = "on"
    assert told == [LiveStatus.POLLING, LiveStatus.LIVE]
    assert log == ground.table(space_id)[: len(log)]


def test_frequent_calls_do_not_shorten_the_pauses_between_attempts(ground: Ground, watched: Watched) -> None:
    with watched.client.live.presence(watched.space_id) as room:
        ground.proxy.realtime = "refused"
        before = ground.proxy.turned_away
        ground.proxy.cut()
        while ground.proxy.turned_away == before:
            time.sleep(0.01)
        for number in range(100):
            room.set_writing(number % 2 == 0)
            time.sleep(0.01)
        assert ground.proxy.turned_away - before < 10


def test_a_killed_server_is_waited_for(ground: Ground, watched: Watched) -> None:
    ground.kill_server()
    watched.emit(7)
    assert next(watched.feed).payload.week_number == 7
    assert LiveStatus.OFFLINE in dict(watched.told)
    watched.until(LiveStatus.LIVE)


@pytest.fixture
def often_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds that begin now look sooner for what they may have missed."""
    monkeypatch.setattr(feeds, "CHECK_SECONDS", 1.0)


@pytest.mark.usefixtures("often_checked")
def test_a_last_message_that_was_lost_is_found(ground: Ground, watched: Watched) -> None:
    watched.expect(1)
    ground.proxy.drop = 1.0
    watched.emit(2)
    began = time.monotonic()
    assert next(watched.feed).payload.week_number == 2
    assert time.monotonic() - began < 10
    assert watched.told[-1][0] is LiveStatus.LIVE


def test_doubles_and_disorder_do_not_show(ground: Ground, watched: Watched) -> None:
    ground.proxy.double, ground.proxy.delay = 1.0, 0.05
    for number in range(30):
        watched.emit(number)
    assert [next(watched.feed).payload.week_number for _ in range(30)] == list(range(30))


@pytest.mark.long
def test_a_token_that_ends_too_early_is_replaced(ground: Ground) -> None:
    watched = Watched(ground, token_lasts=3)
    with watched.client, watched.feed:
        watched.until(LiveStatus.LIVE)
        began = time.monotonic()
        while len(watched.told) < 3:  # live, refused, live again
            watched.expect(1)
            time.sleep(0.05)
            assert time.monotonic() - began < 20
    (_live, (_status, reason), (again, _)) = watched.told
    assert ("Token has expired" in reason, again) == (True, LiveStatus.LIVE)


def test_a_removed_member_hears_nothing_more(ground: Ground, watched: Watched) -> None:
    with psycopg.connect(ground.stack.db_url) as connection:
        connection.execute(
            "delete from public.memberships where user_id = %s and space_id = %s", [watched.user_id, watched.space_id]
        )
    watched.emit(9)
    began = time.monotonic()
    with pytest.raises(errors.MembershipEndedError):
        for event in watched.feed:
            assert event.kind == "member.left"
    assert time.monotonic() - began < feeds.CHECK_SECONDS + 5


def test_many_spaces_share_one_connection(ground: Ground) -> None:
    user_id, storage = ground.session_of_somebody_new()
    spaces: list[UUID] = ground.spaces(5, [user_id])
    before = ground.proxy.sockets
    with Monogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage) as client:
        watching = [client.live.events(space_id) for space_id in spaces]
        for feed in watching:
            feed.__enter__()
        with psycopg.connect(ground.stack.db_url) as connection:
            for space_id in spaces:
                ground.emit(connection, space_id)
        assert [next(feed).space_id for feed in watching] == spaces
        assert ground.proxy.sockets == before + 1
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_a_slow_consumer_loses_nothing_and_fills_no_memory(ground: Ground, watched: Watched) -> None:
    count = 4 * feeds.HELD
    watched.expect(0)
    begin = last_of(watched.feed)
    state = watched.feed._reader._state
    # Everything comes while the program is busy with something else.
    with psycopg.connect(ground.stack.db_url) as connection:
        connection.execute(
            "select private.emit(%s, 'week.advanced', null, jsonb_build_object('week_number', n), null)"
            " from generate_series(1, %s) n",
            [watched.space_id, count],
        )
    give_up = time.monotonic() + 60
    most = 0
    while state._top < begin + count and time.monotonic() < give_up:
        most = max(most, len(state._held))
        time.sleep(0.01)
    # That of the event before may come after the feed has read it.
    broadcasts = [json.loads(one) for one in ground.proxy.forwarded if str(watched.space_id).encode() in one]
    arrived = [one["payload"]["payload"]["seq"] for one in broadcasts]
    assert len([seq for seq in arrived if seq > begin]) == count
    assert most == len(state._held) == feeds.HELD
    for number in range(1, count + 1):
        event = next(watched.feed)
        assert (event.seq, event.payload.week_number) == (begin + number, number)
        most = max(most, len(state._held))
    assert most <= feeds.HELD + feeds.READ_SIZE
    assert watched.feed.status is LiveStatus.LIVE
