"""Measure the database at several sizes, and print a table.

    python -m benchmarks.database                 once and ten times the rows that the contract names
    python -m benchmarks.database --scale 0.1 1   smaller, in a minute

Each figure is the median over different people and spaces, in milliseconds, measured by the client over a local socket.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import cast
from uuid import UUID

import psycopg

from benchmarks.database.quick import quick_writes
from benchmarks.report import Table, machine, write
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER, PostgresServer
from supabase_embedded.project import Project
from tests.support.parts import POSTGRES_VERSIONS
from tests.support.scale import fill

USERS, SPACES = 10_000, 1_000
"""What the contract names; with them come 100,000 responses and 1,000,000 transactions."""

READS = {
    "a person's spaces": "select * from spaces where id in (select space_id from memberships where user_id = '{me}')",
    "a week's prompts": (
        "select * from prompts where space_id = '{space}' and week_number = 10 and is_published order by \"order\""
    ),
    "a response to a prompt": "select * from responses where prompt_id = '{prompt}' and user_id = '{me}'",
    "the newest 100 transactions": (
        "select * from transactions where user_id = '{me}' order by created_at desc limit 100"
    ),
    "leaderboard()": "select * from leaderboard()",
    "space_week(space)": "select * from space_week('{space}')",
    "member_profiles(space)": "select * from member_profiles('{space}')",
    "badge_progress()": "select * from badge_progress()",
    "100 missed events": "select * from space_events where space_id = '{space}' and seq > 0 order by seq limit 100",
}

WRITES = {
    "publish a response": (
        "insert into responses (prompt_id, content, is_published) values ('{prompt}', 'A page.', true)"
    ),
    "give a token": "select * from transfer_tokens('{other}', 1)",
}

CRON = {
    "refresh_streaks()": "select private.refresh_streaks()",
    "award_all_badges()": "select private.award_all_badges()",
    "sweep()": "select private.sweep()",
}

# A transfer between accounts with an entry for each side, and not one rule: what any ledger in SQL has to write.
BARE = """
create table bare_accounts (id uuid primary key, balance bigint not null);
create table bare_entries (
  id bigint generated always as identity primary key, account_id uuid not null, amount bigint not null,
  balance_after bigint not null, created_at timestamptz not null default clock_timestamp()
);
create index on bare_entries (account_id, created_at desc);
insert into bare_accounts select id, 1000000 from public.users;
create function bare_transfer(sender uuid, recipient uuid) returns void language plpgsql as $$
declare
  v_balance bigint;
begin
  perform from bare_accounts where id in (sender, recipient) order by id for no key update;
  update bare_accounts set balance = balance - 1 where id = sender returning balance into v_balance;
  insert into bare_entries (account_id, amount, balance_after) values (sender, -1, v_balance);
  update bare_accounts set balance = balance + 1 where id = recipient returning balance into v_balance;
  insert into bare_entries (account_id, amount, balance_after) values (recipient, 1, v_balance);
end;
$$;
"""


class Population:
    """Who and what there is at a size, drawn at random but the same in every run."""

    def __init__(self, connection: psycopg.Connection, spaces: int) -> None:
        self._connection = connection
        self._spaces = spaces
        self._random = random.Random(2026)

    def draw(self) -> dict[str, UUID]:
        """Return somebody who has not responded yet, their space, an open prompt of it, and somebody else."""
        space = self._random.randint(1, self._spaces)
        seat = self._random.randint(6, 9)
        other = self._random.randint(1, self._spaces * 10)
        return {
            "me": self._id(f"user{(space - 1) * 10 + seat}"),
            "space": self._id(f"space{space}"),
            "prompt": self._id(f"prompt{space}-10-{self._random.randint(1, 2)}"),
            "other": self._id(f"user{other}"),
        }

    def _id(self, key: str) -> UUID:
        row = self._connection.execute("select md5(%s)::uuid", [key]).fetchone()
        assert row is not None
        return cast("UUID", row[0])


def as_person(connection: psycopg.Connection, user_id: UUID) -> None:
    """Make the rest of the transaction a signed-in person's, as the Data API does."""
    claims = json.dumps({"sub": str(user_id), "role": "authenticated"})
    connection.execute(
        "select set_config('request.jwt.claims', %s, true), set_config('role', 'authenticated', true),"
        " set_config('search_path', 'public', true)",
        [claims],
    )


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, in milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def run(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement of ours and fetch all its rows."""
    cursor = connection.execute(statement.encode())
    if cursor.description:
        cursor.fetchall()


def measure_statements(
    dsn: str, statements: dict[str, str], spaces: int, *, rounds: int, commit: bool
) -> dict[str, float]:
    """Return the median of each statement, run as people; the statements take turns."""
    samples: dict[str, list[float]] = {name: [] for name in statements}
    with psycopg.connect(dsn) as connection, psycopg.connect(dsn, autocommit=True) as lookup:
        population = Population(lookup, spaces)
        for _ in range(rounds):
            for name, statement in statements.items():
                drawn = population.draw()
                if drawn["me"] == drawn["other"]:
                    continue
                as_person(connection, drawn["me"])

                def work(statement: str = statement.format(**drawn)) -> None:
                    run(connection, statement)
                    if commit:
                        connection.commit()

                try:
                    samples[name].append(timed(work))
                except psycopg.Error as error:
                    if error.sqlstate != "MG304":  # Drawn before, and has responded since.
                        raise
                connection.rollback()
    return {name: statistics.median(values) for name, values in samples.items()}


def measure_cron(dsn: str) -> dict[str, float]:
    """Return how long each piece of scheduled work takes when there is nothing new to pay: the usual case."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in CRON.values():
            run(connection, statement)
        return {name: timed(partial(run, connection, statement)) for name, statement in CRON.items()}


def transfers_a_second(dsn: str, spaces: int, statement: str, *, workers: int, seconds: float) -> float:
    """Return how many committed transfers a second several connections make together."""

    def work(number: int) -> int:
        generator = random.Random(number)
        done = 0
        with psycopg.connect(dsn, autocommit=True) as lookup, psycopg.connect(dsn) as connection:
            people = [
                cast("UUID", row[0])
                for row in lookup.execute(
                    "select md5('user' || n)::uuid from generate_series(1, %s) as n", [min(spaces * 10, 1000)]
                )
            ]
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                me, other = generator.sample(people, 2)
                if "transfer_tokens" in statement:
                    as_person(connection, me)
                run(connection, statement.format(me=me, other=other))
                connection.commit()
                done += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(workers))) / seconds


@contextmanager
def filled(databases: Databases, scale: float) -> Iterator[tuple[str, int]]:
    """A database of a size; yields its URL and its number of spaces."""
    users, spaces = int(USERS * scale), int(SPACES * scale)
    name = f"scale_{users}"
    databases.clone(name)
    try:
        fill(databases.dsn(name, user=SUPERUSER), users=users, spaces=spaces)
        dsn = databases.dsn(name)
        with psycopg.connect(databases.dsn(name, user=SUPERUSER), autocommit=True) as connection:
            connection.execute("vacuum analyze public.users")
        yield dsn, spaces
    finally:
        databases.drop(name)


def report(databases: Databases, scales: Sequence[float], *, rounds: int, seconds: float) -> str:
    """Measure, and return the tables.

    Args:
        databases: Where databases of each size are made, and dropped again.
        scales: Multiples of the contract's sizes.
        rounds: How often each statement runs.
        seconds: How long each run of transfers takes.
    """
    first, *others = scales
    columns: dict[float, dict[str, float]] = {}
    transfers: dict[str, list[float]] = {}
    for scale in scales:
        with filled(databases, scale) as (dsn, spaces):
            figures = measure_statements(dsn, READS, spaces, rounds=rounds, commit=False)
            figures |= measure_statements(dsn, WRITES, spaces, rounds=rounds, commit=True)
            figures |= measure_cron(dsn)
            columns[scale] = figures
            if scale == first:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    run(connection, BARE)
                for workers in (1, 8):
                    for name, statement in (
                        ("gifts", "select transfer_tokens('{other}', 1)"),
                        ("bare transfers", "select bare_transfer('{me}', '{other}')"),
                    ):
                        rate = transfers_a_second(dsn, spaces, statement, workers=workers, seconds=seconds)
                        transfers.setdefault(name, []).append(rate)

    sizes = Table(
        "statement", *(f"ms at x{scale:g}" for scale in scales), *(f"x{scale:g} / x{first:g}" for scale in others)
    )
    for name in columns[first]:
        values = [columns[scale][name] for scale in scales]
        ratios = [f"{value / values[0]:.1f}" for value in values[1:]]
        sizes.add(name, *(f"{value:.2f}" for value in values), *ratios)
    ledger = Table("committed a second", "1 connection", "8 connections")
    for name, rates in transfers.items():
        ledger.add(name, *(f"{rate:.0f}" for rate in rates))
    ledger.add(
        "gifts / bare transfers",
        *(f"{gifts / bare:.2f}" for gifts, bare in zip(transfers["gifts"], transfers["bare transfers"], strict=True)),
    )
    return f"{sizes}\n\n{ledger}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.database", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command")
    writes = commands.add_parser("writes", help="measure writes beside TPC-B")
    writes.add_argument("--quick", action="store_true", help="at a tenth of the data, in about a minute")
    writes.add_argument("--postgres-version", type=int, choices=POSTGRES_VERSIONS, default=max(POSTGRES_VERSIONS))
    writes.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0, 10.0], help="multiples of the contract's sizes")
    parser.add_argument("--rounds", type=int, default=200, help="how often each statement runs")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each run of transfers takes")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    if options.command == "writes":
        scale, seconds = (0.1, 3) if options.quick else (1.0, 5)
        print(
            quick_writes(
                options.postgres_version, scale=scale, rounds=3, seconds=seconds, connections=tuple(options.connections)
            )
        )
        return
    # On disk, and every commit waits for it, as in production.
    with PostgresServer.temporary(durable=True) as server:
        databases = Databases(server.address, Project.find(), service_password="service", with_seed=False)
        databases.prepare()
        tables = report(databases, options.scale, rounds=options.rounds, seconds=options.seconds)
    text = f"{machine()}\n\n{tables}"
    print(text)
    if options.write:
        write(__file__, text)


if __name__ == "__main__":
    main()
