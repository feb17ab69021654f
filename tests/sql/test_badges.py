"""Badges: what they ask for is data; each is earned once, pays once, and is shown as its owner likes."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.actors import Actor, Actors
from tests.support.ledger import check_ledger
from tests.support.stories import Club, balance, found_club, grant_tokens


def add_badge(actors: Actors, metric: str, at_least: int, reward: int = 7) -> None:
    actors.service().insert(
        "badges", code=f"{metric}_{at_least}", name=metric, description="", icon="🎈",
        criteria={"metric": metric, "at_least": at_least}, token_reward=reward,
    )  # fmt: skip


def earned(person: Actor) -> set[str]:
    return {row["code"] for row in person.rows("badge_progress") if row["earned_at"] is not None}


def respond(club: Club) -> None:
    (prompt,) = club.ask()
    club.respond(prompt, [club.members[0]])


def close_a_week(club: Club) -> None:
    respond(club)
    club.publish_week()


def give(club: Club) -> None:
    grant_tokens(club.actors, club.members[0], 5)
    club.members[0].call("transfer_tokens", recipient_id=club.leader.id, amount=5)


def buy(club: Club) -> None:
    grant_tokens(club.actors, club.members[0], 500)
    club.members[0].call("purchase_item", item_id=club.actors.one("select id from public.store_items where price = 80"))


def curate(club: Club) -> None:
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[0].id)
    club.ask()


def join_another(club: Club) -> None:
    found_club(club.actors, leader="Femi").join(club.members[0])


def count_streaks(club: Club) -> None:
    respond(club)
    club.actors.run("select private.refresh_streaks()")


MOMENTS = (
    ("responses", "published_at"), ("prompts", "published_at"), ("transactions", "created_at"),
    ("token_gifts", "created_at"), ("purchases", "purchased_at"), ("memberships", "joined_at"),
    ("newsletters", "published_at"),
)  # fmt: skip

STORIES: dict[str, tuple[int, Callable[[Club], None]]] = {
    "responses_published": (1, respond),
    "current_streak": (1, count_streaks),
    "weeks_curated": (1, curate),
    "tokens_earned": (50, respond),
    "gifts_sent": (1, give),
    "purchases": (1, buy),
    "spaces_joined": (2, join_another),
    "selected_responses": (1, close_a_week),
}


def allowed_metrics(actors: Actors) -> set[str]:
    """The metrics that the CHECK of badges lets through."""
    check = actors.one(
        "select pg_get_constraintdef(oid) from pg_catalog.pg_constraint"
        " where conrelid = 'public.badges'::regclass and conname = 'badges_criteria_known'"
    )
    (listed,) = re.findall(r"'metric'::text\) = ANY \(ARRAY\[([^]]*)\]", check)
    return set(re.findall(r"'(\w+)'::text", listed))


def measured_metrics(actors: Actors) -> set[str]:
    """The metrics that the functions of badges know how to measure."""
    sources = actors.one(
        "select string_agg(prosrc, '') from pg_catalog.pg_proc where pronamespace = 'private'::regnamespace"
        " and proname in ('badge_events', 'badge_metrics')"
    )
    return set(re.findall(r"'(\w+)' = any \(badge_\w+\.metrics\)", sources))


def test_the_metrics_that_a_badge_may_name_are_those_that_are_measured(actors: Actors) -> None:
    assert allowed_metrics(actors) == measured_metrics(actors)


def test_every_metric_has_a_story(actors: Actors) -> None:
    assert set(STORIES) == allowed_metrics(actors)


def test_events_award_badges_of_metrics_that_there_are(actors: Actors) -> None:
    """A misspelled metric in a call of award_badges() would award nothing until the daily run."""
    sources = actors.one(
        "select string_agg(prosrc, ' ') from pg_catalog.pg_proc where pronamespace = 'private'::regnamespace"
    )
    named = re.findall(r"award_badges\([^;]*?'\{([\w,]+)\}'\)", sources)
    assert len(named) >= 5
    assert {metric for names in named for metric in names.split(",")} <= allowed_metrics(actors)


@pytest.mark.parametrize("metric", STORIES)
def test_the_event_that_changes_a_metric_awards_the_badge(actors: Actors, metric: str) -> None:
    at_least, story = STORIES[metric]
    add_badge(actors, metric, at_least)
    add_badge(actors, metric, 100_000)
    club = found_club(actors, "Boris")
    boris = club.members[0]
    code = f"{metric}_{at_least}"
    assert code not in earned(boris)
    story(club)
    assert code in earned(boris)
    assert f"{metric}_100000" not in earned(boris)
    assert boris.rows("check_badges") == []
    assert actors.one("select private.award_all_badges()") == 0
    check_ledger(actors)


@pytest.mark.parametrize("metric", STORIES)
def test_a_badge_that_is_found_late_bears_the_date_of_the_event(actors: Actors, metric: str) -> None:
    at_least, story = STORIES[metric]
    club = found_club(actors, "Boris")
    boris = club.members[0]
    story(club)
    add_badge(actors, metric, at_least)
    # Everything so far happened a year ago, the ledger included, which its owner alone can change.
    actors.run("alter table public.transactions disable trigger transactions__keep")
    for table, column in MOMENTS:
        actors.run(f"update public.{table} set {column} = {column} - interval '1 year' where {column} is not null")
    actors.run("alter table public.transactions enable trigger transactions__keep")
    assert actors.one("select private.award_all_badges()") > 0
    assert actors.one(
        "select now() - earned_at between interval '364 days' and interval '367 days' from public.user_badges"
        " join public.badges on badges.id = badge_id where user_id = %s and code = %s",
        boris.id,
        f"{metric}_{at_least}",
    )


def test_a_badge_pays_and_tells_once(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    respond(club)
    (news,) = boris.select("notifications", kind="BADGE_EARNED")
    assert (news["payload"]["code"], news["payload"]["tokens"]) == ("first_words", 100)
    (entry,) = boris.select("transactions", type="EARN_BADGE")
    assert (entry["amount"], entry["description"]) == (100, "First Words")
    for _ in range(2):
        boris.rows("check_badges")
        actors.run("select private.award_all_badges()")
    assert balance(actors, boris) == 150


def test_tokens_of_a_badge_may_complete_the_next(actors: Actors) -> None:
    add_badge(actors, "tokens_earned", 150, reward=50)
    add_badge(actors, "tokens_earned", 200, reward=0)
    add_badge(actors, "tokens_earned", 201)
    club = found_club(actors, "Boris")
    respond(club)  # 50, and "First Words" for 100 more.
    assert earned(club.members[0]) == {"first_words", "tokens_earned_150", "tokens_earned_200"}
    assert balance(actors, club.members[0]) == 200


def test_gifts_received_are_not_earned(actors: Actors) -> None:
    add_badge(actors, "tokens_earned", 10)
    ada, boris = actors.person("Ada"), actors.person("Boris")
    grant_tokens(actors, ada, 5)
    ada.call("transfer_tokens", recipient_id=boris.id, amount=5)
    boris.rows("check_badges")
    assert earned(boris) == set()


def test_a_new_badge_is_awarded_for_what_was_done_before(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    (prompt,) = club.ask()
    club.respond(prompt)
    add_badge(actors, "responses_published", 1)
    boris = club.members[0]
    assert [row["user_id"] for row in boris.rows("check_badges")] == [boris.id]
    # Everybody else, set-based.
    assert actors.service().call("award_all_badges") == 2
    assert all("responses_published_1" in earned(person) for person in club.everybody)


def test_progress(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    respond(club)
    progress = {row["code"]: row for row in boris.rows("badge_progress")}
    assert {code: (row["current_value"], row["target"]) for code, row in progress.items()} == {
        "first_words": (1, 1),
        "five_week_streak": (0, 5),
        "first_curator": (0, 1),
        "generous": (0, 5),
        "collector": (0, 3),
        "front_page": (0, 10),
    }
    assert progress["first_words"]["earned_at"] is not None
    assert progress["generous"]["earned_at"] is None


def test_a_badge_stays_when_its_cause_goes(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    respond(club)
    boris.run("delete from public.responses where user_id = auth.uid()")
    assert earned(boris) == {"first_words"}
    respond_again = club.ask("Another?")[-1]
    club.respond(respond_again, [boris])
    assert len(boris.select("user_badges")) == 1


def test_display(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris, ada = club.members[0], club.leader
    add_badge(actors, "responses_published", 1)
    respond(club)

    def shown() -> list[str]:
        profiles = {row["user_id"]: row for row in ada.rows("member_profiles", space_id=club.id)}
        return [badge["code"] for badge in profiles[boris.id]["badges"]]

    ids = {row["code"]: row["badge_id"] for row in boris.rows("badge_progress")}
    assert sorted(shown()) == ["first_words", "responses_published_1"]
    boris.call("set_badge_display", badge_id=ids["first_words"], is_displayed=True, display_order=2)
    boris.call("set_badge_display", badge_id=ids["responses_published_1"], is_displayed=None, display_order=1)
    assert shown() == ["responses_published_1", "first_words"]
    row = boris.call("set_badge_display", badge_id=ids["first_words"], is_displayed=False)
    assert (row["is_displayed"], row["display_order"]) == (False, 2)
    assert shown() == ["responses_published_1"]
    for badge_id in (ids["generous"], uuid4()):
        with boris.refused("MG701"):
            boris.call("set_badge_display", badge_id=badge_id, is_displayed=True)


@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"metric": "unknown", "at_least": 1},
        {"metric": "purchases"},
        {"metric": "purchases", "at_least": "5"},
        {"metric": "purchases", "at_least": 0},
        {"at_least": 1},
    ],
    ids=str,
)
def test_criteria_that_mean_nothing(actors: Actors, criteria: dict[str, object]) -> None:
    service = actors.service()
    with service.refused("23514"):
        service.insert("badges", code="x", name="X", description="", icon="x", criteria=criteria)
