"""The rules of a feed, with a network and a database that are only thought of: whatever gets lost, none of it shows."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monogram_sdk._cursor import Cursor
from monogram_sdk._live import feed as feeds
from monogram_sdk._live.feed import FeedState, Read, StatusChange, Wait
from monogram_sdk.errors import (
    ConnectionFailedError,
    HistoryReplacedError,
    MembershipEndedError,
    ServerError,
    SpaceNotFoundError,
)
from monogram_sdk.models import LiveStatus, SpaceEvent

SPACE = UUID("6b6d2a5c-9d5e-4d5c-8b1a-000000000001")
ME = UUID("6b6d2a5c-9d5e-4d5c-8b1a-000000000002")


def event(seq: int, *, kind: str = "week.advanced", payload: object = None, history: int = 1) -> SpaceEvent:
    return SpaceEvent.model_validate(
        {
            "space_id": SPACE,
            "seq": seq,
            "id": UUID(int=history << 64 | seq),
            "kind": kind,
            "actor_id": None,
            "subject_id": None,
            "payload": payload or {"week_number": seq},
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
    )


class World:
    """A table, a network that does as it likes, a clock, and one feed that reads both."""

    def __init__(self, *, events: int = 0, after: int | None = 0, history: int | None = None) -> None:
        self.now = 0.0
        self.history = 1
        self.table = [event(seq) for seq in range(1, events + 1)]
        self.is_member = True
        place = None if after is None else Cursor(after, history and event(after, history=history).id)
        self.feed = FeedState(SPACE, place, me=ME, clock=lambda: self.now)
        self.start = after
        """Where the feed began."""
        self.log: list[int] = []
        self.told: list[LiveStatus] = []
        self.reads = 0
        self.row_cap = 1000

    def commit(self, count: int = 1) -> list[SpaceEvent]:
        new = [event(len(self.table) + n, history=self.history) for n in range(1, count + 1)]
        self.table += new
        return new

    def restore(self, seq: int) -> None:
        """Put a backup into the place of the table: what came after this number is gone, and will be others."""
        self.table = self.table[:seq]
        self.history += 1

    def hear(self, *events: SpaceEvent) -> None:
        for one in events:
            payload = one.model_dump(mode="json")
            # The database names the one before.
            before = [row for row in self.table if row.seq == one.seq - 1]
            payload["previous_id"] = str(before[0].id) if before else None
            self.feed.received("broadcast", {"event": one.kind, "payload": payload})

    def rows(self, read: Read) -> list[SpaceEvent]:
        """The rows of the database."""
        self.reads += 1
        if not self.is_member:
            return []
        if read.start is None:
            return self.table[-1:]
        return [one for one in self.table if one.seq >= read.start][: min(read.limit, self.row_cap)]

    def answer(self, read: Read, rows: list[SpaceEvent]) -> None:
        self.feed.page(read, rows)
        if self.start is None:
            self.start = self.feed.cursor

    def one_step(self) -> bool:
        """Let the feed do one thing; False when it waits."""
        step = self.feed.step()
        if isinstance(step, SpaceEvent):
            self.log.append(step.seq)
        elif isinstance(step, Read):
            self.answer(step, self.rows(step))
        elif isinstance(step, StatusChange):
            self.told.append(step.status)
        else:
            return False
        return True

    def settle(self) -> None:
        """Let the feed do all that it has to do at this moment."""
        for _ in range(100_000):
            if not self.one_step():
                return
        raise AssertionError("the feed never waits")


# One thing that may happen, with a number to choose among several.
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            "commit deliver drop double noise join lose system tick step steps begin-read end-read fail-read".split()
        ),
        st.integers(0, 1_000),
    ),
    max_size=120,
)


@settings(max_examples=200, deadline=None)
@given(
    actions=ACTIONS, events=st.integers(0, 12), behind=st.integers(0, 12) | st.none(), held=st.sampled_from([3, 1000])
)
def test_whatever_the_network_does_the_log_is_the_table(
    actions: list[tuple[str, int]], events: int, behind: int | None, held: int
) -> None:
    world = World(events=events + 1, after=None if behind is None else max(0, events - behind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "HELD", held)
        play(world, actions)
    assert world.start is not None
    assert world.log == list(range(world.start + 1, len(world.table) + 1))
    assert len(world.feed._held) == 0


def play(world: World, actions: list[tuple[str, int]]) -> None:
    """Do what is asked, then let the network be quiet."""
    on_the_way: list[SpaceEvent] = []
    read: tuple[Read, list[SpaceEvent]] | None = None
    for action, number in actions:
        if action == "commit":
            on_the_way += world.commit(number % 4 + 1)
        elif action in ("deliver", "drop", "double") and on_the_way:
            # Any of them, so in any order.
            chosen = on_the_way[number % len(on_the_way)]
            if action != "double":
                on_the_way.remove(chosen)
            if action != "drop":
                world.hear(chosen)
        elif action == "noise":
            world.feed.received("broadcast", {"payload": {"seq": number}})
        elif action == "join":
            world.feed.joined()
        elif action == "system":
            world.feed.received("system", {"status": "ok"})
        elif action == "lose":
            world.feed.lost("cut")
        elif action == "tick":
            world.now += number / 100
        elif action == "steps":
            # Not while a read is under way: the feed has one consumer.
            if read is None:
                for _ in range(number % 20):
                    world.one_step()
        elif action in ("step", "begin-read") and read is None:
            step = world.feed.step()
            if isinstance(step, Read):
                # The reply has the rows of this moment, however late it comes.
                read = step, world.rows(step)
            elif isinstance(step, SpaceEvent):
                world.log.append(step.seq)
        elif action == "end-read" and read is not None:
            world.answer(*read)
            read = None
        elif action == "fail-read" and read is not None:
            world.feed.read_failed(ConnectionFailedError("gone") if number % 2 else ServerError("broken"))
            read = None
    if read is not None:
        world.answer(*read)
    # However silent the network is from now on, a check of the table is due some time.
    for _ in range(3):
        world.settle()
        world.now += feeds.CHECK_SECONDS
    world.settle()


def test_while_everything_comes_the_table_is_left_alone() -> None:
    world = World(events=3)
    world.feed.joined()
    world.settle()
    reads = world.reads
    for _ in range(50):
        world.hear(*world.commit())
        world.settle()
    assert (world.log, world.reads) == (list(range(1, 54)), reads)


def test_while_more_happens_than_can_be_read_it_does_not_read_on_and_on() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    new = world.commit(2)
    world.settle()  # The table was faster than the channel.
    reads = world.reads
    for _ in range(50):
        world.hear(*new)
        new = world.commit(2)
        world.settle()
    assert (world.log, world.reads) == (list(range(4, 104)), reads)


def test_a_hole_is_filled_before_anything_later_is_delivered() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    _lost, heard = world.commit(2)
    world.hear(heard)
    world.settle()
    assert world.log == [4, 5]


def test_a_lost_last_message_is_found_within_the_bound() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    world.commit()
    world.settle()
    assert world.log == []
    step = world.feed.step()
    assert isinstance(step, Wait) and step.seconds <= feeds.CHECK_SECONDS
    world.now += step.seconds
    world.settle()
    assert world.log == [4]


def test_without_realtime_it_polls() -> None:
    world = World(events=1, after=1)
    world.feed.lost("blocked")
    world.settle()
    assert world.told == [LiveStatus.POLLING]
    for _ in range(5):
        world.commit()
        world.now += feeds.POLL_SECONDS
        world.settle()
    assert world.log == [2, 3, 4, 5, 6]


def test_a_busy_space_does_not_keep_a_removed_member_beyond_the_bound() -> None:
    """Hosted Realtime goes on sending to whoever was let in, until their token changes."""
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    world.is_member = False
    with pytest.raises(MembershipEndedError):
        for _ in range(100):
            world.now += 0.5
            world.hear(*world.commit())
            world.settle()
    assert world.now <= feeds.CHECK_SECONDS + 0.5


def test_a_member_who_leaves_is_at_the_end_at_once() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    world.is_member = False
    # What came meanwhile is not for them any more.
    world.hear(event(5), event(4, kind="member.left", payload={"user_id": str(ME)}))
    with pytest.raises(MembershipEndedError):
        world.settle()
    assert world.log == [4]


def test_a_member_who_comes_back_goes_on() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    left = event(4, kind="member.left", payload={"user_id": str(ME)})
    world.table.append(left)
    world.hear(left, *world.commit(2))
    world.settle()
    assert world.log == [4, 5, 6]


@pytest.mark.parametrize("after", [None, 0, 2])
def test_strangers_get_nothing(after: int | None) -> None:
    world = World(events=3, after=after)
    world.is_member = False
    with pytest.raises(SpaceNotFoundError):
        world.settle()


def test_a_cursor_beyond_the_end_says_that_history_was_replaced() -> None:
    world = World(events=3, after=4)
    with pytest.raises(HistoryReplacedError, match="ends with number 3") as caught:
        world.settle()
    assert caught.value.resume == world.table[-1].cursor


def test_a_cursor_of_the_same_history_goes_on() -> None:
    world = World(events=5, after=3, history=1)
    world.settle()
    assert world.log == [4, 5]
    assert world.feed.place == world.table[-1].cursor


def test_the_id_of_a_plain_number_is_found_out() -> None:
    world = World(events=3, after=3)
    world.settle()
    assert world.feed.place == world.table[-1].cursor


@pytest.mark.parametrize("later", [0, 1, 5])
def test_an_event_that_got_the_number_of_another_one_is_not_taken_for_it(later: int) -> None:
    world = World(events=3, after=5, history=1)
    world.restore(3)
    world.commit(2 + later)
    world.feed.joined()
    world.hear(*world.table[-1:])
    with pytest.raises(HistoryReplacedError, match="Number 5 of the feed is another event") as caught:
        world.settle()
    assert world.log == []
    assert caught.value.resume == world.table[-1].cursor
    follower = World(events=0, after=0)
    follower.table = world.table
    follower.feed = FeedState(SPACE, Cursor.parse(caught.value.resume), me=ME, clock=lambda: follower.now)
    follower.settle()
    assert follower.log == []


@pytest.mark.parametrize("heard", ["all", "last", "none"])
@pytest.mark.parametrize("again", [True, False], ids=["joined again", "the connection stayed"])
def test_a_backup_restored_while_a_feed_runs_is_found(heard: str, again: bool) -> None:
    world = World(events=3)
    world.feed.joined()
    world.settle()
    world.hear(*world.commit(4))
    world.settle()
    assert world.log == list(range(1, 8))
    world.restore(5)
    if again:
        world.feed.lost("the database went away")
        world.feed.joined()
    new = world.commit(2)
    world.hear(*{"all": new, "last": new[-1:], "none": []}[heard])
    with pytest.raises(HistoryReplacedError):
        world.settle()
        world.now += feeds.CHECK_SECONDS
        world.hear(*world.commit(3))
        world.settle()
    assert 8 not in world.log


def test_a_table_that_ends_before_the_cursor_for_long_is_no_replica() -> None:
    world = World(events=7)
    world.feed.joined()
    world.settle()
    world.restore(5)
    with pytest.raises(HistoryReplacedError):
        while world.now < 2 * feeds.BEHIND_SECONDS:
            world.settle()
            world.now += 5
    assert feeds.BEHIND_SECONDS <= world.now <= feeds.BEHIND_SECONDS + 2 * feeds.CHECK_SECONDS


def test_a_replica_that_lags_is_asked_again() -> None:
    world = World(events=3, after=3)
    world.feed.joined()
    world.settle()
    world.hear(*world.commit(2))
    world.settle()
    behind, world.table = world.table, world.table[:3]
    world.now += feeds.CHECK_SECONDS
    for _ in range(20):
        world.settle()
        world.now += 0.5
    assert world.reads < 40  # With pauses in between.
    world.table = behind
    world.hear(*world.commit())
    world.now += 10
    world.settle()
    assert world.log == [4, 5, 6]


@pytest.mark.parametrize("cap", [2, 100, 1000])
def test_a_long_way_back_is_read_in_pages_and_little_is_held(cap: int) -> None:
    world = World(events=2_000, after=7)
    world.row_cap = cap
    world.feed.joined()
    most = 0
    while world.one_step():
        most = max(most, len(world.feed._held))
        if random.random() < 0.01:
            world.hear(*world.commit())
    assert world.log == list(range(8, len(world.table) + 1))
    assert most <= feeds.HELD + feeds.READ_SIZE


def test_what_comes_for_another_space_is_ignored() -> None:
    world = World(events=1, after=1)
    world.feed.joined()
    world.settle()
    reads = world.reads
    foreign = event(2).model_copy(update={"space_id": ME})
    world.hear(foreign)
    world.settle()
    assert (world.log, world.reads) == ([], reads)


def test_the_status_says_what_is_going_on() -> None:
    world = World(events=1, after=1)
    assert world.feed.status is LiveStatus.CONNECTING
    world.feed.joined()
    world.settle()
    world.feed.lost("cut")
    world.settle()
    world.now += feeds.POLL_SECONDS
    read = world.feed.step()
    assert isinstance(read, Read)
    world.feed.read_failed(ConnectionFailedError("gone"))
    world.settle()
    world.feed.joined()
    world.settle()
    assert world.told == [LiveStatus.LIVE, LiveStatus.POLLING, LiveStatus.OFFLINE, LiveStatus.LIVE]
