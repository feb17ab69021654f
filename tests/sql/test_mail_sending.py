"""What workers do with emails: each is sent once, and what was not accepted is tried again."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.support.actors import Actor, Actors
from tests.support.mails import CONTENT, begin, claim, claimed, every, publish, settle, states
from tests.support.stories import Club, found_club
from tests.support.together import together


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def test_sent_is_sent(actors: Actors, club: Club, service: Actor) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    assert [email["state"] for email in batch["mails"]] == ["QUEUED"] * 3
    begun = begin(service, batch)
    assert states(club, newsletter) == dict.fromkeys(["Ada", "Boris", "Chloe"], "SENDING")
    assert len({row["token"] for row in begun}) == 3 and all(len(row["token"]) == 64 for row in begun)
    assert sorted(row["email"].split(".")[0] for row in begun) == ["ada", "boris", "chloe"]
    assert settle(service, batch, *every(batch, "SENT", provider_id="x"))
    assert states(club, newsletter) == dict.fromkeys(["Ada", "Boris", "Chloe"], "SENT")
    assert claim(service, later="10 years") is None
    assert actors.one("select count(*) from private.mail_batches") == 0
    assert actors.one("select count(*) from private.mails where email is not null or content is not null") == 0


def test_a_mind_changed_in_time_counts(club: Club, service: Actor) -> None:
    boris, chloe = club.members
    newsletter = publish(club)
    batch = claimed(service)
    boris.call("set_space_emails", space_id=club.id, is_on=False)
    chloe.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    assert len(begin(service, batch)) == 1
    settle(service, batch, *every(batch, "SENT"))
    assert states(club, newsletter) == {"Ada": "SENT", "Boris": "UNSUBSCRIBED", "Chloe": "OFF"}


def test_what_was_not_begun_goes_back(club: Club, service: Actor) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    assert claim(service, "b") is None
    assert settle(service, batch)
    assert len(claimed(service, "b")["mails"]) == 3
    assert set(states(club, newsletter).values()) == {"QUEUED"}


def test_a_worker_that_dies_leaves_its_emails_uncertain_with_their_order_addresses_and_content(
    club: Club, service: Actor, actors: Actors
) -> None:
    newsletter = publish(club)
    batch = claimed(service)
    begun = begin(service, batch)
    actors.run("update auth.users set email = 'moved@example.test' where id = %s", club.leader.id)
    assert claim(service, "b", "119 seconds") is None
    again = claimed(service, "b", "121 seconds")
    assert again["id"] == batch["id"]
    assert [(email["id"], email["email"]) for email in again["mails"]] == [
        (str(row["id"]), row["email"]) for row in begun
    ]
    assert set(states(club, newsletter).values()) == {"UNCERTAIN"}
    # The first worker wakes up.
    assert not settle(service, batch, *every(batch, "SENT"), later="122 seconds")
    assert begin(service, batch, "a", "122 seconds") == []
    assert set(states(club, newsletter).values()) == {"UNCERTAIN"}
    assert settle(service, again, *every(again, "SENT"), worker="b", later="123 seconds")
    assert set(states(club, newsletter).values()) == {"SENT"}


def test_an_uncertain_batch_comes_back_whole_and_not_at_once(club: Club, service: Actor) -> None:
    publish(club)
    batch = claimed(service)
    begin(service, batch)
    sent, *others = every(batch, "UNCERTAIN", error="no answer")
    settle(service, batch, sent | {"outcome": "SENT"}, *others)
    assert claim(service, "b", "80 seconds") is None
    again = claimed(service, "b", "100 seconds")
    assert [email["id"] for email in again["mails"]] == [email["id"] for email in others]
    assert again["attempts"] == 1


def test_what_was_not_accepted_is_tried_again_until_it_is_given_up(club: Club, service: Actor) -> None:
    newsletter = publish(club)
    for attempt in range(12):
        batch = claimed(service, later=f"{2 * attempt} hours")
        begin(service, batch, later=f"{2 * attempt} hours")
        settle(service, batch, *every(batch, "RETRY", error="451 later"), later=f"{2 * attempt} hours")
        assert set(states(club, newsletter).values()) == {"QUEUED" if attempt < 11 else "FAILED"}
    assert claim(service, later="10 years") is None
    newsletters = service.rows("dead_letters")
    leaders = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert {row["last_error"] for row in leaders} == {"The mail server did not take it."}
    assert [(row["kind"], row["attempts"], row["last_error"], row["gave_up"]) for row in newsletters] == [
        ("newsletter.email", 12, "451 later", True)
    ] * 3
    assert service.call("replay_dead_letters", keys=[newsletters[0]["key"]]) == 1
    assert service.call("replay_dead_letters") == 2
    assert len(claimed(service)["mails"]) == 3


def test_a_fault_that_is_not_the_emails_is_not_counted(club: Club, service: Actor, actors: Actors) -> None:
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
    newsletter = publish(club)
    batch = claimed(service)
    begun = {str(row["id"]): row["email"] for row in begin(service, batch)}
    results = [
        {"id": id, "outcome": outcome, "error": f"550 <{email}>: {email.split('@')[0]} is not there", "suppress": True}
        for id, email in begun.items()
    ]
    settle(service, batch, *results)
    seen = [
        club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"]),
        service.rows("newsletter_delivery", newsletter_id=newsletter["id"]), service.rows("dead_letters"),
        [row["detail"] for row in service.rows("email_suppressions")],
    ]  # fmt: skip
    for email in begun.values():
        assert email not in str(seen) and email.split("@")[0] not in str(seen)
    assert "550 <address>: <address> is not there" in str(seen[1])
    assert "550 <" not in str(seen[0]), "leaders are told in our words"


def test_a_deleted_account_gets_nothing_more(club: Club, service: Actor, actors: Actors) -> None:
    newsletter = publish(club)
    boris, chloe = club.members
    actors.run("delete from auth.users where id = %s", boris.id)
    actors.run("delete from private.mails where newsletter_id is null")  # Chloe is the curator now.
    batch = claimed(service)
    begin(service, batch)
    actors.run("delete from auth.users where id = %s", chloe.id)
    again = claimed(service, "b", "3 minutes")
    assert len(again["mails"]) == 2  # The request that may have gone out is repeated as it was.
    settle(service, again, *every(again, "SENT"), worker="b", later="3 minutes")
    assert states(club, newsletter) == {"Ada": "SENT"}
    assert actors.one("select count(*) from private.mails where user_id is null") == 0


def test_the_curators_email_is_noted_in_the_rotation(club: Club, service: Actor, actors: Actors) -> None:
    boris = club.members[0]
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    actors.run("delete from private.mails where user_id <> %s or kind <> 'CURATOR_ASSIGNED'", boris.id)
    batch = claimed(service)
    (email,) = batch["mails"]
    assert (email["display_name"], email["space_name"], email["payload"]) == (
        "Boris",
        "Test Book Club",
        {"week_number": 1},
    )
    service.rows("begin_mails", worker="a", batch_id=batch["id"], contents={email["id"]: CONTENT})
    assert actors.one("select content from private.mails") == CONTENT
    settle(service, batch, *every(batch, "SENT"))
    (rotation,) = boris.select("curator_rotations")
    assert (rotation["notification_status"], rotation["notified_at"] is not None) == ("SENT", True)


def test_many_workers_send_each_email_once(fresh_dsn: str, committed: Callable[[], Actors]) -> None:
    with committed() as actors:
        newsletter = publish(found_club(actors, *[f"Member {n}" for n in range(60)]))

    def work(actors: Actors) -> object:
        service = actors.service()
        batch = claim(service, "w", mail_limit=7)
        return [] if batch is None else [row["id"] for row in begin(service, batch, "w")]

    taken = [email for batch in together(fresh_dsn, [work] * 8, rounds=3) if isinstance(batch, list) for email in batch]
    assert len(taken) == len(set(taken)) == 61
    with committed() as actors:
        assert actors.one("select count(*) from private.mails where newsletter_id = %s", newsletter["id"]) == 61
