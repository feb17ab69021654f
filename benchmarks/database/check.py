"""Has a ratio of the database become worse by a third? The short form, for every change.

Time differs from machine to machine and from minute to minute, so only ratios are compared: each is taken within a
round, of two things that need the same of the machine. So nothing waits for the disk here, neither a write nor the
reference. From one connection both are counted by what they take of the processor, which is the same however busy the
machine is; from several by their rates, because what they wait for each other matters. What is worse is measured again,
longer, before it counts. The pages that a read touches do not depend on the machine at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.database.pgbench import Load
from benchmarks.database.reads import Reader
from benchmarks.database.rounds import Figure, take_turns
from benchmarks.database.servers import Bench, temporary_folder
from benchmarks.database.writes import TPCB, WRITES, Write, Writer, measure_writes
from benchmarks.report import Table
from supabase_embedded.postgres import SUPERUSER
from tests.support.scale import fill

BASELINE = Path(__file__).parent / "baseline.json"

_USERS = 1_000
_TPCB_SCALE = 10
_CONNECTIONS = (1, 8)
_ROUNDS = 4
_SECONDS = 1
_REFERENCES, _WRITES = 1500, 300  # Transactions from one connection.
_DRAWS = 2
_A_THIRD = 4 / 3
_FEW_PAGES = 10
"""How many pages more do not matter: the catalogs and the ends of tables."""


Ratios = dict[str, dict[str, float]]
"""By kind: `writes`, as a part of TPC-B's rate; `reads`, as a multiple of the time without rules; `pages`."""


@dataclass(frozen=True)
class Case:
    """A ratio that must not become worse."""

    kind: str
    name: str
    before: float
    now: float

    @property
    def is_worse(self) -> bool:
        """Whether it is worse by a third."""
        if self.kind == "writes":
            return self.now < self.before / _A_THIRD
        if self.kind == "reads":
            # What takes less under the rules than without is measured badly.
            return self.now > max(self.before, 1.0) * _A_THIRD
        return self.now > self.before * _A_THIRD + _FEW_PAGES


def check(version: int) -> tuple[str, bool]:
    """Measure, and return a table and whether nothing has become worse."""
    before: Ratios = json.loads(BASELINE.read_text(encoding="utf-8"))
    with _filled(version) as measured:
        cases = compare(before, measured.ratios(_ROUNDS))
        if any(case.is_worse for case in cases):
            again = compare(before, measured.ratios(3 * _ROUNDS, only=[case for case in cases if case.is_worse]))
            repeated = {(case.kind, case.name): case for case in again}
            cases = [repeated.get((case.kind, case.name), case) if case.is_worse else case for case in cases]
    table = Table("ratio", "before", "now", "")
    for case in cases:
        label = {"writes": f"{case.name}, / TPC-B", "reads": f"{case.name}, / no rules", "pages": f"{case.name}, pages"}
        table.add(label[case.kind], f"{case.before:.2f}", f"{case.now:.2f}", "worse" if case.is_worse else "")
    return str(table), not any(case.is_worse for case in cases)


def update(version: int) -> None:
    """Measure, and make that what later checks compare with."""
    with _filled(version) as measured:
        ratios = measured.ratios(2 * _ROUNDS)
    rounded = {kind: {name: round(ratio, 3) for name, ratio in found.items()} for kind, found in ratios.items()}
    BASELINE.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


def compare(before: Ratios, now: Ratios) -> list[Case]:
    """Return the cases that both have.

    How several connections share the processors depends on how many there are, so such writes are only compared on a
    machine with as many.
    """
    is_alike = before["machine"] == now["machine"]
    return [
        Case(kind, name, before[kind][name], ratio)
        for kind in ("writes", "reads", "pages")
        for name, ratio in now.get(kind, {}).items()
        if name in before[kind] and (is_alike or kind != "writes" or name.endswith(" at 1"))
    ]


class _Measured:
    """A filled server, and what can be measured on it again and again."""

    def __init__(self, bench: Bench) -> None:
        self._reader = partial(Reader, bench, "bench", spaces=_USERS // 10)
        self._writer = Writer(bench, "bench", users=_USERS, spaces=_USERS // 10)

    def ratios(self, rounds: int, only: Sequence[Case] | None = None) -> Ratios:
        """Return the ratios.

        Args:
            rounds: How often each case has its turn.
            only: The cases to measure; by default all.
        """
        found: Ratios = {
            "machine": {"processors": float(psutil.cpu_count() or 1)},
            "writes": {},
            "reads": {},
            "pages": {},
        }
        names = None if only is None else {case.name for case in only if case.kind != "writes"}
        if names is None or names:
            reader = self._reader(only=names)
            for _ in range(rounds):
                reader.round(_DRAWS, long=False)
            for name, figures in reader.figures.items():
                if not figures.ruled.values:
                    continue
                found["pages"][name] = figures.pages
                if (ratio := figures.ratio) is not None:
                    found["reads"][name] = ratio
        for number in _CONNECTIONS:
            labels = {write: f"{write.name} at {number}" for write in WRITES}
            wanted = [
                write
                for write, label in labels.items()
                if only is None or any(case.kind == "writes" and case.name == label for case in only)
            ]
            if wanted:
                figures = self._figures(wanted, number, rounds)
                found["writes"] |= {labels[write]: figures[write.name].over(figures[TPCB]).median for write in wanted}
        return found

    def _figures(self, writes: Sequence[Write], connections: int, rounds: int) -> dict[str, Figure]:
        if connections > 1:
            measured = measure_writes(
                self._writer, connections=[connections], rounds=rounds, seconds=_SECONDS, writes=writes
            )
            return measured[str(connections)]
        # So many of each, and not for so long: on a busy machine the first ones, which make plans, would weigh more.
        reference, load = Load(1, transactions=_REFERENCES), Load(1, transactions=_WRITES)
        cases: dict[str, Callable[[], float]] = {TPCB: lambda: self._writer.reference(reference).rate_of_processor}
        for write in writes:
            cases[write.name] = lambda write=write: self._writer.run(write, load).rate_of_processor
        return take_turns(cases, rounds)


@contextmanager
def _filled(version: int) -> Iterator[_Measured]:
    with temporary_folder(version, in_memory=True) as folder, folder.serve(durable=False) as bench:
        with bench.superuser("template1") as connection:
            # It would begin whenever it likes.
            connection.execute("alter system set autovacuum = off")
            connection.execute("select pg_reload_conf()")
        bench.databases.clone("bench")
        fill(bench.databases.dsn("bench", user=SUPERUSER), users=_USERS, spaces=_USERS // 10)
        bench.prepare_tpcb(_TPCB_SCALE)
        yield _Measured(bench)
