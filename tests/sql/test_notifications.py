"""What people are told: once, by the roads that their settings allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club, grant_tokens
from tests.support.together import together


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def emails(actors: Actors, person: Actor) -> list[str]:
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
    club.respond(prompt, [boris])
    club.leader.call("transfer_tokens", recipient_id=boris.id, amount=10, message="Well said")
    club.publish_week()
    assert news(boris) == [
        "PROMPTS_PUBLISHED", "BADGE_EARNED", "GIFT_RECEIVED", "NEWSLETTER_PUBLISHED", "CURATOR_ASSIGNED",
    ]  # fmt: skip
    # The newsletter has an email of its own; badges come in the digest of the day.
    assert emails(actors, boris) == ["PROMPTS_PUBLISHED", "DIGEST", "GIFT_RECEIVED", "CURATOR_ASSIGNED"]
    (gift,) = boris.select("notifications", kind="GIFT_RECEIVED")
    assert (gift["payload"]["amount"], gift["payload"]["message"]) == (10, "Well said")


@pytest.mark.parametrize(
    ("switches", "told", "sent_by_email"),
    [
        ("in_app_notifications = false", False, True),
        ("email_notifications = false", True, False),
        ("in_app_notifications = false, email_notifications = false", False, False),
    ],
)
def test_switches(actors: Actors, club: Club, switches: str, told: bool, sent_by_email: bool) -> None:
    boris = club.members[0]
    boris.run(f"update public.settings set {switches} where user_id = auth.uid()")
    club.ask()
    assert (bool(news(boris)), bool(emails(actors, boris))) == (told, sent_by_email)


def test_without_settings_everything_is_on(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    boris.run("delete from public.settings where user_id = auth.uid()")
    club.ask()
    assert (news(boris), emails(actors, boris)) == (["PROMPTS_PUBLISHED"], ["PROMPTS_PUBLISHED"])


def test_nobody_is_told_the_same_thing_twice(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    for _ in range(2):
        actors.run(
            "select private.notify(%s, 'RESPONSE_REMINDER', %s, '{}', 'reminder:week-1')", [boris.id, boris.id], club.id
        )
    assert (news(boris), emails(actors, boris)) == (["RESPONSE_REMINDER"], ["RESPONSE_REMINDER"])


def test_naming_curators_back_and_forth_notifies_each_once(club: Club) -> None:
    boris = club.members[0]
    for person in (boris, club.leader, boris):
        club.leader.call("assign_curator", space_id=club.id, user_id=person.id)
    assert news(boris) == ["CURATOR_ASSIGNED"]


def give(giver: Actor, person: Actor, amount: int = 1, message: str | None = None) -> None:
    giver.call("transfer_tokens", recipient_id=person.id, amount=amount, message=message)


def digest(actors: Actors, person: Actor) -> Any:
    return actors.run(
        "select payload, more, run_at, state from private.mails where user_id = %s and kind = 'DIGEST'", person.id
    )


def test_the_first_gift_of_a_day_is_sent_by_email_at_once_and_the_rest_come_in_one_email(
    actors: Actors, club: Club
) -> None:
    boris, chloe = club.members
    for giver in (club.leader, chloe):
        grant_tokens(actors, giver, 100)
    for number in range(60):
        give(club.leader, boris, message=f"Number {number}")
    give(chloe, boris, 5)
    assert len(news(boris)) == 61
    assert emails(actors, boris) == ["GIFT_RECEIVED", "DIGEST", "GIFT_RECEIVED"]
    ((row),) = digest(actors, boris)
    assert [entry["message"] for entry in row["payload"]["entries"]] == [f"Number {n}" for n in range(1, 51)]
    assert row["more"] == 9
    # The next day begins anew.
    actors.run(
        "select private.queue_news(%s, 'GIFT_RECEIVED', null, %s, 'gift:later', now() + interval '1 day')",
        [boris.id],
        Jsonb({"sender_id": str(club.leader.id), "sender_name": "Ada", "amount": 1, "message": None}),
    )
    assert emails(actors, boris).count("GIFT_RECEIVED") == 3


def test_gifts_of_the_same_moment_are_all_told(fresh_dsn: str, committed: Callable[[], Actors]) -> None:
    with committed() as actors:
        club = found_club(actors, "Boris", "Chloe")
        for giver in (club.leader, club.members[1]):
            grant_tokens(actors, giver, 100)
    ids = [person.id for person in (club.leader, *club.members)]

    def send(giver: Any) -> Callable[[Actors], object]:
        return lambda actors: give(actors.known(giver), actors.known(ids[1]))

    together(fresh_dsn, [send(ids[0])] * 4 + [send(ids[2])] * 4)
    with committed() as actors:
        rows = actors.run("select kind, payload from private.mails where user_id = %s", ids[1])
    assert sum(row["kind"] == "GIFT_RECEIVED" for row in rows) == 2
    (entries,) = [row["payload"]["entries"] for row in rows if row["kind"] == "DIGEST"]
    assert len([entry for entry in entries if entry["kind"] == "GIFT_RECEIVED"]) == 6


def test_a_digest_goes_out_the_next_morning_by_the_persons_own_clock(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    boris.run("update public.settings set timezone = 'Pacific/Auckland' where user_id = auth.uid()")
    at = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)  # The 24th in Auckland.
    for person in (boris, chloe):
        for number in range(2):
            actors.run(
                "select private.queue_news(%s, 'BADGE_EARNED', null, %s, %s, %s)",
                [person.id], Jsonb({"name": "First"}), f"badge:{number}", at,
            )  # fmt: skip
    ((his),), ((hers),) = digest(actors, boris), digest(actors, chloe)
    assert his["run_at"] == datetime(2026, 11, 24, 19, tzinfo=UTC)  # 8:00 on the 25th, in summer.
    assert hers["run_at"] == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert [entry["key"] for entry in his["payload"]["entries"]] == ["badge:0", "badge:1"]


def test_news_for_a_digest_that_is_out_already_come_in_the_next_one(actors: Actors, club: Club) -> None:
    boris = club.members[0]

    def earn(key: str) -> None:
        actors.run("select private.queue_news(%s, 'BADGE_EARNED', null, '{}', %s)", [boris.id], key)

    earn("badge:1")
    earn("badge:1")  # Nobody is told the same thing twice.
    actors.run("update private.mails set state = 'SENT', sent_at = clock_timestamp() where kind = 'DIGEST'")
    earn("badge:2")
    rows = sorted(digest(actors, boris), key=lambda row: row["run_at"])
    assert [[entry["key"] for entry in row["payload"]["entries"]] for row in rows] == [["badge:1"], ["badge:2"]]


def test_who_wants_no_news_gets_no_digest(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    boris.run("update public.settings set email_notifications = false where user_id = auth.uid()")
    actors.run("select private.queue_news(%s, 'BADGE_EARNED', null, '{}', 'badge:1')", [boris.id])
    assert digest(actors, boris) == []


def test_a_gift_from_outside_ones_spaces_is_told_in_the_app_only(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    stranger = actors.person("Stranger")
    grant_tokens(actors, stranger, 50)
    for _ in range(3):
        give(stranger, boris, 1, "Buy my watches")
    assert news(boris) == ["GIFT_RECEIVED"] * 3
    assert emails(actors, boris) == []


def test_who_shares_no_space_any_more_is_not_named_in_what_was_queued(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    for giver in (club.leader, chloe):
        grant_tokens(actors, giver, 10)
        for _ in range(2):
            give(giver, boris, 1, f"From {giver.name}")
    chloe.rows("leave_space", space_id=club.id)
    (batch,) = actors.service().run("select public.claim_mails('a', 'smtp', at => now() + interval '3 days') as batch")
    payloads = [email["payload"] for email in batch["batch"]["mails"] if email["display_name"] == "Boris"]
    said = str(payloads)
    assert "From Ada" in said and "From Chloe" not in said and "'Chloe'" not in said
    assert said.count("'amount': 1") == 4


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
