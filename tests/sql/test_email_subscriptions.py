"""The links in emails that switch them off, and on again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.actors import Actor, Actors
from tests.support.mails import begin, claimed, publish, states, subscription
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


@pytest.fixture
def service(actors: Actors) -> Actor:
    return actors.service()


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
    read = {email["display_name"]: email["languages"] for email in batch["mails"]}
    assert read == {name: ["de"] for name in read} | {"Boris": ["fr-CA", "de"]}
    begin(service, batch)
    (told,) = service.rows("email_subscription", token=subscription(actors, boris, club))
    assert told["languages"] == ["fr-CA", "de"]


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
