"""Everything that is measured of a version of PostgreSQL, in one go: what comes of it is a dictionary for JSON."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil

from benchmarks.database import pgledger
from benchmarks.database.clock import measure_clock
from benchmarks.database.reads import Reader
from benchmarks.database.rounds import Figure
from benchmarks.database.servers import Bench, Folder, temporary_folder
from benchmarks.database.writes import PROTOCOL, Writer, measure_hot, measure_writes
from supabase_embedded.postgres import SUPERUSER
from tests.support.scale import fill

USERS = 10_000
"""What the contract names; with them come 1,000 spaces, 100,000 responses and 1,000,000 transactions."""

PARTS = ("writes", "reads", "clock")


@dataclass(frozen=True)
class Plan:
    """What to measure, and for how long.

    Attributes:
        version: Of PostgreSQL.
        parts: Which of `PARTS`.
        scales: Multiples of the contract's sizes. Writes are measured at the first.
        connections: From how many connections writes come.
        rounds: How often each case has its turn.
        seconds: How long each turn of a write is.
        draws: For how many people a read runs in a round.
        tpcb_scale: The size of pgbench's own tables, in 100,000 accounts.
        with_client: Whether to run the benchmark of the client as well, in a shorter form.
    """

    version: int
    parts: Sequence[str] = PARTS
    scales: Sequence[float] = (1.0, 10.0)
    connections: Sequence[int] = (1, 8, 32)
    rounds: int = 5
    seconds: float = 3.0
    draws: int = 3
    tpcb_scale: int = 50
    with_client: bool = False


@dataclass
class Progress:
    """Says what is being done, and remembers how long each step took."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step."""
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        print(f"{self.seconds[name]:.0f} s", flush=True, file=sys.stderr)


def measure(plan: Plan) -> dict[str, Any]:
    """Measure, and return all that is known of it."""
    progress = Progress()
    started = time.perf_counter()
    result: dict[str, Any] = {"scales": list(plan.scales), "rounds": plan.rounds, "data": {}, "reads": {}, "clock": {}}
    for scale in plan.scales:
        with temporary_folder(plan.version) as folder:
            result["data"][_key(scale)] = _fill(folder, plan, scale, progress)
            with folder.serve(durable=True) as bench:
                result["settings"] = bench.settings()
                _measure_at(bench, plan, scale, progress, result)
    if plan.with_client:
        with progress.step("client"):
            result["client"] = _measure_client()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "postgres": plan.version,
        "took": time.perf_counter() - started,
        "steps": progress.seconds,
        **result,
    }


def _fill(folder: Folder, plan: Plan, scale: float, progress: Progress) -> dict[str, Any]:
    users = _users(scale)
    writes_here = "writes" in plan.parts and scale == plan.scales[0]
    with folder.serve(durable=False) as bench:
        with progress.step(f"migrations, x{scale:g}"):
            bench.databases.clone("bench")
        with progress.step(f"data, x{scale:g}"):
            fill(bench.databases.dsn("bench", user=SUPERUSER), users=users, spaces=users // 10)
        if writes_here:
            with progress.step("data of TPC-B"):
                bench.prepare_tpcb(plan.tpcb_scale)
            source = pgledger.folder()
            if source is not None:
                with progress.step("data of pgledger"):
                    pgledger.prepare(bench, source, users=users)
        with bench.superuser("bench") as connection:
            row = connection.execute(
                """
                select
                  (select count(*) from public.users), (select count(*) from public.spaces),
                  (select count(*) from public.responses), (select count(*) from public.transactions),
                  pg_database_size('bench')
                """
            ).fetchone()
    assert row
    names = ("people", "spaces", "responses", "transactions", "bytes")
    return {**dict(zip(names, row, strict=True)), "seconds": progress.seconds[f"data, x{scale:g}"]}


def _measure_at(bench: Bench, plan: Plan, scale: float, progress: Progress, result: dict[str, Any]) -> None:
    users = _users(scale)
    if "reads" in plan.parts:
        reader = Reader(bench, "bench", spaces=users // 10)
        with progress.step(f"reads, x{scale:g}"):
            for number in range(plan.rounds):
                reader.round(plan.draws, long=number == 0)
        result["reads"][_key(scale)] = {name: figures.as_json() for name, figures in reader.figures.items()}
    if "clock" in plan.parts:
        with progress.step(f"clock, x{scale:g}"):
            result["clock"][_key(scale)] = measure_clock(bench, "bench", users=users)
    if "writes" in plan.parts and scale == plan.scales[0]:
        writer = Writer(bench, "bench", users=users, spaces=users // 10)
        with progress.step(f"writes, x{scale:g}"):
            measured = measure_writes(
                writer,
                connections=plan.connections,
                rounds=plan.rounds,
                seconds=plan.seconds,
                with_pgledger=pgledger.folder() is not None,
            )
            hot = measure_hot(writer, rounds=plan.rounds, seconds=plan.seconds)
        result["writes"] = {
            "protocol": PROTOCOL,
            "seconds": plan.seconds,
            "tpcb_scale": plan.tpcb_scale,
            "connections": {number: _values(figures) for number, figures in measured.items()},
            "hot": _values(hot),
        }


def _measure_client() -> str:
    """Return the tables of the benchmark of the client, without its line about the machine."""
    sizes = {"--rounds": "7", "--work": "10000", "--entries": "20000", "--starts": "7"}
    command = [sys.executable, "-m", "benchmarks.client", *(word for option in sizes.items() for word in option)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.partition("\n\n")[2].strip()


def _values(figures: dict[str, Figure]) -> dict[str, list[float]]:
    return {name: figure.values for name, figure in figures.items()}


def _users(scale: float) -> int:
    return round(USERS * scale / 10) * 10


def _key(scale: float) -> str:
    return f"{scale:g}"


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _machine() -> dict[str, Any]:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next(
            (line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine()
        )
    return {
        "processor": model,
        "cores": psutil.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "load": psutil.getloadavg()[0],
    }
