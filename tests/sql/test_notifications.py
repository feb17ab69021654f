"""What people are told: once, by the roads that their settings allow."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def mails(actors: Actors, person: Actor) -> list[str]:
    rows = actors.run(
        "select kind from private.mails where user_id = %s and state = 'QUEUED' and newsletter_id is null"
        " order by created_at",
        person.id,
    )
    return [row["kind"] for row in rows]


def news(person: Actor) -> list[str]:
    return [row["kind"] for row in person.run("select kind from public.notifications order by created_at")]


def test_each_kind_has_its_cause(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    grant_tokens(actors, club.leader, 10)
    (prompt,) = club.ask()
    club.answer(prompt, [boris])
    club.leader.call("transfer_tokens", recipient_id=boris.id, amount=10, message="Well said")
    club.publish_week()
    assert news(boris) == [
        "PROMPTS_PUBLISHED", "BADGE_EARNED", "GIFT_RECEIVED", "NEWSLETTER_PUBLISHED", "CURATOR_ASSIGNED",
    ]  # fmt: skip
    # The newsletter has a mail of its own.
    assert mails(actors, boris) == ["PROMPTS_PUBLISHED", "BADGE_EARNED", "GIFT_RECEIVED", "CURATOR_ASSIGNED"]
    (gift,) = boris.select("notifications", kind="GIFT_RECEIVED")
    assert (gift["payload"]["amount"], gift["payload"]["message"]) == (10, "Well said")


@pytest.mark.parametrize(
    ("switches", "told", "mailed"),
    [
        ("in_app_notifications = false", False, True),
        ("email_notifications = false", True, False),
        ("in_app_notifications = false, email_notifications = false", False, False),
    ],
)
def test_switches(actors: Actors, club: Club, switches: str, told: bool, mailed: bool) -> None:
    boris = club.members[0]
    boris.run(f"update public.settings set {switches} where user_id = auth.uid()")
    club.ask()
    assert (bool(news(boris)), bool(mails(actors, boris))) == (told, mailed)


def test_without_settings_everything_is_on(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    boris.run("delete from public.settings where user_id = auth.uid()")
    club.ask()
    assert (news(boris), mails(actors, boris)) == (["PROMPTS_PUBLISHED"], ["PROMPTS_PUBLISHED"])


def test_nobody_is_told_the_same_thing_twice(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    for _ in range(2):
        actors.run(
            "select private.notify(%s, 'RESPONSE_REMINDER', %s, '{}', 'reminder:week-1')", [boris.id, boris.id], club.id
        )
    assert (news(boris), mails(actors, boris)) == (["RESPONSE_REMINDER"], ["RESPONSE_REMINDER"])


def test_the_pen_given_back_and_forth_is_told_once_each(club: Club) -> None:
    boris = club.members[0]
    for person in (boris, club.leader, boris):
        club.leader.call("assign_curator", space_id=club.id, user_id=person.id)
    assert news(boris) == ["CURATOR_ASSIGNED"]


def test_marking_as_read(club: Club) -> None:
    boris, chloe = club.members
    club.ask()
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    (prompts,) = boris.select("notifications", kind="PROMPTS_PUBLISHED")
    (hers,) = chloe.select("notifications")
    assert boris.call("mark_notifications_read", notification_ids=[prompts["id"], hers["id"]]) == 1
    assert boris.call("mark_notifications_read") == 1
    assert boris.call("mark_notifications_read") == 0
    assert boris.call("mark_notifications_read", notification_ids=[]) == 0
    assert all(row["read_at"] is not None for row in boris.select("notifications"))
    assert chloe.select("notifications")[0]["read_at"] is None


def test_old_news_are_swept_away(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    club.ask()
    boris.call("mark_notifications_read")
    actors.run("select private.sweep(now() + interval '89 days')")
    assert news(boris)
    actors.run("select private.sweep(now() + interval '91 days')")
    assert news(boris) == []
    assert news(chloe)
