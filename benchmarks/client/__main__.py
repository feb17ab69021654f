"""Measure what a call of the SDK costs its program, beside supabase-py and httpx, and print tables.

    python -m benchmarks.client           print
    python -m benchmarks.client --write   print, and write RESULTS.md

All clients read the same rows from the same server, in turns, in one run. See README.md for what is compared.
"""

from __future__ import annotations

import argparse

from benchmarks.client import calls, iterating, starting
from benchmarks.client.server import running
from benchmarks.report import machine, write


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each client has its turn")
    parser.add_argument("--work", type=int, default=25_000, help="about how many rows a turn reads")
    parser.add_argument("--entries", type=int, default=100_000, help="how long the list to iterate over is")
    parser.add_argument("--starts", type=int, default=11, help="how often each program is started; once: not warmed up")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    with running() as url:
        parts = [
            calls.report(url, rounds=options.rounds, work=options.work),
            iterating.report(url, options.entries),
            starting.report(url, options.starts),
        ]
    text = "\n\n".join([machine(), *parts])
    print(text)
    if options.write:
        write(__file__, text)


if __name__ == "__main__":
    main()
