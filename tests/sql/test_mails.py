"""Emails: who gets one, who does not and why, and what workers may do with them."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors
from tests.support.mails import begin, claimed
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def test_clients_reach_none_of_it(club: Club) -> None:
    for query in (
        "select * from private.mails",
        "select * from private.email_subscriptions",
        "select public.claim_mails('a', 'smtp')",
        "select * from public.begin_mails('a', gen_random_uuid(), '{}')",
        "select public.settle_mails('a', gen_random_uuid(), '[]')",
        "select public.newsletter_mail(gen_random_uuid())",
        "select public.save_newsletter_mail(gen_random_uuid(), '{}')",
        "select public.record_mail_event('x', 'BOUNCED', 'x@example.test')",
        "select * from public.email_subscription('x')",
        "select public.opens_newsletter(gen_random_uuid(), 'x')",
        "select private.reading_token(gen_random_uuid())",
        "select public.unsubscribe('x', 'space')",
        "select public.resubscribe('x')",
        "select * from public.dead_letters()",
        "select public.replay_dead_letters()",
        "select * from public.email_suppressions()",
        "select public.suppress_email('x@example.test')",
        "select public.allow_email('x@example.test')",
        "select public.tick()",
        "select * from public.mail_state()",
        "select public.resume_mail('smtp')",
    ):
        with club.leader.refused("42501"):
            club.leader.run(query)


def test_blanks_around_an_address_do_not_count(actors: Actors, club: Club, service: Actor) -> None:
    person = club.leader
    address = actors.one("select email from auth.users where id = %s", person.id)
    reason = "select private.mail_exclusion(%s, %s, 'PROMPTS_PUBLISHED')"
    service.rows("record_mail_event", provider_id="x", event="COMPLAINED", address=f"  {address.upper()}\n")
    assert actors.one(reason, person.id, club.id) == "SUPPRESSED"
    assert service.call("allow_email", address=f" {address} ") is True
    assert actors.one(reason, person.id, club.id) is None
    service.call("suppress_email", address=f"\t{address} ")
    assert actors.one(reason, person.id, club.id) == "SUPPRESSED"


def questions(service: Actor, kind: str = "PROMPTS_PUBLISHED") -> list[tuple[str, str | None]]:
    """What the emails that are claimed next say of the questions; all say the same."""
    said = [email["payload"]["questions"] for email in claimed(service)["mails"] if email["kind"] == kind]
    assert said and all(one == said[0] for one in said)
    return [(one["question"], one["curator_name"]) for one in said[0]]


def test_an_email_has_the_questions_as_they_are_when_it_is_sent(club: Club, actors: Actors, service: Actor) -> None:
    leader = club.leader
    made = [
        leader.insert("prompts", space_id=club.id, question=question)
        for question in ("One?", "Two?", "Three?", "Draft?")
    ]
    published = "update public.prompts set is_published = true where id = any (%s)"
    leader.run(published, [prompt["id"] for prompt in made[:3]])
    leader.run("update public.prompts set question = 'First?' where id = %s", made[0]["id"])
    leader.run("delete from public.prompts where id = %s", made[1]["id"])
    actors.run("delete from private.mails where kind <> 'PROMPTS_PUBLISHED'")
    name = leader.select("users")[0]["display_name"]
    assert questions(service) == [("First?", name), ("Three?", name)]


def test_an_email_has_no_questions_of_a_closed_week_or_of_another_space(
    club: Club, actors: Actors, service: Actor
) -> None:
    other = found_club(actors, "Dora")
    for one in (club, other):
        prompt = one.leader.insert("prompts", space_id=one.id, question="Ours?")
        one.leader.run("update public.prompts set is_published = true where id = %s", prompt["id"])
    actors.run("delete from private.mails where kind <> 'PROMPTS_PUBLISHED' or space_id <> %s", club.id)
    actors.run("update public.spaces set current_week = 2 where id = %s", club.id)
    batch = claimed(service)
    assert [email["payload"]["questions"] for email in batch["mails"]] == [[]] * len(batch["mails"])


@pytest.mark.parametrize("kind", ["CURATOR_ASSIGNED", "PROMPTS_PUBLISHED", "RESPONSE_REMINDER"])
def test_emails_about_a_week_are_not_sent_after_it(kind: str, club: Club, actors: Actors, service: Actor) -> None:
    actors.run(
        "select private.queue_mails(%s, %s, %s, null, %s, 'late')",
        [club.leader.id], kind, club.id, Jsonb({"week_number": 1}),
    )  # fmt: skip
    actors.run("delete from private.mails where dedupe_key <> 'late'")
    batch = claimed(service)
    actors.run("update public.spaces set current_week = 2 where id = %s", club.id)
    assert begin(service, batch) == []
    assert actors.one("select state from private.mails") == "CLOSED"


def test_questions_that_change_after_a_worker_took_their_emails_are_taken_again(
    club: Club, actors: Actors, service: Actor
) -> None:
    prompt = club.leader.insert("prompts", space_id=club.id, question="What?")
    club.leader.run("update public.prompts set is_published = true where id = %s", prompt["id"])
    actors.run("delete from private.mails where kind <> 'PROMPTS_PUBLISHED'")
    batch = claimed(service)
    club.leader.run("update public.prompts set question = 'Which?' where id = %s", prompt["id"])
    assert begin(service, batch) == []
    again = claimed(service, "b")
    said = {email["payload"]["questions"][0]["question"] for email in again["mails"]}
    assert said == {"Which?"} and len(begin(service, again, "b")) == len(batch["mails"])
