"""Every right that a client role or a secret key has, against the list that somebody has read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.actors import Actors

EXPECTED = Path(__file__).parent / "expected_grants.txt"


@pytest.fixture(scope="module")
def catalog(dsn: str) -> Iterator[Actors]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield actors


def granted(catalog: Actors) -> list[str]:
    """One line a right: `role command table(columns)`, without columns for all of them; `role execute function`."""
    tables = catalog.run(
        """
        select role || ' ' || lower(privilege) || ' ' || c.oid::regclass::text || coalesce(
          case when not has_table_privilege(role, c.oid, privilege) then
            (
              select '(' || string_agg(quote_ident(a.attname), ', ' order by a.attnum) || ')'
              from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and has_column_privilege(role, c.oid, a.attnum, privilege)
            )
          end, ''
        ) as line
        from pg_catalog.pg_class c
        cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
        cross join unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) as privilege
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
          and c.relkind in ('r', 'v', 'm', 'p', 'f')
          and (
            has_table_privilege(role, c.oid, privilege)
            or (
              privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
              and has_any_column_privilege(role, c.oid, privilege)
            )
          )
        """
    )
    functions = catalog.run(
        """
        select role || ' execute ' || p.oid::regprocedure::text as line
        from pg_catalog.pg_proc p
        cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
        where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and has_function_privilege(role, p.oid, 'execute')
        """
    )
    return sorted(row["line"] for row in (*tables, *functions))


def test_every_grant_is_expected(catalog: Actors) -> None:
    catalog.run("set local search_path = public")
    expected = EXPECTED.read_text(encoding="utf-8").splitlines()
    wanted = sorted(line for line in expected if line and not line.startswith("#"))
    differences = difflib.unified_diff(
        wanted, granted(catalog), "expected_grants.txt", "the database", lineterm="", n=0
    )
    assert list(differences) == []


def test_no_client_reaches_private_tables(catalog: Actors) -> None:
    tables = [line for line in granted(catalog) if " private." in line and " execute " not in line]
    assert [line for line in tables if not line.startswith("service_role ")] == []


def test_the_secret_key_reaches_no_secret_and_no_ledger(catalog: Actors) -> None:
    """What its functions read and write as themselves is the work of workers and operators: jobs, emails, pictures."""
    tables = [line for line in granted(catalog) if " private." in line and " execute " not in line]
    reached = {line.split()[2].partition("(")[0] for line in tables}
    assert reached == {
        "private.email_subscriptions",
        "private.email_suppressions",
        "private.mail_providers",
        "private.mail_refusals",
        "private.mails",
        "private.newsletter_mails",
        "private.outbox",
        "private.pictures",
    }


def test_anon_runs_nothing_in_public(catalog: Actors) -> None:
    catalog.run("set local search_path = ''")
    found = [line for line in granted(catalog) if line.startswith("anon execute public.")]
    assert found == []


def test_each_unlisted_column_is_refused(catalog: Actors) -> None:
    """The catalog says who may write what; here the refusals are seen."""
    columns = catalog.run(
        """
        select c.relname as table, a.attname as column, privilege
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        cross join (values ('INSERT'), ('UPDATE')) as p (privilege)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not has_column_privilege('authenticated', c.oid, a.attnum, privilege)
        """
    )
    somebody = catalog.person("Somebody")
    for row in columns:
        table, column = row["table"], row["column"]
        with somebody.refused("42501"):
            if row["privilege"] == "INSERT":
                somebody.run(f'insert into public.{table} ("{column}") values (default)')
            else:
                somebody.run(f'update public.{table} set "{column}" = default where false')
    refused = {(row["table"], row["column"], row["privilege"]) for row in columns}
    assert {
        ("users", "token_balance", "UPDATE"),
        ("users", "current_streak", "UPDATE"),
        ("users", "last_active_date", "UPDATE"),
        ("spaces", "current_week", "UPDATE"),
        ("spaces", "current_week", "INSERT"),
        ("spaces", "leader_id", "UPDATE"),
        ("spaces", "current_curator_id", "INSERT"),
        ("memberships", "role", "INSERT"),
        ("memberships", "total_submissions", "INSERT"),
        ("memberships", "weekly_streak", "INSERT"),
        ("responses", "space_id", "INSERT"),
        ("responses", "week_number", "INSERT"),
        ("responses", "is_selected", "INSERT"),
        ("responses", "is_selected", "UPDATE"),
        ("responses", "published_at", "INSERT"),
        ("responses", "published_at", "UPDATE"),
        ("responses", "prompt_id", "UPDATE"),
        ("responses", "user_id", "UPDATE"),
        ("prompts", "is_published", "INSERT"),
        ("prompts", "week_number", "UPDATE"),
        ("prompts", "curator_id", "UPDATE"),
        ("newsletters", "content", "INSERT"),
        ("newsletters", "content", "UPDATE"),
        ("newsletters", "is_published", "INSERT"),
        ("newsletters", "visibility", "UPDATE"),
        ("newsletters", "html_path", "UPDATE"),
        ("newsletters", "pdf_path", "UPDATE"),
        ("purchases", "price_paid", "INSERT"),
        ("purchases", "is_active", "INSERT"),
        ("purchases", "item_id", "UPDATE"),
        ("space_invites", "uses", "UPDATE"),
        ("space_invites", "max_uses", "UPDATE"),
        ("notifications", "payload", "UPDATE"),
        ("settings", "user_id", "UPDATE"),
    } <= refused


@pytest.mark.parametrize(
    "query",
    [
        "select private.post_transaction(auth.uid(), 'EARN_BADGE', 1000, 'badge', null, 'mine')",
        "select private.award_badges(array[auth.uid()])",
        "select private.refresh_streaks()",
        "select private.award_all_badges()",
        "select private.sweep()",
        "select private.schedule_jobs()",
        "select private.enqueue('newsletter.render', 'x', '{}')",
        "select private.tick()",
        "select private.send_reminders()",
        "select private.nudge()",
        "select private.queue_mails(array[auth.uid()], 'BADGE_EARNED', null, null, '{}', 'x')",
        "select private.unsubscribe('x', 'everything')",
        "select public.newsletter_mail(gen_random_uuid())",
        "select private.notify(array[auth.uid()], 'BADGE_EARNED', null, '{}', 'x')",
        "select private.emit(gen_random_uuid(), 'member.joined', null, '{}')",
        "select private.lock_space(gen_random_uuid())",
        "select private.valid_invite('x')",
        "select private.is_member(gen_random_uuid(), auth.uid())",
        "select private.displayed_badges(gen_random_uuid())",
        "select private.newsletter_content(gen_random_uuid(), 1)",
        "select * from private.error_codes",
        "select * from private.invite_secrets",
        "select * from private.outbox",
        "select * from private.mails",
        "select * from private.mail_batches",
        "select * from private.newsletter_mails",
        "select * from private.email_subscriptions",
        "select * from private.reading_key",
        "select * from private.reading_links",
        "select * from private.email_suppressions",
        "select * from private.chores",
        "select * from private.scheduled_jobs",
        "select * from private.space_feeds",
    ],
)
def test_what_is_private_is_refused(catalog: Actors, query: str) -> None:
    for somebody in (catalog.person("Somebody"), catalog.person("Rosa", role="admin"), catalog.anon()):
        with somebody.refused("42501"):
            somebody.run(query)
