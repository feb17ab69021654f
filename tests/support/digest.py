"""Sum up all that a database of ours holds, to see whether anything has changed."""

from __future__ import annotations

from typing import Any

import psycopg

_TABLES = """
select quote_ident(nspname) || '.' || quote_ident(relname)
from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r' and nspname in ('public', 'private')
order by 1
"""


def digest(connection: psycopg.Connection[Any], without: frozenset[str] = frozenset()) -> str:
    """Return a hash over every row of `public`, `private` and the accounts, whatever the order they lie in."""
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        tables = [row[0] for row in cursor.execute(_TABLES) if row[0] not in without]
        parts = " union all ".join(
            f"select '{table}', sum(hashtextextended(rows::text, 0)) from {table} as rows"
            for table in [*tables, "auth.users", "storage.objects"]
        )
        whole = f"select md5(string_agg(t || ' ' || coalesce(h::text, ''), ',' order by t)) from ({parts}) as x (t, h)"
        cursor.execute(whole.encode())
        (row,) = cursor.fetchall()
        return str(row[0])
