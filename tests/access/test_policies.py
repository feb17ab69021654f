"""What must be true of every policy, and of every trigger that stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.access.catalog import OURS, names
from tests.support.actors import Actors


@pytest.fixture(scope="module")
def catalog(dsn: str) -> Iterator[Actors]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield actors


def test_one_permissive_policy_for_each_table_command_and_role(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(
                """
            select tablename || ' ' || command || ' ' || role
            from pg_catalog.pg_policies
            cross join unnest(roles) as role
            cross join unnest(
              case when cmd = 'ALL' then '{SELECT,INSERT,UPDATE,DELETE}'::text[] else array[cmd] end
            ) as command
            where schemaname = 'public' and permissive = 'PERMISSIVE'
            group by tablename, command, role
            having count(*) > 1
            """
            )
        )
        == []
    )


# How long a table is read by who holds a lock, and what a change calculates.
BOUNDS = {
    "SELECT": "private.time_to_read()",
    "UPDATE": "SELECT private.is_plain_change()",
    "DELETE": "SELECT private.is_plain_change()",
}


@pytest.mark.parametrize("command", BOUNDS)
def test_every_table_is_bounded(catalog: Actors, command: str) -> None:
    bounded = catalog.run(
        """
        select tablename, roles::text[], qual from pg_catalog.pg_policies
        where schemaname = 'public' and permissive = 'RESTRICTIVE' and cmd = %s
        """,
        command,
    )
    assert sorted(row["tablename"] for row in bounded) == names(
        catalog.run("select tablename from pg_catalog.pg_tables where schemaname = 'public'")
    )
    assert {tuple(sorted(row["roles"])) for row in bounded} == {("anon", "authenticated")}
    (condition,) = {row["qual"] for row in bounded}
    assert BOUNDS[command] in condition


def test_no_other_command_is_restricted(catalog: Actors) -> None:
    found = catalog.run("select distinct cmd from pg_catalog.pg_policies where permissive = 'RESTRICTIVE'")
    assert {row["cmd"] for row in found} == BOUNDS.keys()


NOTHING_OF_OTHERS = {"notifications", "settings", "store_items", "users"}
"""Tables where a client's change holds nothing that others need: what is their own, and what is the project's."""


def test_every_table_bounds_how_many_rows_a_client_changes(catalog: Actors) -> None:
    changes = catalog.run(
        """
        select
          c.relname || ' ' || event.name as name, c.relname as table,
          exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = c.oid and t.tgfoid = 'private.bound_rows'::regproc and t.tgtype & 3 = 3
              and t.tgtype & event.bit <> 0 and t.tgqual is null and t.tgattr = ''
          ) as is_bound
        from pg_catalog.pg_class c
        cross join (values ('insert', 4), ('delete', 8), ('update', 16)) as event (name, bit)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and case event.name
          when 'delete' then has_table_privilege('authenticated', c.oid, 'delete')
          else has_any_column_privilege('authenticated', c.oid, event.name)
        end
        """
    )
    assert [row["name"] for row in changes if not row["is_bound"] and row["table"] not in NOTHING_OF_OTHERS] == []
    assert {row["table"] for row in changes} >= NOTHING_OF_OTHERS


def test_every_policy_names_its_roles_and_reads_as_a_sentence(catalog: Actors) -> None:
    policies = catalog.run(
        """
        select * from pg_catalog.pg_policies where schemaname = 'public' or starts_with(policyname, 'Monogram: ')
        """
    )
    assert len(policies) > 40
    for policy in policies:
        assert set(policy["roles"]) <= {"anon", "authenticated"}, policy
        assert policy["policyname"][0].isupper() and " " in policy["policyname"], policy


def test_policies_ask_who_is_calling_once(catalog: Actors) -> None:
    """`(select auth.uid())` is evaluated once a statement, `auth.uid()` once a row."""
    for policy in catalog.run("select * from pg_catalog.pg_policies where schemaname = 'public'"):
        for clause in (policy["qual"] or "", policy["with_check"] or ""):
            assert clause.count("auth.uid()") == clause.count("SELECT auth.uid() AS uid"), policy


def test_every_trigger_is_named_after_its_table_and_listed_in_its_comment(catalog: Actors) -> None:
    triggers = catalog.run(
        f"""
        select t.tgname as name, c.relname as table, coalesce(obj_description(c.oid, 'pg_class'), '') as comment
        from pg_catalog.pg_trigger t
        join pg_catalog.pg_class c on c.oid = t.tgrelid
        where c.relnamespace in {OURS} and not t.tgisinternal
        """
    )
    assert triggers
    assert [row["name"] for row in triggers if not row["name"].startswith(f"{row['table']}__")] == []
    assert [
        row["name"] for row in triggers if row["name"] not in row["comment"] and "touch_updated_at" not in row["name"]
    ] == []
