"""Several accounts of one address at the same time are one person's."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.addresses import ADDRESS, delete, sign_up
from tests.support.ledger import check_ledger
from tests.support.stories import balance, found_club, grant_tokens
from tests.support.together import Task, tally, together


def play_alone(actors: Actors, person: Actor) -> int:
    """Found a space, ask ten questions and respond to them, and return what that has paid."""
    before = balance(actors, person)
    space = person.insert("spaces", name="Mine")
    for number in range(10):
        person.insert("prompts", space_id=space["id"], question=f"{number}?")
    for prompt in person.rows("publish_prompts", space_id=space["id"]):
        person.insert("responses", prompt_id=prompt["id"], content="Yes", is_published=True)
    return balance(actors, person) - before


def test_tags_of_one_mailbox_earn_together_what_one_person_earns(actors: Actors) -> None:
    """Each tag earned 800 tokens while all of them lived, and sent them to the first."""
    actors.service().run("update public.reward_rules set weekly_limit = 12 where code = 'response'")
    actors.service().run("update public.reward_rules set weekly_limit = 1 where code = 'curation'")
    actors.as_owner()
    main = sign_up(actors)
    assert play_alone(actors, main) > 600, "with badges"
    actors.as_owner()
    tag = sign_up(actors, "zoe+1@example.test")
    assert play_alone(actors, tag) == 2 * 50
    assert {row["badge_id"] for row in tag.select("user_badges")}, "badges are earned all the same"
    assert play_alone(actors, main) == 0, "what the tag was paid counts for the first, too"
    actors.as_owner()
    delete(actors, main)
    assert play_alone(actors, sign_up(actors, "zoe+2@example.test")) == 0
    check_ledger(actors)


def test_an_address_that_becomes_a_tag_shares_the_counts(actors: Actors) -> None:
    actors.run("update private.limits set amount = 4 where code = 'spaces'")
    main, other = sign_up(actors), sign_up(actors, "zora@example.test")
    play_alone(actors, main)
    play_alone(actors, main)
    play_alone(actors, other)
    actors.as_owner()
    actors.run("update auth.users set email = 'zoe+zora@example.test' where id = %s", other.id)
    counts = "select sum(paid) from private.weekly_earnings where user_id = %s"
    assert [actors.one(counts, person.id) for person in (main, other)] == [22, 22]
    other.insert("spaces", name="Third")
    main.insert("spaces", name="Fourth")
    with other.refused("MG002"):
        other.insert("spaces", name="Fifth")


def test_the_limits_of_a_day_are_for_all_tags_together(actors: Actors) -> None:
    actors.run("update private.limits set amount = 2 where code = 'spaces'")
    main, tag = sign_up(actors), sign_up(actors, "zoe+1@example.test")
    main.insert("spaces", name="One")
    tag.insert("spaces", name="Two")
    actors.as_owner()
    for person in (main, tag, sign_up(actors, "zoe+2@example.test")):
        with person.refused("MG002"):
            person.insert("spaces", name="Three")


@pytest.mark.parametrize(
    ("addresses", "is_deleted"),
    [((ADDRESS, ADDRESS, "zoe+2@example.test"), True), ((ADDRESS, "zoe+1@example.test", "zoe+2@example.test"), False)],
)
def test_one_persons_first_gift_of_a_day_is_sent_by_email_at_once(
    actors: Actors, addresses: tuple[str, ...], is_deleted: bool
) -> None:
    """With each new account of the same mailbox the day began anew."""
    club = found_club(actors, "Boris")
    boris = club.members[0]
    for address in addresses:
        actors.as_owner()
        zoe = sign_up(actors, address)
        grant_tokens(actors, zoe, 2)
        club.join(zoe)
        for _ in range(2):
            zoe.call("transfer_tokens", recipient_id=boris.id, amount=1)
        actors.as_owner()
        if is_deleted:
            delete(actors, zoe)
    sent_by_email = actors.run(
        "select kind, payload from private.mails where user_id = %s and newsletter_id is null", boris.id
    )
    assert sum(row["kind"] == "GIFT_RECEIVED" for row in sent_by_email) == 1
    (entries,) = [row["payload"]["entries"] for row in sent_by_email if row["kind"] == "DIGEST"]
    assert sum(entry["kind"] == "GIFT_RECEIVED" for entry in entries) == 5
    # Somebody else's first is their first.
    grant_tokens(actors, club.leader, 1)
    club.leader.call("transfer_tokens", recipient_id=boris.id, amount=1)
    kinds = "select count(*) from private.mails where user_id = %s and kind = 'GIFT_RECEIVED'"
    assert actors.one(kinds, boris.id) == 2


def test_a_place_pays_one_of_the_accounts_of_a_person(actors: Actors) -> None:
    club = found_club(actors)
    actors.as_owner()
    main, tag, other = sign_up(actors), sign_up(actors, "zoe+1@example.test"), sign_up(actors, "zora@example.test")
    for person in (main, tag, other):
        club.join(person)
    (prompt,) = club.ask()
    club.respond(prompt, [main, tag, other])
    paid = "select count(*) from public.transactions where user_id = %s and type = 'EARN_RESPONSE'"
    assert [actors.one(paid, person.id) for person in (main, tag, other)] == [1, 0, 1]
    check_ledger(actors)


def test_who_was_removed_is_kept_out_with_every_tag_and_let_in_with_every_tag(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    actors.as_owner()
    main, tag = sign_up(actors), sign_up(actors, "zoe+1@example.test")
    main.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, main.id)
    actors.as_owner()
    for person in (main, tag, sign_up(actors, "zoe+2@example.test")):
        with person.refused("MG111"):
            person.insert("memberships", space_id=club.id)
    club.join(tag)
    main.insert("memberships", space_id=club.id)


def test_tags_that_earn_at_once_earn_what_one_person_earns(fresh_dsn: str) -> None:
    tags: list[tuple[UUID, list[UUID]]] = []
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        actors.run("update public.reward_rules set weekly_limit = 5 where code = 'response'")
        actors.run("update private.limits set amount = 9 where code = 'spaces'")
        for number in range(4):
            actors.as_owner()
            tag = sign_up(actors, f"zoe+{number}@example.test")
            space = tag.insert("spaces", name="Mine")
            for order in range(3):
                tag.insert("prompts", space_id=space["id"], question=f"{order}?")
            prompts = [row["id"] for row in tag.rows("publish_prompts", space_id=space["id"])]
            tags.append((UUID(str(tag.id)), prompts))

    def play(user_id: UUID, prompts: list[UUID]) -> Task:
        def task(actors: Actors) -> object:
            person = actors.known(user_id)
            person.insert("spaces", name="Another")
            for prompt in prompts:
                if not person.select("responses", prompt_id=prompt):
                    person.insert("responses", prompt_id=prompt, content="Yes", is_published=True)
            return None

        return task

    outcomes = together(fresh_dsn, [play(*tag) for tag in tags], rounds=2)
    assert tally(outcomes) == {"done": 5, "MG002": 3}, "nine spaces of a day, and four were there"
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert actors.one("select count(*) from public.transactions where type = 'EARN_RESPONSE'") == 5
        assert actors.one("select max(paid) from private.weekly_earnings where code = 'response'") == 5
        twice = "select reference_id from public.transactions where type = 'EARN_BADGE' group by 1 having count(*) > 1"
        assert actors.run(twice) == []
        assert actors.one("select count(*) from public.transactions where type = 'EARN_BADGE'") > 0
        check_ledger(actors)


def test_a_badge_that_two_tags_complete_at_once_waits_for_the_first(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        people = [sign_up(actors, f"zoe+{number}@example.test").id for number in range(2)]
    earn = "insert into public.user_badges (user_id, badge_id, earned_at) select %s, id, now() from public.badges"
    with psycopg.connect(fresh_dsn) as first, psycopg.connect(fresh_dsn) as second:
        first.execute(earn, (people[0],))
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(earn, (people[1],))
        second.rollback()
        first.commit()
        second.execute(earn, (people[1],))
        second.commit()
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        paid = "select count(*) from public.transactions where type = 'EARN_BADGE' and user_id = %s"
        assert actors.one(paid, people[0]) > 0
        assert actors.one(paid, people[1]) == 0
