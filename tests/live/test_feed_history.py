"""Feeds when a backup is restored, or a replica lags behind."""

from __future__ import annotations

import pytest

from monogram_sdk._cursor import Cursor
from monogram_sdk._live import feed as feeds
from monogram_sdk._live.feed import FeedState
from monogram_sdk.errors import (
    HistoryReplacedError,
)
from tests.live.simulated_feed import ME, SPACE, SimulatedFeed


def test_a_cursor_beyond_the_end_says_that_history_was_replaced() -> None:
    simulated = SimulatedFeed(events=3, after=4)
    with pytest.raises(HistoryReplacedError, match="ends with number 3") as caught:
        simulated.settle()
    assert caught.value.resume == simulated.table[-1].cursor


def test_a_cursor_of_the_same_history_goes_on() -> None:
    simulated = SimulatedFeed(events=5, after=3, history=1)
    simulated.settle()
    assert simulated.log == [4, 5]
    assert simulated.feed.place == simulated.table[-1].cursor


def test_the_id_of_a_plain_number_is_found_out() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.settle()
    assert simulated.feed.place == simulated.table[-1].cursor


@pytest.mark.parametrize("later", [0, 1, 5])
def test_an_event_that_got_the_number_of_another_one_is_not_taken_for_it(later: int) -> None:
    simulated = SimulatedFeed(events=3, after=5, history=1)
    simulated.restore(3)
    simulated.commit(2 + later)
    simulated.feed.joined()
    simulated.hear(*simulated.table[-1:])
    with pytest.raises(HistoryReplacedError, match="Number 5 of the feed is another event") as caught:
        simulated.settle()
    assert simulated.log == []
    assert caught.value.resume == simulated.table[-1].cursor
    follower = SimulatedFeed(events=0, after=0)
    follower.table = simulated.table
    follower.feed = FeedState(SPACE, Cursor.parse(caught.value.resume), me=ME, clock=lambda: follower.now)
    follower.settle()
    assert follower.log == []


@pytest.mark.parametrize("heard", ["all", "last", "none"])
@pytest.mark.parametrize("again", [True, False], ids=["joined again", "the connection stayed"])
def test_a_backup_restored_while_a_feed_runs_is_found(heard: str, again: bool) -> None:
    simulated = SimulatedFeed(events=3)
    simulated.feed.joined()
    simulated.settle()
    simulated.hear(*simulated.commit(4))
    simulated.settle()
    assert simulated.log == list(range(1, 8))
    simulated.restore(5)
    if again:
        simulated.feed.lost("the database went away")
        simulated.feed.joined()
    new = simulated.commit(2)
    simulated.hear(*{"all": new, "last": new[-1:], "none": []}[heard])
    with pytest.raises(HistoryReplacedError):
        simulated.settle()
        simulated.now += feeds.CHECK_SECONDS
        simulated.hear(*simulated.commit(3))
        simulated.settle()
    assert 8 not in simulated.log


def test_a_table_that_ends_before_the_cursor_for_long_is_no_replica() -> None:
    simulated = SimulatedFeed(events=7)
    simulated.feed.joined()
    simulated.settle()
    simulated.restore(5)
    with pytest.raises(HistoryReplacedError):
        while simulated.now < 2 * feeds.BEHIND_SECONDS:
            simulated.settle()
            simulated.now += 5
    assert feeds.BEHIND_SECONDS <= simulated.now <= feeds.BEHIND_SECONDS + 2 * feeds.CHECK_SECONDS


def test_a_replica_that_lags_is_asked_again() -> None:
    simulated = SimulatedFeed(events=3, after=3)
    simulated.feed.joined()
    simulated.settle()
    simulated.hear(*simulated.commit(2))
    simulated.settle()
    behind, simulated.table = simulated.table, simulated.table[:3]
    simulated.now += feeds.CHECK_SECONDS
    for _ in range(20):
        simulated.settle()
        simulated.now += 0.5
    assert simulated.reads < 40  # With pauses in between.
    simulated.table = behind
    simulated.hear(*simulated.commit())
    simulated.now += 10
    simulated.settle()
    assert simulated.log == [4, 5, 6]
