"""Who gets the email of a newsletter, and who sees how far it is."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors
from tests.support.mails import CONTENT, begin, claim, claimed, every, publish, settle, states
from tests.support.stories import Club, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def test_who_gets_none_is_listed_with_the_reason(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni", "Femi", "Gus")
    boris, chloe, dmitri, eleni, _, gus = club.members
    actors.run("update auth.users set email_confirmed_at = null where id = %s", gus.id)
    boris.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    chloe.call("set_space_emails", space_id=club.id, is_on=False)
    actors.run("update auth.users set email = null where id = %s", dmitri.id)
    address = actors.one("select upper(email) from auth.users where id = %s", eleni.id)
    actors.service().call("suppress_email", address=address, detail="Asked by phone")
    newsletter = club.week()
    assert states(club, newsletter) == {
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
    emails = actors.run("select kind, state from private.mails where user_id = %s", boris.id)
    assert {row["kind"] for row in emails} >= {"GIFT_RECEIVED", "PROMPTS_PUBLISHED"}
    assert {row["state"] for row in emails} == {"UNCONFIRMED"}
    # In the app they are told all the same.
    assert len(boris.select("notifications")) == len(emails)


def test_the_audience_is_settled_when_it_is_published(actors: Actors, club: Club) -> None:
    newsletter = publish(club)
    club.join(actors.person("Late"))
    assert states(club, newsletter) == {"Ada": "QUEUED", "Boris": "QUEUED", "Chloe": "QUEUED"}


@pytest.mark.parametrize("when", ["before it is claimed", "after it is claimed"])
def test_who_left_or_was_removed_before_it_was_sent_gets_none(
    actors: Actors, club: Club, service: Actor, when: str
) -> None:
    boris, chloe = club.members
    newsletter = publish(club)
    early = claimed(service) if when == "after it is claimed" else None
    boris.rows("leave_space", space_id=club.id)
    club.leader.rows("remove_member", space_id=club.id, user_id=chloe.id)
    actors.run("delete from private.mails where newsletter_id is null")
    batch = early or claimed(service)
    begun = begin(service, batch)
    assert [row["email"].split(".")[0] for row in begun] == ["ada"]
    settle(service, batch, *every(batch, "SENT"))
    assert states(club, newsletter) == {"Ada": "SENT", "Boris": "LEFT", "Chloe": "LEFT"}
    assert claim(service, later="10 years") is None


def test_who_left_between_two_attempts_gets_no_second_one(actors: Actors, club: Club, service: Actor) -> None:
    boris, _ = club.members
    newsletter = publish(club)
    batch = claimed(service)
    begin(service, batch)
    settle(service, batch, *every(batch, "RETRY", error="451 later"))
    boris.rows("leave_space", space_id=club.id)
    actors.run("delete from private.mails where newsletter_id is null")
    again = claimed(service, later="5 minutes")
    assert len(begin(service, again, later="5 minutes")) == 2
    assert states(club, newsletter)["Boris"] == "LEFT"


def test_only_the_leader_sees_how_far_it_is_and_nobody_an_address(actors: Actors, club: Club) -> None:
    newsletter = publish(club)
    (row, *_) = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert set(row) == {"user_id", "display_name", "state", "attempts", "last_error", "queued_at", "sent_at"}
    for person in (*club.members, actors.person("Olga")):
        with person.refused("MG401"):
            person.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    assert actors.service().rows("newsletter_delivery", newsletter_id=newsletter["id"])
    with actors.anon().refused("42501"):
        actors.anon().rows("newsletter_delivery", newsletter_id=newsletter["id"])


def test_a_newsletter_waits_until_it_is_rendered_and_stays_as_it_was_first(club: Club, service: Actor) -> None:
    newsletter = club.week()
    club.actors.run("delete from private.mails where newsletter_id is null")
    assert claim(service) is None
    service.rows("save_newsletter_mail", newsletter_id=newsletter["id"], content=CONTENT)
    service.rows("save_newsletter_mail", newsletter_id=newsletter["id"], content={"subject": "Another"})
    assert service.call("newsletter_mail", newsletter_id=newsletter["id"]) == CONTENT
    assert len(claimed(service)["mails"]) == 3


def test_what_was_rendered_before_somebody_was_taken_out_is_not_kept(club: Club, service: Actor) -> None:
    newsletter = club.week()
    old = CONTENT | {"redacted_at": None}
    club.actors.run("select private.redact_newsletter(%s, %s)", newsletter["id"], club.members[0].id)
    redacted_at = club.actors.one("select redacted_at from public.newsletters where id = %s", newsletter["id"])
    if redacted_at is None:  # It said nothing of them: as if it had.
        redacted_at = club.actors.one(
            "update public.newsletters set redacted_at = now() where id = %s returning redacted_at", newsletter["id"]
        )
    service.rows("save_newsletter_mail", newsletter_id=newsletter["id"], content=old)
    assert service.call("newsletter_mail", newsletter_id=newsletter["id"]) is None
    new = old | {"redacted_at": redacted_at.isoformat()}
    service.rows("save_newsletter_mail", newsletter_id=newsletter["id"], content=new)
    assert service.call("newsletter_mail", newsletter_id=newsletter["id"]) == new


def test_a_draft_has_no_email(club: Club, service: Actor) -> None:
    (prompt,) = club.ask()
    club.respond(prompt)
    club.leader.rows(
        "select_responses", space_id=club.id, week_number=1, response_ids=[club.leader.select("responses")[0]["id"]]
    )
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    service.rows("save_newsletter_mail", newsletter_id=draft["id"], content=CONTENT)
    assert service.call("newsletter_mail", newsletter_id=draft["id"]) is None


def test_the_theme_is_the_leaders_when_the_snapshot_was_taken(actors: Actors, club: Club, service: Actor) -> None:
    dusk = {"paper": "#20242c", "ink": "#f0e9dc", "accent": "#c58b5a"}
    theme = service.insert("store_items", code="dusk", name="Dusk", kind="THEME", price=1, metadata=dusk)
    newsletter = club.week()
    assert newsletter["theme"] is None
    actors.run("select private.post_transaction(%s, 'EARN_STREAK', 10, 'streak', null, 'test')", club.leader.id)
    club.leader.call("purchase_item", item_id=theme["id"])
    club.leader.run("update public.settings set active_theme_id = %s where user_id = auth.uid()", theme["id"])
    newsletter = club.week()
    assert newsletter["theme"] == dusk
    club.leader.run("update public.settings set active_theme_id = null where user_id = auth.uid()")
    assert club.leader.select("newsletters", id=newsletter["id"])[0]["theme"] == dusk
