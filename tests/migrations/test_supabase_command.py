"""The platform's own command applies, resets and inspects the database, and agrees with migrate() on what was done."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from supabase_embedded.bootstrap import bootstrap
from supabase_embedded.migrations import migrate, seed
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.project import Project
from tests.support.parts import postgres_programs, supabase_command

ROOT = Path(__file__).parent.parent.parent
PROJECT = Project.find(ROOT)

EXPECTED_ADVICE = {
    # No client reaches these tables: row level security without a policy is how that is said.
    "rls_enabled_no_policy_private_active_weeks",
    "rls_enabled_no_policy_private_closed_accounts",
    "rls_enabled_no_policy_private_closed_entries",
    "rls_enabled_no_policy_private_ledger_checkpoints",
    "rls_enabled_no_policy_private_ledger_checks",
    "rls_enabled_no_policy_private_ledger_heads",
    "rls_enabled_no_policy_private_newsletter_heads",
    "rls_enabled_no_policy_private_open_weeks",
    "rls_enabled_no_policy_private_paid_curations",
    "rls_enabled_no_policy_private_paid_streaks",
    "rls_enabled_no_policy_private_printed_files",
    "rls_enabled_no_policy_private_sealed_newsletters",
    "rls_enabled_no_policy_private_weekly_earnings",
    "rls_enabled_no_policy_private_chores",
    "rls_enabled_no_policy_private_email_subscriptions",
    "rls_enabled_no_policy_private_reading_key",
    "rls_enabled_no_policy_private_reading_links",
    "rls_enabled_no_policy_private_email_suppressions",
    "rls_enabled_no_policy_private_error_codes",
    "rls_enabled_no_policy_private_invite_secrets",
    "rls_enabled_no_policy_private_mail_batches",
    "rls_enabled_no_policy_private_mail_providers",
    "rls_enabled_no_policy_private_mail_refusals",
    "rls_enabled_no_policy_private_mails",
    "rls_enabled_no_policy_private_newsletter_mails",
    "rls_enabled_no_policy_private_outbox",
    "rls_enabled_no_policy_private_pictures",
    "rls_enabled_no_policy_private_redactions",
    "rls_enabled_no_policy_private_removed_members",
    "rls_enabled_no_policy_private_scheduled_jobs",
    "rls_enabled_no_policy_private_space_feeds",
    "rls_enabled_no_policy_private_gone_newsletters",
    "rls_enabled_no_policy_private_personal_data",
    "rls_enabled_no_policy_private_new_passwords",
    "rls_enabled_no_policy_private_used_file_names",
    "rls_enabled_no_policy_private_used_ids",
    "rls_enabled_no_policy_private_address_secret",
    "rls_enabled_no_policy_private_known_addresses",
    "rls_enabled_no_policy_private_former_addresses",
    "rls_enabled_no_policy_private_limit_uses",
    "rls_enabled_no_policy_private_limits",
    "rls_enabled_no_policy_private_lines",
    "rls_enabled_no_policy_private_turns",
    "rls_enabled_no_policy_private_empty_selections",
    "rls_enabled_no_policy_private_remembered_badges",
    "rls_enabled_no_policy_private_remembered_earnings",
    "rls_enabled_no_policy_private_remembered_limits",
    "rls_enabled_no_policy_private_remembered_places",
    "rls_enabled_no_policy_private_remembered_removals",
    "rls_enabled_no_policy_private_remembered_streaks",
}

Supabase = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of the version that the platform runs."""
    with PostgresServer.temporary(bindir=postgres_programs(17)) as server:
        yield server


@pytest.fixture
def dsn(server: PostgresServer) -> Iterator[str]:
    """The URL, as `postgres`, of a database as a new project has it."""
    with psycopg.connect(server.dsn("template1"), autocommit=True) as connection:
        connection.execute("drop database if exists project with (force)")
        connection.execute("create database project")
    bootstrap(server.dsn("project"), service_password="service")
    yield server.dsn("project", user="postgres", password="postgres")


@pytest.fixture
def supabase(dsn: str, tmp_path: Path) -> Supabase:
    """Run a `supabase` command on the project and return its output."""

    def run(*arguments: str) -> str:
        result = subprocess.run(
            [supabase_command(), *arguments, f"--remote={dsn}?sslmode=disable", f"--workdir={ROOT}"],
            env=os.environ | {"HOME": str(tmp_path), "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def people(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        (row,) = connection.execute("select count(*) from public.users")
        return int(row[0])


@pytest.mark.long
def test_push_reset_and_advice(supabase: Supabase, dsn: str) -> None:
    supabase("db", "push", "--include-seed", "--yes")
    assert people(dsn) == 5
    assert "Remote database is up to date." in supabase("db", "push", "--include-seed", "--yes")
    assert migrate(dsn, PROJECT.migrations_dir).applied == []

    with psycopg.connect(dsn) as connection:
        connection.execute("delete from public.users")
    supabase("db", "reset", "--yes")
    assert people(dsn) == 5

    advice = json.loads(supabase("db", "advisors", "--level", "info") or "[]")
    assert {lint["cache_key"] for lint in advice if lint["name"] != "unused_index"} == EXPECTED_ADVICE
    assert {lint["level"] for lint in advice} == {"INFO"}


@pytest.mark.long
def test_what_migrate_applied_counts_as_applied(supabase: Supabase, dsn: str) -> None:
    migrate(dsn, PROJECT.migrations_dir)
    seed(dsn, PROJECT.seed_path)
    assert "Remote database is up to date." in supabase("db", "push", "--include-seed", "--yes")
