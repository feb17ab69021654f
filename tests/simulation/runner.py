"""Play whole stories, and make one that goes wrong small."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER
from tests.simulation.invariants import check_week
from tests.simulation.player import NOTHING_LEFT, Player
from tests.simulation.record import START, Violation
from tests.simulation.story import WEEK, Event
from tests.support.clock import replace_clock
from tests.support.digest import digest


@dataclass(frozen=True)
class Outcome:
    """How a story ended."""

    violation: Violation | None
    minute: int
    """How far it came."""
    space_weeks: int
    """How many weeks of spaces that existed were played and checked."""
    responded: dict[str, int]
    """How often each SQLSTATE came, and "accepted"."""
    digest: str | None = None
    """Of everything the database holds at the end, where it was asked for."""


class Town:
    """Where stories are played: each on a fresh database, whose clock it moves.

    Args:
        databases: The server.
        plant: A statement that spoils the database first, to see that it is noticed.
    """

    def __init__(self, databases: Databases, plant: str | None = None) -> None:
        self.databases = databases
        self.plant = plant

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[Any]]:
        name = f"town_{uuid4().hex}"
        dsn = self.databases.clone(name)
        try:
            replace_clock(self.databases.dsn(name, user=SUPERUSER))
            with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
                if self.plant is not None:
                    connection.execute(self.plant.encode())
                yield connection
        finally:
            self.databases.drop(name)

    def play(
        self, story: Sequence[Event], seed: int, *, deadline: float | None = None, with_digest: bool = False
    ) -> Outcome:
        """Play a story to its end, or to the first thing that is wrong, or to a deadline (of `time.monotonic()`)."""
        with self._database() as connection:
            outcome = _play(Player(connection, seed), story, deadline)
            return replace(outcome, digest=digest(connection)) if with_digest else outcome

    def shrink(
        self, story: Sequence[Event], seed: int, violation: Violation, minute: int, seconds: float
    ) -> list[Event]:
        """Leave out of a story what it does not take to break the same rule, as far as there is time."""
        deadline = time.monotonic() + seconds
        with self._database() as connection:

            def fails(events: Sequence[Event]) -> bool:
                player = Player(connection, seed, is_trial=True)
                found = _play(player, events, deadline, drains=violation.rule == NOTHING_LEFT).violation
                player.end()
                return found is not None and found.rule == violation.rule

            events = [event for event in story if event.minute <= minute]
            for group in (_by_kind, _by_space, _by_person, lambda event: event):
                events = _leave_out(events, group, fails, deadline)
            return events


def _play(player: Player, story: Sequence[Event], deadline: float | None, *, drains: bool = True) -> Outcome:
    week = space_weeks = minute = 0
    violation = None
    try:
        for event in story:
            minute = event.minute
            while event.week > week:
                space_weeks += _end_week(player, week)
                week += 1
            if deadline is not None and time.monotonic() > deadline:
                break
            player.play(event)
        else:
            space_weeks += _end_week(player, week)
            if drains:
                player.drain()
    except Violation as found:
        violation = found
    return Outcome(violation, minute, space_weeks, dict(player.outcomes))


def _end_week(player: Player, week: int) -> int:
    player.now = START + timedelta(minutes=WEEK * (week + 1) - 5)
    check_week(player)
    return len(player.record.spaces)


def _by_kind(event: Event) -> object:
    return event.kind


def _by_space(event: Event) -> object:
    return event.space if event.space >= 0 else event


def _by_person(event: Event) -> object:
    return event.person if event.person >= 0 else event


def _leave_out(
    events: list[Event], group: Callable[[Event], object], fails: Callable[[Sequence[Event]], bool], deadline: float
) -> list[Event]:
    """Delta debugging: leave out groups of events, many at a time, then fewer, while the rest still fails."""
    size = max(len({group(event) for event in events}) // 2, 1)
    while time.monotonic() < deadline:
        groups = list(dict.fromkeys(map(group, events)))
        shorter = False
        for start in range(0, len(groups), size):
            without = set(groups[start : start + size])
            rest = [event for event in events if group(event) not in without]
            if rest and len(rest) < len(events) and fails(rest):
                events, shorter = rest, True
        if size == 1 and not shorter:
            break
        size = max(size // 2, 1)
    return events


def tell(story: Sequence[Event], seed: int, violation: Violation) -> str:
    """Write down what happened, for a person to read."""
    lines = [f"Seed {seed} breaks a rule: {violation}", "", *map(str, story)]
    return "\n".join(lines)
