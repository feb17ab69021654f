"""Measure the time from a commit to the consumer, for all kinds of subscribers in turns, and print a table.

    python -m benchmarks.live                      100 events a second, 50 subscribers with a connection each
    python -m benchmarks.live --subscribers 1 10   others

The clock of an event begins when its one-line transaction is sent to the database, so the time that the database takes
to carry it out is in the figures, and ends when a subscriber's own code has the event. All subscribers of a kind share
a process, the kinds take turns round by round, and the writer, the database and the server run beside them. The time
of the CPU is that of the subscribers' process for each event that one of them got; unlike the others, these figures say
the same on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.report import Table, machine, write
from monogram_sdk import MemorySessionStorage, Monogram
from monogram_sdk.local import Stack

KINDS = {"tasks": "AsyncMonogram", "threads": "Monogram", "supabase-py": "supabase-py"}
EMIT = "select private.emit(%s, 'week.advanced', null, jsonb_build_object('week_number', %s::int), null)"


@dataclass
class Figures:
    """What was measured for a kind of subscribers."""

    milliseconds: list[float] = field(default_factory=list)
    expected: int = 0
    cpu: float = 0.0
    arrived: int = 0

    def percentile(self, percent: int) -> float:
        """Return a percentile in milliseconds."""
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


def measure(stack: Stack, setting: dict[str, object], kind: str, *, rate: float, seconds: float, into: Figures) -> None:
    """Let a process of subscribers hear what is written at a steady rate."""
    command = [sys.executable, "-m", "benchmarks.live.subscribers", kind]
    with (
        psycopg.connect(stack.db_url, autocommit=True) as connection,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(setting) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        # The first of them warm everything up, and do not count.
        sent: list[float] = []
        warm, count = int(rate), int(rate * (seconds + 1))
        begin = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            sent.append(time.monotonic())
            connection.execute(EMIT, [setting["space_id"], number + 1])
        time.sleep(1.0)
        process.stdin.close()
        heard = json.loads(process.stdout.read())
    arrivals = heard["arrivals"]
    taken = [(at - sent[number - 1]) * 1000 for number, at in arrivals if warm < number <= count]
    into.milliseconds += taken
    into.cpu += heard["cpu"]
    into.arrived += len(arrivals)
    into.expected += (count - warm) * int(str(setting["subscribers"]))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[1, 50], help="how many at once")
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each kind hears in each round")
    parser.add_argument("--rounds", type=int, default=3, help="how often each kind has its turn")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]

    table = Table(
        "subscribers",
        *("ms p50", "ms p90", "ms p99", "p50 / supabase-py", "p99 / supabase-py", "delivered", "CPU µs an event"),
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), durable=False, seed=False, server_options={"bcrypt_cost": 4}) as stack,
    ):
        storage = MemorySessionStorage()
        with Monogram(url=stack.api_url, key=stack.publishable_key, session_storage=storage) as client:
            client.auth.sign_up(email="ada@example.test", password="correct horse battery", display_name="Ada")
            session = client.auth.session()
            assert session is not None
            space = client.spaces.create(name="Test Book Club")
        (stored,) = [item for item in storage._items.items() if item[0].endswith("-session")]
        for subscribers in options.subscribers:
            setting: dict[str, object] = {
                "url": stack.api_url,
                "key": stack.publishable_key,
                "session": stored,
                "token": session.access_token,
                "space_id": str(space.id),
                "subscribers": subscribers,
            }
            figures = {kind: Figures() for kind in KINDS}
            for _ in range(options.rounds):
                for kind in random.sample(list(KINDS), len(KINDS)):
                    measure(stack, setting, kind, rate=options.rate, seconds=options.seconds, into=figures[kind])
            plain = figures["supabase-py"]
            for kind, name in KINDS.items():
                found = figures[kind]
                table.add(
                    f"{subscribers} x {name}",
                    *(f"{found.percentile(percent):.1f}" for percent in (50, 90, 99)),
                    *(f"{found.percentile(percent) / plain.percentile(percent):.2f}" for percent in (50, 99)),
                    f"{len(found.milliseconds) / found.expected:.2%}",
                    f"{found.cpu / found.arrived * 1e6:.0f}",
                )
    busy = f"The load average was {load:.1f} before it began."
    how = f"{options.rate:g} events a second, {options.rounds} rounds of {options.seconds:g} s each, in turns."
    text = "\n".join([f"{machine()} {how} {busy}", "", str(table)])
    print(text)
    if options.write:
        write(__file__, text)


if __name__ == "__main__":
    main()
