"""Writes as the Data API makes them, a transaction each, beside pgbench's own transaction on the same server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.database import pgledger
from benchmarks.database.pgbench import Load, Run
from benchmarks.database.rounds import Figure, take_turns
from benchmarks.database.servers import Bench
from supabase_embedded.postgres import SUPERUSER
from tests.support.scale_rows import ITEMS, LARGE

PROTOCOL = "prepared"
"""As the Data API speaks to the server; the references speak the same."""

TPCB = "TPC-B"
"""What reports call the reference: pgbench's own transaction, which resembles TPC-B."""

HOT = 16
"""How many connections give to the same person."""

PLACES = 10
"""How many prompts a week has: as many as it may have."""

# A signed-in person's transaction, as the Data API makes it. `:me` is the number of a person.
_TRANSACTION = """
begin;
select set_config('search_path', 'public', true), set_config('role', 'authenticated', true),
  set_config('request.jwt.claims', '{{"sub":"' || md5('user' || :me)::uuid || '","role":"authenticated"}}', true);
{statement};
commit;
"""

# Who gives and who receives are of the same space of ten, as they would be in life: so it is told by email as well.
_GIFT = """
\\set me random(1, :users)
\\set recipient (:me - 1) / 10 * 10 + (:me - 1 + random(1, 9)) % 10 + 1
"""

# Members of the largest space give to the first of them.
_HOT_GIFT = """
\\set me (random(2, :people) - 1) * (:users / :people) + 1
\\set recipient 1
"""

_TRANSFER = "select * from transfer_tokens(md5('user' || :recipient)::uuid, 1)"

# Every transaction has a number of its own, because nobody responds or buys twice: connections take blocks of them.
_BLOCK = 20
_NUMBER = f"""
\\if :left = 0
select nextval('bench.numbers') as block \\gset
\\set left {_BLOCK}
\\endif
\\set left :left - 1
\\set n (:block - 1) * {_BLOCK} + :left
"""

# Consecutive numbers are people of different spaces; once all have responded they go on to the next prompt.
_RESPONSE = """
\\set me (:n * 7919) % :users + 1
\\set space (:me - 1) / 10 + 1
\\set place :n / :users + 1
"""

_PUBLISH = """
insert into responses (prompt_id, content, is_published)
values (md5('prompt' || :space || '-' || :week || '-' || :place)::uuid, 'A page or two, and then some more.', true)
"""

# Any of the things, and the next one when everybody has bought something.
_PURCHASE = """
\\set me (:n * 7919) % :users + 1
\\set item (:n / :users + abs(hash_murmur2(:me, 1)) % :items) % :items + 1
"""

_BUY = "select * from purchase_item(md5('item' || :item)::uuid)"


@dataclass(frozen=True)
class Write:
    """A kind of write."""

    name: str
    draw: str
    statement: str
    numbered: bool = False

    @property
    def script(self) -> str:
        """The script for pgbench."""
        return (_NUMBER if self.numbered else "") + self.draw + _TRANSACTION.format(statement=self.statement.strip())


GIFT = Write("gift", _GIFT, _TRANSFER)
HOT_GIFT = Write("gift to one person", _HOT_GIFT, _TRANSFER)
PUBLISH = Write("publish a response", _RESPONSE, _PUBLISH, numbered=True)
PURCHASE = Write("purchase", _PURCHASE, _BUY, numbered=True)
WRITES = (GIFT, PUBLISH, PURCHASE)


class Writer:
    """Drives the writes at one filled database."""

    def __init__(self, bench: Bench, database: str, *, users: int, spaces: int) -> None:
        self._bench = bench
        self._database = database
        self._users = users
        self._spaces = spaces
        self._week = 10
        self._bought = 1
        with bench.superuser(database) as connection:
            connection.execute("create schema bench")
            connection.execute("create sequence bench.numbers")
            connection.execute("grant usage on schema bench to authenticator")
            connection.execute("grant usage on sequence bench.numbers to authenticator")

    def run(self, write: Write, load: Load) -> Run:
        """Make writes of a kind for some time, from several connections."""
        variables = {"users": self._users, "people": min(LARGE, self._users)}
        if write is PUBLISH:
            self._open_week()
            variables |= {"week": self._week}
        if write is PURCHASE:
            variables |= {"items": ITEMS}
        if write.numbered:
            variables |= {"left": 0, "block": 0}
            self._number_from(self._bought if write is PURCHASE else 1)
        self.settle()
        run = self._bench.pgbench.script(
            self._database, write.script, load=load, protocol=PROTOCOL,
            variables=variables,
        )  # fmt: skip
        if write is PURCHASE:
            self._bought = self._next_block()
        return run

    def reference(self, load: Load) -> Run:
        """Run pgbench's own transaction."""
        self.settle()
        return self._bench.pgbench.tpcb(self._bench.tpcb, load=load, protocol=PROTOCOL)

    def pgledger(self, load: Load) -> Run:
        """Make transfers in pgledger, which `pgledger.prepare()` has installed."""
        self.settle()
        return self._bench.pgbench.script(
            pgledger.DATABASE, pgledger.SCRIPT, load=load, protocol=PROTOCOL,
            user=SUPERUSER, variables={"users": self._users},
        )  # fmt: skip

    def settle(self) -> None:
        """Write to disk what earlier runs left to be written, so that no run pays for another."""
        with self._bench.superuser(self._database) as connection:
            connection.execute("checkpoint")

    def _number_from(self, block: int) -> None:
        with self._bench.superuser(self._database) as connection:
            connection.execute("select setval('bench.numbers', %s, false)", [block])

    def _next_block(self) -> int:
        with self._bench.superuser(self._database) as connection:
            row = connection.execute("select nextval('bench.numbers')").fetchone()
        assert row is not None
        return int(row[0])

    def _open_week(self) -> None:
        """Begin the next week in every space, with prompts to which nobody has responded."""
        self._week += 1
        with self._bench.superuser(self._database) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(
                """
                insert into public.prompts
                  (id, space_id, week_number, curator_id, question, "order", place, is_published, published_at)
                select md5('prompt' || n || '-' || %(week)s || '-' || place)::uuid, md5('space' || n)::uuid, %(week)s,
                  md5('user' || (n * 10))::uuid, 'What did you read?', place, place, true, now()
                from generate_series(1, %(spaces)s) as n cross join generate_series(1, %(places)s) as place
                """,
                {"week": self._week, "spaces": self._spaces, "places": PLACES},
            )
            connection.execute("update public.spaces set current_week = %s", [self._week])
            connection.execute("vacuum analyze public.spaces")
            connection.execute("analyze public.prompts")


def measure_writes(
    writer: Writer,
    *,
    connections: Sequence[int],
    rounds: int,
    seconds: float,
    writes: Sequence[Write] = WRITES,
    with_pgledger: bool = False,
) -> dict[str, dict[str, Figure]]:
    """Return the rates of each kind of write and of its references, by the number of connections.

    Args:
        writer: Makes them.
        connections: From how many connections at once.
        rounds: How often each case has its turn.
        seconds: How long a turn is.
        writes: The kinds.
        with_pgledger: Whether pgledger is there to compare with.
    """
    figures = {}
    for number in connections:
        load = Load(number, seconds)
        cases: dict[str, Callable[[], float]] = {TPCB: lambda load=load: writer.reference(load).rate}
        for write in writes:
            cases[write.name] = lambda write=write, load=load: writer.run(write, load).rate
        if with_pgledger:
            cases["pgledger"] = lambda load=load: writer.pgledger(load).rate
        figures[str(number)] = take_turns(cases, rounds)
    return figures


def measure_hot(writer: Writer, *, rounds: int, seconds: float) -> dict[str, Figure]:
    """Return the rates of gifts to many people and of gifts to one, from `HOT` connections."""
    load = Load(HOT, seconds)
    cases: dict[str, Callable[[], float]] = {
        write.name: lambda write=write: writer.run(write, load).rate for write in (GIFT, HOT_GIFT)
    }
    return take_turns(cases, rounds)
