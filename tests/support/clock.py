"""Give a database a clock that tests set, and chance that repeats.

`now()`, `clock_timestamp()` and `gen_random_uuid()` are replaced in one database, by SQL functions which PostgreSQL
inlines wherever they are called: defaults, constraints, triggers and functions of ours all read the time that the
setting `monogram.now` names, without a change to any of them. Uuids come from `random()`, which `setseed()` governs.
"""

from __future__ import annotations

import psycopg

_TIME = (
    "select coalesce(nullif(pg_catalog.current_setting('monogram.now', true), ''), '2027-01-04 00:00:00+00')"
    "::pg_catalog.timestamptz"
)

_STATEMENTS = (
    f"create or replace function pg_catalog.now() returns timestamptz language sql stable as $$ {_TIME} $$",
    "create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile as "
    f"$$ {_TIME} $$",
    "create or replace function pg_catalog.gen_random_uuid() returns uuid language sql volatile as "
    "$$ select pg_catalog.md5(pg_catalog.random()::pg_catalog.text)::pg_catalog.uuid $$",
)


def replace_clock(superuser_dsn: str) -> None:
    """Make a database tell the time that `set_config('monogram.now', ...)` says, and draw ids from `random()`."""
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        for statement in _STATEMENTS:
            connection.execute(statement.encode())
