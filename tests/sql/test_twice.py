"""A command whose reply is lost is sent again: each happens once, and returns the same or says why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.sql.test_leaving import sign_in
from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club, grant_tokens

Arguments = Row


def ada(actors: Actors) -> tuple[Club, Actor]:
    club = found_club(actors, "Boris", "Chloe")
    return club, club.leader


def week(actors: Actors) -> tuple[Club, Actor]:
    club, leader = ada(actors)
    (prompt,) = club.ask()
    club.respond(prompt)
    return club, leader


def activate_purchase(actors: Actors) -> tuple[Actor, Arguments]:
    _, leader = ada(actors)
    grant_tokens(actors, leader, 10_000)
    item = leader.select("store_items", kind="THEME")[0]
    return leader, {"purchase_id": leader.call("purchase_item", item_id=item["id"])["id"]}


def assign_curator(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    return leader, {"space_id": club.id, "user_id": club.members[0].id}


def check_badges(actors: Actors) -> tuple[Actor, Arguments]:
    return week(actors)[1], {}


def create_invite(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    return leader, {"space_id": club.id, "idempotency_key": "monday"}


def delete_account(actors: Actors) -> tuple[Actor, Arguments]:
    club, _ = week(actors)
    boris = club.members[0]
    email = actors.one("select email from auth.users where id = %s", boris.id)
    return sign_in(actors, boris), {"confirm": email or str(boris.id)}


def generate_newsletter(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = week(actors)
    responses = [row["id"] for row in leader.select("responses")]
    leader.rows("select_responses", space_id=club.id, response_ids=responses)
    return leader, {"space_id": club.id}


def join_space(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    return actors.person("Femi"), {"invite_code": leader.call("create_invite", space_id=club.id)["code"]}


def leave_space(actors: Actors) -> tuple[Actor, Arguments]:
    club, _ = ada(actors)
    return club.members[0], {"space_id": club.id}


def mark_notifications_read(actors: Actors) -> tuple[Actor, Arguments]:
    club, _ = week(actors)
    return club.members[0], {}


def publish_newsletter(actors: Actors) -> tuple[Actor, Arguments]:
    leader, arguments = generate_newsletter(actors)
    return leader, {"newsletter_id": leader.call("generate_newsletter", **arguments)["id"]}


def publish_prompts(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    leader.insert("prompts", space_id=club.id, question="What did you read?")
    return leader, {"space_id": club.id}


def purchase_item(actors: Actors) -> tuple[Actor, Arguments]:
    _, leader = ada(actors)
    grant_tokens(actors, leader, 10_000)
    return leader, {"item_id": leader.select("store_items")[0]["id"], "idempotency_key": "monday"}


def remove_member(actors: Actors) -> tuple[Actor, Arguments]:
    return assign_curator(actors)


def reorder_prompts(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    prompts = [leader.insert("prompts", space_id=club.id, question=question) for question in ("One?", "Two?")]
    return leader, {"space_id": club.id, "prompt_ids": [prompt["id"] for prompt in reversed(prompts)]}


def select_responses(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = week(actors)
    return leader, {"space_id": club.id, "response_ids": [leader.select("responses")[0]["id"]]}


def set_badge_display(actors: Actors) -> tuple[Actor, Arguments]:
    _, leader = week(actors)
    badge = leader.select("user_badges")[0]["badge_id"]
    return leader, {"badge_id": badge, "is_displayed": False, "display_order": 3}


def set_member_role(actors: Actors) -> tuple[Actor, Arguments]:
    leader, arguments = assign_curator(actors)
    return leader, {**arguments, "role": "CURATOR"}


def set_newsletter_visibility(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = week(actors)
    return leader, {"newsletter_id": club.publish_week()["id"], "visibility": "MEMBERS"}


def set_space_emails(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    return leader, {"space_id": club.id, "is_on": False}


def transfer_leadership(actors: Actors) -> tuple[Actor, Arguments]:
    return assign_curator(actors)


def transfer_tokens(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = ada(actors)
    grant_tokens(actors, leader, 10)
    return leader, {"recipient_id": club.members[0].id, "amount": 7, "idempotency_key": "monday"}


def withdraw_reading_link(actors: Actors) -> tuple[Actor, Arguments]:
    club, leader = week(actors)
    return leader, {"newsletter_id": club.publish_week()["id"]}


COMMANDS: dict[str, Callable[[Actors], tuple[Actor, Arguments]]] = {
    command.__name__: command
    for command in (
        activate_purchase,
        assign_curator,
        check_badges,
        create_invite,
        delete_account,
        generate_newsletter,
        join_space,
        leave_space,
        mark_notifications_read,
        publish_newsletter,
        publish_prompts,
        purchase_item,
        remove_member,
        reorder_prompts,
        select_responses,
        set_badge_display,
        set_member_role,
        set_newsletter_visibility,
        set_space_emails,
        transfer_leadership,
        transfer_tokens,
        withdraw_reading_link,
    )
}

# What the second one is told: the SDK, which knows that it sent the first one, takes this for success.
REFUSED = {"join_space": "MG106", "leave_space": "MG101", "transfer_leadership": "42501"}

# A command that returns a count returns 0 the second time.
COUNTS = {"check_badges": [], "mark_notifications_read": 0}


def state(actors: Actors) -> dict[str, Any]:
    """Return what a command may change: every row but for the time of its last touch.

    An id that nobody uses is taken for a gift that turns out to be there already; it tells nothing.
    """
    tables = actors.run(
        "select nspname || '.' || relname as name from pg_catalog.pg_class"
        " join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('public', 'private') and relkind in ('r', 'p') and relname <> 'used_ids'"
    )
    return {
        row["name"]: actors.run(
            f"select md5((to_jsonb(one) - 'updated_at')::text) as row from {row['name']} as one order by 1"
        )
        for row in tables
    }


def respond(actor: Actor, name: str, arguments: Arguments) -> object:
    found = actor.rows(name, **arguments)
    return [{key: value for key, value in row.items() if key != "updated_at"} for row in found]


@pytest.mark.parametrize("name", COMMANDS)
def test_sent_twice_it_happens_once(actors: Actors, name: str) -> None:
    actor, arguments = COMMANDS[name](actors)
    before = state(actors)
    first = respond(actor, name, arguments)
    once = state(actors)
    assert name == "check_badges" or once != before, "it does something"
    if name in REFUSED:
        with actor.refused(REFUSED[name]):
            respond(actor, name, arguments)
    elif name in COUNTS:
        (second,) = respond(actor, name, arguments) or [{name: []}]
        assert second[name] == COUNTS[name]
    else:
        assert respond(actor, name, arguments) == first
    assert state(actors) == once


def test_all_commands_are_here(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace"
            " and provolatile = 'v' and has_function_privilege('authenticated', oid, 'execute')"
        ).fetchall()
    assert {name for (name,) in rows} == set(COMMANDS)
