"""Reading links: one for each member and newsletter, from the email on, until somebody goes or withdraws it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import found_club


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


def send(service: Actor, newsletter: Row) -> dict[str, str]:
    """Begin the emails of a newsletter, and return each reader's token by address."""
    service.call("save_newsletter_mail", newsletter_id=newsletter["id"], content=Jsonb({"html": ""}))
    batch = service.call("claim_mails", worker="a", provider="smtp")
    contents = Jsonb({email["id"]: None for email in batch["mails"]})
    begun = service.rows("begin_mails", worker="a", batch_id=batch["id"], contents=contents)
    claimed = {email["id"]: email["link"] for email in batch["mails"]}
    assert [row["link"] for row in begun] == [claimed[str(row["id"])] for row in begun]
    # News have none.
    assert {email["link"] is None for email in batch["mails"]} >= {False}
    assert all((email["link"] is None) == (email["newsletter_id"] is None) for email in batch["mails"])
    return {row["email"]: row["link"] for row in begun if row["link"] is not None}


def address(actors: Actors, person: Actor) -> str:
    email: str = actors.one("select email from auth.users where id = %s", person.id)
    return email


class Sent:
    """A newsletter whose emails are on their way."""

    def __init__(self, actors: Actors) -> None:
        self.actors = actors
        self.club = found_club(actors, "Boris", "Chloe")
        self.boris, self.chloe = self.club.members
        self.newsletter = self.club.week()
        self.service = actors.service()
        tokens = send(self.service, self.newsletter)
        self.tokens = {
            name: tokens[address(actors, person)]
            for name, person in (("Ada", self.club.leader), ("Boris", self.boris), ("Chloe", self.chloe))
        }

    def opens(self, token: str | None, newsletter: Row | None = None) -> bool:
        opened: bool = self.service.call(
            "opens_newsletter", newsletter_id=(newsletter or self.newsletter)["id"], token=token
        )
        return opened


@pytest.fixture
def sent(actors: Actors) -> Sent:
    return Sent(actors)


def test_each_reader_has_a_link_of_their_own(sent: Sent) -> None:
    assert len({*sent.tokens.values()}) == 3
    for token in sent.tokens.values():
        assert len(token) == 32
        assert sent.opens(token)
        assert not sent.opens(token, {"id": uuid4()})
        assert not sent.opens(token[:-1]) and not sent.opens(token.swapcase())
    assert not sent.opens("") and not sent.opens(None)
    # No token is kept, nor anything from which one could be told without the key.
    rows = sent.actors.run("select * from private.reading_links")
    assert len(rows) == 3
    assert not any(token in str(rows) for token in sent.tokens.values())


def test_nothing_opens_before_the_email_is_begun(actors: Actors, service: Actor) -> None:
    club = found_club(actors, "Boris")
    newsletter = club.week()
    token = actors.one("select private.reading_token(id) from private.mails where newsletter_id is not null limit 1")
    assert service.call("opens_newsletter", newsletter_id=newsletter["id"], token=token) is False


def test_it_opens_one_newsletter_only(sent: Sent) -> None:
    second = sent.club.week()
    send(sent.service, second)
    assert not sent.opens(sent.tokens["Boris"], second)


def test_a_repeated_attempt_has_the_same_link_also_when_its_reader_has_left(sent: Sent) -> None:
    sent.boris.call("leave_space", space_id=sent.club.id)
    sent.actors.run("update private.mail_batches set leased_until = now() - interval '1 second', run_at = now()")
    batch = sent.service.call("claim_mails", worker="b", provider="smtp")
    assert {email["state"] for email in batch["mails"]} == {"UNCERTAIN"}
    assert {email["link"] for email in batch["mails"]} - {None} == {*sent.tokens.values()}
    assert not sent.opens(sent.tokens["Boris"])


ENDS: dict[str, Callable[[Sent], object]] = {
    "withdrawn": lambda sent: sent.boris.call("withdraw_reading_link", newsletter_id=sent.newsletter["id"]),
    "withdrawn by the leader": lambda sent: sent.club.leader.call(
        "withdraw_reading_link", newsletter_id=sent.newsletter["id"], user_id=sent.boris.id
    ),
    "left": lambda sent: sent.boris.call("leave_space", space_id=sent.club.id),
    "removed": lambda sent: sent.club.leader.call("remove_member", space_id=sent.club.id, user_id=sent.boris.id),
    "account deleted": lambda sent: sent.actors.run("delete from auth.users where id = %s", sent.boris.id),
    "banned": lambda sent: sent.actors.run(
        "update auth.users set banned_until = now() + interval '1 hour' where id = %s", sent.boris.id
    ),
    "account marked as deleted": lambda sent: sent.actors.run(
        "update auth.users set deleted_at = now() where id = %s", sent.boris.id
    ),
}


COMES_BACK = {
    "withdrawn": None,
    "left": lambda sent: sent.club.join(sent.boris),
    "removed": lambda sent: sent.club.join(sent.boris),
    "banned": lambda sent: sent.actors.run("update auth.users set banned_until = null where id = %s", sent.boris.id),
}


@pytest.mark.parametrize("end", COMES_BACK)
def test_what_has_ended_does_not_begin_again(sent: Sent, end: str) -> None:
    ENDS[end](sent)
    if back := COMES_BACK[end]:
        back(sent)
    assert not sent.opens(sent.tokens["Boris"])


def test_a_ban_that_runs_out_by_itself_has_ended_the_link_all_the_same(sent: Sent) -> None:
    sent.actors.run(
        "update auth.users set banned_until = now() + interval '1 microsecond' where id = %s", sent.boris.id
    )
    assert not sent.opens(sent.tokens["Boris"])
    assert sent.opens(sent.tokens["Ada"])
    # One that is over, or the same again, is none.
    sent.actors.run("update auth.users set banned_until = now() where id = %s", sent.chloe.id)
    assert sent.opens(sent.tokens["Chloe"])


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_for_one_and_not_for_the_others(sent: Sent, end: str) -> None:
    assert sent.opens(sent.tokens["Boris"])
    ENDS[end](sent)
    assert not sent.opens(sent.tokens["Boris"])
    assert sent.opens(sent.tokens["Ada"]) and sent.opens(sent.tokens["Chloe"])


def test_who_comes_back_finds_old_links_dead(sent: Sent) -> None:
    sent.boris.call("leave_space", space_id=sent.club.id)
    assert sent.actors.run("select from private.reading_links where user_id = %s", sent.boris.id) == []
    sent.club.join(sent.boris)
    assert not sent.opens(sent.tokens["Boris"])


@pytest.mark.parametrize("gone", ["newsletters", "spaces"])
def test_it_ends_with_newsletter_and_space(sent: Sent, gone: str) -> None:
    thing = sent.newsletter["id"] if gone == "newsletters" else sent.club.id
    sent.club.leader.delete(gone, thing)
    assert not any(sent.opens(token) for token in sent.tokens.values())
    assert sent.actors.run("select from private.reading_links") == []


def test_the_visibility_does_not_matter(sent: Sent) -> None:
    for visibility in ("MEMBERS", "PUBLIC"):
        sent.club.leader.call("set_newsletter_visibility", newsletter_id=sent.newsletter["id"], visibility=visibility)
        assert sent.opens(sent.tokens["Boris"])


def test_what_is_withdrawn_stays_withdrawn(sent: Sent) -> None:
    query = "select withdrawn_at from private.reading_links where user_id = %s"
    for _ in range(2):
        sent.boris.call("withdraw_reading_link", newsletter_id=sent.newsletter["id"])
    first = sent.actors.one(query, sent.boris.id)
    sent.actors.run("update private.mails set state = 'QUEUED', batch_id = null")
    assert {*send(sent.service, sent.newsletter).values()} == {*sent.tokens.values()}
    assert not sent.opens(sent.tokens["Boris"])
    assert sent.actors.one(query, sent.boris.id) == first


def test_it_can_be_withdrawn_before_the_email_goes_out(actors: Actors, service: Actor) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    newsletter = club.week()
    boris.call("withdraw_reading_link", newsletter_id=newsletter["id"])
    token = send(service, newsletter)[address(actors, boris)]
    assert service.call("opens_newsletter", newsletter_id=newsletter["id"], token=token) is False


@pytest.mark.parametrize("leader", [False, True])
def test_what_was_withdrawn_before_the_email_stays_so_for_who_leaves_and_comes_back(
    actors: Actors, service: Actor, leader: bool
) -> None:
    club = found_club(actors, "Boris", "Chloe")
    boris, chloe = club.members
    newsletter = club.week()
    (club.leader if leader else boris).call("withdraw_reading_link", newsletter_id=newsletter["id"], user_id=boris.id)
    for person in (boris, chloe):
        person.call("leave_space", space_id=club.id)
        club.join(person)
    tokens = send(service, newsletter)
    opens = {
        person.name: service.call(
            "opens_newsletter", newsletter_id=newsletter["id"], token=tokens[address(actors, person)]
        )
        for person in (boris, chloe)
    }
    assert opens == {"Boris": False, "Chloe": True}


def test_who_may_withdraw_whose(actors: Actors, sent: Sent) -> None:
    olga = actors.person("Olga")
    newsletter = sent.newsletter["id"]
    for person, whose, code in (
        (sent.boris, sent.chloe, "MG401"),
        (sent.boris, sent.club.leader, "MG401"),
        (olga, olga, "MG401"),
        (olga, sent.boris, "MG401"),
        (sent.club.leader, olga, "MG102"),
    ):
        with person.refused(code):
            person.call("withdraw_reading_link", newsletter_id=newsletter, user_id=whose.id)
    with sent.boris.refused("MG401"):
        sent.boris.call("withdraw_reading_link", newsletter_id=uuid4())
    with sent.service.refused("MG001") as caught:
        sent.service.call("withdraw_reading_link", newsletter_id=newsletter)
    assert caught.value.diag.message_detail == "user_id"
    with actors.anon().refused("42501"):
        actors.anon().call("withdraw_reading_link", newsletter_id=newsletter)
    assert all(sent.opens(token) for token in sent.tokens.values())
    sent.service.call("withdraw_reading_link", newsletter_id=newsletter, user_id=sent.boris.id)
    assert not sent.opens(sent.tokens["Boris"])


def test_a_draft_has_no_links(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    club.respond(club.ask()[0], club.members)
    rows = club.leader.select("responses", space_id=club.id)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in rows])
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    with club.leader.refused("MG401"):
        club.leader.call("withdraw_reading_link", newsletter_id=draft["id"])


def test_it_is_in_the_copy_that_a_person_takes_along(sent: Sent) -> None:
    (row,) = sent.boris.rows("export_account", part="reading_links")
    assert set(row["data"]) == {"newsletter_id", "created_at", "withdrawn_at"}
