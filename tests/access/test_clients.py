"""Who counts as a client: every role that is not named as trusted, whoever creates it and whatever it inherits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.support.actors import Actor, Actors
from tests.support.world import World, build_world

TRUSTED = ("service_role", "postgres", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin")


@pytest.fixture
def world(actors: Actors) -> World:
    return build_world(actors)


@pytest.fixture
def editor(world: World) -> Iterator[Actor]:
    """Olga with a token whose role somebody made for editors: it inherits what signed-in people may do."""
    world.actors.run("create role editor nologin inherit")
    world.actors.run("grant authenticated to editor")
    world.actors.run("grant editor to postgres")
    yield replace(world.cast["outsider"], role="editor")


@pytest.mark.parametrize("role", ["anon", "authenticated", "authenticator", "dashboard_user", "stranger"])
@pytest.mark.usefixtures("dsn")
def test_roles_that_are_not_named_are_clients(databases: Databases, role: str) -> None:
    with psycopg.connect(databases.dsn("shared", user="supabase_admin")) as connection, Actors(connection):
        connection.execute("create role stranger login")
        connection.execute("grant usage on schema private to public")
        connection.execute("grant execute on function private.is_client() to public")
        connection.execute("select set_config('role', %s, true)", [role])
        assert connection.execute("select private.is_client()").fetchone() == (True,)
        # The setting "none" means the role that logged in.
        connection.execute("reset role")
        connection.execute("select set_config('session_authorization', %s, true)", [role])
        assert connection.execute("select current_setting('role'), private.is_client()").fetchone() == ("none", True)


@pytest.mark.parametrize("role", TRUSTED)
@pytest.mark.usefixtures("dsn")
def test_roles_that_are_trusted(databases: Databases, role: str) -> None:
    with psycopg.connect(databases.dsn("shared", user="supabase_admin")) as connection, Actors(connection):
        connection.execute("grant usage on schema private to public")
        connection.execute("grant execute on function private.is_client() to public")
        connection.execute("select set_config('role', %s, true)", [role])
        assert connection.execute("select private.is_client()").fetchone() == (False,)
        connection.execute("reset role")
        connection.execute("select set_config('session_authorization', %s, true)", [role])
        assert connection.execute("select current_setting('role'), private.is_client()").fetchone() == ("none", False)


@pytest.mark.parametrize(
    ("statement", "sqlstates"),
    [
        ("insert into memberships (space_id, user_id) values (%(club)s, %(olga)s)", {"MG109"}),
        ("insert into memberships (space_id, user_id) values (%(park)s, %(eleni)s)", {"42501"}),
        ("insert into prompts (space_id, question, curator_id) values (%(club)s, 'Mine?', %(olga)s)", {"42501"}),
        (
            "insert into responses (prompt_id, user_id, content) values (%(unanswered_prompt)s, %(eleni)s, 'Hers')",
            {"42501"},
        ),
        ("insert into newsletters (space_id) values (%(club)s)", {"42501"}),
        ("insert into purchases (user_id, item_id) values (%(chloe)s, %(item)s)", {"42501"}),
        ("insert into spaces (name, leader_id) values ('Hers', %(ada)s)", {"42501"}),
        ("insert into token_gifts (sender_id, recipient_id, amount) values (%(chloe)s, %(olga)s, 5)", {"42501"}),
        ("select remove_member(%(club)s, %(eleni)s)", {"42501"}),
        ("select transfer_leadership(%(club)s, %(eleni)s)", {"42501"}),
        ("select set_member_role(%(club)s, %(eleni)s, 'ADMIN')", {"42501"}),
        ("select assign_curator(%(club)s, %(eleni)s)", {"42501"}),
        ("select create_invite(%(club)s)", {"MG101"}),
        ("select publish_prompts(%(club)s)", {"42501"}),
        ("select reorder_prompts(%(club)s, '{}')", {"42501"}),
        ("select select_responses(%(club)s, '{}')", {"42501"}),
        ("select generate_newsletter(%(club)s)", {"42501"}),
        ("select publish_newsletter(%(newsletter_draft)s)", {"MG401"}),
        ("select newsletter_delivery(%(newsletter)s)", {"MG401"}),
        ("select member_profiles(%(club)s)", {"MG101"}),
        ("select leaderboard(%(club)s)", {"MG101"}),
        ("select space_week(%(club)s)", {"MG101"}),
        ("select preview_rotation(%(club)s)", {"MG101"}),
        ("select space_emails(%(club)s)", {"MG101"}),
        ("select set_space_emails(%(club)s, false)", {"MG101"}),
        ("select verify_ledger()", {"42501"}),
        ("select tick()", {"42501"}),
    ],
)
def test_a_role_that_inherits_is_held_like_a_client(
    world: World, editor: Actor, statement: str, sqlstates: set[str]
) -> None:
    """Each of these went through, or told what is in the club, while only two roles counted as clients."""
    world.actors.run("set local search_path = public")
    with pytest.raises(psycopg.Error) as caught:
        editor.run(statement % {name: f"'{value}'" for name, value in world.ids.items()})
    assert caught.value.sqlstate in sqlstates


def test_a_role_that_inherits_reads_what_its_person_may(world: World, editor: Actor) -> None:
    """Policies for `authenticated` hold for a role that inherits it: it sees its own rows, and no others."""
    assert [row["id"] for row in editor.select("users")] == [editor.id]
    assert {row["id"] for row in editor.select("spaces")} == {world.ids["park"]}
    for table in ("memberships", "curator_rotations", "space_events"):
        assert {row["space_id"] for row in editor.select(table)} == {world.ids["park"]}, table
    for table in ("prompts", "responses", "space_invites", "purchases", "token_gifts"):
        assert editor.select(table) == [], table
    assert editor.insert("spaces", name="Hers")["leader_id"] == editor.id


def test_a_role_that_only_reaches_the_schemas_sees_nothing(world: World) -> None:
    """No policy is for every role: one that is granted the tables but not a member of `authenticated` reads no row."""
    world.actors.run("create role reporter nologin")
    world.actors.run("grant reporter to postgres")
    world.actors.run("grant usage on schema public, private to reporter")
    world.actors.run("grant select on all tables in schema public to reporter")
    world.actors.run("grant execute on all functions in schema private to reporter")
    reporter = replace(world.cast["leader"], role="reporter")
    tables = world.actors.run("select tablename from pg_catalog.pg_tables where schemaname = 'public'")
    assert tables
    seen: dict[str, Any] = {row["tablename"]: reporter.select(row["tablename"]) for row in tables}
    assert {table for table, rows in seen.items() if rows} == set()


@pytest.mark.usefixtures("dsn")
def test_a_login_without_a_role_reaches_nothing(databases: Databases) -> None:
    """The Data API logs in as `authenticator`; what it does before it becomes somebody is not trusted."""
    with psycopg.connect(databases.dsn("shared", user="authenticator")) as connection:
        connection.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{uuid4()}"}}'])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select private.is_client()")
