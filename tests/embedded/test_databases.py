"""Templates, copies and resets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from supabase_embedded import MigrationError, Project
from supabase_embedded import databases as module
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from tests.support.long import long


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server for the tests of this file, because they change the whole server."""
    with PostgresServer.temporary() as server:
        yield server


@pytest.fixture
def databases(server: PostgresServer, project: Path) -> Databases:
    """The databases of a project for this test alone, as after the first start."""
    databases = Databases(server.address, Project.find(project), service_password="service")
    databases.open()
    databases.reset()
    return databases


def ask(dsn: str, query: Any) -> Any:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def change(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into public.things (name) values ('mine'); create table public.extra ();")


THINGS = "select string_agg(name, ',' order by id) from public.things"


def test_reset_restores_the_seed_only(databases: Databases) -> None:
    for _ in range(2):
        change(databases.dsn())
        assert ask(databases.dsn(), THINGS) == "seeded,mine"
        databases.reset()
        assert ask(databases.dsn(), THINGS) == "seeded"
        assert ask(databases.dsn(), "select to_regclass('public.extra')") is None
        databases.tidy()


def test_a_file_system_without_cloning(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[object] = []
    run = module._run

    def refuse(session: psycopg.Connection, statement: LiteralString, *names: str) -> None:
        method = session.execute("show file_copy_method").fetchone()
        if statement.startswith("create database") and method == ("clone",):
            refused.append(names)
            raise psycopg.errors.InternalError_('could not clone file "base/1/1": Operation not supported')
        run(session, statement, *names)

    monkeypatch.setattr(module, "_run", refuse)
    assert ask(databases.clone("copied"), THINGS) == "seeded"
    assert len(refused) == 1
    databases.drop("copied")


def test_opening_again_keeps_the_data_and_applies_what_is_new(databases: Databases, project: Path) -> None:
    change(databases.dsn())
    (project / "supabase/migrations/20260103000000_more.sql").write_text("create table public.more ();")
    assert databases.open().applied == ["20260103000000"]
    assert ask(databases.dsn(), THINGS) == "seeded,mine"
    assert databases.fits_this_version()


def test_a_reset_follows_edited_migrations_and_seed(databases: Databases, project: Path) -> None:
    databases.tidy()
    (project / "supabase/migrations/20260102000000_shout.sql").write_text("create table public.silence ();")
    (project / "supabase/seed.sql").write_text("insert into public.things (name) values ('other');")
    assert databases.open().changed == ["20260102000000"]
    assert ask(databases.dsn(), "select to_regclass('public.silence')") is None
    databases.reset()
    assert ask(databases.dsn(), "select to_regclass('public.silence')") == "silence"
    assert ask(databases.dsn(), THINGS) == "other"


def test_a_failed_reset_changes_nothing(databases: Databases, project: Path) -> None:
    change(databases.dsn())
    (project / "supabase/migrations/20260103000000_bad.sql").write_text("create nonsense;")
    with pytest.raises(MigrationError, match="20260103000000_bad"):
        databases.reset()
    assert ask(databases.dsn(), THINGS) == "seeded,mine"


def test_a_reset_ends_open_sessions(databases: Databases) -> None:
    with psycopg.connect(databases.dsn()) as idle:
        idle.execute("insert into public.things (name) values ('never committed')")
        databases.reset()
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
    assert ask(databases.dsn(), THINGS) == "seeded"


def test_a_reset_ends_replication_sessions(databases: Databases) -> None:
    url = databases.dsn(user="supabase_admin")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_create_logical_replication_slot('reader', 'pgoutput')")
    reader = psycopg.pq.PGconn.connect(f"{url}?replication=database".encode())
    reader.exec_(
        b"START_REPLICATION SLOT reader LOGICAL 0/0 (proto_version '1', publication_names 'supabase_realtime')"
    )
    databases.reset()
    databases.tidy()
    reader.finish()
    assert ask(url, "select count(*) from pg_replication_slots") == 0
    assert ask(databases.dsn(), THINGS) == "seeded"


@pytest.mark.parametrize(
    "accident",
    [
        "alter database postgres rename to monogram_discarded",
        "create database embedded_unfinished",
        *long(
            "alter database postgres allow_connections false",
            "drop database postgres",
            "comment on database postgres is null",
            "drop database embedded_template",
            "alter database embedded_spare rename to embedded_unfinished",
        ),
    ],
)
def test_recovers_from_a_crash_at_any_step(databases: Databases, accident: Any) -> None:
    databases.tidy()
    with psycopg.connect(databases.dsn("template1", user="supabase_admin"), autocommit=True) as connection:
        connection.execute(accident)
    databases.open()
    databases.reset()
    databases.tidy()
    databases.reset()
    assert ask(databases.dsn(), THINGS) == "seeded"


def test_copies_are_independent_and_can_be_created_concurrently(embedded: Databases) -> None:
    names = [f"copy_{number}" for number in range(4)]
    with ThreadPoolExecutor() as pool:
        urls = list(pool.map(embedded.clone, names))
    change(urls[0])
    assert [ask(url, THINGS) for url in urls] == ["seeded,mine", "seeded", "seeded", "seeded"]
    assert ask(embedded.clone(names[0]), THINGS) == "seeded"
    for name in names:
        embedded.drop(name)
        embedded.drop(name)


def test_several_processes_may_create_the_template_at_once(databases: Databases, project: Path) -> None:
    (project / "supabase/seed.sql").write_text("insert into public.things (name) values ('newest');")
    threads = [threading.Thread(target=databases.clone, args=(f"copy_{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ask(databases.dsn(f"copy_{number}"), THINGS) for number in range(3)] == ["newest"] * 3


def test_the_seed_can_be_left_out(databases: Databases) -> None:
    bare = replace(databases, with_seed=False)
    assert ask(bare.clone("bare"), "select count(*) from public.things") == 0


def test_shows_no_password(embedded: Databases) -> None:
    assert "service" not in repr(embedded).replace("service_role", "")
