"""Write what was measured into docs/explanation/performance.md, between two marks, and draw its plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.database import plots, targets
from benchmarks.database.reads import ReadFigures
from benchmarks.database.rounds import Figure
from benchmarks.database.writes import GIFT, HOT_GIFT, TPCB
from benchmarks.report import Table

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

History = Mapping[int, list[dict[str, Any]]]


def write(history: History, page: Path = PAGE) -> None:
    """Replace what the page says, and its plots."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    sections = [f"## PostgreSQL {version}\n\n{section(runs, version)}" for version, runs in history.items()]
    page.write_text(before + BEGIN + "\n\n" + "\n\n".join(sections) + "\n\n" + END + after, encoding="utf-8")
    folder = page.parent / "performance"
    folder.mkdir(exist_ok=True)
    for version, runs in history.items():
        for name, drawing in drawings(runs).items():
            (folder / f"{name}-{version}.svg").write_text(drawing, encoding="utf-8")


def section(runs: list[dict[str, Any]], version: int) -> str:
    """Return what the newest run of a version measured, in Markdown, with its plots."""
    newest = runs[-1]
    captions = {
        "writes": "Writes, as a part of TPC-B's rate",
        "reads": "Times of reads",
        "history": "Gifts, as a part of TPC-B's rate, by run",
    }
    plotted = [f"![{captions[name]}](performance/{name}-{version}.svg)" for name in drawings(runs)]
    return "\n\n".join([described(newest), *plotted, tables(newest)])


def tables(result: Mapping[str, Any]) -> str:
    """Return the tables of all parts that were measured."""
    parts = [data(result)]
    if "writes" in result:
        parts.append(writes(result))
    if result["reads"]:
        parts.append(reads(result))
    if result["clock"]:
        parts.append(clock(result))
    if "client" in result:
        parts.append(f"### The client\n\n{result['client']}")
    return "\n\n".join(parts)


def described(result: Mapping[str, Any]) -> str:
    """Return where and how it was measured."""
    machine = result["machine"]
    settings = ", ".join(
        f"`{name} = {value}`" for name, value in result["settings"].items() if name != "server_version"
    )
    return (
        f"PostgreSQL {result['settings']['server_version']} at commit `{result['commit']}`, {result['date'][:16]} UTC: "
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory'] / 2**30:.0f} GiB, {machine['system']}, "
        f"a load of {machine['load']:.1f} before. {result['rounds']} rounds, {result['took'] / 60:.0f} minutes in all. "
        f"{settings}."
    )


def data(result: Mapping[str, Any]) -> str:
    """Return the table of the data sets."""
    table = Table("data", "people", "spaces", "responses", "transactions", "size", "filled in")
    for scale, facts in result["data"].items():
        counts = (f"{facts[name]:,}" for name in ("people", "spaces", "responses", "transactions"))
        table.add(f"x{scale}", *counts, f"{facts['bytes'] / 2**30:.1f} GiB", f"{facts['seconds']:.0f} s")
    return str(table)


def writes(result: Mapping[str, Any]) -> str:
    """Return the table of writes."""
    measured = result["writes"]
    numbers = list(measured["connections"])
    heads = []
    for number in numbers:
        target = targets.WRITES.get(int(number))
        heads += [f"at {number}", "/ TPC-B" + (f" (>= {target:g})" if target else "")]
    table = Table("a second, from so many connections", *heads)
    for name in measured["connections"][numbers[0]]:
        cells = []
        for number in numbers:
            figures = measured["connections"][number]
            figure, ratio = Figure(figures[name]), Figure(figures[name]).over(Figure(figures[TPCB]))
            target = targets.WRITES.get(int(number)) if name not in (TPCB, "pgledger") else None
            cells += [f"{figure.median:,.0f} ±{figure.spread:.0%}", _marked(ratio.median, at_least=target)]
        table.add(name, *cells)
    hot = {name: Figure(values) for name, values in measured["hot"].items()}
    ratio = hot[HOT_GIFT.name].over(hot[GIFT.name])
    return (
        f"{table}\n\nFrom 16 connections, {hot[GIFT.name].median:,.0f} gifts a second to many people and "
        f"{hot[HOT_GIFT.name].median:,.0f} to one person: {_marked(ratio.median, at_least=targets.HOT)} "
        f"(>= {targets.HOT:g})."
    )


def reads(result: Mapping[str, Any]) -> str:
    """Return the table of reads."""
    first, *others = result["reads"]
    table = Table(
        "read",
        *("ms, no rules", "ms", f"ratio (<= {targets.READS:g})", f"memberships on top (<= {targets.MEMBERSHIPS:g})"),
        "pages",
        *(head for scale in others for head in (f"ms at x{scale}", f"x{scale} / x{first}", f"pages at x{scale}")),
    )
    for name, stored in result["reads"][first].items():
        figures = ReadFigures.from_json(stored)
        ratio, on_top = figures.ratio, figures.memberships_on_top
        is_excused = on_top is not None and on_top <= targets.MEMBERSHIPS
        cells = [
            _milliseconds(figures.none.median) if figures.none.values else "",
            _milliseconds(figures.ruled.median),
            _marked(ratio, at_most=None if is_excused else targets.READS),
            "" if on_top is None else f"{max(on_top, 0):.1f}",
            f"{figures.pages:,}",
        ]
        for scale in others:
            larger = ReadFigures.from_json(result["reads"][scale][name])
            cells += [
                _milliseconds(larger.ruled.median),
                f"{larger.ruled.median / figures.ruled.median:.1f}",
                f"{larger.pages:,}",
            ]
        table.add(name, *cells)
    return str(table)


def clock(result: Mapping[str, Any]) -> str:
    """Return the table of the clock's work."""
    table = Table(
        "the clock's work", "data", "people", "seconds", "ms a person", f"longest wait, ms (<= {targets.WAIT:g})"
    )
    for scale, figures in result["clock"].items():
        for name, figure in figures.items():
            people = int(figure["people"])
            table.add(
                name,
                f"x{scale}",
                f"{people:,}",
                f"{figure['seconds']:.1f}",
                f"{figure['seconds'] * 1000 / people:.2f}" if people else "",
                _marked(figure["longest_wait"], at_most=targets.WAIT, digits=0),
            )
    return str(table)


def drawings(runs: list[dict[str, Any]]) -> dict[str, str]:
    """Return the plots of a version, by name."""
    newest = runs[-1]
    found = {}
    if "writes" in newest:
        connections = newest["writes"]["connections"]
        series = [name for name in next(iter(connections.values())) if name != TPCB]
        groups = {
            f"{number} conn.": {name: Figure(figures[name]).over(Figure(figures[TPCB])).median for name in series}
            for number, figures in connections.items()
        }
        marks = {f"{number} conn.": target for number, target in targets.WRITES.items() if str(number) in connections}
        found["writes"] = plots.bars("Writes, as a part of TPC-B's rate", groups, marks, series=series)
    if newest["reads"]:
        rows: dict[str, dict[str, float]] = {}
        for scale, measured in newest["reads"].items():
            for name, stored in measured.items():
                figures = ReadFigures.from_json(stored)
                row = rows.setdefault(name, {})
                if scale == next(iter(newest["reads"])) and figures.none.values:
                    row[f"x{scale}, no rules"] = figures.none.median
                row[f"x{scale}"] = figures.ruled.median
        series = sorted(
            {key for row in rows.values() for key in row}, key=lambda key: ("rules" not in key, len(key), key)
        )
        found["reads"] = plots.dots("Reads, in milliseconds", rows, series=series, unit="ms")
    labels, values = _gifts_over_time(runs)
    if labels[1:]:
        found["history"] = plots.lines("Gifts, as a part of TPC-B's rate", labels, values)
    return found


def _gifts_over_time(runs: list[dict[str, Any]]) -> tuple[list[str], dict[str, list[float | None]]]:
    known = [run for run in runs if "writes" in run]
    values: dict[str, list[float | None]] = {}
    for number in targets.WRITES:
        line: list[float | None] = []
        for run in known:
            figures = run["writes"]["connections"].get(str(number))
            line.append(Figure(figures[GIFT.name]).over(Figure(figures[TPCB])).median if figures else None)
        values[f"{number} connections"] = line
    return [run["commit"] for run in known], values


def _milliseconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _marked(
    value: float | None, *, at_least: float | None = None, at_most: float | None = None, digits: int = 2
) -> str:
    """Return a figure, in bold where it misses its target."""
    if value is None:
        return ""
    text = f"{value:,.{digits}f}"
    misses = (at_least is not None and value < at_least) or (at_most is not None and value > at_most)
    return f"**{text}**" if misses else text
