"""plpgsql_check reads every function: names that an empty search_path does not find, types that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER, PostgresServer
from supabase_embedded.project import Project
from tests.support.parts import postgres_programs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection]:
    with PostgresServer.temporary(bindir=postgres_programs(15)) as server:
        databases = Databases(server.address, Project.find(ROOT), service_password="service", with_seed=False)
        databases.clone("bodies")
        with psycopg.connect(databases.dsn("bodies", user=SUPERUSER), autocommit=True) as connection:
            try:
                connection.execute("create extension plpgsql_check with schema extensions")
            except psycopg.errors.FeatureNotSupported:
                pytest.fail("plpgsql_check is missing. Run scripts/install_test_parts.sh.", pytrace=False)
            # Stand for what functions use of pg_cron, pg_net and Vault where they exist.
            connection.execute("create schema cron create table job_run_details (end_time timestamptz)")
            connection.execute(
                "create function cron.schedule(text, text, text) returns bigint language sql as 'select 1::bigint'"
            )
            connection.execute("create schema vault create table decrypted_secrets (name text, decrypted_secret text)")
            connection.execute("create schema net")
            connection.execute(
                "create function net.http_post("
                "url text, headers jsonb, body jsonb, timeout_milliseconds integer)"
                " returns bigint language sql as 'select 1::bigint'"
            )
            # Planning a body calls the stable functions in it, and some of those want somebody to be signed in.
            connection.execute('set request.jwt.claims = \'{"sub": "00000000-0000-4000-8000-000000000000"}\'')
            yield connection


def problems(connection: psycopg.Connection, arguments: str) -> list[str]:
    query = f"select * from extensions.plpgsql_check_function({arguments}, extra_warnings => false)"
    return [str(row[0]) for row in connection.execute(query.encode())]


def test_functions(connection: psycopg.Connection) -> None:
    functions = connection.execute(
        """
        select p.oid, p.oid::regprocedure::text
        from pg_catalog.pg_proc p
        join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
        where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and p.prorettype <> 'trigger'::regtype
        """
    ).fetchall()
    found = {name: problems(connection, str(oid)) for oid, name in functions}
    assert {name: said for name, said in found.items() if said} == {}
    assert "private.post_transaction(uuid,transaction_type,bigint,text,uuid,text,text,boolean)" in found


def test_trigger_functions(connection: psycopg.Connection) -> None:
    triggers = connection.execute(
        """
        select distinct p.oid, p.proname, t.tgrelid::regclass::text, t.tgoldtable, t.tgnewtable
        from pg_catalog.pg_trigger t
        join pg_catalog.pg_proc p on p.oid = t.tgfoid
        where p.pronamespace = 'private'::regnamespace and not t.tgisinternal
        """
    ).fetchall()
    found = {}
    for oid, name, table, old, new in triggers:
        transitions = {"oldtable": old, "newtable": new}
        told = "".join(f", {argument} => '{value}'" for argument, value in transitions.items() if value)
        found[name, table] = problems(connection, f"{oid}, '{table}'{told}")
    assert {key: said for key, said in found.items() if said} == {}
    assert ("count_response", "responses") in found


def test_every_trigger_function_is_a_trigger(connection: psycopg.Connection) -> None:
    (row,) = connection.execute(
        """
        select count(*) from pg_catalog.pg_proc p
        where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and p.prorettype = 'trigger'::regtype
          and not exists (select from pg_catalog.pg_trigger t where t.tgfoid = p.oid)
        """
    )
    assert row == (0,)
