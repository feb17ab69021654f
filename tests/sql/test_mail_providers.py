"""Providers that refuse or stop, domains that refuse, mailboxes that bounce."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.mails import begin, claim, claimed, every, publish, settle, states
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def refuse(service: Actor, batch: Row, fault: str, later: str = "0", **more: Any) -> None:
    begin(service, batch, later=later)
    settle(
        service, batch, *every(batch, "RETRY", uncounted=True, fault=fault, error="530 sign in", **more), later=later
    )


def give_domains(club: Club) -> None:
    """Give everybody an address at a domain of their own."""
    for number, person in enumerate((club.leader, *club.members)):
        club.actors.run("update auth.users set email = %s where id = %s", f"someone@mx.host{number}.test", person.id)


def test_what_is_the_senders_fault_stops_sending_and_fails_no_email(club: Club, service: Actor, actors: Actors) -> None:
    give_domains(club)
    newsletter = publish(club)
    assert service.rows("mail_state") == []
    minutes = 0
    for attempt in range(20):
        later = f"{minutes} minutes"
        refuse(service, claimed(service, later=later), "SENDER", later)
        (state,) = service.rows("mail_state")
        assert (state["fault"], state["reason"]) == ("SENDER", "530 sign in")
        pause = actors.one("select paused_until - now() - %s::interval from private.mail_providers", later)
        assert pause == timedelta(minutes=min(60, 2**attempt))
        assert claim(service, "b", f"{minutes} minutes 59 seconds") is None
        minutes += 120
    assert set(states(club, newsletter).values()) == {"QUEUED"}
    rows = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert {(row["attempts"], row["last_error"][:20]) for row in rows} == {(0, "Sending has stopped ")}
    assert service.rows("email_suppressions") == [] and service.rows("dead_letters") == []
    # The operator mends it.
    assert service.call("resume_mail", provider="smtp") is True
    assert service.call("resume_mail", provider="smtp") is False
    batch = claimed(service)
    begin(service, batch)
    settle(service, batch, *every(batch, "SENT"))
    (state,) = service.rows("mail_state")
    assert (state["fault"], state["reason"], state["since"], state["refusals"]) == (None, None, None, 0)


def test_the_operator_is_told_once(club: Club, service: Actor, actors: Actors) -> None:
    give_domains(club)
    publish(club)
    told: list[str] = []
    handler = lambda notice: told.append(notice.message_primary)  # noqa: E731
    actors.connection.add_notice_handler(handler)
    try:
        for hours in (0, 2, 4):
            refuse(service, claimed(service, later=f"{hours} hours"), "SENDER", f"{hours} hours")
    finally:
        actors.connection.remove_notice_handler(handler)
    assert [words for words in told if "stopped" in words] == ["email by smtp has stopped: 530 sign in"]


def test_one_recipients_server_cannot_stop_the_others_email(club: Club, service: Actor) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    begin(service, batch)
    bad, *good = every(batch, "SENT")
    for _ in range(2):  # Even if it is asked again before the others are through.
        settle(service, batch, bad | {"outcome": "RETRY", "fault": "SENDER", "uncounted": True}, is_end=False)
    settle(service, batch, *good)
    assert sorted(states(club, newsletter).values()) == ["QUEUED", "SENT", "SENT"]
    assert claim(service, "b", "2 hours") is not None
    (state,) = service.rows("mail_state")
    assert (state["fault"], state["refusals"]) == (None, 0)


def test_emails_that_are_refused_again_and_again_keep_no_others_waiting(
    club: Club, service: Actor, actors: Actors
) -> None:
    """As when the mailboxes of one provider refuse us and all others do not."""
    publish(club)
    batch = claimed(service)
    begin(service, batch)
    good, *bad = every(batch, "RETRY", fault="SENDER", uncounted=True)
    settle(service, batch, *bad, is_end=False)
    settle(service, batch, good | {"outcome": "SENT", "fault": None})
    for hours in range(2, 12, 2):  # Nothing else is sent: they stop nobody.
        again = claimed(service, later=f"{hours} hours")
        begin(service, again, later=f"{hours} hours")
        settle(service, again, *every(again, "RETRY", fault="SENDER", uncounted=True), later=f"{hours} hours")
        assert actors.one("select paused_until <= now() + %s::interval from private.mail_providers", f"{hours} hours")
    # What is new goes before them, however long they have been due.
    actors.run("select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{}', 'new')", [club.leader.id], club.id)
    actors.run("update private.mails set run_at = now() + interval '20 hours' where dedupe_key = 'new'")
    first = claimed(service, later="21 hours")["mails"]
    assert [email["kind"] for email in first] == ["PROMPTS_PUBLISHED"] + ["NEWSLETTER_PUBLISHED"] * 2


def test_a_provider_that_stops_in_the_middle_of_a_batch_is_given_nothing_more(club: Club, service: Actor) -> None:
    publish(club)
    mine = claimed(service, mail_limit=1)
    other = claimed(service, "b")
    begin(service, mine)
    settle(service, mine, *every(mine, "RETRY", fault="SENDER", uncounted=True), pause=60)
    assert begin(service, other, "b") == []


def test_one_domain_stops_nobody_with_however_many_emails(club: Club, service: Actor, actors: Actors) -> None:
    give_domains(club)
    chloe = club.members[1]
    actors.run("update auth.users set email = 'm@a.evil.test' where id = %s", club.leader.id)
    actors.run("update auth.users set email = 'm@b.evil.test' where id = %s", club.members[0].id)
    for key in range(4):
        for person in (club.leader, club.members[0]):
            actors.run(
                "select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{}', %s)",
                [person.id], club.id, str(key),
            )  # fmt: skip
    actors.run("delete from private.mails where dedupe_key not in ('0', '1', '2', '3')")
    for _ in range(4):
        refuse(service, claimed(service, mail_limit=1), "SENDER")
    (state,) = service.rows("mail_state")
    assert (state["fault"], state["refusals"]) == ("SENDER", 1)
    # Theirs that were not tried yet go behind what is newer, and not with it.
    actors.run("select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{}', 'new')", [chloe.id], club.id)
    batch = claimed(service)
    assert [row["email"] for row in begin(service, batch)] == ["someone@mx.host2.test"]
    settle(service, batch, *every(batch, "SENT"))
    assert len(claimed(service)["mails"]) == 4


def test_who_refused_does_not_stop_it_again_but_another_does(club: Club, service: Actor, actors: Actors) -> None:
    give_domains(club)
    publish(club)
    refuse(service, claimed(service), "SENDER")
    until = "select paused_until - now() from private.mail_providers"
    assert actors.one(until) == timedelta(minutes=1)
    # Two of the three again, and again.
    for _ in range(2):
        refuse(service, claimed(service, later="3 hours", mail_limit=2), "SENDER", "3 hours")
        actors.run("update private.mails set run_at = now() + interval '1 hour' * (held - 1) where held > 1")
        actors.run("update private.mails set run_at = now() + interval '9 hours' where held = 1")
    assert actors.one(until) == timedelta(minutes=1)
    actors.run("update auth.users set email = 'someone@other.test' where id = %s", club.members[1].id)
    actors.run("update private.mails set run_at = now() where user_id = %s", club.members[1].id)
    refuse(service, claimed(service, later="3 hours", mail_limit=1), "SENDER", "3 hours")
    assert actors.one(until) == timedelta(hours=3, minutes=2)


def test_what_only_one_domain_refuses_for_a_day_fails(club: Club, service: Actor) -> None:
    give_domains(club)
    newsletter = publish(club)
    batch = claimed(service)
    begin(service, batch)
    bad, *good = every(batch, "SENT")
    refused = bad | {"outcome": "RETRY", "fault": "SENDER", "uncounted": True, "error": "550 access denied"}
    settle(service, batch, refused, is_end=False)
    settle(service, batch, *good)
    for hours in (2, 4, 6, 8, 10):
        again = claimed(service, later=f"{hours} hours")
        begin(service, again, later=f"{hours} hours")
        settle(service, again, refused, later=f"{hours} hours")
    assert sorted(states(club, newsletter).values()) == ["QUEUED", "SENT", "SENT"]
    again = claimed(service, later="25 hours")
    begin(service, again, later="25 hours")
    settle(service, again, refused, later="25 hours")
    rows = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert [row["last_error"] for row in rows if row["state"] == "FAILED"] == ["The mail server did not take it."]
    assert service.rows("email_suppressions") == []
    assert service.call("replay_dead_letters") == 1


def test_a_full_mailbox_is_tried_for_a_day_and_not_suppressed(club: Club, service: Actor) -> None:
    newsletter = publish(club)
    hours = 0
    for _ in range(12):
        batch = claimed(service, later=f"{hours} hours")
        begin(service, batch, later=f"{hours} hours")
        full = every(batch, "RETRY", error="552 5.2.2 full", fault="MAILBOX_FULL")
        settle(service, batch, *full, later=f"{hours} hours")
        assert claim(service, later=f"{hours + 1} hours") is None
        hours += 3
    rows = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert {(row["state"], row["last_error"]) for row in rows} == {("FAILED", "The mailbox is full.")}
    assert service.rows("email_suppressions") == []


def test_refused_is_refused_and_a_dead_address_is_remembered(club: Club, service: Actor, actors: Actors) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    begun = begin(service, batch)
    bad, *good = every(batch, "SENT")
    settle(service, batch, bad | {"outcome": "REJECTED", "error": "550 no such user", "suppress": True}, *good)
    assert sorted(states(club, newsletter).values()) == ["FAILED", "SENT", "SENT"]
    (entry,) = service.rows("email_suppressions")
    assert (entry["address"], entry["reason"], entry["detail"]) == (begun[0]["email"], "BOUNCED", "550 no such user")
    assert service.call("replay_dead_letters") == 0  # What was refused is only tried again by name.
    assert "SUPPRESSED" in states(club, club.week()).values()
    assert service.call("allow_email", address=entry["address"].upper()) is True
    assert service.call("allow_email", address=entry["address"]) is False
    assert actors.one("select count(*) from private.email_suppressions") == 0


def test_a_bounce_that_comes_later(club: Club, service: Actor) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    (first, *_) = begin(service, batch)
    settle(service, batch, *[result | {"provider_id": f"p-{result['id']}"} for result in every(batch, "SENT")])
    for _ in range(2):
        service.rows(
            "record_mail_event",
            provider_id=f"p-{first['id']}", event="BOUNCED", address=first["email"].upper(), detail="no mailbox",
        )  # fmt: skip
    assert sorted(states(club, newsletter).values()) == ["FAILED", "SENT", "SENT"]
    service.rows("record_mail_event", provider_id="unknown", event="COMPLAINED", address="x@example.test")
    assert [row["reason"] for row in service.rows("email_suppressions")] == ["BOUNCED", "COMPLAINED"]
    with service.refused("MG001"):
        service.rows("record_mail_event", provider_id="x", event="OPENED", address="x@example.test")


@pytest.mark.parametrize(
    ("event", "state", "suppressed"),
    [("FAILED", "FAILED", False), ("SUPPRESSED", "SUPPRESSED", True), ("UNSENT", "QUEUED", False)],
)
def test_what_else_a_provider_tells_later(club: Club, service: Actor, event: str, state: str, suppressed: bool) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    (first, *_) = begin(service, batch)
    settle(service, batch, *[result | {"provider_id": f"p-{result['id']}"} for result in every(batch, "SENT")])
    detail = f"No room for {first['email']}"
    for _ in range(2):
        service.rows(
            "record_mail_event",
            provider_id=f"p-{first['id']}", event=event, address=first["email"], detail=detail,
        )  # fmt: skip
    assert sorted(states(club, newsletter).values()) == sorted([state, "SENT", "SENT"])
    assert bool(service.rows("email_suppressions")) is suppressed
    seen = (service.rows("newsletter_delivery", newsletter_id=newsletter["id"]), service.rows("email_suppressions"))
    assert first["email"] not in str(seen[0]) and f"for {first['email']}" not in str(seen[1])
    if state == "QUEUED":
        assert claim(service, later="5 minutes") is None
        again = claimed(service, later="20 minutes")
        assert len(begin(service, again, later="20 minutes")) == 1
        settle(service, again, *every(again, "SENT", provider_id="q"), later="20 minutes")
        assert set(states(club, newsletter).values()) == {"SENT"}


def test_what_a_provider_takes_and_never_sends_is_given_up_in_the_end(
    club: Club, service: Actor, actors: Actors
) -> None:
    newsletter = publish(club)
    actors.run("delete from private.mails where user_id <> %s", club.leader.id)
    for attempt in range(31):
        actors.run("update private.mails set run_at = now()")
        batch = claimed(service)
        (email,) = begin(service, batch)
        settle(service, batch, *every(batch, "SENT", provider_id=f"p{attempt}"))
        service.rows(
            "record_mail_event", provider_id=f"p{attempt}", event="UNSENT", address=email["email"], detail="quota"
        )
        assert states(club, newsletter) == {"Ada": "QUEUED" if attempt < 30 else "FAILED"}
    assert service.call("replay_dead_letters") == 1
