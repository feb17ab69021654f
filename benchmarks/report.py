"""What the benchmarks share: tables in Markdown, a line about the machine, and the command line of the simple ones."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from pathlib import Path


class Table:
    """A table in Markdown."""

    def __init__(self, *columns: str) -> None:
        self._rows = [columns]

    def add(self, *cells: str) -> None:
        """Add a row."""
        self._rows.append(cells)

    def __str__(self) -> str:
        head, *rows = ("| " + " | ".join(row) + " |" for row in self._rows)
        rule = "| --- |" + " ---: |" * (len(self._rows[0]) - 1)
        return "\n".join([head, rule, *rows])


def machine() -> str:
    """Return a line that says where the figures come from."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, CPython {platform.python_version()}."


def run(program: str, about: str | None, measure: Callable[[int], str]) -> None:
    """Measure as often as the command line says, print what came of it, and with `--write` keep it."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = measure(options.tries)
    print(text)
    if options.write:
        write(program, text)


def write(program: str, text: str) -> None:
    """Write RESULTS.md beside a benchmark's program."""
    folder = Path(program).parent
    heading = (
        f"# Results of `python -m benchmarks.{folder.name}`\n\nWritten by the program with `--write`; do not edit.\n\n"
    )
    (folder / "RESULTS.md").write_text(heading + text + "\n", encoding="utf-8")
