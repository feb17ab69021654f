"""Scheduled jobs where the database has no scheduler."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from monogram_sdk.local._ticker import Ticker
from supabase_embedded.databases import Databases
from tests.support.trouble import eventually

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)  # A Monday.


@pytest.fixture
def dsn(embedded: Databases) -> Iterator[str]:
    url = embedded.clone("ticker_test")
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            create schema private;
            create table private.scheduled_jobs (name text primary key, schedule text, command text);
            """
        )
    yield url
    embedded.drop("ticker_test")


def schedule(dsn: str, name: str, when: str, command: str = "insert into public.things (name) values ('ran')") -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into private.scheduled_jobs values (%s, %s, %s)", (name, when, command))


def ran(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return len(connection.execute("select from public.things where name = 'ran'").fetchall())


def test_runs_a_job_when_it_is_due(dsn: str) -> None:
    schedule(dsn, "every minute", "* * * * *")
    schedule(dsn, "mondays", "5 12 * * 1")
    schedule(dsn, "sundays", "5 12 * * 0")
    ticker = Ticker(dsn, now=NOON)
    assert ticker.tick(NOON.replace(second=50)) == []
    assert ticker.tick(NOON.replace(minute=1, second=5)) == ["every minute"]
    assert ticker.tick(NOON.replace(minute=1, second=40)) == []
    assert ticker.tick(NOON.replace(minute=5, second=0)) == ["every minute", "mondays"]
    assert ran(dsn) == 3


def test_runs_a_job_once_after_a_long_sleep(dsn: str) -> None:
    schedule(dsn, "every minute", "* * * * *")
    ticker = Ticker(dsn, now=NOON)
    assert ticker.tick(NOON.replace(hour=20)) == ["every minute"]
    assert ran(dsn) == 1


def test_a_failing_job_is_logged_and_the_others_run(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    schedule(dsn, "a bad one", "* * * * *", "select 1 / 0")
    schedule(dsn, "b good one", "* * * * *")
    schedule(dsn, "c odd one", "every now and then")
    schedule(dsn, "d never", "0 0 30 2 *")
    with caplog.at_level(logging.ERROR):
        assert Ticker(dsn, now=NOON).tick(NOON.replace(minute=2)) == ["a bad one", "b good one"]
    assert ran(dsn) == 1
    assert "The scheduled job a bad one failed: division by zero" in caplog.text
    assert "The scheduled job c odd one never runs: 'every now and then'" in caplog.text


def test_a_project_without_jobs(embedded: Databases) -> None:
    assert Ticker(embedded.clone("no_jobs"), now=NOON).tick(NOON.replace(hour=13)) == []
    embedded.drop("no_jobs")


def test_it_ticks_until_it_is_stopped_and_survives_an_outage(
    dsn: str, embedded: Databases, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("monogram_sdk.local._ticker._TICK_INTERVAL", 0.05)
    ticker = Ticker(dsn, now=NOON)  # Long ago, so that everything is due.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table public.runs (at timestamptz default now())")
        connection.execute(
            "insert into private.scheduled_jobs values ('a', '* * * * *', 'insert into public.runs default values')"
        )
    stopping = threading.Event()
    thread = threading.Thread(target=ticker.run, args=[stopping])
    elsewhere = embedded.dsn("template1", user="supabase_admin")
    with psycopg.connect(elsewhere, autocommit=True) as connection, caplog.at_level(logging.ERROR):
        connection.execute("alter database ticker_test allow_connections false")
        thread.start()
        eventually(lambda: "The scheduled jobs could not be run: " in caplog.text)
        connection.execute("alter database ticker_test allow_connections true")
        ticker._seen = NOON
        with psycopg.connect(dsn, autocommit=True) as reader:
            eventually(lambda: reader.execute("select count(*) from public.runs").fetchone() == (1,))
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()
