"""Reads as a signed-in person, under the rules, beside the same reads without any: as the server executes them."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks.database.read_cases import MEMBERSHIP, READS, Read
from benchmarks.database.rounds import Figure
from benchmarks.database.servers import Bench
from supabase_embedded.postgres import SUPERUSER
from tests.support.scale_rows import BUSY, LARGE, MEDIUM, member_of

# How often a query runs for a person in a round: as often as fits, within bounds.
_ENOUGH = 60.0  # Milliseconds.
_LEAST, _MOST = 20, 400

# The same for everybody: the role that the Data API logs in as has timeouts, which are timers for each statement.
_SESSION = {"search_path": "public", "statement_timeout": "0", "lock_timeout": "0"}


@dataclass
class ReadFigures:
    """What was measured of a read: milliseconds a round, and pages."""

    ruled: Figure = field(default_factory=Figure)
    none: Figure = field(default_factory=Figure)
    membership: Figure = field(default_factory=Figure)
    pages: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the history."""
        values = {"ruled": self.ruled.values, "none": self.none.values, "membership": self.membership.values}
        return {**{name: found for name, found in values.items() if found}, "pages": self.pages}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ReadFigures:
        """Read what `as_json()` returned."""
        ruled, none, membership = (Figure(stored.get(name, [])) for name in ("ruled", "none", "membership"))
        return cls(ruled, none, membership, stored["pages"])

    @property
    def ratio(self) -> float | None:
        """How many times as long the read takes under the rules."""
        return self.ruled.over(self.none).median if self.none.values else None

    @property
    def memberships_on_top(self) -> float | None:
        """How many bare reads of a membership the rules take on top."""
        if not (self.none.values and self.membership.values):
            return None
        rounds = zip(self.ruled.values, self.none.values, self.membership.values, strict=True)
        return statistics.median((ruled - none) / membership for ruled, none, membership in rounds)


class Reader:
    """Runs the reads at one filled database, each for a few people who are drawn, the same in every run."""

    def __init__(self, bench: Bench, database: str, *, spaces: int, only: Collection[str] | None = None) -> None:
        self._reads = [read for read in READS if only is None or read.name in only]
        self._bench = bench
        self._database = database
        self._spaces = spaces
        self._random = random.Random(2026)
        self.figures = {read.name: ReadFigures() for read in self._reads}

    def round(self, draws: int, *, long: bool) -> None:
        """Measure every read once, as the median over several people.

        Args:
            draws: How many people.
            long: Whether to run those as well that read whole tables.
        """
        with self._bench.superuser(self._database) as connection:
            connection.execute("set search_path = public")
            people = [self._draw(connection) for _ in range(draws)]
            for read in self._reads:
                if read.is_long:
                    if long:
                        self._measure_long(connection, read)
                else:
                    self._measure(connection, read, people)

    def _measure(self, connection: psycopg.Connection, read: Read, people: list[dict[str, Any]]) -> None:
        ruled: list[float] = []
        none: list[float] = []
        membership: list[float] = []
        pages: list[int] = []
        for person in people:
            me = str(person[read.asker])
            query = read.query.format_map({**person, "me": me})
            bare = read.query if read.none is None else read.none
            explain(connection, query, role=read.role, me=me)
            result = explain(connection, query, role=read.role, me=me)
            pages.append(result.pages)
            times = max(_LEAST, min(_MOST, round(_ENOUGH / result.milliseconds)))
            claims = json.dumps({"sub": me, "role": read.role}, separators=(",", ":"))
            session = {"role": read.role, "request.jwt.claims": claims}
            ruled.append(self._latency(read.query, person, times, "authenticator", session))
            if not bare:
                continue
            compared = explain(connection, bare.format_map({**person, "me": me}))
            if compared.rows != result.rows:
                raise AssertionError(f"{read.name}: {result.rows} rows under the rules, {compared.rows} without them.")
            none.append(self._latency(bare, {**person, "me": me}, times, SUPERUSER, {}))
            if read.reads_membership:
                membership.append(self._latency(MEMBERSHIP, {"me": me}, times, SUPERUSER, {}))
        figures = self.figures[read.name]
        figures.ruled.values.append(statistics.median(ruled))
        figures.pages = round(statistics.median(pages))
        if none:
            figures.none.values.append(statistics.median(none))
        if membership:
            figures.membership.values.append(statistics.median(membership))

    def _latency(
        self, query: str, person: Mapping[str, Any], times: int, user: str, session: Mapping[str, str]
    ) -> float:
        named = [name for name in person if f"'{{{name}}}'" in query or f"{{{name}}}" in query]
        for name in named:
            query = query.replace(f"'{{{name}}}'", f":{name}").replace(f"{{{name}}}", f":{name}")
        return self._bench.pgbench.latency(
            self._database,
            query,
            times=times,
            user=user,
            settings={**_SESSION, **session},
            variables={name: str(person[name]) for name in named},
        )

    def _measure_long(self, connection: psycopg.Connection, read: Read) -> None:
        result = explain(connection, read.query, role=read.role)
        if read.name.startswith("verify_ledger") and result.rows:
            raise AssertionError(f"{read.name} found {result.rows} faults in the data.")
        self.figures[read.name].ruled.values.append(result.milliseconds)
        self.figures[read.name].pages = result.pages

    def _draw(self, connection: psycopg.Connection) -> dict[str, Any]:
        """Return somebody who is in one space of ten only, others who are in more, and places in long lists."""
        space = self._random.randint(self._spaces // 4 + 1, self._spaces)
        me = (space - 1) * 10 + self._random.randint(2, 5)
        row = connection.execute(
            """
            select md5('user' || %(me)s)::uuid as me, md5('space' || %(space)s)::uuid as space,
              md5('prompt' || %(space)s || '-10-1')::uuid as prompt, md5('user' || %(busy)s)::uuid as busy,
              md5('user' || %(large)s)::uuid as member_of_large,
              md5('user' || %(medium)s)::uuid as member_of_medium, response.id as response, response.created_at,
              member.user_id as member, member.joined_at, entry.seq
            from (
              select id, created_at from responses where space_id = md5('space-large')::uuid
              order by created_at, id offset (
                select count(*) / 2 from responses where space_id = md5('space-large')::uuid
              ) limit 1
            ) as response
            cross join (
              select user_id, joined_at from memberships where space_id = md5('space-large')::uuid
              order by joined_at, user_id offset (
                select count(*) / 2 from memberships where space_id = md5('space-large')::uuid
              ) limit 1
            ) as member
            cross join (
              select seq from transactions where user_id = md5('user' || %(me)s)::uuid order by seq offset 50 limit 1
            ) as entry
            """,
            {
                "me": me,
                "space": space,
                "busy": BUSY,
                "large": member_of(LARGE, 17, self._spaces * 10),
                "medium": member_of(MEDIUM, 17, self._spaces * 10),
            },
        ).fetchone()
        assert row is not None
        names = (
            *("me", "space", "prompt", "busy", "member_of_large", "member_of_medium"),
            *("response", "created_at", "member", "joined_at", "seq"),
        )
        return dict(zip(names, row, strict=True))


@dataclass(frozen=True)
class Result:
    """What the server says of a query that it has executed."""

    milliseconds: float
    rows: int
    pages: int


def explain(connection: psycopg.Connection, query: str, *, role: str | None = None, me: str | None = None) -> Result:
    """Execute a query as somebody, or without rules, and return what it took."""
    with connection.transaction():
        if role is not None:
            claims = json.dumps({"sub": me, "role": role} if me else {"role": role})
            connection.execute(
                "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)", [claims, role]
            )
        statement = f"explain (analyze, timing off, buffers, format json) {query}"
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    report = row[0][0]
    plan = report["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return Result(float(report["Execution Time"]), int(plan["Actual Rows"]), int(pages))
