"""Applying migrations and seeds, with the same records as the `supabase` command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from supabase_embedded import MigrationError
from supabase_embedded.bootstrap import bootstrap
from supabase_embedded.databases import Databases
from supabase_embedded.migrations import migrate, seed
from tests.embedded import supabase_cli

# Everything that is difficult for a splitter of statements.
TRICKY = """\
-- A header; with a semicolon.
create schema if not exists private;

/* block ; /* nested ; */ ; */
create table public.tricky (
  id integer primary key, -- comment ;
  name text default 'a;b''c'
);
create function public.f(a text default E'\\';') returns text language plpgsql set search_path = '' as $f$
begin
  -- don't
  return $x$;$x$ || a;
end;
$f$;
create function public.g(n integer) returns integer language sql
begin atomic
  select case when n > 1 then 1 else 2 end;
  select n;
end;
;;
comment on table public.tricky is 'It''s; fine';
create rule r as on insert to public.tricky do also (select 1; select 2);
-- the end
"""


@pytest.fixture
def empty_dsn(embedded: Databases) -> Iterator[str]:
    """The URL, as `postgres`, of a database with the platform's schemas and no migrations."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(embedded.dsn("template1", user="supabase_admin"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    bootstrap(embedded.dsn(name, user="supabase_admin"), service_password=embedded.service_password)
    yield embedded.dsn(name)
    embedded.drop(name)


@pytest.fixture
def second_dsn(embedded: Databases) -> Iterator[str]:
    """Another database like `empty_dsn`."""
    name = f"second_{uuid4().hex}"
    with psycopg.connect(embedded.dsn("template1", user="supabase_admin"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    bootstrap(embedded.dsn(name, user="supabase_admin"), service_password=embedded.service_password)
    yield embedded.dsn(name)
    embedded.drop(name)


def rows(dsn: str, query: Any) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def books(dsn: str) -> list[Any]:
    """Everything in schema `supabase_migrations`: the rows, and the shape and rights of the tables."""
    return [
        rows(dsn, "select version, name, statements from supabase_migrations.schema_migrations order by version"),
        rows(dsn, "select path, hash from supabase_migrations.seed_files order by path"),
        rows(
            dsn,
            "select c.relname, a.attname, a.atttypid::regtype::text, a.attnotnull, c.relowner::regrole::text,"
            " c.relacl::text from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'supabase_migrations'::regnamespace order by 1, a.attnum",
        ),
    ]


def test_applies_each_migration_once_and_in_order(empty_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    report = migrate(empty_dsn, migrations)
    assert report.applied == ["20260101000000", "20260102000000"]
    assert rows(empty_dsn, "select public.shout('a')") == [("A",)]
    again = migrate(empty_dsn, migrations)
    assert (again.applied, again.changed, again.missing) == ([], [], [])


def test_seeds_once(empty_dsn: str, project: Path) -> None:
    migrate(empty_dsn, project / "supabase" / "migrations")
    path = project / "supabase" / "seed.sql"
    assert [seed(empty_dsn, path), seed(empty_dsn, path)] == [True, False]
    assert rows(empty_dsn, "select name from public.things") == [("seeded",)]
    assert not seed(empty_dsn, project / "no-such-seed.sql")


@pytest.mark.long
def test_records_migrations_as_the_supabase_command_does(empty_dsn: str, second_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    (migrations / "20260103000000_tricky_one.sql").write_text(TRICKY)
    (migrations / "notes.sql").write_text("this is no migration;")
    migrate(empty_dsn, migrations)
    seed(empty_dsn, project / "supabase" / "seed.sql")
    said = supabase_cli.push(second_dsn, project)
    assert "20260103000000_tricky_one.sql" in said

    assert books(empty_dsn) == books(second_dsn)
    assert "Remote database is up to date." in supabase_cli.push(empty_dsn, project)
    assert migrate(second_dsn, migrations).applied == []
    assert not seed(second_dsn, project / "supabase" / "seed.sql")


def test_a_failing_migration_is_rolled_back_and_located(empty_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    (migrations / "20260103000000_broken.sql").write_text(
        "create table public.half ();\n\n-- Then:\ninsert into public.things (name)\n  values (nonsense);\n"
    )
    with pytest.raises(MigrationError) as caught:
        migrate(empty_dsn, migrations)
    message = str(caught.value)
    assert message.startswith(
        '20260103000000_broken.sql, line 5 (statement 2): column "nonsense" does not exist (SQLSTATE 42703)'
    )
    assert message.endswith("The whole file was rolled back. Correct it and run the command again.")
    assert rows(empty_dsn, "select to_regclass('public.half')") == [(None,)]
    query = "select version from supabase_migrations.schema_migrations order by 1"
    assert rows(empty_dsn, query) == [("20260101000000",), ("20260102000000",)]

    (migrations / "20260103000000_broken.sql").write_text("create table public.half ();")
    assert migrate(empty_dsn, migrations).applied == ["20260103000000"]


def test_a_failing_migration_reports_detail_and_context(empty_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    (migrations / "20260103000000_raises.sql").write_text(
        "do $$ begin raise exception 'no' using errcode = 'MG999', detail = 'because', hint = 'do not'; end $$;"
    )
    with pytest.raises(
        MigrationError, match=r"(?s)no \(SQLSTATE MG999\)\nDetail: because\nHint: do not\nWhere: PL/pgSQL"
    ):
        migrate(empty_dsn, migrations)


def test_a_failing_seed_is_rolled_back(empty_dsn: str, project: Path) -> None:
    migrate(empty_dsn, project / "supabase" / "migrations")
    path = project / "supabase" / "seed.sql"
    path.write_text("insert into public.things (name) values ('one');\ninsert into public.things (name) values (null);")
    with pytest.raises(MigrationError, match=r"seed\.sql, line 2 \(statement 2\): null value"):
        seed(empty_dsn, path)
    assert rows(empty_dsn, "select * from public.things") == []


def test_reports_edited_and_missing_migrations(empty_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    migrate(empty_dsn, migrations)
    first, second = sorted(migrations.iterdir())
    os.remove(first)
    second.write_text(second.read_text() + "\nselect 1;\n")
    report = migrate(empty_dsn, migrations)
    assert (report.applied, report.changed, report.missing) == ([], ["20260102000000"], ["20260101000000"])


def test_two_files_of_one_version_are_refused(empty_dsn: str, project: Path) -> None:
    migrations = project / "supabase" / "migrations"
    (migrations / "20260101000000_twin.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match=r"things\.sql and 20260101000000_twin\.sql have the same version"):
        migrate(empty_dsn, migrations)
