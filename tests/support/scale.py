"""Fill a database with as many rows as the document names, or a fraction of them, so that its ledger verifies.

At full scale: 10,000 people, 1,000 spaces of ten, 20,000 prompts, 100,000 responses, 1,000,000 transactions. On top of
them come a space of 2,000 people (`space-large`, with 8,000 responses), one of 200 (`space-medium`), and a person in
50 spaces (number 5). Ids are md5() of what a row is: `md5('user7')`, `md5('space3')`, `md5('prompt3-10-1')`.

It is fast because tables are filled without their indexes, past all triggers and foreign keys, and because the chains
of the ledger are hashed by an aggregate: a statement makes those of a thousand people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from tests.support import scale_rows

_BATCH = 1000  # People.
_WORKERS = 2

# Tables that are large enough for their indexes to be made afterwards.
_LARGE = {
    "people": ("public.responses", "public.memberships", "public.prompts"),
    "ledger": ("public.transactions",),
    "news": ("public.notifications", "private.mails", "public.space_events", "public.newsletters"),
}


def fill(superuser_dsn: str, *, users: int, spaces: int) -> None:
    """Fill an empty database, past all triggers and foreign keys, which takes a superuser.

    Args:
        superuser_dsn: The URL of the database.
        users: How many people; ten times the spaces.
        spaces: How many spaces of ten.
    """
    sizes = {"users": users, "spaces": spaces, "rounds": scale_rows.ROUNDS, "items": scale_rows.ITEMS}
    sizes |= {"large": scale_rows.LARGE, "medium": scale_rows.MEDIUM, "busy": scale_rows.BUSY}
    with _connect(superuser_dsn) as connection:

        def run(statements: Sequence[str]) -> None:
            for statement in statements:
                connection.execute(statement.format(**sizes).encode())

        run(scale_rows.PREPARE)
        with _without_indexes(connection, _LARGE["people"]):
            run(scale_rows.PEOPLE)
        run(scale_rows.WEEKS)
        run(scale_rows.GIFTS)
        with _without_indexes(connection, _LARGE["ledger"]):
            batches = [(first, min(first + _BATCH - 1, users)) for first in range(1, users + 1, _BATCH)]
            with ThreadPoolExecutor(_WORKERS) as pool:
                shares = (batches[start::_WORKERS] for start in range(_WORKERS))
                for done in [pool.submit(_post, superuser_dsn, share, sizes) for share in shares]:
                    done.result()
        run(scale_rows.HEADS)
        with _without_indexes(connection, _LARGE["news"]):
            run(scale_rows.NEWS)
        connection.execute("drop schema scale cascade")
        # They have been written twice.
        connection.execute("vacuum full public.users, public.memberships")
        connection.execute("vacuum analyze")


def _post(superuser_dsn: str, batches: Sequence[tuple[int, int]], sizes: dict[str, int]) -> None:
    """Write the ledger of some people."""
    with _connect(superuser_dsn) as connection:
        for first, last in batches:
            connection.execute(scale_rows.LEDGER.format(**sizes, first=first, last=last).encode())


def _connect(superuser_dsn: str) -> psycopg.Connection:
    connection = psycopg.connect(superuser_dsn, autocommit=True)
    connection.execute("set session_replication_role = replica")
    connection.execute("set synchronous_commit = off")
    connection.execute("set work_mem = '128MB'")
    connection.execute("set maintenance_work_mem = '256MB'")
    return connection


@contextmanager
def _without_indexes(connection: psycopg.Connection, tables: Sequence[str]) -> Iterator[None]:
    """Drop the indexes of tables while they are filled, and make them again."""
    constraints = connection.execute(
        """
        select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
        from pg_catalog.pg_constraint
        where conrelid = any (%s::regclass[]) and contype in ('p', 'u')
        order by conrelid, contype
        """,
        [list(tables)],
    ).fetchall()
    indexes = connection.execute(
        """
        select indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
        from pg_catalog.pg_index
        where indrelid = any (%s::regclass[])
          and not exists (select from pg_catalog.pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
        """,
        [list(tables)],
    ).fetchall()
    referring = connection.execute(
        """
        select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
        from pg_catalog.pg_constraint
        where confrelid = any (%s::regclass[]) and contype = 'f' and conparentid = 0
        """,
        [list(tables)],
    ).fetchall()
    for table, name, _ in (*referring, *constraints):
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    yield
    for table, name, definition in constraints:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    for _, definition in indexes:
        connection.execute(definition.encode())
    for table, name, definition in referring:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
