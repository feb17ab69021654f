"""Emails: who gets one, who does not and why, and what workers may do with them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club, grant_tokens
from tests.support.together import together

CONTENT = {"subject": "Week 1", "html": "<p>Hello</p>", "text": "Hello"}


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def publish(club: Club) -> Row:
    """Publish a week; leave nothing to be sent but the newsletter, and have it rendered."""
    letter = club.week()
    club.actors.run("delete from private.mails where newsletter_id is null")
    club.actors.service().rows("save_newsletter_mail", newsletter_id=letter["id"], content=CONTENT)
    return letter


def claim(service: Actor, worker: str = "a", later: str = "0", **options: Any) -> Row | None:
    named = "".join(f", {name} => %s" for name in options)
    (row,) = service.run(
        f"select public.claim_mails(%s, 'smtp', at => now() + %s::interval{named}) as batch",
        worker, later, *options.values(),
    )  # fmt: skip
    batch: Row | None = row["batch"]
    return batch


def claimed(service: Actor, worker: str = "a", later: str = "0", **options: Any) -> Row:
    batch = claim(service, worker, later, **options)
    assert batch is not None
    return batch


def begin(service: Actor, batch: Row, worker: str = "a", later: str = "0") -> list[Row]:
    contents = {mail["id"]: None for mail in batch["mails"]}
    return service.run(
        "select * from public.begin_mails(%s, %s, %s, at => now() + %s::interval)", worker, batch["id"], contents, later
    )


def settle(
    service: Actor,
    batch: Row,
    *results: Row,
    worker: str = "a",
    later: str = "0",
    pause: float = 0,
    is_end: bool = True,
) -> bool:
    (row,) = service.run(
        "select public.settle_mails(%s, %s, %s, %s, %s, now() + %s::interval) as held",
        worker, batch["id"], Jsonb(list(results)), pause, is_end, later,
    )  # fmt: skip
    held: bool = row["held"]
    return held


def every(batch: Row, outcome: str, **more: Any) -> list[Row]:
    return [{"id": mail["id"], "outcome": outcome, **more} for mail in batch["mails"]]


def states(club: Club, letter: Row) -> dict[str, str]:
    rows = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
    return {row["display_name"]: row["state"] for row in rows}


def subscription(actors: Actors, person: Actor, club: Club) -> str:
    token: str = actors.one(
        "select token from private.email_subscriptions where user_id = %s and space_id = %s", person.id, club.id
    )
    return token


# Who gets the newsletter ------------------------------------------------------------------------------------------


def test_who_gets_none_is_listed_with_the_reason(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni", "Femi", "Gus")
    boris, chloe, dmitri, eleni, _, gus = club.members
    actors.run("update auth.users set email_confirmed_at = null where id = %s", gus.id)
    boris.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    chloe.call("set_space_emails", space_id=club.id, is_on=False)
    actors.run("update auth.users set email = null where id = %s", dmitri.id)
    address = actors.one("select upper(email) from auth.users where id = %s", eleni.id)
    actors.service().call("suppress_email", address=address, detail="Asked by phone")
    letter = club.week()
    assert states(club, letter) == {
        "Ada": "QUEUED", "Boris": "OFF", "Chloe": "UNSUBSCRIBED", "Dmitri": "NO_ADDRESS", "Eleni": "SUPPRESSED",
        "Femi": "QUEUED", "Gus": "UNCONFIRMED",
    }  # fmt: skip


def test_an_address_that_was_never_confirmed_gets_nothing(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    actors.run("update auth.users set email_confirmed_at = null where id = %s", boris.id)
    grant_tokens(actors, club.leader, 10)
    club.leader.insert("token_gifts", recipient_id=boris.id, amount=1, message="In a stranger's words")
    club.ask("What did you read?")
    mails = actors.run("select kind, state from private.mails where user_id = %s", boris.id)
    assert {row["kind"] for row in mails} >= {"GIFT_RECEIVED", "PROMPTS_PUBLISHED"}
    assert {row["state"] for row in mails} == {"UNCONFIRMED"}
    # In the app they are told all the same.
    assert len(boris.select("notifications")) == len(mails)


def test_the_audience_is_settled_when_it_is_published(actors: Actors, club: Club) -> None:
    letter = publish(club)
    club.join(actors.person("Late"))
    assert states(club, letter) == {"Ada": "QUEUED", "Boris": "QUEUED", "Chloe": "QUEUED"}


@pytest.mark.parametrize("when", ["before it is claimed", "after it is claimed"])
def test_who_left_or_was_removed_before_it_was_sent_gets_none(
    actors: Actors, club: Club, service: Actor, when: str
) -> None:
    boris, chloe = club.members
    letter = publish(club)
    early = claimed(service) if when == "after it is claimed" else None
    boris.rows("leave_space", space_id=club.id)
    club.leader.rows("remove_member", space_id=club.id, user_id=chloe.id)
    actors.run("delete from private.mails where newsletter_id is null")
    batch = early or claimed(service)
    begun = begin(service, batch)
    assert [row["email"].split(".")[0] for row in begun] == ["ada"]
    settle(service, batch, *every(batch, "SENT"))
    assert states(club, letter) == {"Ada": "SENT", "Boris": "LEFT", "Chloe": "LEFT"}
    assert claim(service, later="10 years") is None


def test_who_left_between_two_attempts_gets_no_second_one(actors: Actors, club: Club, service: Actor) -> None:
    boris, _ = club.members
    letter = publish(club)
    batch = claimed(service)
    begin(service, batch)
    settle(service, batch, *every(batch, "RETRY", error="451 later"))
    boris.rows("leave_space", space_id=club.id)
    actors.run("delete from private.mails where newsletter_id is null")
    again = claimed(service, later="5 minutes")
    assert len(begin(service, again, later="5 minutes")) == 2
    assert states(club, letter)["Boris"] == "LEFT"


def test_only_the_leader_sees_how_far_it_is_and_nobody_an_address(actors: Actors, club: Club) -> None:
    letter = publish(club)
    (row, *_) = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
    assert set(row) == {"user_id", "display_name", "state", "attempts", "last_error", "queued_at", "sent_at"}
    for person in (*club.members, actors.person("Olga")):
        with person.refused("MG401"):
            person.rows("newsletter_delivery", newsletter_id=letter["id"])
    assert actors.service().rows("newsletter_delivery", newsletter_id=letter["id"])
    with actors.anon().refused("42501"):
        actors.anon().rows("newsletter_delivery", newsletter_id=letter["id"])


def test_a_letter_waits_until_it_is_rendered_and_stays_as_it_was_first(club: Club, service: Actor) -> None:
    letter = club.week()
    club.actors.run("delete from private.mails where newsletter_id is null")
    assert claim(service) is None
    service.rows("save_newsletter_mail", newsletter_id=letter["id"], content=CONTENT)
    service.rows("save_newsletter_mail", newsletter_id=letter["id"], content={"subject": "Another"})
    assert service.call("newsletter_mail", newsletter_id=letter["id"]) == CONTENT
    assert len(claimed(service)["mails"]) == 3


def test_what_was_rendered_before_somebody_was_taken_out_is_not_kept(club: Club, service: Actor) -> None:
    letter = club.week()
    old = CONTENT | {"redacted_at": None}
    club.actors.run("select private.redact_newsletter(%s, %s)", letter["id"], club.members[0].id)
    redacted_at = club.actors.one("select redacted_at from public.newsletters where id = %s", letter["id"])
    if redacted_at is None:  # It said nothing of them: as if it had.
        redacted_at = club.actors.one(
            "update public.newsletters set redacted_at = now() where id = %s returning redacted_at", letter["id"]
        )
    service.rows("save_newsletter_mail", newsletter_id=letter["id"], content=old)
    assert service.call("newsletter_mail", newsletter_id=letter["id"]) is None
    new = old | {"redacted_at": redacted_at.isoformat()}
    service.rows("save_newsletter_mail", newsletter_id=letter["id"], content=new)
    assert service.call("newsletter_mail", newsletter_id=letter["id"]) == new


def test_a_draft_has_no_email(club: Club, service: Actor) -> None:
    (prompt,) = club.ask()
    club.answer(prompt)
    club.leader.rows(
        "select_responses", space_id=club.id, week_number=1, response_ids=[club.leader.select("responses")[0]["id"]]
    )
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    service.rows("save_newsletter_mail", newsletter_id=draft["id"], content=CONTENT)
    assert service.call("newsletter_mail", newsletter_id=draft["id"]) is None


def test_the_theme_is_the_leaders_when_the_snapshot_was_taken(actors: Actors, club: Club, service: Actor) -> None:
    dusk = {"paper": "#20242c", "ink": "#f0e9dc", "accent": "#c58b5a"}
    theme = service.insert("store_items", code="dusk", name="Dusk", kind="THEME", price=1, metadata=dusk)
    letter = club.week()
    assert letter["theme"] is None
    actors.run("select private.post_transaction(%s, 'EARN_STREAK', 10, 'streak', null, 'test')", club.leader.id)
    club.leader.call("purchase_item", item_id=theme["id"])
    club.leader.run("update public.settings set active_theme_id = %s where user_id = auth.uid()", theme["id"])
    letter = club.week()
    assert letter["theme"] == dusk
    club.leader.run("update public.settings set active_theme_id = null where user_id = auth.uid()")
    assert club.leader.select("newsletters", id=letter["id"])[0]["theme"] == dusk


# The life of a mail -----------------------------------------------------------------------------------------------


def test_sent_is_sent(actors: Actors, club: Club, service: Actor) -> None:
    letter = publish(club)
    batch = claimed(service)
    assert [mail["state"] for mail in batch["mails"]] == ["QUEUED"] * 3
    begun = begin(service, batch)
    assert states(club, letter) == dict.fromkeys(["Ada", "Boris", "Chloe"], "SENDING")
    assert len({row["token"] for row in begun}) == 3 and all(len(row["token"]) == 64 for row in begun)
    assert sorted(row["email"].split(".")[0] for row in begun) == ["ada", "boris", "chloe"]
    assert settle(service, batch, *every(batch, "SENT", provider_id="x"))
    assert states(club, letter) == dict.fromkeys(["Ada", "Boris", "Chloe"], "SENT")
    assert claim(service, later="10 years") is None
    assert actors.one("select count(*) from private.mail_batches") == 0
    assert actors.one("select count(*) from private.mails where email is not null or content is not null") == 0


def test_a_mind_changed_in_time_counts(club: Club, service: Actor) -> None:
    boris, chloe = club.members
    letter = publish(club)
    batch = claimed(service)
    boris.call("set_space_emails", space_id=club.id, is_on=False)
    chloe.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    assert len(begin(service, batch)) == 1
    settle(service, batch, *every(batch, "SENT"))
    assert states(club, letter) == {"Ada": "SENT", "Boris": "UNSUBSCRIBED", "Chloe": "OFF"}


def test_what_was_not_begun_goes_back(club: Club, service: Actor) -> None:
    letter = publish(club)
    batch = claimed(service)
    assert claim(service, "b") is None
    assert settle(service, batch)
    assert len(claimed(service, "b")["mails"]) == 3
    assert set(states(club, letter).values()) == {"QUEUED"}


def test_a_worker_that_dies_leaves_its_mails_uncertain_with_their_order_addresses_and_content(
    club: Club, service: Actor, actors: Actors
) -> None:
    letter = publish(club)
    batch = claimed(service)
    begun = begin(service, batch)
    actors.run("update auth.users set email = 'moved@example.test' where id = %s", club.leader.id)
    assert claim(service, "b", "119 seconds") is None
    again = claimed(service, "b", "121 seconds")
    assert again["id"] == batch["id"]
    assert [(mail["id"], mail["email"]) for mail in again["mails"]] == [(str(row["id"]), row["email"]) for row in begun]
    assert set(states(club, letter).values()) == {"UNCERTAIN"}
    # The first worker wakes up.
    assert not settle(service, batch, *every(batch, "SENT"), later="122 seconds")
    assert begin(service, batch, "a", "122 seconds") == []
    assert set(states(club, letter).values()) == {"UNCERTAIN"}
    assert settle(service, again, *every(again, "SENT"), worker="b", later="123 seconds")
    assert set(states(club, letter).values()) == {"SENT"}


def test_an_uncertain_batch_comes_back_whole_and_not_at_once(club: Club, service: Actor) -> None:
    publish(club)
    batch = claimed(service)
    begin(service, batch)
    sent, *others = every(batch, "UNCERTAIN", error="no answer")
    settle(service, batch, sent | {"outcome": "SENT"}, *others)
    assert claim(service, "b", "80 seconds") is None
    again = claimed(service, "b", "100 seconds")
    assert [mail["id"] for mail in again["mails"]] == [mail["id"] for mail in others]
    assert again["attempts"] == 1


def test_what_was_not_accepted_is_tried_again_until_it_is_given_up(club: Club, service: Actor) -> None:
    letter = publish(club)
    for attempt in range(12):
        batch = claimed(service, later=f"{2 * attempt} hours")
        begin(service, batch, later=f"{2 * attempt} hours")
        settle(service, batch, *every(batch, "RETRY", error="451 later"), later=f"{2 * attempt} hours")
        assert set(states(club, letter).values()) == {"QUEUED" if attempt < 11 else "FAILED"}
    assert claim(service, later="10 years") is None
    letters = service.rows("dead_letters")
    leaders = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
    assert {row["last_error"] for row in leaders} == {"The mail server did not take it."}
    assert [(row["kind"], row["attempts"], row["last_error"], row["gave_up"]) for row in letters] == [
        ("newsletter.email", 12, "451 later", True)
    ] * 3
    assert service.call("replay_dead_letters", keys=[letters[0]["key"]]) == 1
    assert service.call("replay_dead_letters") == 2
    assert len(claimed(service)["mails"]) == 3


def test_a_fault_that_is_not_the_mails_is_not_counted(club: Club, service: Actor, actors: Actors) -> None:
    publish(club)
    batch = claimed(service)
    begin(service, batch)
    settle(service, batch, *every(batch, "RETRY", uncounted=True), pause=30)
    assert actors.one("select sum(attempts) from private.mails") == 0
    assert claim(service, "b", "29 seconds") is None
    # Everybody waits, and those of another provider do not.
    (row,) = service.run("select public.claim_mails('b', 'resend', at => now() + interval '1 minute') as batch")
    assert row["batch"] is not None
    assert actors.one("select paused_until - now() = interval '30 seconds' from private.mail_providers")


FORMS = [
    "{email}", "<{email}>", "<{EMAIL}>: Recipient address rejected", "({local}) no such user", "user {local} unknown",
    "{LOCAL}: unknown", "{url}", "{xtext}", "{quoted_printable}", "{entity}", "{return_path}@bounces.example.test",
    "{return_path}", "{base64}", "{local} at {domain}", '"{local}"@{domain}', "see http://help.test/?a={url}&b=1",
    "other.person@elsewhere.test", '"Other Person"@elsewhere.test', "<@relay.test:other@elsewhere.test>",
    "other.person%40elsewhere.test", "other@[192.0.2.1]", "{plain}", "tag {untagged} is closed",
]  # fmt: skip


@pytest.mark.parametrize("email", ["ada.b@mail.test", "ada+news@mail.test", "O'Hara.ada@mail.test", "ada@mail.test"])
def test_what_a_server_says_is_kept_without_any_address(actors: Actors, email: str) -> None:
    local, domain = email.split("@")
    forms = {
        "email": email, "EMAIL": email.upper(), "local": local, "LOCAL": local.upper(), "domain": domain,
        "url": quote(email, safe=""), "xtext": email.replace("+", "+2B").replace("@", "+40"),
        "quoted_printable": email.replace("@", "=40"), "entity": email.replace("@", "&#64;"),
        "return_path": email.replace("@", "="), "base64": b64encode(email.encode()).decode(),
        "plain": local.replace(".", ""), "untagged": local.split("+")[0],
    }  # fmt: skip
    for form in FORMS:
        said = f"550 5.1.1 {form.format(**forms)} refused"
        kept = actors.one("select private.scrub_addresses(%s, %s)", said, email)
        for secret in ("ada", "other", b64encode(email.encode()).decode()[:20].lower(), "person"):
            assert secret not in kept.lower(), (said, kept)
        assert kept.startswith("550 5.1.1 ") and kept.endswith(" refused"), (said, kept)
    for length in range(3900, 4010):
        kept = actors.one("select private.scrub_addresses(%s, %s)", f"{'. ' * (length // 2)}{email} " * 3, email)
        assert not re.search("[a-z]", kept.replace("<address>", ""), re.IGNORECASE), kept[-60:]
    assert actors.one("select private.scrub_addresses(null, %s)", email) is None
    assert actors.one("select private.scrub_addresses('550 later', null)") == "550 later"


@pytest.mark.parametrize("outcome", ["REJECTED", "RETRY", "UNCERTAIN"])
def test_nobody_sees_an_address_in_what_a_server_said(club: Club, service: Actor, outcome: str) -> None:
    letter = publish(club)
    batch = claimed(service)
    begun = {str(row["id"]): row["email"] for row in begin(service, batch)}
    results = [
        {"id": id, "outcome": outcome, "error": f"550 <{email}>: {email.split('@')[0]} is not there", "suppress": True}
        for id, email in begun.items()
    ]
    settle(service, batch, *results)
    seen = [
        club.leader.rows("newsletter_delivery", newsletter_id=letter["id"]),
        service.rows("newsletter_delivery", newsletter_id=letter["id"]), service.rows("dead_letters"),
        [row["detail"] for row in service.rows("email_suppressions")],
    ]  # fmt: skip
    for email in begun.values():
        assert email not in str(seen) and email.split("@")[0] not in str(seen)
    assert "550 <address>: <address> is not there" in str(seen[1])
    assert "550 <" not in str(seen[0]), "leaders are told in our words"


# Whose fault it is ------------------------------------------------------------------------------------------------


def refuse(service: Actor, batch: Row, fault: str, later: str = "0", **more: Any) -> None:
    begin(service, batch, later=later)
    settle(
        service, batch, *every(batch, "RETRY", uncounted=True, fault=fault, error="530 sign in", **more), later=later
    )


def give_domains(club: Club) -> None:
    """Give everybody an address at a domain of their own."""
    for number, person in enumerate((club.leader, *club.members)):
        club.actors.run("update auth.users set email = %s where id = %s", f"someone@mx.host{number}.test", person.id)


def test_what_is_the_senders_fault_stops_sending_and_fails_no_mail(club: Club, service: Actor, actors: Actors) -> None:
    give_domains(club)
    letter = publish(club)
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
    assert set(states(club, letter).values()) == {"QUEUED"}
    rows = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
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


def test_one_recipients_server_cannot_stop_the_others_mail(club: Club, service: Actor) -> None:
    letter = publish(club)
    batch = claimed(service)
    begin(service, batch)
    bad, *good = every(batch, "SENT")
    for _ in range(2):  # Even if it is asked again before the others are through.
        settle(service, batch, bad | {"outcome": "RETRY", "fault": "SENDER", "uncounted": True}, is_end=False)
    settle(service, batch, *good)
    assert sorted(states(club, letter).values()) == ["QUEUED", "SENT", "SENT"]
    assert claim(service, "b", "2 hours") is not None
    (state,) = service.rows("mail_state")
    assert (state["fault"], state["refusals"]) == (None, 0)


def test_mails_that_are_refused_again_and_again_keep_no_others_waiting(
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
    assert [mail["kind"] for mail in first] == ["PROMPTS_PUBLISHED"] + ["NEWSLETTER_PUBLISHED"] * 2


def test_a_provider_that_stops_in_the_middle_of_a_batch_is_given_nothing_more(club: Club, service: Actor) -> None:
    publish(club)
    mine = claimed(service, mail_limit=1)
    other = claimed(service, "b")
    begin(service, mine)
    settle(service, mine, *every(mine, "RETRY", fault="SENDER", uncounted=True), pause=60)
    assert begin(service, other, "b") == []


def test_one_domain_stops_nobody_with_however_many_mails(club: Club, service: Actor, actors: Actors) -> None:
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
    letter = publish(club)
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
    assert sorted(states(club, letter).values()) == ["QUEUED", "SENT", "SENT"]
    again = claimed(service, later="25 hours")
    begin(service, again, later="25 hours")
    settle(service, again, refused, later="25 hours")
    rows = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
    assert [row["last_error"] for row in rows if row["state"] == "FAILED"] == ["The mail server did not take it."]
    assert service.rows("email_suppressions") == []
    assert service.call("replay_dead_letters") == 1


def test_a_full_mailbox_is_tried_for_a_day_and_not_suppressed(club: Club, service: Actor) -> None:
    letter = publish(club)
    hours = 0
    for _ in range(12):
        batch = claimed(service, later=f"{hours} hours")
        begin(service, batch, later=f"{hours} hours")
        full = every(batch, "RETRY", error="552 5.2.2 full", fault="MAILBOX_FULL")
        settle(service, batch, *full, later=f"{hours} hours")
        assert claim(service, later=f"{hours + 1} hours") is None
        hours += 3
    rows = club.leader.rows("newsletter_delivery", newsletter_id=letter["id"])
    assert {(row["state"], row["last_error"]) for row in rows} == {("FAILED", "The mailbox is full.")}
    assert service.rows("email_suppressions") == []


def test_refused_is_refused_and_a_dead_address_is_remembered(club: Club, service: Actor, actors: Actors) -> None:
    letter = publish(club)
    batch = claimed(service)
    begun = begin(service, batch)
    bad, *good = every(batch, "SENT")
    settle(service, batch, bad | {"outcome": "REJECTED", "error": "550 no such user", "suppress": True}, *good)
    assert sorted(states(club, letter).values()) == ["FAILED", "SENT", "SENT"]
    (entry,) = service.rows("email_suppressions")
    assert (entry["address"], entry["reason"], entry["detail"]) == (begun[0]["email"], "BOUNCED", "550 no such user")
    assert service.call("replay_dead_letters") == 0  # What was refused is only tried again by name.
    assert "SUPPRESSED" in states(club, club.week()).values()
    assert service.call("allow_email", address=entry["address"].upper()) is True
    assert service.call("allow_email", address=entry["address"]) is False
    assert actors.one("select count(*) from private.email_suppressions") == 0


def test_a_bounce_that_comes_later(club: Club, service: Actor) -> None:
    letter = publish(club)
    batch = claimed(service)
    (first, *_) = begin(service, batch)
    settle(service, batch, *[result | {"provider_id": f"p-{result['id']}"} for result in every(batch, "SENT")])
    for _ in range(2):
        service.rows(
            "record_mail_event",
            provider_id=f"p-{first['id']}", event="BOUNCED", address=first["email"].upper(), detail="no mailbox",
        )  # fmt: skip
    assert sorted(states(club, letter).values()) == ["FAILED", "SENT", "SENT"]
    service.rows("record_mail_event", provider_id="unknown", event="COMPLAINED", address="x@example.test")
    assert [row["reason"] for row in service.rows("email_suppressions")] == ["BOUNCED", "COMPLAINED"]
    with service.refused("MG001"):
        service.rows("record_mail_event", provider_id="x", event="OPENED", address="x@example.test")


@pytest.mark.parametrize(
    ("event", "state", "suppressed"),
    [("FAILED", "FAILED", False), ("SUPPRESSED", "SUPPRESSED", True), ("UNSENT", "QUEUED", False)],
)
def test_what_else_a_provider_tells_later(club: Club, service: Actor, event: str, state: str, suppressed: bool) -> None:
    letter = publish(club)
    batch = claimed(service)
    (first, *_) = begin(service, batch)
    settle(service, batch, *[result | {"provider_id": f"p-{result['id']}"} for result in every(batch, "SENT")])
    detail = f"No room for {first['email']}"
    for _ in range(2):
        service.rows(
            "record_mail_event",
            provider_id=f"p-{first['id']}", event=event, address=first["email"], detail=detail,
        )  # fmt: skip
    assert sorted(states(club, letter).values()) == sorted([state, "SENT", "SENT"])
    assert bool(service.rows("email_suppressions")) is suppressed
    seen = (service.rows("newsletter_delivery", newsletter_id=letter["id"]), service.rows("email_suppressions"))
    assert first["email"] not in str(seen[0]) and f"for {first['email']}" not in str(seen[1])
    if state == "QUEUED":
        assert claim(service, later="5 minutes") is None
        again = claimed(service, later="20 minutes")
        assert len(begin(service, again, later="20 minutes")) == 1
        settle(service, again, *every(again, "SENT", provider_id="q"), later="20 minutes")
        assert set(states(club, letter).values()) == {"SENT"}


def test_what_a_provider_takes_and_never_sends_is_given_up_in_the_end(
    club: Club, service: Actor, actors: Actors
) -> None:
    letter = publish(club)
    actors.run("delete from private.mails where user_id <> %s", club.leader.id)
    for attempt in range(31):
        actors.run("update private.mails set run_at = now()")
        batch = claimed(service)
        (mail,) = begin(service, batch)
        settle(service, batch, *every(batch, "SENT", provider_id=f"p{attempt}"))
        service.rows(
            "record_mail_event", provider_id=f"p{attempt}", event="UNSENT", address=mail["email"], detail="quota"
        )
        assert states(club, letter) == {"Ada": "QUEUED" if attempt < 30 else "FAILED"}
    assert service.call("replay_dead_letters") == 1


def test_a_deleted_account_gets_nothing_more(club: Club, service: Actor, actors: Actors) -> None:
    letter = publish(club)
    boris, chloe = club.members
    actors.run("delete from auth.users where id = %s", boris.id)
    actors.run("delete from private.mails where newsletter_id is null")  # Chloe has the pen now.
    batch = claimed(service)
    begin(service, batch)
    actors.run("delete from auth.users where id = %s", chloe.id)
    again = claimed(service, "b", "3 minutes")
    assert len(again["mails"]) == 2  # The request that may have gone out is repeated as it was.
    settle(service, again, *every(again, "SENT"), worker="b", later="3 minutes")
    assert states(club, letter) == {"Ada": "SENT"}
    assert actors.one("select count(*) from private.mails where user_id is null") == 0


def test_the_curators_mail_is_noted_in_the_rotation(club: Club, service: Actor, actors: Actors) -> None:
    boris = club.members[0]
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    actors.run("delete from private.mails where user_id <> %s or kind <> 'CURATOR_ASSIGNED'", boris.id)
    batch = claimed(service)
    (mail,) = batch["mails"]
    assert (mail["display_name"], mail["space_name"], mail["payload"]) == (
        "Boris",
        "Test Book Club",
        {"week_number": 1},
    )
    service.rows("begin_mails", worker="a", batch_id=batch["id"], contents={mail["id"]: CONTENT})
    assert actors.one("select content from private.mails") == CONTENT
    settle(service, batch, *every(batch, "SENT"))
    (rotation,) = boris.select("curator_rotations")
    assert (rotation["notification_status"], rotation["notified_at"] is not None) == ("SENT", True)


def test_many_workers_send_each_mail_once(fresh_dsn: str, committed: Callable[[], Actors]) -> None:
    with committed() as actors:
        letter = publish(found_club(actors, *[f"Member {n}" for n in range(60)]))

    def work(actors: Actors) -> object:
        service = actors.service()
        batch = claim(service, "w", mail_limit=7)
        return [] if batch is None else [row["id"] for row in begin(service, batch, "w")]

    taken = [mail for batch in together(fresh_dsn, [work] * 8, rounds=3) if isinstance(batch, list) for mail in batch]
    assert len(taken) == len(set(taken)) == 61
    with committed() as actors:
        assert actors.one("select count(*) from private.mails where newsletter_id = %s", letter["id"]) == 61


# Languages --------------------------------------------------------------------------------------------------------


def test_each_email_says_what_its_reader_reads(club: Club, service: Actor, actors: Actors) -> None:
    boris, chloe = club.members[:2]
    boris.run("update public.settings set language = 'fr-CA'")
    chloe.run("delete from public.settings")
    newsletter = publish(club)
    assert service.run("select public.newsletter_languages(%s) as language", newsletter["id"]) == [
        {"language": "fr-CA"}
    ]
    club.leader.update("spaces", club.id, language="de")
    batch = claimed(service)
    read = {mail["display_name"]: mail["languages"] for mail in batch["mails"]}
    assert read == {name: ["de"] for name in read} | {"Boris": ["fr-CA", "de"]}
    begin(service, batch)
    (told,) = service.rows("email_subscription", token=subscription(actors, boris, club))
    assert told["languages"] == ["fr-CA", "de"]


# Switching them off -----------------------------------------------------------------------------------------------


def test_unsubscribing_from_a_space(club: Club, service: Actor, actors: Actors) -> None:
    boris = club.members[0]
    publish(club)
    begin(service, claimed(service))
    token = subscription(actors, boris, club)
    for _ in range(2):
        assert service.call("unsubscribe", token=token, scope="space") is True
    assert service.rows("email_subscription", token=token) == [
        {
            "space_id": club.id, "space_name": "Test Book Club", "space_emails": False,
            "email_newsletters": True, "email_notifications": True, "email_reminders": True, "can_undo": True,
            "languages": [],
        }
    ]  # fmt: skip
    assert boris.call("space_emails", space_id=club.id) is False
    assert states(club, club.week())["Boris"] == "UNSUBSCRIBED"
    elsewhere = found_club(actors, leader="Olga")
    elsewhere.join(boris)
    assert states(elsewhere, elsewhere.week())["Boris"] == "QUEUED"
    # It holds when they leave and come back, and they can change their mind.
    boris.rows("leave_space", space_id=club.id)
    club.join(boris)
    assert boris.call("space_emails", space_id=club.id) is False
    assert boris.call("set_space_emails", space_id=club.id, is_on=True) is True
    assert states(club, club.week())["Boris"] == "QUEUED"


def test_unsubscribing_from_everything(club: Club, service: Actor, actors: Actors) -> None:
    boris = club.members[0]
    publish(club)
    begin(service, claimed(service))
    boris.run("delete from public.settings where user_id = auth.uid()")
    for _ in range(2):
        assert service.call("unsubscribe", token=subscription(actors, boris, club), scope="everything") is True
    (settings,) = boris.select("settings")
    assert (settings["email_newsletters"], settings["email_notifications"]) == (False, False)
    assert states(club, club.week())["Boris"] == "OFF"
    assert club.leader.select("settings")[0]["email_newsletters"] is True


def switches(person: Actor, club: Club) -> tuple[bool, bool, bool, bool]:
    """Whether a person gets the space's emails, newsletters, news, and reminders."""
    (row,) = person.select("settings")
    return (
        person.call("space_emails", space_id=club.id),
        row["email_newsletters"], row["email_notifications"], row["email_reminders"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ("space", (False, True, True, True)),
        ("reminders", (True, True, True, False)),
        ("everything", (True, False, False, True)),
    ],
)
def test_what_a_link_stopped_can_be_undone_for_an_hour(
    club: Club, service: Actor, actors: Actors, scope: str, stopped: tuple[bool, ...]
) -> None:
    boris = club.members[0]
    publish(club)
    begin(service, claimed(service))
    token = subscription(actors, boris, club)
    assert service.call("resubscribe", token=token) is False
    for _ in range(2):  # The second time stops nothing, and leaves what can be undone.
        assert service.call("unsubscribe", token=token, scope=scope) is True
        assert switches(boris, club) == stopped
    late = "select public.resubscribe(%s, now() + interval '61 minutes') as undone"
    assert service.run(late, token) == [{"undone": False}]
    assert service.call("resubscribe", token=token) is True
    assert switches(boris, club) == (True, True, True, True)
    assert service.call("resubscribe", token=token) is False
    assert service.rows("email_subscription", token=token)[0]["can_undo"] is False


def test_undoing_switches_on_nothing_that_was_off_before(club: Club, service: Actor, actors: Actors) -> None:
    boris = club.members[0]
    publish(club)
    begin(service, claimed(service))
    token = subscription(actors, boris, club)
    boris.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    assert service.call("unsubscribe", token=token, scope="everything") is True
    assert service.call("resubscribe", token=token) is True
    assert switches(boris, club) == (True, False, True, True)
    assert service.call("resubscribe", token="0" * 64) is False


@dataclass(frozen=True)
class Reader:
    """Somebody with links in two kinds of emails."""

    actor: Actor
    service: Actor
    club: Club
    token: str
    other: str
    """The token of emails about no space."""

    def press(self, token: str, scope: str) -> None:
        assert self.service.call("unsubscribe", token=token, scope=scope) is True


LATER: dict[str, Callable[[Reader], object]] = {
    "in the settings": lambda reader: reader.actor.run("update public.settings set email_newsletters = false"),
    "by an upsert": lambda reader: reader.actor.run(
        "insert into public.settings (email_notifications) values (false)"
        " on conflict (user_id) do update set email_notifications = excluded.email_notifications"
    ),
    "by new settings": lambda reader: (
        reader.actor.run("delete from public.settings"),
        reader.actor.run("insert into public.settings (email_newsletters) values (false)"),
    ),
    "by another link": lambda reader: reader.press(reader.other, "everything"),
    "of the space": lambda reader: reader.actor.call("set_space_emails", space_id=reader.club.id, is_on=False),
}


@pytest.fixture
def reader(club: Club, service: Actor, actors: Actors) -> Reader:
    boris = club.members[0]
    publish(club)
    begin(service, claimed(service))
    other = "insert into private.email_subscriptions (user_id, space_id) values (%s, null) returning token"
    return Reader(boris, service, club, subscription(actors, boris, club), actors.one(other, boris.id))


@pytest.mark.parametrize(
    ("scope", "later", "is_over"),
    [
        ("everything", "in the settings", True),
        ("everything", "by an upsert", True),
        ("everything", "by new settings", True),
        ("everything", "by another link", True),
        ("everything", "of the space", False),
        ("reminders", "in the settings", True),
        ("space", "of the space", True),
        ("space", "in the settings", False),
        ("space", "by another link", False),
    ],
)
def test_a_link_undoes_nothing_that_was_decided_later(reader: Reader, scope: str, later: str, is_over: bool) -> None:
    reader.press(reader.token, scope)
    LATER[later](reader)
    decided = switches(reader.actor, reader.club)
    assert reader.service.rows("email_subscription", token=reader.token)[0]["can_undo"] is not is_over
    assert reader.service.call("resubscribe", token=reader.token) is not is_over
    assert (switches(reader.actor, reader.club) == decided) is is_over


def test_what_is_set_again_as_it_is_is_decided_too_and_what_is_not_about_emails_is_not(reader: Reader) -> None:
    for change, is_over in (
        ("email_reminders = false", True),
        ("timezone = 'UTC', in_app_notifications = true", False),
    ):
        reader.press(reader.token, "reminders")
        reader.actor.run(f"update public.settings set {change}")
        assert reader.service.call("resubscribe", token=reader.token) is not is_over
        reader.actor.run("update public.settings set email_reminders = true")


def test_the_last_of_two_links_still_undoes(reader: Reader) -> None:
    reader.press(reader.token, "everything")
    reader.press(reader.other, "reminders")
    assert reader.service.call("resubscribe", token=reader.other) is True
    assert switches(reader.actor, reader.club) == (True, False, False, True)
    assert reader.service.call("resubscribe", token=reader.token) is False


def test_links_work_when_the_space_is_gone(club: Club, service: Actor, actors: Actors) -> None:
    publish(club)
    begin(service, claimed(service))
    token = subscription(actors, club.members[0], club)
    club.leader.delete("spaces", club.id)
    (row,) = service.rows("email_subscription", token=token)
    assert (row["space_id"], row["space_name"]) == (club.id, None)
    assert service.call("unsubscribe", token=token, scope="space") is True


def test_a_token_that_nobody_has(service: Actor) -> None:
    assert service.rows("email_subscription", token="0" * 64) == []
    assert service.call("unsubscribe", token="0" * 64, scope="everything") is False
    with service.refused("MG001"):
        service.call("unsubscribe", token="0" * 64, scope="all")


def test_the_switch_is_for_members_and_their_own(club: Club, actors: Actors) -> None:
    olga = actors.person("Olga")
    for call in ("space_emails", "set_space_emails"):
        with olga.refused("MG101"):
            olga.call(call, space_id=club.id, **({"is_on": False} if call.startswith("set") else {}))
    with club.leader.refused("MG001"):
        club.leader.call("set_space_emails", space_id=club.id, is_on=None)
    assert club.members[0].call("space_emails", space_id=club.id) is True


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
    said = [mail["payload"]["questions"] for mail in claimed(service)["mails"] if mail["kind"] == kind]
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
    assert [mail["payload"]["questions"] for mail in batch["mails"]] == [[]] * len(batch["mails"])


@pytest.mark.parametrize("kind", ["CURATOR_ASSIGNED", "PROMPTS_PUBLISHED", "RESPONSE_REMINDER"])
def test_what_asks_for_something_in_a_week_is_not_mailed_after_it(
    kind: str, club: Club, actors: Actors, service: Actor
) -> None:
    actors.run(
        "select private.queue_mails(%s, %s, %s, null, %s, 'late')",
        [club.leader.id], kind, club.id, Jsonb({"week_number": 1}),
    )  # fmt: skip
    actors.run("delete from private.mails where dedupe_key <> 'late'")
    batch = claimed(service)
    actors.run("update public.spaces set current_week = 2 where id = %s", club.id)
    assert begin(service, batch) == []
    assert actors.one("select state from private.mails") == "CLOSED"


def test_questions_that_change_after_a_worker_took_their_emails_are_taken_anew(
    club: Club, actors: Actors, service: Actor
) -> None:
    prompt = club.leader.insert("prompts", space_id=club.id, question="What?")
    club.leader.run("update public.prompts set is_published = true where id = %s", prompt["id"])
    actors.run("delete from private.mails where kind <> 'PROMPTS_PUBLISHED'")
    batch = claimed(service)
    club.leader.run("update public.prompts set question = 'Which?' where id = %s", prompt["id"])
    assert begin(service, batch) == []
    again = claimed(service, "b")
    said = {mail["payload"]["questions"][0]["question"] for mail in again["mails"]}
    assert said == {"Which?"} and len(begin(service, again, "b")) == len(batch["mails"])
