"""The client reads what the database returns, and uses everything that the database offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from monogram_sdk import models
from scripts.actions_page import PAGE, actions, page, plumbing, resources
from tests.conftest import ROOT
from tests.support.actors import Actors
from tests.support.model_schema import differences, json_differences, reads
from tests.support.stories import found_club

# Where a verb that the database grants for a table has no call of its own, and the function that does it.
BY_FUNCTION = {
    ("delete", "memberships"): "leave_space",
    ("insert", "purchases"): "purchase_item",
    ("insert", "token_gifts"): "transfer_tokens",
    ("insert", "newsletters"): "generate_newsletter",
    ("update", "notifications"): "mark_notifications_read",
    ("update", "purchases"): "activate_purchase",
}


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn) as connection:
        yield connection


def asked() -> set[tuple[str, str]]:
    """Return what the calls of all resources ask for: verbs and targets."""
    return {
        (request.verb, request.target)
        for resource, api in resources().items()
        for action in actions(resource, api)
        for request in action.requests
    }


def test_models_read_what_the_database_returns(connection: psycopg.Connection[Any]) -> None:
    assert differences(connection) == []


def test_every_table_is_read(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select relname from pg_catalog.pg_class"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
    ).fetchall()
    assert {name for (name,) in rows} == {name for kind, name in reads() if kind == "table"}


DRIFTS = {
    "alter table public.spaces add column motto text": "Space of table spaces: there is no field motto",
    "alter table public.users drop column bio cascade": "Profile of table users: there is no column bio",
    "alter table public.users rename column bio to about": "Profile of table users: there is no column bio",
    "alter table public.reward_rules drop column amount cascade;"
    " alter table public.reward_rules add column amount text not null default ''": (
        "RewardRule of table reward_rules: amount is text, read as number"
    ),
    "alter table public.spaces alter column created_at type date": (
        "Space of table spaces: created_at is date, read as timestamp with time zone"
    ),
    "alter table public.badges alter column icon drop not null": "Badge of table badges: icon may be null",
    "drop trigger badges__require_columns on public.badges;"
    " alter table public.badges alter column icon type jsonb using to_jsonb(icon)": (
        "Badge of table badges: icon is jsonb, read as text"
    ),
    "update public.spaces set description = ''; alter table public.spaces alter column description set not null": (
        "Space of table spaces: description may not be null"
    ),
    "alter type public.membership_role add value 'GUEST'": "type membership_role: ADMIN, CURATOR, GUEST, MEMBER",
    "create type public.mood as enum ('GOOD')": "type mood: GOOD",
    "drop function public.verify_ledger(boolean)": "function verify_ledger: it is not there",
    "drop function public.outbox_state(); create function public.outbox_state() returns table (kind text, state text,"
    " jobs bigint, oldest_run_at date) language sql as 'select null::text, null::text, 1::bigint, null::date'": (
        "OutboxState of function outbox_state: oldest_run_at is date, read as timestamp with time zone"
    ),
    "drop function public.award_all_badges(); create function public.award_all_badges() returns text language sql as"
    " $$ select 'many' $$": "int of function award_all_badges: it returns {'': ('text', None)}",
}


def test_each_kind_of_drift_is_seen(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn) as connection:
        for statement, expected in DRIFTS.items():
            connection.execute(statement.encode())
            found = differences(connection)
            assert [one for one in found if one.startswith(expected)], (statement, found)
            connection.rollback()
            assert differences(connection) == []


def test_models_of_json_have_the_fields_of_the_reply(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    (prompt,) = club.ask()
    club.respond(prompt)
    leader = club.leader
    leader.update("spaces", club.id, description="Books")
    leader.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in leader.select("responses")])
    newsletter = leader.call("generate_newsletter", space_id=club.id)
    assert list(json_differences(models.NewsletterContent, newsletter["content"])) == []
    week = leader.call("space_week", space_id=club.id)
    assert week["prompts"][0]["responses"] and week["newsletter"]["content"]["prompts"][0]["responses"]
    assert list(json_differences(models.SpaceWeek, week)) == []
    assert list(json_differences(models.NewInvite, leader.call("create_invite", space_id=club.id))) == []
    profiles = leader.rows("member_profiles", space_id=club.id)
    assert all(list(json_differences(models.PublicBadge, badge)) == [] for row in profiles for badge in row["badges"])
    badge = leader.select("badges")[0]
    assert list(json_differences(models.BadgeCriteria, badge["criteria"])) == []

    del week["prompts"][0]["responses"][0]["author"]["username"]
    week["newsletter"]["colour"] = "blue"
    assert list(json_differences(models.SpaceWeek, week)) == [
        "result.newsletter.colour: no such field",
        "result.prompts[0].responses[0].author.username: not in the result",
    ]


def test_every_public_function_has_a_call(connection: psycopg.Connection[Any]) -> None:
    """In the SDK, or in the edge functions where it is only theirs."""
    rows = connection.execute(
        "select proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace"
        " and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)"
    ).fetchall()
    called = {target for verb, target in asked() if verb == "call"}
    assert [request for request in plumbing() if request.verb == "call"] == []
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "supabase" / "functions").rglob("*.ts"))
    public = {name for (name,) in rows}
    assert called <= public
    assert public - called == {
        "newsletter_languages", "newsletter_pictures", "newsletter_with_response", "opens_newsletter", "settle_picture",
    }  # fmt: skip
    assert all(re.search(rf'rpc(<[^(]*>)?\(\s*"{name}"', sources) for name in public - called)


def test_every_verb_that_is_granted_for_a_table_has_a_call(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select lower(privilege_type), table_name from information_schema.role_column_grants"
        " where grantee = 'authenticated' and table_schema = 'public'"
        " union select lower(privilege_type), table_name from information_schema.role_table_grants"
        " where grantee = 'authenticated' and table_schema = 'public'"
    ).fetchall()
    calls = asked()
    missing = {tuple(row) for row in rows} - calls
    assert missing == set(BY_FUNCTION)
    assert {("call", name) for name in BY_FUNCTION.values()} <= calls


def test_the_page_of_actions_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_action_that_asks_the_server_says_what_for() -> None:
    quiet = {
        action.call for resource, api in resources().items() for action in actions(resource, api) if not action.requests
    }
    assert quiet == {
        "client.auth.on_auth_change",
        "client.auth.refresh",
        "client.auth.session",
        # Feeds join the realtime service, and read `space_events` and `responses` while they run.
        "client.live.events",
        "client.live.presence",
        "client.live.responses",
        "client.profiles.avatar_url",
        "client.spaces.cover_url",
    }
