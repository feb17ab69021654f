"""The benchmark of the database still runs, and its figures, plots and page say what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.database import check, history, measure, page, plots
from benchmarks.database.pgbench import parse, usual_latency
from benchmarks.database.read_cases import READS
from benchmarks.database.rounds import Figure, take_turns

RESULT: dict[str, Any] = {
    "postgres": 18,
    "date": "2026-11-30T12:00:00+00:00",
    "commit": "abc1234",
    "took": 600.0,
    "rounds": 3,
    "machine": {"cores": 2, "processor": "A processor", "memory": 2**34, "system": "Linux", "load": 0.5},
    "settings": {"server_version": "18.4", "fsync": "on"},
    "data": {"1": {"people": 10_000, "spaces": 1_002, "responses": 108_800, "transactions": 10**6, "bytes": 7 * 10**8,
                   "seconds": 30.0}},
    "writes": {
        "connections": {"8": {"TPC-B": [1000.0, 2000.0, 900.0], "gift": [500.0, 1000.0, 300.0]}},
        "hot": {"gift": [100.0, 100.0, 100.0], "gift to one person": [50.0, 50.0, 70.0]},
    },
    "reads": {
        "1": {"a page": {"ruled": [0.2, 0.3], "none": [0.1, 0.1], "membership": [0.05, 0.05], "pages": 9},
              "leaderboard()": {"ruled": [0.1], "pages": 1_200}},
        "10": {"a page": {"ruled": [0.4, 0.6], "none": [0.1, 0.1], "membership": [0.05, 0.05], "pages": 10},
               "leaderboard()": {"ruled": [0.1], "pages": 1_300}},
    },
    "clock": {"1": {"streaks": {"people": 10_000, "seconds": 5.0, "longest_wait": 250.0}}},
}  # fmt: skip


def test_pgbench_is_read() -> None:
    run = parse(
        "number of transactions actually processed: 2442\n"
        "latency average = 0.819 ms\n"
        "initial connection time = 4.1 ms\n"
        "tps = 1221.130101 (without initial connection time)\n"
    )
    assert (run.rate, run.latency, run.done) == (1221.130101, 0.819, 2442)
    assert parse("duration: 1 s\nnumber of transactions actually processed: 0\n").done == 0
    with pytest.raises(ValueError, match="something else"):
        parse("tps = many")
    assert (
        usual_latency(
            "0 1 900 0 1780000000 12\n0 2 40 0 1780000000 60\n0 3 60 0 1780000000 130\n0 4 70 0 1780000000 200\n"
        )
        == 0.06
    )


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine was busy slows both, so it does not change the ratio."""
    busy, reference = Figure([500, 50, 510]), Figure([1000, 100, 1000])
    assert busy.over(reference).median == 0.5
    assert (busy.median, round(busy.spread, 2)) == (500, 0.23)
    assert Figure([3]).spread == 0


def test_cases_take_turns_in_both_directions() -> None:
    seen: list[str] = []

    def case(name: str) -> float:
        seen.append(name)
        return float(len(seen))

    figures = take_turns({name: lambda name=name: case(name) for name in ("a", "b")}, 2)
    assert seen == ["a", "b", "b", "a"]
    assert figures["a"].values == [1, 4]


def test_the_page_marks_what_misses_its_target() -> None:
    text = page.tables(RESULT)
    assert "| gift | 500 ±35% | 0.50 |" in text  # Three rounds: 0.5, 0.5, 0.33; the target is 0.4.
    assert "50 to one person: **0.50** (>= 0.6)" in text
    # Two and a half times as long under the rules, which is three bare reads of memberships.
    assert "| a page | 0.100 | 0.250 | **2.50** | 3.0 | 9 | 0.500 | 2.0 | 10 |" in text
    assert "| leaderboard() |  | 0.100 |  |  | 1,200 | 0.100 | 1.0 | 1,300 |" in text
    assert "| streaks | x1 | 10,000 | 5.0 | 0.50 | **250** |" in text
    assert "2 cores (A processor), 16 GiB" in page.described(RESULT)


def test_results_are_kept_and_the_page_is_written(tmp_path: Path) -> None:
    history.append(RESULT, tmp_path)
    history.append({**RESULT, "commit": "def5678"}, tmp_path)
    history.append({**RESULT, "postgres": 15}, tmp_path)
    kept = history.read(tmp_path)
    assert [(version, len(runs)) for version, runs in kept.items()] == [(18, 2), (15, 1)]
    written = tmp_path / "performance.md"
    written.write_text(f"Before.\n\n{page.BEGIN}\nold\n{page.END}\n\nAfter.\n")
    page.write(kept, written)
    page.write(kept, written)
    text = written.read_text()
    assert text.startswith("Before.") and text.endswith("After.\n") and "old" not in text
    assert text.count("## PostgreSQL") == 2 and "at commit `def5678`" in text
    for image in ("writes-18", "reads-18", "history-18", "writes-15"):
        assert f"(performance/{image}.svg)" in text
        ElementTree.fromstring((tmp_path / "performance" / f"{image}.svg").read_text())
    assert "history-15" not in text  # That takes two runs.


def test_a_bar_reaches_as_far_as_its_value() -> None:
    drawing = plots.bars("<Title>", {"8": {"gift": 0.5, "purchase": 1.0}}, {"8": 0.4}, series=["gift", "purchase"])
    widths = [float(shape.attrib["width"]) for shape in ElementTree.fromstring(drawing).iter() if "fill" in shape.attrib
              and shape.tag.endswith("rect")][-2:]  # fmt: skip
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert "target 0.4" in drawing and "&lt;Title&gt;" in drawing


def before_and_now(
    kind: str, before: float, now: float, *, processors: tuple[float, float] = (2, 2)
) -> list[check.Case]:
    name = "gift at 8" if kind == "writes" else "a page"
    known, found = (
        {"machine": {"processors": count}, "writes": {}, "reads": {}, "pages": {}, kind: {name: value}}
        for count, value in zip(processors, (before, now), strict=True)
    )
    return check.compare(known, found)


@pytest.mark.parametrize(
    ("kind", "before", "now", "is_worse"),
    [
        ("writes", 0.4, 0.31, False),
        ("writes", 0.4, 0.29, True),
        ("writes", 0.4, 0.9, False),
        ("reads", 1.2, 1.5, False),
        ("reads", 1.2, 1.7, True),
        ("pages", 6, 16, False),
        ("pages", 600, 900, True),
    ],
)
def test_a_third_is_too_much(kind: str, before: float, now: float, is_worse: bool) -> None:
    (case,) = before_and_now(kind, before, now)
    assert case.is_worse is is_worse


def test_another_machine_shares_its_processors_otherwise() -> None:
    assert before_and_now("writes", 0.4, 0.1, processors=(2, 8)) == []
    assert len(before_and_now("reads", 1.0, 1.0, processors=(2, 8))) == 1


def test_the_baseline_knows_every_read_that_is_compared() -> None:
    baseline = json.loads(check.BASELINE.read_text(encoding="utf-8"))
    short = [read for read in READS if not read.is_long]
    assert set(baseline["pages"]) == {read.name for read in short}
    assert set(baseline["reads"]) == {read.name for read in short if read.none != ""}


@pytest.mark.long
def test_it_measures_everything() -> None:
    """With little data, and not to know how long anything takes."""
    plan = measure.Plan(18, scales=(0.04, 0.05), connections=(1, 2), rounds=1, seconds=1.0, draws=1, tpcb_scale=1)
    result = json.loads(json.dumps(measure.measure(plan)))
    assert result["data"]["0.05"]["transactions"] == 50_000
    text = page.tables(result)
    for words in ("| publish a response |", "| verify_ledger() |", "| everybody earns a badge | x0.05 |"):
        assert words in text
    assert set(page.drawings([result])) == {"writes", "reads"}
