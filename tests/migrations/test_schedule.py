"""Scheduled work: pg_cron gets it where it is, and where it is not nothing fails."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from supabase_embedded.bootstrap import bootstrap
from supabase_embedded.migrations import migrate
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.postgres import server as server_module
from supabase_embedded.project import Project
from tests.support.actors import Actors
from tests.support.parts import postgres_programs

PROJECT = Project.find(Path(__file__).parent.parent.parent)


def scheduled(connection: psycopg.Connection) -> list[tuple[str, ...]]:
    return connection.execute("select jobname, schedule, command from cron.job order by jobname").fetchall()


@pytest.mark.parametrize("first", ["the extension", "the migrations"])
def test_pg_cron_runs_what_is_listed(first: str) -> None:
    programs = postgres_programs(15)
    settings = {"shared_preload_libraries": "pg_cron", "cron.database_name": "postgres"}
    with patch.dict(server_module._SETTINGS, settings), PostgresServer.temporary(bindir=programs) as server:
        bootstrap(server.dsn(), service_password="service")
        dsn = server.dsn(user="postgres", password="postgres")

        def allow_pg_cron() -> None:
            """Do as a superuser what the platform lets `postgres` do by itself."""
            with psycopg.connect(server.dsn(), autocommit=True) as superuser:
                superuser.execute("create extension pg_cron with schema pg_catalog")
                superuser.execute("grant usage on schema cron to postgres")

        if first == "the extension":
            allow_pg_cron()
            migrate(dsn, PROJECT.migrations_dir)
        else:
            migrate(dsn, PROJECT.migrations_dir)
            allow_pg_cron()
        with psycopg.connect(dsn) as connection:
            if first == "the migrations":
                connection.execute("select private.schedule_jobs()")
            wanted = connection.execute(
                "select name, schedule, command from private.scheduled_jobs order by 1"
            ).fetchall()
            assert [row[:2] for row in wanted] == [("monogram-tick", "* * * * *")]
            assert scheduled(connection) == wanted
            connection.execute("select private.schedule_jobs()")
            assert scheduled(connection) == wanted
            connection.execute("select private.sweep()")


def test_without_pg_cron_there_is_nothing_to_schedule(actors: Actors) -> None:
    assert actors.one("select private.schedule_jobs()") == 0


def test_every_command_runs(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        for (command,) in connection.execute("select command from private.scheduled_jobs").fetchall():
            connection.execute(command.encode())
        assert connection.execute("select count(*) from private.chores where last_run_at is null").fetchone() == (0,)
