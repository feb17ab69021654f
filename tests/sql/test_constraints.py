"""Every CHECK refuses what it is there to refuse, also where no trigger stands before it.

Triggers word refusals for people; a CHECK holds without the trigger, or when it has been changed. So each is
tried with all triggers off.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER
from tests.sql.violations import INSERTS, VIOLATIONS
from tests.support.actors import Actors
from tests.support.counts import count
from tests.support.world import build_world

TEXTS = (
    "''", "' '", "'x!'", "'X@Y'", "E'a\\nb'", *(f"repeat('x', {n + 1})" for n in (64, 80, 200, 280, 300, 500, 1000)),
    "repeat('x', 5001)", "repeat('x', 10001)", "repeat(E'x\\n', 600)",
)  # fmt: skip
NUMBERS = ("0", "-1", "11", "1000", "1000001", "10000000000000", "9223372036854775807")
POOL = {
    "text": TEXTS,
    "integer": NUMBERS[:4],
    "smallint": NUMBERS[:4],
    "bigint": NUMBERS,
    "boolean": ("true", "false"),
    "jsonb": ("'[]'", "'{}'", "'\"x\"'", "'{\"url\": 1}'", "jsonb_build_object('x', repeat('x', 70000))"),
    "timestamp with time zone": ("'infinity'", "now()"),
    "interval": ("'0'", "'-1 day'"),
    "integer[]": ("'{}'", "'{null}'", "'{{1}}'"),
    "uuid": ("gen_random_uuid()",),
    "bytea": ("''", "'\\x00'"),
    "date": ("'infinity'",),
}


@contextmanager
def bare_world(databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """A world with rows in every table, on a connection for which no trigger fires; nothing of it is committed."""
    databases.clone("bare")
    with psycopg.connect(databases.dsn("bare", user=SUPERUSER)) as connection:
        connection.execute("set role postgres")
        build_world(Actors(connection))
        connection.execute("select set_config('request.jwt.claims', '', true), set_config('role', 'none', true)")
        connection.execute("set constraints all immediate")
        connection.execute("set session_replication_role = replica")
        for statement in INSERTS:
            connection.execute(statement.encode())
        yield connection
        connection.rollback()
    databases.drop("bare")


@pytest.fixture(scope="module")
def bare(databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    with bare_world(databases) as connection:
        yield connection


def violated(connection: psycopg.Connection[Any], statement: str) -> str | None:
    """Which CHECK refuses a statement."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.errors.CheckViolation as error:
        return error.diag.constraint_name
    except (psycopg.errors.DataError, psycopg.errors.IntegrityError):
        return None
    return None


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_a_check_refuses(bare: psycopg.Connection[Any], constraint: str) -> None:
    assert violated(bare, VIOLATIONS[constraint]) == constraint
    count("CHECKs tried")


def test_every_check_is_tried(bare: psycopg.Connection[Any]) -> None:
    """A new CHECK needs a line in violations.py; the message proposes one."""
    rows = bare.execute(
        """
        select conname, conrelid::regclass::text, conkey, conrelid from pg_catalog.pg_constraint
        where contype = 'c' and connamespace in ('public'::regnamespace, 'private'::regnamespace) and conrelid <> 0
        order by 2, 1
        """
    ).fetchall()
    missing = [(row[1], row[0], row[2], row[3]) for row in rows if row[0] not in VIOLATIONS]
    proposals = [f"{name!r}: {propose(bare, table, name, keys, oid)!r}," for table, name, keys, oid in missing]
    assert proposals == [], "\n".join(["Lines for tests/sql/violations.py:", *proposals])
    assert {row[0] for row in rows} == set(VIOLATIONS), "a line is about a CHECK that is no more"


def propose(connection: psycopg.Connection[Any], table: str, name: str, keys: list[int], oid: int) -> str:
    """Look for a statement that this CHECK refuses and no other does first."""
    columns = connection.execute(
        """
        select quote_ident(attname), format_type(atttypid, atttypmod),
          array(select quote_literal(enumlabel) from pg_catalog.pg_enum where enumtypid = atttypid)
        from pg_catalog.pg_attribute where attrelid = %s and attnum = any (%s)
        """,
        [oid, keys],
    ).fetchall()
    values = [("null", *labels, *POOL.get(kind, TEXTS)) for _, kind, labels in columns]
    for size in range(1, min(len(columns), 3) + 1):
        for chosen in itertools.combinations(range(len(columns)), size):
            for combination in itertools.product(*(values[n] for n in chosen)):
                changes = ", ".join(f"{columns[n][0]} = {v}" for n, v in zip(chosen, combination, strict=True))
                statement = f"update {table} set {changes}"
                try:
                    if violated(connection, statement) == name:
                        return statement
                except psycopg.Error:
                    continue
    return "?"
