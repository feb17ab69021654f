"""What was accepted in a story, in plain Python, for the oracles."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulation.streaks import Response, calendar_streak, week_of

START = datetime(2027, 1, 4, tzinfo=UTC)
"""A Monday."""


class Violation(Exception):
    """Something that must always hold does not. `rule` is which, the rest says where."""

    def __init__(self, rule: str, details: object = "") -> None:
        super().__init__(f"{rule}: {details}")
        self.rule = rule


@dataclass
class Record:
    """What was accepted, in plain Python: what oracles compute from."""

    people: dict[int, uuid.UUID] = field(default_factory=dict)
    zones: dict[int, str] = field(default_factory=dict)
    spaces: dict[int, uuid.UUID] = field(default_factory=dict)
    responses: dict[uuid.UUID, Response] = field(default_factory=dict)
    drafts: dict[uuid.UUID, tuple[int, int]] = field(default_factory=dict)
    longest: dict[int, int] = field(default_factory=dict)
    closed_weeks: Counter[int] = field(default_factory=Counter)
    joined_in_week: dict[tuple[int, int], int] = field(default_factory=dict)
    """(space, person) -> the space's open week when they came in."""
    interfered: dict[int, int] = field(default_factory=dict)
    """The last week of each space whose curator somebody named, or in which the rotation was another one."""
    accepted_emails: set[str] = field(default_factory=set)
    """What the mail provider accepted."""

    responded: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """How many responses of each person, not deleted by them, fell into each calendar week; also in deleted spaces."""
    asked: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The calendar weeks in which each person was in a space that had open prompts."""
    published: dict[int, dict[uuid.UUID, datetime]] = field(default_factory=lambda: defaultdict(dict))
    """The published prompts of each space's open week, and since when."""
    joined_at: dict[tuple[int, int], datetime] = field(default_factory=dict)

    def active_weeks(self, person: int) -> set[int]:
        """Return the calendar weeks in which somebody responded."""
        return {week for week, number in self.responded[person].items() if number > 0}

    def note_asked(self, now: datetime, space: int, person: int | None = None, since: datetime = START) -> None:
        """Note for a space's members in which weeks up to now they were asked."""
        if not self.published[space]:
            return
        opened = min(self.published[space].values())
        for (other, member), joined in self.joined_at.items():
            if other == space and member in self.people and person in (None, member):
                zone = self.zones[member]
                first = week_of(max(opened, joined, since), zone)
                self.asked[member].update(range(first, week_of(now, zone) + 1))

    def streaks_computed(self, now: datetime) -> None:
        """Note what the database notes whenever it computes streaks, and keep everybody's longest run."""
        for space in self.spaces:
            self.note_asked(now, space, since=now - timedelta(weeks=4))
        for person in self.people:
            _, longest = calendar_streak(
                self.active_weeks(person), self.asked[person], week_of(now, self.zones[person])
            )
            self.longest[person] = max(self.longest.get(person, 0), longest)
