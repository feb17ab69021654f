"""pgledger (https://github.com/pgr0ss/pgledger) as a reference for gifts, from a copy of it that you have."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.database.servers import Bench

FOLDER = "PGLEDGER_DIR"
"""The environment variable with the folder of the copy; nothing of it is in this repository."""

DATABASE = "pgledger"

_FILES = (
    "vendor/scoville-pgsql-ulid/ulid-to-uuid.sql",
    "vendor/scoville-pgsql-ulid/uuid-to-ulid.sql",
    "pgledger.sql",
)

SCRIPT = """
\\set sender random(1, :users)
\\set recipient (:sender - 1) / 10 * 10 + (:sender - 1 + random(1, 9)) % 10 + 1
begin;
select id from pgledger_create_transfer(
  (select id from numbered where n = :sender), (select id from numbered where n = :recipient), 1
);
commit;
"""


def folder() -> Path | None:
    """Return the folder of the copy, or None if none was named.

    Raises:
        FileNotFoundError: There is no pgledger in it.
    """
    named = os.environ.get(FOLDER)
    if not named:
        return None
    missing = [file for file in _FILES if not Path(named, file).is_file()]
    if missing:
        raise FileNotFoundError(f"{FOLDER}={named} has no {missing[0]}. Name the folder of a checkout of pgledger.")
    return Path(named)


def prepare(bench: Bench, source: Path, *, users: int) -> None:
    """Create a database with pgledger and an account for each person."""
    with bench.superuser("template1") as connection:
        connection.execute(f"create database {DATABASE}".encode())
    with bench.superuser(DATABASE) as connection:
        for file in _FILES:
            connection.execute((source / file).read_bytes())
        connection.execute("create table numbered (n integer primary key, id text not null)")
        connection.execute(
            "insert into numbered select n, account.id from generate_series(1, %s) as n"
            " cross join lateral pgledger_create_account('person ' || n, 'USD') as account",
            [users],
        )
        connection.execute("vacuum analyze")
