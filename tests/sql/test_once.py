"""All that pays or is granted once, or so often: it is a person's, not an account's.

One row for each, and the same for all of them: two accounts of one address that live; one that is deleted and made
anew, twice; one that is deleted while the other lives. Each payment and bound that the database lists must have a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.addresses import delete, sign_up
from tests.support.ledger import check_ledger
from tests.support.stories import Club, found_club, grant_tokens

Claim = Callable[[Actors, Club, Actor], bool]
"""Let an account do what is paid or granted, and return whether it was."""


@dataclass(frozen=True)
class Bound:
    """What a person is paid or granted once."""

    claim: Claim
    key: str
    """What it is told by: what of a person, and of what it was for."""
    remembered: str | None
    """Which table keeps it of an account that is gone."""
    is_personal: bool = True
    """Whether somebody else is granted it as well."""


def is_paid(actors: Actors, person: Actor, kind: str) -> bool:
    query = "select exists (select from public.transactions where user_id = %s and type = %s)"
    return bool(actors.one(query, person.id, kind))


def respond(actors: Actors, club: Club, person: Actor) -> bool:
    club.join(person)
    (prompt,) = club.leader.select("prompts", space_id=club.id) or club.ask()
    person.insert("responses", prompt_id=prompt["id"], content="Yes", is_published=True)
    return is_paid(actors, person, "EARN_RESPONSE")


def respond_elsewhere(actors: Actors, _: Club, person: Actor) -> bool:
    actors.run("update public.reward_rules set weekly_limit = 1 where code = 'response'")
    return respond(actors, found_club(actors), person)


def ask(actors: Actors, club: Club, person: Actor) -> bool:
    club.join(person)
    club.leader.call("assign_curator", space_id=club.id, user_id=person.id)
    person.insert("prompts", space_id=club.id, question="Why?")
    person.rows("publish_prompts", space_id=club.id)
    return is_paid(actors, person, "EARN_CURATOR")


def ask_elsewhere(actors: Actors, _: Club, person: Actor) -> bool:
    actors.run("update public.reward_rules set weekly_limit = 1 where code = 'curation'")
    return ask(actors, found_club(actors), person)


def reach_a_milestone(actors: Actors, _: Club, person: Actor) -> bool:
    for ago in range(3):
        actors.run(
            "insert into private.active_weeks (user_id, week, responses, first_published_at)"
            " values (%s, private.week_index(now()) - %s, 1, now() - make_interval(weeks => %s))",
            person.id, ago, ago,
        )  # fmt: skip
    actors.run("select private.refresh_streaks(now())")
    return is_paid(actors, person, "EARN_STREAK")


def earn_a_badge(actors: Actors, _: Club, person: Actor) -> bool:
    actors.run(
        "insert into public.user_badges (user_id, badge_id, earned_at)"
        " select %s, id, now() from public.badges order by code limit 1",
        person.id,
    )
    return is_paid(actors, person, "EARN_BADGE")


def come_in(actors: Actors, club: Club, person: Actor) -> bool:
    """Enter a public space, and be removed from it."""
    try:
        with actors.connection.transaction():
            person.insert("memberships", space_id=club.id)
    except psycopg.Error as error:
        assert error.sqlstate == "MG111"
        return False
    club.leader.run("select public.remove_member(%s, %s)", club.id, person.id)
    return True


def give(actors: Actors, club: Club, person: Actor) -> bool:
    sent_by_email = "select count(*) from private.mails where user_id = %s and kind = 'GIFT_RECEIVED'"
    before = actors.one(sent_by_email, club.leader.id)
    club.join(person)
    grant_tokens(actors, person, 1)
    person.call("transfer_tokens", recipient_id=club.leader.id, amount=1)
    return bool(actors.one(sent_by_email, club.leader.id) > before)


def limit(code: str) -> Bound:
    def use(actors: Actors, _: Club, person: Actor) -> bool:
        actors.run("update private.limits set amount = 1 where code = %s", code)
        return actors.one("select private.use_limit(%s, %s)", code, person.id) is None

    return Bound(use, "digest and limit", "remembered_limits")


BOUNDS = {
    "EARN_RESPONSE": Bound(respond, "digest and the ledger's key: space, week, place", "remembered_places"),
    "EARN_CURATOR": Bound(ask, "rotation", None, is_personal=False),
    "EARN_STREAK": Bound(reach_a_milestone, "digest, milestone and weeks", "remembered_streaks"),
    "EARN_BADGE": Bound(earn_a_badge, "digest and badge", "remembered_badges"),
    "weekly limit of response": Bound(respond_elsewhere, "digest and week", "remembered_earnings"),
    "weekly limit of curation": Bound(ask_elsewhere, "digest and week", "remembered_earnings"),
    **{
        f"limit of {code}": limit(code)
        for code in ("gifts", "spaces", "invites", "joins", "uploads", "newsletters", "pens")
    },
    "entering after a removal": Bound(come_in, "digest and space", "remembered_removals"),
    "email of a day's first gift": Bound(give, "digest, recipient and day", "former_addresses"),
}

NOT_A_PERSONS = {
    "EARN_GIFT": "what somebody gives, they have",
    "limit of weeks": "a space's, whoever leads it",
}


def test_all_that_pays_or_bounds_has_a_row(actors: Actors) -> None:
    listed = actors.run(
        """
        select unnest(enum_range(null::public.transaction_type))::text as name
        union all
        select 'weekly limit of ' || code from public.reward_rules where weekly_limit is not null
        union all
        select 'limit of ' || code from private.limits
        """
    )
    names = {row["name"] for row in listed if not row["name"].startswith("SPEND")}
    rows = {*BOUNDS, *NOT_A_PERSONS}
    assert names <= rows and rows - names == {"entering after a removal", "email of a day's first gift"}
    tables = actors.run(
        "select relname from pg_class where relnamespace = 'private'::regnamespace and relkind = 'r'"
        " and (relname like 'remembered%%' or relname = 'former_addresses')"
    )
    assert {row["relname"] for row in tables} == {bound.remembered for bound in BOUNDS.values() if bound.remembered}


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("story", ["both live", "made anew", "the first is gone"])
def test_once_is_once_a_person(actors: Actors, name: str, story: str) -> None:
    """Places in a week, and weeks of a streak, were paid again once the account that was paid had been deleted."""
    bound = BOUNDS[name]
    club = found_club(actors, is_public=True)
    actors.as_owner()
    first = sign_up(actors)
    tag = None if story == "made anew" else sign_up(actors, "zoe+2@example.test")
    assert bound.claim(actors, club, first)
    if story != "both live":
        actors.as_owner()
        delete(actors, first)
    for number in range(2):
        actors.as_owner()
        zoe = tag or sign_up(actors, f"zoe+{number}@example.test")
        assert not bound.claim(actors, club, zoe)
        actors.as_owner()
        delete(actors, zoe)
        tag = None
    actors.as_owner()
    assert bound.claim(actors, club, sign_up(actors, "zora@example.test")) == bound.is_personal
    check_ledger(actors)


def test_a_place_is_remembered_until_its_week_is_over(actors: Actors) -> None:
    club = found_club(actors)
    gone = found_club(actors)
    for number, space in enumerate((club, gone)):
        actors.as_owner()
        zoe = sign_up(actors, f"zoe{number}@example.test")
        assert respond(actors, space, zoe)
        actors.as_owner()
        delete(actors, zoe)

    def kept() -> int:
        actors.run("select private.sweep(now())")
        return int(actors.one("select count(*) from private.remembered_places"))

    assert kept() == 2
    gone.leader.delete("spaces", gone.id)
    assert kept() == 1
    club.publish_week()
    assert kept() == 0
