"""The writes in about a minute, for whoever works on them: at one and eight connections, a tenth of the data."""

from __future__ import annotations

from functools import partial

from benchmarks.database.rounds import take_turns
from benchmarks.database.servers import temporary_folder
from benchmarks.database.writes import WRITES, Write, Writer
from benchmarks.report import Table
from supabase_embedded.postgres import SUPERUSER
from tests.support.scale import fill


def quick_writes(version: int, *, scale: float, rounds: int, seconds: float, connections: tuple[int, ...]) -> str:
    """Measure, and return a table."""
    users, spaces = int(10_000 * scale), int(1_000 * scale)
    with temporary_folder(version) as folder:
        with folder.serve(durable=False) as bench:
            bench.databases.clone("bench")
            fill(bench.databases.dsn("bench", user=SUPERUSER), users=users, spaces=spaces)
            bench.prepare_tpcb(50)
        with folder.serve(durable=True) as bench:
            writer = Writer(bench, "bench", users=users, spaces=spaces)
            table = Table(
                "a second",
                *(f"{number}" for number in connections),
                *(f"/ TPC-B at {number}" for number in connections),
            )
            rates: dict[str, list[str]] = {}
            ratios: dict[str, list[str]] = {}
            for number in connections:

                def tpcb(number: int = number) -> float:
                    return writer.reference(connections=number, seconds=seconds).rate

                def rate(write: Write, number: int = number) -> float:
                    return writer.run(write, connections=number, seconds=seconds).rate

                cases = {"TPC-B": tpcb} | {write.name: partial(rate, write) for write in WRITES}
                figures = take_turns(cases, rounds)
                for name, figure in figures.items():
                    rates.setdefault(name, []).append(f"{figure.median:,.0f} ±{figure.spread:.0%}")
                    ratios.setdefault(name, []).append(f"{figure.over(figures['TPC-B']).median:.2f}")
            for name in rates:
                table.add(name, *rates[name], *ratios[name])
            return str(table)
