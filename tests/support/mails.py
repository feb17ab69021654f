"""What tests of emails share: a newsletter that is published, and what a worker does with its emails."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club

CONTENT = {"subject": "Week 1", "html": "<p>Hello</p>", "text": "Hello"}


def publish(club: Club) -> Row:
    """Publish a week; leave nothing to be sent but the newsletter, and have it rendered."""
    newsletter = club.week()
    club.actors.run("delete from private.mails where newsletter_id is null")
    club.actors.service().rows("save_newsletter_mail", newsletter_id=newsletter["id"], content=CONTENT)
    return newsletter


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
    contents = {email["id"]: None for email in batch["mails"]}
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
    return [{"id": email["id"], "outcome": outcome, **more} for email in batch["mails"]]


def states(club: Club, newsletter: Row) -> dict[str, str]:
    rows = club.leader.rows("newsletter_delivery", newsletter_id=newsletter["id"])
    return {row["display_name"]: row["state"] for row in rows}


def subscription(actors: Actors, person: Actor, club: Club) -> str:
    token: str = actors.one(
        "select token from private.email_subscriptions where user_id = %s and space_id = %s", person.id, club.id
    )
    return token
