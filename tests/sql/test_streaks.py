"""Streaks, against a model in plain Python: weeks in a row, in a space and in the calendar; milestones paid once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.actors import Actor, Actors
from tests.support.ledger import check_ledger
from tests.support.stories import Club, balance, found_club

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
MILESTONES = (3, 5, 10, 25, 52)


@pytest.fixture(scope="module")
def quiet_club(dsn: str) -> Iterator[Club]:
    """Ada, Boris and Chloe in a space where responses of any time can be written, past the rules of the open week."""
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        club = found_club(actors, "Boris", "Chloe")
        for table in ("responses", "prompts"):
            actors.run(f"alter table public.{table} disable trigger user")
        for trigger in ("note_week", "note_week_late", "forget_week"):
            actors.run(f"alter table public.responses enable trigger responses__{trigger}")
        yield club


@contextmanager
def undone(club: Club) -> Iterator[tuple[Actors, Actor, Actor]]:
    """The actors, Boris and Chloe, for a story of which nothing remains."""
    with club.actors.connection.transaction(force_rollback=True):
        boris, chloe = club.members
        yield club.actors, boris, chloe


@pytest.fixture
def story(quiet_club: Club) -> Iterator[tuple[Actors, Actor, Actor]]:
    with undone(quiet_club) as people:
        yield people


def write(actors: Actors, person: Actor, *times: datetime, week_number: int = 1) -> None:
    """Write published responses of these times, one a week of the space."""
    space_id = actors.one("select space_id from public.memberships where user_id = %s", person.id)
    actors.run(
        """
        insert into public.prompts (space_id, week_number, question, "order", place, is_published, published_at)
        select %s, week_number, '?', 1, 1, true, now() from generate_series(%s::integer, %s::integer) as week_number
        """,
        space_id, week_number, week_number + len(times) - 1,
    )  # fmt: skip
    actors.run(
        """
        insert into public.responses
          (prompt_id, user_id, space_id, week_number, content, is_published, published_at, calendar_week)
        select prompts.id, %s, space_id, week_number, '!', true, at, private.week_of(%s, at)
        from public.prompts
        cross join lateral (select (%s::timestamptz[])[week_number - %s + 1] as at) as given
        where space_id = %s and week_number between %s and %s
        """,
        person.id, person.id, list(times), week_number, space_id, week_number, week_number + len(times) - 1,
    )  # fmt: skip


def ask(actors: Actors, person: Actor, weeks: set[int] | range) -> None:
    """Note that the person had open prompts in these calendar weeks, counted from `MONDAY`."""
    actors.run(
        "insert into private.open_weeks (user_id, week)"
        " select %s, private.week_index(%s) + week from unnest(%s::integer[]) as week",
        person.id, MONDAY, list(weeks),
    )  # fmt: skip


def live_in(person: Actor, zone: str) -> None:
    person.run("update public.settings set timezone = %s where user_id = auth.uid()", zone)


def refresh(actors: Actors, at: datetime) -> int:
    changed: int = actors.one("select private.refresh_streaks(%s)", at)
    return changed


def streak(actors: Actors, person: Actor) -> tuple[int, int]:
    (row,) = actors.run("select current_streak, longest_streak from public.users where id = %s", person.id)
    return row["current_streak"], row["longest_streak"]


def paid(actors: Actors, person: Actor) -> list[int]:
    return [
        row["amount"]
        for row in actors.run(
            "select amount from public.transactions where type = 'EARN_STREAK' and user_id = %s order by seq", person.id
        )
    ]


def test_a_week_counts_once_towards_a_milestone_of_a_person(story: tuple[Actors, Actor, Actor]) -> None:
    actors, boris, chloe = story
    for person, address in ((boris, "zoe@example.test"), (chloe, "zoe+1@example.test")):
        actors.run("update auth.users set email = %s where id = %s", address, person.id)
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in range(3)))
    write(actors, chloe, *(MONDAY + timedelta(weeks=week) for week in range(2, 8)), week_number=4)
    for _ in range(2):
        refresh(actors, MONDAY + timedelta(weeks=7))
    assert paid(actors, boris) + paid(actors, chloe) == [30, 50]


# The model ---------------------------------------------------------------------------------------------------------


def week_of(time: datetime, zone: str = "UTC") -> int:
    """Weeks begin on Monday in the person's own zone, as in ISO 8601; how many since some Monday."""
    year, week, _ = time.astimezone(ZoneInfo(zone)).isocalendar()
    return (datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC) - MONDAY).days // 7


def runs_of(weeks: set[int]) -> list[tuple[int, int]]:
    """Unbroken runs, as first and last week."""
    runs: list[tuple[int, int]] = []
    for week in sorted(weeks):
        if runs and runs[-1][1] == week - 1:
            runs[-1] = (runs[-1][0], week)
        else:
            runs.append((week, week))
    return runs


def model(active: set[int], asked: set[int], present: int) -> tuple[int, int]:
    """The present and the longest streak: walk through the weeks, one by one."""
    streak = longest = 0
    for week in range(min(active | asked, default=0), present + 1):
        if week in active:
            streak += 1
        elif week in asked and week < present:
            streak = 0
        longest = max(longest, streak)
    return streak, longest


# -------------------------------------------------------------------------------------------------------------------

moments = st.integers(min_value=0, max_value=14 * 7 * 24 * 3600 - 1).map(lambda s: MONDAY + timedelta(seconds=s))
edges = st.integers(min_value=0, max_value=14).flatmap(
    lambda week: st.sampled_from([-1, 0, 1]).map(lambda step: MONDAY + timedelta(weeks=week, microseconds=step))
)
zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
weeks_asked = st.sets(st.integers(min_value=-1, max_value=15)) | st.just(set(range(-1, 16)))


@pytest.mark.long
@given(
    boris=st.tuples(st.lists(moments | edges, max_size=14), weeks_asked, zones),
    chloe=st.tuples(st.lists(moments | edges, max_size=14), weeks_asked, zones),
    at=moments | edges,
)
@settings(max_examples=60, deadline=None)
def test_calendar_streaks_agree_with_the_model(
    quiet_club: Club,
    boris: tuple[list[datetime], set[int], str],
    chloe: tuple[list[datetime], set[int], str],
    at: datetime,
) -> None:
    with undone(quiet_club) as (actors, *people):
        for number, (person, (times, asked, zone)) in enumerate(zip(people, (boris, chloe), strict=True)):
            live_in(person, zone)
            write(actors, person, *times, week_number=1 + 100 * number)
            ask(actors, person, asked)
        refresh(actors, at)
        for person, (times, asked, zone) in zip(people, (boris, chloe), strict=True):
            assert streak(actors, person) == model({week_of(time, zone) for time in times}, asked, week_of(at, zone))
        assert refresh(actors, at) == 0


@pytest.mark.long
@given(weeks=st.sets(st.integers(min_value=1, max_value=12)), current=st.integers(min_value=1, max_value=13))
@settings(max_examples=60, deadline=None)
def test_space_streaks_agree_with_the_model(quiet_club: Club, weeks: set[int], current: int) -> None:
    with undone(quiet_club) as (actors, boris, _):
        for week in weeks:
            write(actors, boris, MONDAY, week_number=week)
        actors.run("update public.spaces set current_week = %s where id = %s", current, quiet_club.id)
        refresh(actors, MONDAY)
        lengths = [last - first + 1 for first, last in runs_of(weeks) if last >= current - 1]
        assert boris.select("memberships", user_id=boris.id)[0]["weekly_streak"] == max(lengths, default=0)


@given(plan=st.lists(st.booleans(), min_size=1, max_size=16), looks=st.integers(min_value=1, max_value=3))
@settings(max_examples=30, deadline=None)
def test_milestones_are_paid_once_a_run_however_often_cron_looks(
    quiet_club: Club, plan: list[bool], looks: int
) -> None:
    """Week by week: the person responds or does not, then cron runs."""
    with undone(quiet_club) as (actors, boris, _):
        expected: list[int] = []
        run = 0
        ask(actors, boris, range(len(plan)))
        for week, responses in enumerate(plan):
            time = MONDAY + timedelta(weeks=week, days=2)
            run = run + 1 if responses else 0
            if responses:
                write(actors, boris, time, week_number=week + 1)
            if run in MILESTONES:
                expected.append(10 * run)
            for look in range(looks):
                refresh(actors, time + timedelta(days=look))
        assert paid(actors, boris) == expected
        check_ledger(actors)


Story = tuple[Actors, Actor, Actor]


def test_milestones_missed_by_cron_are_paid_later(story: Story) -> None:
    actors, boris, _ = story
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in range(10)))
    refresh(actors, MONDAY + timedelta(weeks=9))
    assert paid(actors, boris) == [30, 50, 100]
    assert streak(actors, boris) == (10, 10)


def test_a_deleted_response_does_not_earn_the_same_weeks_again(story: Story) -> None:
    """Without its first week a run looks like another one; its weeks have been paid for all the same."""
    actors, boris, _ = story
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in range(5)))
    at = MONDAY + timedelta(weeks=4)
    refresh(actors, at)
    assert paid(actors, boris) == [30, 50]
    boris.run("delete from public.responses where user_id = auth.uid() and published_at = %s", MONDAY)
    refresh(actors, at)
    assert streak(actors, boris) == (4, 5)
    assert paid(actors, boris) == [30, 50]
    check_ledger(actors)


def test_a_new_run_is_paid_again(story: Story) -> None:
    actors, boris, _ = story
    ask(actors, boris, range(7))
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in (0, 1, 2, 4, 5, 6)))
    for week in (2, 6):
        refresh(actors, MONDAY + timedelta(weeks=week))
    assert paid(actors, boris) == [30, 30]


def test_a_streak_lasts_through_the_week_after(story: Story) -> None:
    actors, boris, _ = story
    ask(actors, boris, range(4))
    write(actors, boris, MONDAY, MONDAY + timedelta(weeks=1))
    for at, current in (
        (timedelta(weeks=2), 2),
        (timedelta(weeks=3, microseconds=-1), 2),
        (timedelta(weeks=3), 0),
        (timedelta(days=-1), 0),
    ):
        refresh(actors, MONDAY + at)
        assert streak(actors, boris) == (current, 2), at


@pytest.mark.parametrize("year", [1969, 1970, 2020, 2026, 2027])
def test_weeks_are_iso_weeks(actors: Actors, year: int) -> None:
    first = datetime(year, 1, 1, tzinfo=UTC)
    for day in range(-8, 9):
        today, tomorrow = first + timedelta(days=day), first + timedelta(days=day + 1)
        step = actors.one("select private.week_index(%s) - private.week_index(%s)", tomorrow, today)
        assert step == (tomorrow.isocalendar()[:2] != today.isocalendar()[:2])


def test_five_weeks_earn_the_badge(story: Story) -> None:
    actors, boris, _ = story
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in range(5)))
    refresh(actors, MONDAY + timedelta(weeks=4))
    codes = {row["code"] for row in boris.rows("badge_progress") if row["earned_at"] is not None}
    assert "five_week_streak" in codes
    # Two milestones; "5 Week Streak"; and "First Words", which these responses from nowhere had not earned yet.
    assert balance(actors, boris) == 30 + 50 + 100 + 100
    check_ledger(actors)


def test_streaks_that_pay_nothing(story: Story) -> None:
    actors, boris, _ = story
    actors.service().run("update public.reward_rules set amount = 0 where code = 'streak'")
    write(actors, boris, *(MONDAY + timedelta(weeks=week) for week in range(4)))
    refresh(actors, MONDAY + timedelta(weeks=3))
    assert paid(actors, boris) == []
    assert streak(actors, boris) == (4, 4)


def test_a_secret_key_counts_streaks(story: Story) -> None:
    actors, boris, chloe = story
    write(actors, boris, MONDAY)
    assert actors.service().call("refresh_streaks", at=MONDAY) == 1
    with chloe.refused("42501"):
        chloe.call("refresh_streaks", at=MONDAY)


@pytest.mark.parametrize("at", ["infinity", "-infinity", "1999-12-31", "20000-01-01", None])
def test_times_beyond_all_calendars(actors: Actors, at: str | None) -> None:
    with actors.service().refused("MG001"):
        actors.service().call("refresh_streaks", at=at)
