"""Streaks as domain.md, section 6, has them, in plain Python: the oracle for what SQL computes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Response:
    """A published response, as its author knows it."""

    person: int
    space: int
    week_number: int
    at: datetime
    zone: str


def week_of(at: datetime, zone: str) -> int:
    """The ISO week that a calendar in a zone shows, counted from the first Monday of 1970."""
    return (at.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 5)).days // 7


def runs(weeks: Iterable[int]) -> list[tuple[int, int]]:
    """Unbroken runs of weeks: the last week and the length of each."""
    found: list[tuple[int, int]] = []
    for week in sorted(weeks):
        length = found.pop()[1] + 1 if found and found[-1][0] == week - 1 else 1
        found.append((week, length))
    return found


def streak(weeks: Iterable[int], now: int) -> int:
    """Weeks in a row up to the present one or the one before."""
    return max((length for last, length in runs(weeks) if last >= now - 1), default=0)


def calendar_streak(active: Collection[int], asked: Collection[int], present: int) -> tuple[int, int]:
    """The streak up to the present week, and the longest one: a week breaks it in which one was asked and silent."""
    current = longest = 0
    for week in range(min([*active, *asked], default=0), present + 1):
        if week in active:
            current += 1
        elif week in asked and week < present:
            current = 0
        longest = max(longest, current)
    return current, longest


def weekly_weeks(responses: Mapping[Any, Response]) -> dict[tuple[int, int], set[int]]:
    """In which weeks of a space each person responded there: (space, person) -> week numbers."""
    found: dict[tuple[int, int], set[int]] = defaultdict(set)
    for response in responses.values():
        found[response.space, response.person].add(response.week_number)
    return found
