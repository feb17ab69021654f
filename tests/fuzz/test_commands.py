"""Odd commands by everybody: refused in words, or done with all that must hold still holding."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.fuzz.cases import Api, Case
from tests.fuzz.oracle import complaint, indiscretion
from tests.simulation.invariants import RULES
from tests.support.actors import Actors
from tests.support.counts import count
from tests.support.digest import digest
from tests.support.world import World, build_world

SEED = int(os.environ.get("MONOGRAM_FUZZ_SEED", "1"))
FEW, MANY = 600, 16_000
_SET = (
    "release savepoint one; savepoint one; set local statement_timeout = '10s';"
    " select set_config('request.jwt.claims', %s, true), set_config('role', %s, true);"
)
# Tables whose names are words that a refusal may well use.
_PLAIN_WORDS = {"mails", "redactions", "limits"}


def private_names(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Names of tables that nobody outside knows, unless something of the API has the same one."""
    rows = connection.execute(
        """
        select relname from pg_catalog.pg_class where relnamespace = 'private'::regnamespace and relkind = 'r'
        except select relname from pg_catalog.pg_class where relnamespace = 'public'::regnamespace
        except select proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace
        """
    )
    return frozenset(row[0] for row in rows) - _PLAIN_WORDS


class Fuzzer:
    """Runs cases, each against the same database state."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor)
        self.world: World = build_world(Actors(self.connection))
        self.connection.execute("select set_config('request.jwt.claims', '', true), set_config('role', 'none', true)")
        self.connection.execute("savepoint one")
        self.api = Api(self.connection, list(self.world.ids), list(self.world.cast))
        self.private = private_names(self.connection)
        self.before = digest(self.connection)
        self.answers: Counter[str] = Counter()
        self.last: psycopg.Error | None = None

    def close(self) -> None:
        self.connection.rollback()
        self.connection.close()

    def wrong(self, case: Case, *, looks_closely: bool = True) -> str | None:
        """Send a case, roll it back, and return what is wrong with the reply; None if nothing is."""
        actor = self.world.cast[case.actor]
        claims: dict[str, Any] = {"role": actor.role}
        if actor.user_id is not None:
            claims |= {"sub": str(actor.user_id), "app_metadata": dict(actor.app_metadata)}
        statement, arguments = case.statement(self.world.ids)
        problem = None
        self.last = None
        try:
            self.connection.execute(
                f"{_SET} {statement}; set constraints all immediate".encode(),
                [json.dumps(claims), actor.role, *arguments],
            )
            self.answers["done"] += 1
            self.connection.execute(
                "select set_config('request.jwt.claims', '', true), set_config('role', 'none', true)"
            )
            problem = self._broken() if looks_closely else None
        except psycopg.Error as error:
            self.answers[error.sqlstate or "none"] += 1
            self.last = error
            self.connection.execute("rollback to savepoint one")
            # Whoever has the secret key may know what is inside.
            problem = complaint(error, frozenset() if case.actor == "service" else self.private)
            if problem is None and looks_closely and digest(self.connection) != self.before:
                problem = "a refused command has changed something"
        self.connection.execute("rollback to savepoint one")
        return problem

    def says_null(self) -> str | None:
        """Say whether a constraint of a table that nobody sees, instead of a check, refused the last case."""
        if self.last is None or self.last.diag.table_name is None:
            return None
        said = self.last.diag.message_primary or ""
        return said if self.last.sqlstate == "23502" else indiscretion(said, self.private)

    def _broken(self) -> str | None:
        for rule, query in RULES.items():
            if found := self.connection.execute(query.encode()).fetchall():
                return f"afterwards it is not so that {rule}: {found[:3]}"
        return None

    def smallest(self, case: Case) -> Case:
        """Leave out what it does not take for something to be wrong."""
        smaller = True
        while smaller:
            smaller = False
            for simpler in case.simpler():
                if self.wrong(simpler) is not None:
                    case, smaller = simpler, True
                    break
        return case


@pytest.fixture(scope="module")
def fuzzer(databases: Databases) -> Iterator[Fuzzer]:
    fuzzer = Fuzzer(databases.clone("fuzz"))
    yield fuzzer
    fuzzer.close()
    databases.drop("fuzz")


def run(fuzzer: Fuzzer, numbers: range, seconds: float) -> None:
    """Send cases, as many as there is time for; fail with the smallest form of each kind of what is wrong."""
    end = time.monotonic() + seconds
    found: dict[str, str] = {}
    sent = 0
    for number in numbers:
        if time.monotonic() > end:
            break
        case = fuzzer.api.make(SEED, number)
        sent += 1
        problem = fuzzer.wrong(case, looks_closely=number % 4 == 0)
        if problem is not None and (kind := f"{case.verb} {case.target} {problem[:30]}") not in found:
            smallest = fuzzer.smallest(case)
            found[kind] = f"seed {SEED} number {number}: {smallest}\n    {fuzzer.wrong(smallest)}"
    count("fuzz inputs by SQL", sent)
    assert not found, "\n".join(["", *found.values(), f"{len(found)} kinds in {sent} inputs"])


def test_a_few_odd_commands(fuzzer: Fuzzer) -> None:
    """A sample that reaches every function and verb in some round; the rounds differ by day in the long form."""
    everything = len(fuzzer.api.actors) * (len(fuzzer.api.functions) + 4 * len(fuzzer.api.tables))
    run(fuzzer, range(0, everything, max(everything // FEW, 1)), 60)
    assert fuzzer.answers["done"] > 0 and fuzzer.answers["42501"] > 0


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(4))
def test_many_odd_commands(fuzzer: Fuzzer, part: int) -> None:
    run(fuzzer, range(part * MANY // 4, (part + 1) * MANY // 4), 600)


def test_a_null_is_refused_in_words_also_to_secret_keys(fuzzer: Fuzzer) -> None:
    """NOT NULL of a table that nobody reads is not what says that an argument is needed."""
    found = [
        f"{case}: {problem}"
        for name, arguments, _ in fuzzer.api.functions
        for actor in ("service", "curator")
        for missing in range(len(arguments))
        for case in [_without(fuzzer, name, arguments, actor, missing)]
        for problem in [fuzzer.wrong(case, looks_closely=False) or fuzzer.says_null()]
        if problem
    ]
    assert not found, "\n".join(["", *found])


def _without(fuzzer: Fuzzer, name: str, arguments: list[list[str]], actor: str, missing: int) -> Case:
    """Return a call that makes sense but for one null."""
    values = []
    for place, (argument, kind) in enumerate(arguments):
        plain = argument.removesuffix("_id")
        guess = {"space": "club", "recipient": "eleni", "user": "chloe"}.get(plain, plain)
        some = {"integer": "1", "bigint": "1", "boolean": "true", "jsonb": "{}", "uuid": f"@{guess}"}
        # A year in which all jobs and emails are due.
        some |= {"timestamp with time zone": "2099-01-01 00:00:00+00", "uuid[]": "{@response}"}
        texts = {"event": "BOUNCED", "address": "a@example.test", "scope": "space", "part": "users"}
        some["text"] = texts.get(argument, "x")
        enum = fuzzer.api.enums.get(kind, ("{}" if kind.endswith("[]") else "1",))
        value = some.get(kind, enum[0])
        if value.startswith("@") and guess not in fuzzer.world.ids:
            value = "@response"
        values.append((argument, kind, None if place == missing else value))
    return Case(actor, "call", name, tuple(values), required=len(values))


def test_what_is_wrong_is_found_and_made_small(fuzzer: Fuzzer) -> None:
    """An error of PostgreSQL's own, from within, is told apart from a refusal."""
    (right,) = fuzzer.connection.execute(
        "select pg_get_functiondef('public.mark_notifications_read(uuid[])'::regprocedure)"
    ).fetchone()
    fuzzer.connection.execute(
        "create or replace function public.mark_notifications_read(notification_ids uuid[] default null)"
        " returns integer language plpgsql set search_path = '' as $$ begin return (select 1 from nowhere); end $$"
    )
    fuzzer.connection.execute("release savepoint one")
    fuzzer.connection.execute("savepoint one")
    case = Case(
        "member", "call", "mark_notifications_read", (("notification_ids", "uuid[]", "{@club,@prompt}"),), required=0
    )
    try:
        problem = fuzzer.wrong(case)
        assert problem is not None and "42P01" in problem
        assert fuzzer.smallest(case).values == ()
    finally:  # Others use the database, too.
        fuzzer.connection.execute(right)
        fuzzer.connection.execute("release savepoint one")
        fuzzer.connection.execute("savepoint one")
