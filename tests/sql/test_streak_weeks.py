"""Which calendar week a response belongs to, and in which weeks a person was asked: noted as it happens, and kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sql.test_streaks import MONDAY, live_in, refresh, streak, week_of
from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club


def publish(actors: Actors, person: Actor, prompt: Row, at: datetime) -> Row:
    (row,) = actors.run(
        "insert into public.responses (prompt_id, user_id, content, is_published, published_at)"
        " values (%s, %s, '!', true, %s) returning *",
        prompt["id"], person.id, at,
    )  # fmt: skip
    return row


@pytest.mark.parametrize(
    ("zone", "at", "week"),
    [
        ("America/New_York", datetime(2026, 3, 2, 4, 59, tzinfo=UTC), 7),  # Sunday, 23:59.
        ("America/New_York", datetime(2026, 3, 2, 5, 0, tzinfo=UTC), 8),
        ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), 8),  # The clocks went forward that Sunday.
        ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), 9),
        ("Pacific/Kiritimati", datetime(2026, 3, 1, 9, 59, tzinfo=UTC), 7),
        ("Pacific/Kiritimati", datetime(2026, 3, 1, 10, 0, tzinfo=UTC), 8),  # Monday, fourteen hours earlier.
        ("UTC", datetime(2026, 3, 1, 23, 59, tzinfo=UTC), 7),
    ],
)
def test_a_sunday_evening_is_a_sunday_everywhere(actors: Actors, zone: str, at: datetime, week: int) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    live_in(boris, zone)
    (prompt,) = club.ask()
    response = publish(actors, boris, prompt, at)
    assert response["calendar_week"] == week_of(at, zone) + actors.one("select private.week_index(%s)", MONDAY)
    assert week_of(at, zone) == week
    # It is settled: no later change of zone moves it.
    live_in(boris, "Asia/Kathmandu")
    boris.update("responses", response["id"], content="Edited")
    assert boris.select("responses")[0]["calendar_week"] == response["calendar_week"]


def test_a_draft_has_no_week_until_it_is_published(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    (prompt,) = club.ask()
    draft = boris.insert("responses", prompt_id=prompt["id"], content="Perhaps")
    assert draft["calendar_week"] is None
    assert actors.one("select count(*) from private.active_weeks") == 0
    (published,) = boris.update("responses", draft["id"], is_published=True)
    assert published["calendar_week"] == actors.one("select private.week_index(now())")
    assert actors.one("select responses from private.active_weeks where user_id = %s", boris.id) == 1


def test_a_streak_does_not_end_because_somebody_deletes_a_space(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    (prompt,) = club.ask()
    at = actors.one("select now()")
    publish(actors, boris, prompt, at)
    actors.run(
        "insert into private.active_weeks (user_id, week, responses, first_published_at)"
        " select %s, private.week_index(now()) - week, 1, now() - make_interval(weeks => week)"
        " from generate_series(1, 3) as week",
        boris.id,
    )  # fmt: skip
    refresh(actors, at)
    assert streak(actors, boris) == (4, 4)
    club.leader.delete("spaces", club.id)
    assert boris.select("responses") == []
    refresh(actors, at)
    assert streak(actors, boris) == (4, 4)


def test_what_the_author_takes_back_does_not_count(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    first, second = club.ask("One?", "Two?")
    at = actors.one("select now()")
    responses = [publish(actors, boris, prompt, at) for prompt in (first, second)]
    for response, left in zip(responses, (1, 0), strict=True):
        boris.delete("responses", response["id"])
        refresh(actors, at)
        assert streak(actors, boris)[0] == left


def weeks_noted(actors: Actors, person: Actor) -> list[int]:
    """The weeks in which somebody was asked, counted back from this one."""
    rows = actors.run(
        "select distinct private.week_index(now()) - week as ago from private.open_weeks where user_id = %s order by 1",
        person.id,
    )
    return [row["ago"] for row in rows]


@pytest.fixture
def asked_for_weeks(actors: Actors) -> Club:
    """A space whose open week had its first prompt six weeks ago; Boris has been in it for two weeks."""
    club = found_club(actors, "Boris", "Chloe")
    club.ask()
    actors.run(
        "update public.memberships"
        " set joined_at = now() - make_interval(weeks => case user_id when %s then 2 else 10 end)",
        club.members[0].id,
    )
    actors.run("update public.prompts set published_at = now() - interval '6 weeks'")
    return club


def test_weeks_are_noted_when_the_week_closes(actors: Actors, asked_for_weeks: Club) -> None:
    boris, chloe = asked_for_weeks.members
    asked_for_weeks.publish_week()
    assert weeks_noted(actors, boris) == [0, 1, 2]
    assert weeks_noted(actors, chloe) == [0, 1, 2, 3, 4, 5, 6]


def test_weeks_are_noted_when_a_member_leaves(actors: Actors, asked_for_weeks: Club) -> None:
    boris, chloe = asked_for_weeks.members
    boris.run("select public.leave_space(%s)", asked_for_weeks.id)
    assert weeks_noted(actors, boris) == [0, 1, 2]
    assert weeks_noted(actors, chloe) == []
    asked_for_weeks.leader.run("select public.remove_member(%s, %s)", asked_for_weeks.id, chloe.id)
    assert weeks_noted(actors, chloe) == [0, 1, 2, 3, 4, 5, 6]


def test_weeks_are_noted_when_the_space_or_its_only_prompt_goes(actors: Actors, asked_for_weeks: Club) -> None:
    boris, chloe = asked_for_weeks.members
    (prompt,) = chloe.select("prompts")
    asked_for_weeks.leader.delete("prompts", prompt["id"])
    assert weeks_noted(actors, chloe) == [0, 1, 2, 3, 4, 5, 6]
    actors.run("delete from private.open_weeks")
    asked_for_weeks.ask()
    asked_for_weeks.leader.delete("spaces", asked_for_weeks.id)
    assert weeks_noted(actors, boris) == [0]


def test_weeks_are_noted_by_the_clock_and_once(actors: Actors, asked_for_weeks: Club) -> None:
    boris, chloe = asked_for_weeks.members
    for _ in range(2):
        refresh(actors, actors.one("select now()"))
    assert weeks_noted(actors, boris) == [0, 1, 2]
    assert weeks_noted(actors, chloe) == [0, 1, 2, 3, 4]
    assert actors.one("select count(*) from private.open_weeks where user_id = %s", chloe.id) == 5


def test_leaving_does_not_heal_a_broken_streak(actors: Actors, asked_for_weeks: Club) -> None:
    _, chloe = asked_for_weeks.members
    actors.run(
        "insert into private.active_weeks (user_id, week, responses, first_published_at)"
        " select %s, private.week_index(now()) - 8 + week, 1, now() from generate_series(0, 2) as week",
        chloe.id,
    )
    chloe.run("select public.leave_space(%s)", asked_for_weeks.id)
    refresh(actors, actors.one("select now()"))
    assert streak(actors, chloe) == (0, 3)


def test_a_week_without_prompts_neither_counts_nor_breaks(actors: Actors) -> None:
    chloe = actors.person("Chloe")
    actors.run(
        "insert into private.active_weeks (user_id, week, responses, first_published_at)"
        " select %s, private.week_index(now()) - 8 + week, 1, now() from generate_series(0, 2) as week",
        chloe.id,
    )
    refresh(actors, actors.one("select now()"))
    assert streak(actors, chloe) == (3, 3)


def test_open_weeks_go_with_the_account(actors: Actors, asked_for_weeks: Club) -> None:
    """There is no foreign key that would take them along."""
    boris = asked_for_weeks.members[0]
    asked_for_weeks.publish_week()
    assert weeks_noted(actors, boris) == [0, 1, 2]
    actors.run("delete from auth.users where id = %s", boris.id)
    assert weeks_noted(actors, boris) == []
