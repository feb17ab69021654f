"""Plots as SVG, without a library: bars with targets, dots on a logarithmic scale, and lines over the runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_COLOURS = ("#4c6ef5", "#0ca678", "#f08c00", "#868e96", "#ae3ec9")
_WIDTH = 760
_LEFT = 210
_RIGHT = 60
_ROW = 22
_TOP = 48


class _Drawing:
    """Collects shapes."""

    def __init__(self, title: str, height: float) -> None:
        self._height = height
        self._shapes: list[str] = []
        self.text(12, 20, title, weight=600)
        self._title = title

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", weight: int = 400, size: int = 12) -> None:
        # A white edge keeps it readable where a line crosses it.
        edge = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'
        self._shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" {edge}>'
            f"{escape(words)}</text>"
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> None:
        self._shapes.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{colour}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')

    def legend(self, names: Sequence[str]) -> None:
        x = 12.0
        for name, colour in zip(names, _COLOURS, strict=False):
            self.bar(x, 28, 10, 10, colour)
            self.text(x + 14, 37, name, size=11)
            x += 26 + 6.5 * len(name)

    def __str__(self) -> str:
        shapes = "\n".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {self._height:.0f}" role="img"'
            f' aria-label="{escape(self._title)}" font-family="system-ui, sans-serif" fill="#212529">\n'
            f'<rect width="{_WIDTH}" height="{self._height:.0f}" fill="#ffffff"/>\n{shapes}\n</svg>\n'
        )


def bars(
    title: str, groups: Mapping[str, Mapping[str, float]], targets: Mapping[str, float], *, series: Sequence[str]
) -> str:
    """Draw horizontal bars from 0, in groups, with a mark in each group where the target is."""
    count = sum(len(values) for values in groups.values())
    drawing = _Drawing(title, _TOP + count * _ROW + len(groups) * 12 + 20)
    drawing.legend(series)
    highest = max([1.0, *(value for values in groups.values() for value in values.values())])
    scale = (_WIDTH - _LEFT - _RIGHT) / highest
    y = float(_TOP)
    for group, values in groups.items():
        if group in targets:
            x = _LEFT + targets[group] * scale
            drawing.line(x, y, x, y + len(values) * _ROW, "#e03131", 2)
            drawing.text(x + 4, y + len(values) * _ROW + 9, f"target {targets[group]:g}", size=10)
        for name, value in values.items():
            colour = _COLOURS[series.index(name) % len(_COLOURS)]
            drawing.text(_LEFT - 8, y + 15, f"{name}, {group}", anchor="end")
            drawing.bar(_LEFT, y + 3, value * scale, _ROW - 6, colour)
            drawing.text(_LEFT + value * scale + 6, y + 15, f"{value:.2f}")
            y += _ROW
        y += 12
    return str(drawing)


def dots(title: str, rows: Mapping[str, Mapping[str, float]], *, series: Sequence[str], unit: str) -> str:
    """Draw a row of dots for each name, on a logarithmic scale."""
    drawing = _Drawing(title, _TOP + len(rows) * _ROW + 40)
    drawing.legend(series)
    values = [value for row in rows.values() for value in row.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)
    bottom = _TOP + len(rows) * _ROW
    for power in range(low, high + 1):
        x = _LEFT + (power - low) * scale
        drawing.line(x, _TOP, x, bottom, "#dee2e6")
        drawing.text(x, bottom + 16, f"{10.0**power:g} {unit}", anchor="middle", size=11)
    for place, (name, row) in enumerate(rows.items()):
        y = _TOP + place * _ROW + _ROW / 2
        places = {key: _LEFT + (math.log10(value) - low) * scale for key, value in row.items()}
        drawing.text(_LEFT - 8, y + 4, name, anchor="end", size=11)
        drawing.line(min(places.values()), y, max(places.values()), y, "#adb5bd", 2)
        for key, x in places.items():
            drawing.dot(x, y, _COLOURS[series.index(key) % len(_COLOURS)])
    return str(drawing)


def lines(title: str, runs: Sequence[str], values: Mapping[str, Sequence[float | None]]) -> str:
    """Draw a line for each name over the runs, from 0 at the bottom."""
    height, bottom = 260, 220
    drawing = _Drawing(title, height)
    drawing.legend(list(values))
    known = [value for line in values.values() for value in line if value is not None]
    highest = max([1.0, *known])
    left = 40
    step = (_WIDTH - left - _RIGHT) / max(len(runs) - 1, 1)
    for part in range(5):
        y = bottom - part / 4 * (bottom - _TOP)
        drawing.line(left, y, _WIDTH - _RIGHT, y, "#dee2e6")
        drawing.text(left - 6, y + 4, f"{highest * part / 4:.2f}", anchor="end", size=10)
    for place, run in enumerate(runs):
        drawing.text(left + place * step, bottom + 16, run, anchor="middle", size=10)
    for colour, line in zip(_COLOURS, values.values(), strict=False):
        places = [
            (left + place * step, bottom - value / highest * (bottom - _TOP))
            for place, value in enumerate(line)
            if value is not None
        ]
        for (x1, y1), (x2, y2) in itertools.pairwise(places):
            drawing.line(x1, y1, x2, y2, colour, 2)
        for x, y in places:
            drawing.dot(x, y, colour)
    return str(drawing)
