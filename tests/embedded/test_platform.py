"""The embedded stack allows and refuses what the platform does, on every version of Postgres."""

from __future__ import annotations

import json
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from supabase_embedded.bootstrap import bootstrap
from supabase_embedded.databases import Databases

REFUSED: list[tuple[LiteralString, LiteralString]] = [
    ("create table auth.x ()", "permission denied for schema auth"),
    ("create table storage.x ()", "permission denied for schema storage"),
    ("create function storage.f() returns int language sql return 1", "permission denied for schema storage"),
    ("create view realtime.v as select 1", "permission denied for schema realtime"),
    ("create table if not exists auth.x ()", "permission denied for schema auth"),
    ("alter table realtime.messages enable row level security", "must be owner of table realtime.messages"),
    ("alter table auth.users add column shoe_size int", "must be owner of table auth.users"),
    ("alter table storage.objects disable row level security", "must be owner of table storage.objects"),
    ("create index on storage.objects (name)", "must be owner of index"),
    ("drop table storage.objects cascade", "must be owner of table storage.objects"),
    ("drop function auth.uid() cascade", "must be owner of function"),
    ("drop schema auth cascade", "must be owner of schema auth"),
    ("alter role postgres superuser", "permission denied to alter role|must be superuser"),
    ("create role boss superuser", "permission denied to create role|must be superuser"),
    ("alter default privileges for role supabase_admin in schema public revoke all on tables from anon",
     "permission denied to change default privileges|must be member of role"),
    ("delete from storage.objects", "Direct deletion from storage tables is not allowed"),
    ("delete from storage.buckets", "Direct deletion from storage tables is not allowed"),
]  # fmt: skip

ALLOWED: list[LiteralString] = [
    "create policy p on storage.objects for select to authenticated using (bucket_id = 'a')",
    "create policy p on realtime.messages for select to authenticated using (extension = 'broadcast')",
    "insert into storage.buckets (id, name, public) values ('a', 'a', true)",
    "create table public.people (id uuid primary key references auth.users on delete cascade)",
    "create table public.t (); alter publication supabase_realtime add table public.t",
    "create extension if not exists btree_gist with schema extensions",
    "create schema private; grant usage on schema private to authenticated",
    "alter role authenticated set statement_timeout = '9s'",
    "truncate auth.users cascade",
    "create role helper nologin",
]


@pytest.mark.parametrize(("statement", "message"), REFUSED, ids=[statement for statement, _ in REFUSED])
def test_refuses_migrations_what_the_platform_refuses(
    shared: psycopg.Connection, statement: LiteralString, message: LiteralString
) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match=message):
        shared.execute(statement)


@pytest.mark.parametrize("statement", ALLOWED)
def test_allows_migrations_what_the_platform_allows(shared: psycopg.Connection, statement: LiteralString) -> None:
    with shared.transaction(force_rollback=True):
        shared.execute(statement.encode())


def test_migrations_cannot_make_the_scheduler_extension(shared: psycopg.Connection) -> None:
    # It is not available, or, on a machine that has it, only for the superuser.
    with pytest.raises((errors.FeatureNotSupported, errors.InsufficientPrivilege), match="pg_cron"):
        shared.execute("create extension pg_cron")


def test_policies_and_triggers_on_the_services_tables_can_be_changed_and_dropped(postgres: psycopg.Connection) -> None:
    postgres.execute(
        """
        create policy p on realtime.messages for insert to authenticated with check (true);
        alter policy p on realtime.messages with check (false);
        drop policy p on realtime.messages;
        create function public.greet() returns trigger language plpgsql as 'begin return new; end';
        create trigger greets after insert on auth.users for each row execute function public.greet();
        drop trigger greets on auth.users;
        """
    )
    assert postgres.execute("select count(*) from pg_trigger where tgname = 'greets'").fetchone() == (0,)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_a_new_table_is_closed_until_it_is_granted(postgres: psycopg.Connection, role: str) -> None:
    postgres.execute("create table public.fresh (id int)")
    postgres.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    with pytest.raises(errors.InsufficientPrivilege):
        postgres.execute("select * from public.fresh")
    postgres.execute("reset role")
    postgres.execute(sql.SQL("grant select on public.fresh to {}").format(sql.Identifier(role)))
    postgres.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    assert postgres.execute("select * from public.fresh").fetchall() == []


def test_a_function_is_closed_where_a_migration_took_the_default_away(postgres: psycopg.Connection) -> None:
    postgres.execute("create function public.before() returns int language sql return 1")
    postgres.execute("alter default privileges revoke execute on functions from public")
    postgres.execute("create function public.after() returns int language sql return 1")
    postgres.execute("set role anon")
    assert postgres.execute("select public.before()").fetchone() == (1,)
    with pytest.raises(errors.InsufficientPrivilege):
        postgres.execute("select public.after()")


def test_roles_are_those_of_the_platform(shared: psycopg.Connection) -> None:
    rows = shared.execute(
        "select rolname, rolsuper, rolcanlogin, rolbypassrls, rolcreaterole from pg_catalog.pg_roles"
        " where rolname !~ '^pg_' and rolname <> 'helper' order by rolname"
    ).fetchall()
    assert rows == [
        # name, superuser, may log in, bypasses policies, may create roles
        ("anon", False, False, False, False),
        ("authenticated", False, False, False, False),
        ("authenticator", False, True, False, False),
        ("dashboard_user", False, False, False, True),
        ("postgres", False, True, True, True),
        ("service_role", False, False, True, False),
        ("supabase_admin", True, True, True, True),
        ("supabase_auth_admin", False, True, False, False),
        ("supabase_realtime_admin", False, False, False, False),
        ("supabase_storage_admin", False, True, False, False),
    ]


def test_role_settings_are_those_of_the_platform(shared: psycopg.Connection) -> None:
    rows = shared.execute(
        "select coalesce(rolname, 'everyone'), setting from pg_catalog.pg_db_role_setting s"
        " left join pg_catalog.pg_roles r on r.oid = s.setrole cross join unnest(setconfig) setting"
    ).fetchall()
    assert {
        ("everyone", 'search_path="$user", public, extensions'),
        ("anon", "statement_timeout=3s"),
        ("authenticated", "statement_timeout=8s"),
        ("authenticator", "lock_timeout=8s"),
    } <= set(rows)
    assert shared.execute("show search_path").fetchone() == ('"$user", public, extensions',)


def test_the_publication_exists_and_is_empty(shared: psycopg.Connection) -> None:
    query = "select count(*) from pg_catalog.pg_publication_tables where pubname = 'supabase_realtime'"
    assert shared.execute(query).fetchone() == (0,)
    assert shared.execute("select count(*) from pg_publication where pubname = 'supabase_realtime'").fetchone() == (1,)


def test_auth_functions_read_the_token_of_the_request(shared: psycopg.Connection) -> None:
    user_id = uuid4()
    claims = {"sub": str(user_id), "role": "authenticated", "email": "ada@example.test", "app_metadata": {"a": 1}}
    query = "select auth.uid(), auth.role(), auth.email(), auth.jwt() -> 'app_metadata'"
    assert shared.execute(query).fetchone() == (None, None, None, None)
    with shared.transaction():
        shared.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
        shared.execute("set local role authenticated")
        assert shared.execute(query).fetchone() == (user_id, "authenticated", "ada@example.test", {"a": 1})


def test_users_have_the_platform_s_columns(shared: psycopg.Connection) -> None:
    query = "select count(*) from information_schema.columns where table_schema = 'auth' and table_name = 'users'"
    assert shared.execute(query).fetchone() == (35,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("u1/2026/a.PNG", (["u1", "2026"], "a.PNG", "PNG")),
        ("a.png", ([], "a.png", "png")),
    ],
)
def test_storage_helpers_take_paths_apart(
    postgres: psycopg.Connection, name: str, expected: tuple[list[str], str, str]
) -> None:
    query = "select storage.foldername(%(n)s), storage.filename(%(n)s), storage.extension(%(n)s)"
    assert postgres.execute(query, {"n": name}).fetchone() == expected


def test_the_storage_server_may_delete(every_version: Databases, platform_dsn: str) -> None:
    with psycopg.connect(platform_dsn) as connection:
        connection.execute("insert into storage.buckets (id, name) values ('a', 'a')")
    with psycopg.connect(every_version.dsn("platform_test", user="supabase_storage_admin")) as connection:
        connection.execute("set local storage.allow_delete_query = 'true'")
        assert connection.execute("delete from storage.buckets where id = 'a'").rowcount == 1


def test_request_roles_see_stored_files_through_policies_only(postgres: psycopg.Connection) -> None:
    postgres.execute("insert into storage.buckets (id, name) values ('a', 'a')")
    postgres.execute("insert into storage.objects (bucket_id, name) values ('a', 'one/x.png'), ('a', 'two/x.png')")
    postgres.execute("set role anon")
    assert postgres.execute("select name from storage.objects").fetchall() == []
    postgres.execute("reset role")
    postgres.execute(
        "create policy p on storage.objects for select to anon using ((storage.foldername(name))[1] = 'one')"
    )
    postgres.execute("set role anon")
    assert postgres.execute("select name from storage.objects").fetchall() == [("one/x.png",)]


def test_the_service_roles_log_in_and_the_gateway_becomes_request_roles(every_version: Databases) -> None:
    every_version.clone("login_test")
    for user in ("supabase_admin", "authenticator", "supabase_auth_admin", "supabase_storage_admin"):
        with psycopg.connect(every_version.dsn("login_test", user=user)) as connection:
            assert connection.execute("select session_user").fetchone() == (user,)
    with psycopg.connect(every_version.dsn("login_test", user="authenticator")) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select * from public.things")
        connection.rollback()
        connection.execute("set role service_role")
        assert connection.execute("select name from public.things").fetchall() == [("seeded",)]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("set role postgres")
    every_version.drop("login_test")


def test_bootstrapping_twice_changes_nothing(every_version: Databases, platform_dsn: str) -> None:
    query = "select count(*), max(oid) from pg_catalog.pg_class"
    with psycopg.connect(platform_dsn) as connection:
        before = connection.execute(query).fetchone()
    bootstrap(every_version.dsn("platform_test", user="supabase_admin"), service_password="service")
    with psycopg.connect(platform_dsn) as connection:
        assert connection.execute(query).fetchone() == before
