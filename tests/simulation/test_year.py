"""Whole towns of spaces, played through months and years on the real SQL, with every rule checked each week."""

from __future__ import annotations

import os
import secrets
import time

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.simulation.runner import Town, tell
from tests.simulation.story import Size, make_story
from tests.support.counts import count
from tests.support.long import long

YEAR = Size(spaces=26, people=80, weeks=52)
MONTHS = Size(spaces=4, people=16, weeks=12)
FAMILY = Size(spaces=2, people=6, weeks=8)
BUDGET = 60.0
"""Seconds for years that nobody has seen before."""


def play(databases: Databases, seed: int, size: Size, *, seconds: float | None = None) -> int:
    """Play a seed; where it breaks a rule, fail with the smallest story that breaks it."""
    town = Town(databases)
    story = make_story(seed, size)
    outcome = town.play(story, seed, deadline=None if seconds is None else time.monotonic() + seconds)
    if outcome.violation is not None:
        small = town.shrink(story, seed, outcome.violation, outcome.minute, seconds=60)
        pytest.fail(tell(small, seed, outcome.violation), pytrace=False)
    count("simulated weeks (of one space each)", outcome.space_weeks)
    count("simulated commands", sum(outcome.responded.values()))
    return outcome.space_weeks


def test_some_months(databases: Databases) -> None:
    assert play(databases, 1, MONTHS) > 30


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 109))
def test_a_year(databases: Databases, seed: int) -> None:
    """Nine towns make more than 10,000 weeks."""
    assert play(databases, seed, YEAR) > 1_120


@pytest.mark.long
@pytest.mark.timeout(900)
def test_years_that_nobody_has_seen(databases: Databases) -> None:
    """Other seeds at each run; MONOGRAM_SIMULATION_SEED plays the one that a failure named."""
    first = int(os.environ.get("MONOGRAM_SIMULATION_SEED") or secrets.randbelow(1_000_000) + 1_000)
    end = time.monotonic() + BUDGET
    seed = first
    while (left := end - time.monotonic()) > 1:
        play(databases, seed, Size(spaces=10, people=30, weeks=52), seconds=left)
        seed += 1


@pytest.mark.long
def test_a_seed_reproduces_a_run_exactly(databases: Databases) -> None:
    story = make_story(5, FAMILY)
    assert story == make_story(5, FAMILY) != make_story(6, FAMILY)
    # However the planner goes about it: no order is left to chance.
    other_plans = "set enable_hashjoin = off; set enable_hashagg = off; set enable_seqscan = off"
    first, second = (Town(databases, plan).play(story, 5, with_digest=True) for plan in (None, other_plans))
    assert first.violation is None
    assert (first.digest, first.responded) == (second.digest, second.responded)


# What is spoiled: a function, what is put in the place of what, and the rule that then breaks.
PLANTED = {
    "newcomers wait without end": ("private.waiting_order", "nulls first", "nulls last", "turns differ by at most one"),
    "numbers are left out": ("private.emit", "last_seq + 1", "last_seq + 2", "the feed counts 1, 2, 3"),
    "weeks begin on Tuesday": (
        "private.week_index", "- 4 * 86400", "- 5 * 86400", "calendar streaks are as the oracle says",
    ),
    "a deleted answer counts": (
        "private.uncount_response", "total_submissions - 1", "total_submissions", "submissions are counted",
    ),
    "some badges come late": (
        "private.count_response", "responses_published,", "", "badges are awarded as they are earned",
    ),
}  # fmt: skip


def spoil(databases: Databases, function: str, old: str, new: str) -> str:
    with psycopg.connect(databases.clone("spoiled")) as connection:
        definitions = connection.execute(
            "select pg_get_functiondef(oid) from pg_catalog.pg_proc where oid::regproc::text = %s", [function]
        ).fetchall()
    databases.drop("spoiled")
    ((definition,),) = definitions
    assert old in definition
    return str(definition.replace(old, new))


@pytest.mark.parametrize("plant", ["a deleted answer counts", *long(*(one for one in PLANTED if "deleted" not in one))])
def test_what_is_spoiled_is_found(databases: Databases, plant: str) -> None:
    function, old, new, rule = PLANTED[plant]
    outcome = Town(databases, spoil(databases, function, old, new)).play(make_story(5, FAMILY), 5)
    assert outcome.violation is not None and outcome.violation.rule == rule


@pytest.mark.long
def test_a_story_that_goes_wrong_is_told_in_a_few_lines(databases: Databases) -> None:
    function, old, new, rule = PLANTED["a deleted answer counts"]
    town, story = (
        Town(databases, spoil(databases, function, old, new)),
        make_story(2, Size(spaces=1, people=3, weeks=3)),
    )
    outcome = town.play(story, 2)
    assert outcome.violation is not None
    small = town.shrink(story, 2, outcome.violation, outcome.minute, seconds=100)
    told = tell(small, 2, outcome.violation)
    # People sign up, found a space, join, ask, respond, and delete the response.
    assert len(small) <= 8 and small[-1].kind == "withdraw", told
    assert rule in told and "seed 2" in told.lower(), told
