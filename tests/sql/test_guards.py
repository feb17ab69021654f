"""Guards that stand before others: without them a command would be refused all the same, but not in these words."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def refused(actor: Actor, sqlstate: str, says: str, query: str, *arguments: Any) -> None:
    with actor.refused(sqlstate) as caught:
        actor.run(query, *arguments)
    diagnosis = caught.value.diag
    assert says in f"{diagnosis.message_primary} {diagnosis.message_detail}", diagnosis.message_primary


def test_acting_for_another_person_is_refused_with_the_reason(club: Club) -> None:
    """The policies would say only that a row is not allowed."""
    boris, chloe = club.members
    park = club.leader.insert("spaces", name="Park", is_public=True)
    item = boris.select("store_items", code="theme_riso")[0]
    refused(
        boris, "42501", "on somebody else's behalf",
        "insert into public.memberships (user_id, space_id) values (%s, %s)", chloe.id, park["id"],
    )  # fmt: skip
    refused(
        boris, "42501", "for themselves only",
        "insert into public.purchases (user_id, item_id) values (%s, %s)", chloe.id, item["id"],
    )  # fmt: skip
    refused(
        boris, "42501", "their own settings only",
        "insert into public.settings (user_id, timezone) values (%s, 'Europe/Athens')", chloe.id,
    )  # fmt: skip


def test_a_gift_names_who_gives(actors: Actors, club: Club) -> None:
    refused(
        actors.service(), "MG001", "sender_id",
        "insert into public.token_gifts (sender_id, recipient_id, amount) values (null, %s, 1)", club.leader.id,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_keys_of_commands_are_bounded(club: Club, key: str) -> None:
    boris = club.members[0]
    item = boris.select("store_items", code="theme_riso")[0]
    refused(
        club.leader, "MG001", "idempotency_key",
        "select public.create_invite(%s, idempotency_key => %s)", club.id, key,
    )  # fmt: skip
    refused(
        boris, "MG001", "idempotency_key",
        "insert into public.purchases (item_id, idempotency_key) values (%s, %s)", item["id"], key,
    )  # fmt: skip


def test_a_place_that_is_taken(club: Club) -> None:
    club.leader.insert("prompts", space_id=club.id, question="Why?", order=1)
    refused(
        club.leader, "MG204", "order",
        'insert into public.prompts (space_id, question, "order") values (%s, %s, 1)', club.id, "How?",
    )  # fmt: skip


def test_an_unpublished_prompt_takes_no_response(club: Club) -> None:
    prompt = club.leader.insert("prompts", space_id=club.id, question="Why?")
    refused(
        club.leader, "MG301", "not published",
        "insert into public.responses (prompt_id, content) values (%s, 'x')", prompt["id"],
    )  # fmt: skip


INSERT = "insert into public.newsletters (space_id, title) values (%s, %s)"


def test_a_newsletter_that_is_inserted_is_held_as_one_that_is_generated(actors: Actors, club: Club) -> None:
    (prompt,) = club.ask()
    club.respond(prompt)
    refused(club.leader, "MG403", "selected", INSERT, club.id, "Ours")
    published = club.leader.select("responses", space_id=club.id)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in published])
    refused(club.leader, "MG001", "title", INSERT, club.id, "two\nlines")
    with pytest.raises(psycopg.Error) as caught, actors.connection.transaction():
        actors.run("insert into public.newsletters (space_id, is_published) values (%s, true)", club.id)
    assert (caught.value.sqlstate, caught.value.diag.message_detail) == ("MG001", "is_published")
    club.leader.run(INSERT, club.id, "Ours")
    refused(club.leader, "MG208", "already", INSERT, club.id, "Ours")


def test_what_is_selected_is_looked_at_again(club: Club) -> None:
    """Deselected after the first snapshot, nothing is left: neither another snapshot nor a publication comes of it."""
    (prompt,) = club.ask()
    (response, *_) = club.respond(prompt)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    club.leader.rows("select_responses", space_id=club.id, response_ids=None)
    refused(club.leader, "MG403", "selected", "select public.generate_newsletter(%s)", club.id)
    refused(club.leader, "MG403", "selected", "select public.publish_newsletter(%s)", newsletter["id"])


def test_only_the_open_week_is_published(actors: Actors, club: Club) -> None:
    (prompt,) = club.ask()
    (response, *_) = club.respond(prompt)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    actors.run("update public.spaces set current_week = 2 where id = %s", club.id)
    refused(club.leader, "MG202", "open", "select public.publish_newsletter(%s)", newsletter["id"])


def test_a_published_week_is_not_generated_again(actors: Actors, club: Club) -> None:
    club.week()
    actors.run("update public.spaces set current_week = 1 where id = %s", club.id)
    refused(club.leader, "MG402", "published", "select public.generate_newsletter(%s, 1)", club.id)
    refused(club.leader, "MG402", "published", "select public.select_responses(%s, '{}', 1)", club.id)


def test_a_newsletter_of_others_gets_the_same_error_as_none(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    command = "select public.set_newsletter_visibility(%s, null)"
    refused(actors.person("Olga"), "MG401", "No such newsletter", command, newsletter["id"])
    refused(club.leader, "MG001", "visibility", command, newsletter["id"])


@pytest.mark.parametrize(
    "command", ["assign_curator(%s, %s)", "transfer_leadership(%s, %s)", "set_member_role(%s, %s, 'MEMBER')"]
)
def test_who_is_not_in_the_space_gets_nothing_in_it(actors: Actors, club: Club, command: str) -> None:
    olga = actors.person("Olga")
    refused(club.leader, "MG102", "not a member", f"select public.{command}", club.id, olga.id)


@pytest.mark.parametrize(
    ("argument", "command"),
    [
        ("worker", "claim_jobs(null)"),
        ("worker", "claim_mails(null, 'smtp')"),
        ("provider", "claim_mails('x', null)"),
        ("content", "save_newsletter_mail(gen_random_uuid(), null)"),
        ("address", "record_mail_event('x', 'BOUNCED', null)"),
        ("address", "suppress_email(null)"),
    ],
)
def test_what_a_secret_key_leaves_out_is_named(actors: Actors, argument: str, command: str) -> None:
    """The error came from a NOT NULL of an internal table instead."""
    refused(actors.service(), "MG001", argument, f"select public.{command}")


SECONDS = ("-1", "86401", "2147483647", "-2147483648", "null")
COUNTS = ("-1", "1001", "null")


@pytest.mark.parametrize(
    ("call", "argument", "wrong", "right"),
    [
        ("claim_jobs('x', {})", "lease_seconds", SECONDS, ("0", "86400")),
        ("claim_jobs('x', {})", "job_limit", COUNTS, ("0", "1000")),
        ("claim_mails('x', 'smtp', {})", "lease_seconds", SECONDS, ("0", "86400")),
        ("claim_mails('x', 'smtp', {})", "mail_limit", COUNTS, ("0", "1000")),
        ("begin_mails('x', gen_random_uuid(), '{{}}', {})", "lease_seconds", SECONDS, ("0", "86400")),
        (
            "settle_mails('x', gen_random_uuid(), '[]', {})",
            "pause_seconds",
            (*SECONDS, "'NaN'", "'infinity'", "1e308", "-0.5"),
            ("0", "0.5", "86400"),
        ),
        ("settle_mails('x', gen_random_uuid(), '[]', {})", "max_attempts", COUNTS, ("0", "1000")),
        ("fail_job(1, 'x', 'Out of paper', {})", "max_attempts", COUNTS, ("0", "1000")),
        ("email_suppressions({})", "suppression_limit", COUNTS, ("0", "1000")),
        ("dead_letters({})", "letter_limit", ("-1", "null"), ("0", "2147483647")),
    ],
)
def test_a_worker_takes_a_thousand_for_a_day_at_most(
    actors: Actors, call: str, argument: str, wrong: tuple[str, ...], right: tuple[str, ...]
) -> None:
    """That is `private.require_limit`, `require_seconds`, and `require_count` for lists."""
    service = actors.service()
    for value in wrong:
        refused(service, "MG001", argument, "select public." + call.format(f"{argument} => {value}"))
    for value in right:
        service.run("select public." + call.format(f"{argument} => {value}"))


def test_a_prompt_that_is_changed_is_held_as_a_new_one_is(club: Club) -> None:
    (prompt,) = club.ask()
    change = "update public.prompts set {} where id = %s"
    refused(club.leader, "MG001", "question", change.format("question = ' '"), prompt["id"])
    refused(club.leader, "MG001", "order", change.format('"order" = 11'), prompt["id"])
    refused(club.leader, "MG207", "taken back", change.format("is_published = false"), prompt["id"])


SETTLED = {"width": 4, "height": 3, "files": {}}


@pytest.mark.parametrize(
    "settlement",
    [
        {},
        SETTLED | {"width": 0},
        SETTLED | {"height": -1},
        SETTLED | {"files": Jsonb([])},
        SETTLED | {"files": None},
        SETTLED | {"refusal": "DAMAGED"},
        {"refusal": "UGLY"},
        {"refusal": "DAMAGED", "width": 4},
    ],
)
def test_a_picture_is_made_or_refused(actors: Actors, settlement: dict[str, Any]) -> None:
    """The error came from a CHECK of an internal table instead."""
    service = actors.service()
    with service.refused("MG001"):
        service.call("settle_picture", bucket_id="avatars", path="a", **settlement)
    for right in (SETTLED, {"refusal": "DAMAGED"}):
        assert service.call("settle_picture", bucket_id="avatars", path="a", **right) is False
