"""Cases beside their references, taken in turn for several rounds: medians, spreads, and ratios within each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Figure:
    """What was measured of a case, a value for each round."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of all rounds."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a part of the median."""
        if len(self.values) < 2 or not self.median:
            return 0.0
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return (third - first) / 2 / self.median

    def over(self, reference: Figure) -> Figure:
        """Return the ratio to another figure within each round."""
        return Figure([mine / theirs for mine, theirs in zip(self.values, reference.values, strict=True)])


def take_turns(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, Figure]:
    """Measure every case once in each round; every other round goes backwards, so that nobody is always last."""
    figures = {name: Figure() for name in cases}
    order: Sequence[str] = list(cases)
    for _ in range(rounds):
        for name in order:
            figures[name].values.append(cases[name]())
        order = order[::-1]
    return figures
