"""A program comes back after years: every event since its cursor, in pages, in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import psycopg
import pytest

from monogram_sdk import Monogram
from monogram_sdk.models import SpaceEvent
from tests.live.conftest import Ground

YEARS = 100_000


def peak_of(events: Iterator[SpaceEvent], count: int, last: int) -> tuple[int, int]:
    """Take so many events, which must be the next ones; return the last number and the most memory that this took."""
    tracemalloc.start()
    try:
        last = take(events, count, last)
        return last, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def take(events: Iterator[SpaceEvent], count: int, last: int) -> int:
    for _ in range(count):
        event = next(events)
        assert event.seq == last + 1 == event.payload.week_number
        last = event.seq
    return last


@pytest.mark.long
def test_from_a_cursor_of_long_ago(ground: Ground) -> None:
    user_id, storage = ground.session_of_somebody_new()
    (space_id,) = ground.spaces(1, [user_id])
    begin = ground.last(space_id)
    with psycopg.connect(ground.stack.db_url) as connection:
        # What was broadcast years ago is nowhere any more.
        connection.execute("alter table public.space_events disable trigger user")
        connection.execute(
            "insert into public.space_events (space_id, seq, kind, payload)"
            " select %s, n, 'week.advanced', jsonb_build_object('week_number', n) from generate_series(%s::int, %s) n",
            [space_id, begin + 1, begin + YEARS],
        )
        connection.execute("update private.space_feeds set last_seq = %s", [begin + YEARS])
        connection.execute("alter table public.space_events enable trigger user")
    with (
        psycopg.connect(ground.stack.db_url, autocommit=True) as connection,
        Monogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage) as client,
        client.live.events(space_id, after=begin) as feed,
    ):
        last = take(feed, 2_000, begin)
        last, early = peak_of(feed, 5_000, last)
        # Meanwhile life goes on.
        for number in range(1, 11):
            connection.execute(
                "select private.emit(%s, 'week.advanced', null, jsonb_build_object('week_number', %s::int), null)",
                [space_id, begin + YEARS + number],
            )
        last = take(feed, YEARS - 15_000, last)
        last, late = peak_of(feed, 5_000, last)
        assert take(feed, begin + YEARS + 10 - last, last) == ground.last(space_id)
    assert late < 1.5 * early < 15_000_000, (early, late)
