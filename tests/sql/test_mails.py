"""Emails: who gets one, who does not and why, and what workers may do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club
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
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni", "Femi")
    boris, chloe, dmitri, eleni, _ = club.members
    boris.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    chloe.call("set_space_emails", space_id=club.id, is_on=False)
    actors.run("update auth.users set email = null where id = %s", dmitri.id)
    address = actors.one("select upper(email) from auth.users where id = %s", eleni.id)
    actors.service().call("suppress_email", address=address, detail="Asked by phone")
    letter = club.week()
    assert states(club, letter) == {
        "Ada": "QUEUED", "Boris": "OFF", "Chloe": "UNSUBSCRIBED", "Dmitri": "NO_ADDRESS", "Eleni": "SUPPRESSED",
        "Femi": "QUEUED",
    }  # fmt: skip


def test_the_audience_is_settled_when_it_is_published(actors: Actors, club: Club) -> None:
    boris, _ = club.members
    letter = publish(club)
    club.join(actors.person("Late"))
    boris.rows("leave_space", space_id=club.id)
    assert states(club, letter) == {"Ada": "QUEUED", "Boris": "QUEUED", "Chloe": "QUEUED"}


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
    theme = service.insert("store_items", code="dusk", name="Dusk", kind="THEME", price=1, metadata={"accent": "#123"})
    letter = club.week()
    assert letter["theme"] is None
    actors.run("select private.post_transaction(%s, 'EARN_STREAK', 10, 'streak', null, 'test')", club.leader.id)
    club.leader.call("purchase_item", item_id=theme["id"])
    club.leader.run("update public.settings set active_theme_id = %s where user_id = auth.uid()", theme["id"])
    letter = club.week()
    assert letter["theme"] == {"accent": "#123"}
    club.leader.run("update public.settings set active_theme_id = null where user_id = auth.uid()")
    assert club.leader.select("newsletters", id=letter["id"])[0]["theme"] == {"accent": "#123"}


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
            "email_newsletters": True, "email_notifications": True,
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
        "select public.unsubscribe('x', 'space')",
        "select * from public.dead_letters()",
        "select public.replay_dead_letters()",
        "select * from public.email_suppressions()",
        "select public.suppress_email('x@example.test')",
        "select public.allow_email('x@example.test')",
        "select public.tick()",
    ):
        with club.leader.refused("42501"):
            club.leader.run(query)
