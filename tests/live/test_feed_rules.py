"""The rules of a feed, with a network and a database that are only thought of: whatever gets lost, none of it shows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monogram_sdk._live import feed as feeds
from monogram_sdk._live.feed import Read, Wait
from monogram_sdk.errors import (
    ConnectionFailedError,
    MembershipEndedError,
    ServerError,
    SpaceNotFoundError,
)
from monogram_sdk.models import LiveStatus, SpaceEvent
from tests.live.simulated_feed import ME, SimulatedFeed, event

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
    simulated = SimulatedFeed(events=events + 1, after=None if behind is None else max(0, events - behind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "HELD", held)
        play(simulated, actions)
    assert simulated.start is not None
    assert simulated.log == list(range(simulated.start + 1, len(simulated.table) + 1))
    assert len(simulated.feed._held) == 0


def play(simulated: SimulatedFeed, actions: list[tuple[str, int]]) -> None:
    """Do what is asked, then let the network be quiet."""
    on_the_way: list[SpaceEvent] = []
    read: tuple[Read, list[SpaceEvent]] | None = None
    for action, number in actions:
        if action == "commit":
            on_the_way += simulated.commit(number % 4 + 1)
        elif action in ("deliver", "drop", "double") and on_the_way:
            # Any of them, so in any order.
            chosen = on_the_way[number % len(on_the_way)]
            if action != "double":
                on_the_way.remove(chosen)
            if action != "drop":
                simulated.hear(chosen)
        elif action == "noise":
            simulated.feed.received("broadcast", {"payload": {"seq": number}})
        elif action == "join":
            simulated.feed.joined()
        elif action == "system":
            simulated.feed.received("system", {"status": "ok"})
        elif action == "lose":
            simulated.feed.lost("cut")
        elif action == "tick":
            simulated.now += number / 100
        elif action == "steps":
            # Not while a read is under way: the feed has one consumer.
            if read is None:
                for _ in range(number % 20):
                    simulated.one_step()
        elif action in ("step", "begin-read") and read is None:
            step = simulated.feed.step()
            if isinstance(step, Read):
                # The reply has the rows of this moment, however late it comes.
                read = step, simulated.rows(step)
            elif isinstance(step, SpaceEvent):
                simulated.log.append(step.seq)
        elif action == "end-read" and read is not None:
            simulated.answer(*read)
            read = None
        elif action == "fail-read" and read is not None:
            simulated.feed.read_failed(ConnectionFailedError("gone") if number % 2 else ServerError("broken"))
            read = None
    if read is not None:
        simulated.answer(*read)
    # However silent the network is from now on, a check of the table is due some time.
    for _ in range(3):
        simulated.settle()
        simulated.now += feeds.CHECK_SECONDS
    simulated.settle()


def test_while_everything_comes_the_table_is_left_alone() -> None:
    simulated = SimulatedFeed(events=3)
    simulated.feed.joined()
    simulated.settle()
    reads = simulated.reads
    for _ in range(50):
        simulated.hear(*simulated.commit())
        simulated.settle()
    assert (simulated.log, simulated.reads) == (list(range(1, 54)), reads)


def test_while_more_happens_than_can_be_read_it_does_not_read_on_and_on() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    new = simulated.commit(2)
    simulated.settle()  # The table was faster than the channel.
    reads = simulated.reads
    for _ in range(50):
        simulated.hear(*new)
        new = simulated.commit(2)
        simulated.settle()
    assert (simulated.log, simulated.reads) == (list(range(4, 104)), reads)


def test_a_hole_is_filled_before_anything_later_is_delivered() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    _lost, heard = simulated.commit(2)
    simulated.hear(heard)
    simulated.settle()
    assert simulated.log == [4, 5]


def test_a_lost_last_message_is_found_within_the_bound() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    simulated.commit()
    simulated.settle()
    assert simulated.log == []
    step = simulated.feed.step()
    assert isinstance(step, Wait) and step.seconds <= feeds.CHECK_SECONDS
    simulated.now += step.seconds
    simulated.settle()
    assert simulated.log == [4]


def test_without_realtime_it_polls() -> None:
    simulated = SimulatedFeed(events=1, after=1)
    simulated.feed.lost("blocked")
    simulated.settle()
    assert simulated.told == [LiveStatus.POLLING]
    for _ in range(5):
        simulated.commit()
        simulated.now += feeds.POLL_SECONDS
        simulated.settle()
    assert simulated.log == [2, 3, 4, 5, 6]


def test_a_busy_space_does_not_keep_a_removed_member_beyond_the_bound() -> None:
    """Hosted Realtime goes on sending to whoever was let in, until their token changes."""
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    simulated.is_member = False
    with pytest.raises(MembershipEndedError):
        for _ in range(100):
            simulated.now += 0.5
            simulated.hear(*simulated.commit())
            simulated.settle()
    assert simulated.now <= feeds.CHECK_SECONDS + 0.5


def test_a_member_who_leaves_is_at_the_end_at_once() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    simulated.is_member = False
    # What came meanwhile is not for them any more.
    simulated.hear(event(5), event(4, kind="member.left", payload={"user_id": str(ME)}))
    with pytest.raises(MembershipEndedError):
        simulated.settle()
    assert simulated.log == [4]


def test_a_member_who_comes_back_goes_on() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    left = event(4, kind="member.left", payload={"user_id": str(ME)})
    simulated.table.append(left)
    simulated.hear(left, *simulated.commit(2))
    simulated.settle()
    assert simulated.log == [4, 5, 6]


@pytest.mark.parametrize("after", [None, 0, 2])
def test_people_who_are_not_members_get_nothing(after: int | None) -> None:
    simulated = SimulatedFeed(events=3, after=after)
    simulated.is_member = False
    with pytest.raises(SpaceNotFoundError):
        simulated.settle()


@pytest.mark.parametrize("cap", [2, 100, 1000])
def test_a_long_way_back_is_read_in_pages_and_little_is_held(cap: int) -> None:
    simulated = SimulatedFeed(events=2_000, after=7)
    simulated.row_cap = cap
    simulated.feed.joined()
    most = 0
    while simulated.one_step():
        most = max(most, len(simulated.feed._held))
        if random.random() < 0.01:
            simulated.hear(*simulated.commit())
    assert simulated.log == list(range(8, len(simulated.table) + 1))
    assert most <= feeds.HELD + feeds.READ_SIZE


def test_what_comes_for_another_space_is_ignored() -> None:
    simulated = SimulatedFeed(events=1, after=1)
    simulated.feed.joined()
    simulated.settle()
    reads = simulated.reads
    foreign = event(2).model_copy(update={"space_id": ME})
    simulated.hear(foreign)
    simulated.settle()
    assert (simulated.log, simulated.reads) == ([], reads)


def test_the_status_says_what_is_going_on() -> None:
    simulated = SimulatedFeed(events=1, after=1)
    assert simulated.feed.status is LiveStatus.CONNECTING
    simulated.feed.joined()
    simulated.settle()
    simulated.feed.lost("cut")
    simulated.settle()
    simulated.now += feeds.POLL_SECONDS
    read = simulated.feed.step()
    assert isinstance(read, Read)
    simulated.feed.read_failed(ConnectionFailedError("gone"))
    simulated.settle()
    simulated.feed.joined()
    simulated.settle()
    assert simulated.told == [LiveStatus.LIVE, LiveStatus.POLLING, LiveStatus.OFFLINE, LiveStatus.LIVE]
