"""One thing goes wrong at a time: what the program sees of it, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from monogram_sdk import LiveStatus, Monogram, errors
from monogram_sdk._live import feed as feeds
from tests.live.conftest import Ground


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
        before = self.feed.cursor or 0
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
    ground.proxy.realtime_is_on = True
    ground.proxy.drop = ground.proxy.double = ground.proxy.delay = 0.0


def test_a_cut_connection_is_made_again(ground: Ground, watched: Watched) -> None:
    for number in range(5):
        ground.proxy.cut()
        watched.expect(number)
    watched.until(LiveStatus.LIVE)
    assert LiveStatus.POLLING in dict(watched.told)


def test_where_realtime_is_blocked_it_polls_with_the_same_guarantees(ground: Ground, watched: Watched) -> None:
    ground.proxy.realtime_is_on = False
    ground.proxy.cut()
    watched.until(LiveStatus.POLLING)
    for number in range(20):
        watched.expect(number)
    assert watched.feed.status is LiveStatus.POLLING
    ground.proxy.realtime_is_on = True
    watched.until(LiveStatus.LIVE)


def test_a_killed_server_is_waited_for(ground: Ground, watched: Watched) -> None:
    ground.kill_server()
    watched.emit(7)
    assert next(watched.feed).payload.week_number == 7
    assert LiveStatus.OFFLINE in dict(watched.told)
    watched.until(LiveStatus.LIVE)


def test_a_last_message_that_was_lost_is_found(
    ground: Ground, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "CHECK_SECONDS", 1.0)
    watched.expect(1)
    ground.proxy.drop = 1.0
    began = time.monotonic()
    # The check that is due was planned with the real bound; the event before the lost one made a new plan.
    watched.emit(2)
    assert next(watched.feed).payload.week_number == 2
    assert time.monotonic() - began < 20


def test_doubles_and_disorder_do_not_show(ground: Ground, watched: Watched) -> None:
    ground.proxy.double, ground.proxy.delay = 1.0, 0.05
    for number in range(30):
        watched.emit(number)
    assert [next(watched.feed).payload.week_number for _ in range(30)] == list(range(30))


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
    assert time.monotonic() - began < 2
