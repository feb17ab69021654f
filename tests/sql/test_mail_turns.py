"""People take turns with emails, too: who sends many keeps nobody waiting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada and Boris, a question, and nothing to do."""
    club = found_club(actors, "Boris")
    club.ask("What did you see?")
    actors.run("delete from private.outbox")
    return club


@pytest.fixture
def readers(actors: Actors) -> Club:
    """Ada's space of eight, with no email to be sent."""
    club = found_club(actors, *"BCDEFGH")
    actors.run("delete from private.mails")
    return club


def news(space: object, *people: Actor, key: str = "news") -> None:
    """Queue an email of a space for each of these people."""
    people[0].actors.run(
        "select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{\"week_number\": 1}', %s)",
        [person.id for person in people], space, key,
    )  # fmt: skip


def render(club: Club) -> object:
    """Publish a week whose email is made, and leave nothing else to be sent."""
    newsletter = club.week()["id"]
    club.actors.run("delete from private.mails where newsletter_id is distinct from %s", newsletter)
    club.actors.service().call("save_newsletter_mail", newsletter_id=newsletter, content={"subject": "Week 1"})
    return club.id


def claim(actors: Actors, size: int = 1, later: str = "0") -> tuple[object, list[Row]]:
    """Claim emails; their batch, and what each is."""
    batch = actors.one(
        "select private.claim_mails('worker', 'smtp', %s, '1 minute', now() + %s::interval)", size, later
    )
    return batch, actors.run("select * from private.mails where batch_id = %s order by position", batch)


def settle(actors: Actors, batch: object, emails: list[Row], outcome: str = "SENT", **more: Any) -> None:
    actors.run(
        "select private.begin_mails('worker', %s, %s, '1 minute', now())",
        batch,
        {str(email["id"]): 1 for email in emails},
    )
    results = [{"id": str(email["id"]), "outcome": outcome, "uncounted": True, **more} for email in emails]
    actors.run("select private.settle_mails('worker', %s, %s, '0', true, now(), 100)", batch, Jsonb(results))


def sent(actors: Actors, size: int = 1) -> Iterator[Row]:
    """Emails in the order in which a worker gets them, who sends each."""
    while (claimed := claim(actors, size))[1]:
        settle(actors, *claimed)
        yield from claimed[1]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_one_email_waits_for_one_of_somebody_elses_newsletter(actors: Actors, readers: Club, size: int) -> None:
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    other = readers.leader.insert("spaces", name="Of the same leader")["id"]
    actors.run("delete from private.mails where newsletter_id is null")
    news(other, readers.leader)
    news(his, boris)
    order = [email["space_id"] for email in sent(actors, size)]
    assert len(order) == 10 and order.index(his) <= 1


@pytest.mark.parametrize("leaves", [False, True])
def test_a_newsletter_is_the_work_of_who_published_it_whoever_leads_the_space_then(
    actors: Actors, readers: Club, leaves: bool
) -> None:
    """Nobody's emails wait for a backlog that they were handed with a space."""
    mallory, boris = readers.leader, readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    mallory.call("transfer_leadership", space_id=readers.id, user_id=boris.id)
    if leaves:
        actors.run("delete from auth.users where id = %s", mallory.id)
    owners = actors.run("select distinct owner_id from private.outbox where kind like 'newsletter.%%'")
    assert owners == actors.run("select private.person_of(%s) as owner_id", mallory.id)
    actors.run("delete from private.mails where newsletter_id is null")
    news(his, boris)
    order = [email["space_id"] for email in sent(actors)]
    assert len(order) == (8 if leaves else 9) and order.index(his) <= 1
    assert actors.one("select count(owner_id) from private.mails") == 0


def test_questions_are_the_work_of_who_asks_them(actors: Actors, readers: Club) -> None:
    boris = readers.members[0]
    readers.leader.call("assign_curator", space_id=readers.id, user_id=boris.id)
    actors.run("delete from private.mails")
    boris.insert("prompts", space_id=readers.id, question="What did you see?")
    boris.rows("publish_prompts", space_id=readers.id)
    owners = actors.run("select distinct owner_id from private.mails where kind = 'PROMPTS_PUBLISHED'")
    assert owners == [{"owner_id": boris.id}]
    # So is what the clock reminds of, whoever leads the space by then.
    readers.leader.call("transfer_leadership", space_id=readers.id, user_id=readers.members[1].id)
    assert actors.one("select private.send_reminders(now() + interval '49 hours')") > 0
    assert owners == actors.run("select distinct owner_id from private.mails where kind = 'RESPONSE_REMINDER'")


def test_an_email_that_comes_while_a_newsletter_is_sent_is_next(actors: Actors, readers: Club) -> None:
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    order = sent(actors)
    list(itertools.islice(order, 4))
    news(his, boris)
    assert next(order)["space_id"] == his


def test_gifts_to_many_are_the_givers_emails(actors: Actors, readers: Club) -> None:
    ada, *others = readers.everybody
    grant_tokens(actors, ada, 100)
    for person in others:
        ada.insert("token_gifts", recipient_id=person.id, amount=1)
    his = others[0].insert("spaces", name="His")["id"]
    actors.run("delete from private.mails where kind not in ('GIFT_RECEIVED')")
    news(his, others[0])
    order = [email["kind"] for email in sent(actors)]
    assert len(order) == 8 and order.index("PROMPTS_PUBLISHED") <= 1


def test_an_email_that_failed_waits_behind_the_others_of_its_owner(actors: Actors, readers: Club) -> None:
    news(readers.id, *readers.everybody[:3])
    batch, first = claim(actors)
    settle(actors, batch, first, "RETRY", fault="AWAY")
    actors.run("update private.mails set run_at = now() where state = 'QUEUED'")
    order = [email["id"] for email in sent(actors)]
    assert len(order) == 3 and order[-1] == first[0]["id"]


def test_emails_that_are_held_take_no_turns_of_others(actors: Actors, readers: Club) -> None:
    """What was refused for the sender's sake is behind all else, and does not put its owner's others back."""
    render(readers)
    settle(actors, *claim(actors, 100), "RETRY", fault="SENDER")
    actors.run("delete from private.mail_refusals")
    actors.run("update private.mails set run_at = now()")
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    actors.run("delete from private.mails where newsletter_id is null")
    batch, held = claim(actors, 2)
    actors.run("select private.settle_mails('worker', %s, '[]', '0', true, now(), 100)", batch)
    for key in "abc":
        news(his, boris, key=key)
    news(readers.id, readers.leader)
    order = [(email["space_id"], email["held"]) for email in sent(actors)]
    assert len(held) == 2 and len(order) == 12
    assert order.index((readers.id, 0)) <= 2 and [count for _, count in order] == [0] * 4 + [1] * 8


def test_what_is_taken_has_no_turn_and_nobody_is_remembered(actors: Actors, readers: Club) -> None:
    """But for whom the next turn depends on."""
    render(readers)
    batch, taken = claim(actors, 3)
    assert [email["turn"] for email in taken] == [None] * 3
    assert actors.run("select line from private.turns") == [{"line": "mails"}]
    actors.run("select private.settle_mails('worker', %s, '[]', '0', true, now(), 100)", batch)
    assert len(list(sent(actors))) == 8
    news(actors.one("select id from public.spaces"), readers.members[0])
    boris = readers.members[0].insert("spaces", name="His")["id"]
    news(boris, readers.members[0], key="two")
    list(sent(actors))
    assert (
        actors.one("select count(*) from private.turns join private.lines on name = line and turns.turn < lines.turn")
        == 0
    )


def test_a_claim_reads_what_is_due_and_not_what_waits(actors: Actors) -> None:
    """Counted in pages: with 10,000 digests that are not due yet beside 2,000 emails that are."""
    actors.run(
        "insert into auth.users (id, aud, role, email, email_confirmed_at) select gen_random_uuid(), 'authenticated',"
        " 'authenticated', n || '@host.test', now() from generate_series(1, 50) as n"
    )
    queue = (
        "insert into private.mails (id, user_id, kind, dedupe_key, payload, state, run_at)"
        " select gen_random_uuid(), users.id, 'DIGEST', %s || n, '{}', 'QUEUED', now() + %s::interval"
        " from public.users cross join generate_series(1, %s) as n"
    )

    def pages(call: str) -> int:
        (row,) = actors.run(f"explain (analyze, buffers, format json) select {call}")
        plan = row["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def measure() -> list[int]:
        """What a claim of one email reads, and a look whether there is any."""
        calls = ("private.claim_mails('w', 'smtp', 1, '1 minute', now())", "private.is_work_due()")
        for call in calls:  # Once before, so that planning does not count.
            pages(call)
        return [pages(call) for call in calls]

    # What other tests have left behind is read as well.
    before = measure()
    actors.run(queue, "later", "8 hours", 200)
    actors.run("analyze private.mails")
    claimed, looked = measure()
    assert claimed < before[0] + 150 and looked < before[1] + 50
    actors.run(queue, "now", "0", 40)
    # Each of the 2,000 gets its turn, once: a row is held, and written anew into each index.
    assert pages("private.claim_mails('w', 'smtp', 1, '1 minute', now())") < before[0] + 2000 * 50
    actors.run("analyze private.mails")
    claimed, looked = measure()
    assert claimed < before[0] + 1000 and looked < before[1] + 50
