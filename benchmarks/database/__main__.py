"""Measure the database beside references on the same server.

python -m benchmarks.database all                 everything, and write docs/explanation/performance.md (20 minutes)
python -m benchmarks.database writes --quick      writes beside TPC-B at a tenth of the data (a minute)
python -m benchmarks.database reads --scales 0.1  one part, at one size
python -m benchmarks.database check               has a ratio become worse by a third? (3 minutes)
python -m benchmarks.database page                write the page anew from the results that were kept
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from benchmarks.database import check, history, measure, page
from tests.support.parts import POSTGRES_VERSIONS

_NEWEST = max(POSTGRES_VERSIONS)


def main() -> None:
    """Run what the command line says."""
    options = _options()
    version = options.postgres_version
    if options.command == "page":
        page.write(history.read())
    elif options.command == "check":
        if options.update:
            check.update(version)
            return
        table, is_well = check.check(version)
        print(table)
        if not is_well:
            sys.exit("A ratio is worse by a third. If that is meant, keep the new ones: check --update")
    else:
        result = measure.measure(_plan(options))
        print(page.described(result), page.tables(result), sep="\n\n")
        if options.command == "all" and not options.dry:
            history.append(result)
            page.write(history.read())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.database", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["all", *measure.PARTS, "check", "page"])
    parser.add_argument("--postgres-version", type=int, choices=POSTGRES_VERSIONS, default=_NEWEST)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, fewer rounds and connections")
    parser.add_argument("--scales", type=float, nargs="+", help="multiples of the contract's sizes")
    parser.add_argument("--connections", type=int, nargs="+", help="from how many connections writes come")
    parser.add_argument("--rounds", type=int, help="how often each case has its turn")
    parser.add_argument("--seconds", type=float, help="how long each turn of a write is")
    parser.add_argument("--dry", action="store_true", help="of all: keep nothing")
    parser.add_argument("--update", action="store_true", help="of check: compare with this from now on")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> measure.Plan:
    parts = measure.PARTS if options.command == "all" else (options.command,)
    # Other versions than the newest are compared, not scaled; and writes are measured at one size.
    is_scaled = options.postgres_version == _NEWEST and options.command != "writes"
    scales = (1.0, 10.0) if is_scaled else (1.0,)
    with_client = is_scaled and options.command == "all" and not options.quick
    plan = measure.Plan(options.postgres_version, parts, scales=scales, with_client=with_client)
    if options.quick:
        plan = replace(plan, scales=(0.1,), connections=(1, 8), rounds=3, seconds=3.0)
    given = {name: getattr(options, name) for name in ("scales", "connections", "rounds", "seconds")}
    return replace(plan, **{name: value for name, value in given.items() if value is not None})


if __name__ == "__main__":
    main()
