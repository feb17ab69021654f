"""The Data API and the schema: changes, grants and timeouts."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import psycopg

from supabase import Client
from tests.embedded.server.conftest import Person, Server


def test_statements_of_anonymous_callers_time_out_after_three_seconds(server: Server, secret: Client) -> None:
    reply = server.http().post("/rest/v1/rpc/nap", json={"seconds": 4})
    assert (reply.status_code, reply.json()["code"]) == (500, "57014")
    assert secret.rpc("nap", {"seconds": 0.01}).execute().data == 1


def test_a_changed_schema_is_known_at_once(server: Server) -> None:
    table = f"late_{uuid4().hex[:8]}"
    http = server.http(server.config.secret_key)
    assert http.get(f"/rest/v1/{table}").status_code == 404
    dsn = server.databases.dsn(server.database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create table public.{table} (id integer primary key)")
        connection.execute(f"alter table public.{table} enable row level security")
        connection.execute(f"grant select, insert on public.{table} to service_role")
        connection.execute("notify pgrst, 'reload schema'")
        eventually(lambda: http.post(f"/rest/v1/{table}", json={"id": 1}).status_code, 201)
        connection.execute(f"alter table public.{table} add column name text default 'new'")
        connection.execute("notify pgrst, 'reload schema'")
        eventually(lambda: http.get(f"/rest/v1/{table}").json(), [{"id": 1, "name": "new"}])


def eventually(ask: Callable[[], object], expected: object) -> None:
    """Repeat a request until its result is as expected, because a change is announced asynchronously."""
    deadline = time.monotonic() + 5
    while (found := ask()) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_grants_after_use_are_those_of_the_migrations(server: Server, ada: Person, anonymous: Client) -> None:
    """Without the shim, lite would grant everything to everybody at the first request."""
    ada.client.table("notes").insert({"body": f"use {uuid4()}"}).execute()
    anonymous.table("numbers").select("n").limit(1).execute()
    anonymous.rpc("count_up").execute()
    ada.client.storage.from_("papers").upload(f"{ada.id}/{uuid4()}.txt", b"use", {"content-type": "text/plain"})
    unused_database = f"unused_{uuid4().hex}"
    server.databases.clone(unused_database)
    with (
        psycopg.connect(server.superuser_dsn) as used,
        psycopg.connect(server.databases.dsn(unused_database, user="supabase_admin")) as unused,
    ):
        found = grants(used)
        assert found == grants(unused)
        assert ("column", "notes", "body", "{authenticated=aw/postgres}") in found
    server.databases.drop(unused_database)


def grants(connection: psycopg.Connection[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """All grants and policies: on schemas, tables, columns and functions, and the default privileges."""
    return set(
        connection.execute(
            """
            select 'schema', nspname, '', nspacl::text from pg_namespace where nspname !~ '^pg_(toast|temp)'
            union all
            select 'table', c.oid::regclass::text, '', relacl::text
            from pg_class c join pg_namespace n on n.oid = relnamespace
            where nspname in ('public', 'auth', 'storage', 'private', 'realtime') and relkind in ('r', 'v', 'S', 'p')
              and relname not like 'late\\_%'
            union all
            select 'column', attrelid::regclass::text, attname::text, attacl::text
            from pg_attribute where attacl is not null
            union all
            select 'function', oid::regprocedure::text, '', proacl::text
            from pg_proc where pronamespace in ('public'::regnamespace, 'auth'::regnamespace, 'storage'::regnamespace)
            union all
            select 'default', defaclrole::regrole::text, defaclnamespace::text || defaclobjtype::text, defaclacl::text
            from pg_default_acl
            union all
            select 'policy', polrelid::regclass::text, polname::text, polroles::regrole[]::text from pg_policy
            """
        ).fetchall()
    )
