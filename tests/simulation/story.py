"""What happens in a simulated year: a list of events, made from a seed alone.

An event names spaces and people by number, or by what they are (the curator, the leader) where that is known only
when it happens. So a part of the list is a story as well, which is how a story that goes wrong is made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

WEEK = 7 * 24 * 60
"""Minutes."""

ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Athens")


@dataclass(frozen=True, order=True)
class Event:
    """Something that somebody does at a minute of the year."""

    minute: int
    kind: str
    space: int = -1
    person: int = -1
    other: int = -1
    number: int = 0

    @property
    def week(self) -> int:
        return self.minute // WEEK

    def __str__(self) -> str:
        day, hour = divmod(self.minute % WEEK // 60, 24)
        words = [f"week {self.week + 1:>2} day {day + 1} {hour:02}:{self.minute % 60:02}", f"{self.kind:<18}"]
        words += [f"space {self.space}"] * (self.space >= 0) + [f"person {self.person}"] * (self.person >= 0)
        words += [f"with person {self.other}"] * (self.other >= 0) + [f"({self.number})"] * (self.number != 0)
        return "  ".join(words)


@dataclass(frozen=True)
class Size:
    """How large a simulated town is."""

    spaces: int
    people: int
    weeks: int


def make_story(seed: int, size: Size) -> list[Event]:
    """Make up a year. The same seed and size always make the same one."""
    chance = Random(f"monogram {seed}")
    writer = _Writer(chance, size)
    for week in range(size.weeks):
        writer.write_week(week)
    return sorted(writer.events)


class _Writer:
    """Plans with a rough idea of who is where; what really is so, the database says when it happens."""

    def __init__(self, chance: Random, size: Size) -> None:
        self.chance = chance
        self.size = size
        self.events: list[Event] = []
        self.members: dict[int, set[int]] = {}
        self.gone: set[int] = set()
        self.arrivals = 0

    def add(self, week: int, day: float, kind: str, **values: int) -> None:
        minute = week * WEEK + min(int(day * 24 * 60) + self.chance.randrange(600), WEEK - 30)
        self.events.append(Event(minute, kind, **values))

    def likely(self, probability: float) -> bool:
        return self.chance.random() < probability

    def anybody(self) -> int:
        return self.chance.choice([person for person in range(self.arrivals) if person not in self.gone])

    def write_week(self, week: int) -> None:
        chance = self.chance
        newcomers = self.size.people if week == 0 else self.likely(0.3) * chance.randrange(1, 3)
        for _ in range(newcomers):
            self.events.append(Event(week * WEEK, "sign_up", person=self.arrivals, number=chance.randrange(len(ZONES))))
            self.arrivals += 1
        if week == 0:
            for space in range(self.size.spaces):
                leader = self.anybody()
                self.events.append(Event(1, "found", space=space, person=leader, number=chance.randrange(20)))
                self.members[space] = {leader}
                for _ in range(chance.randrange(1, 6)):
                    self.join(week, space, 0.02)
        for space in sorted(self.members):
            self.write_space(week, space)
        self.write_town(week)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            self.add(week, chance.random() * 6.5, "tick")
        for day in range(7):
            if not self.likely(0.25 if week % 9 else 0.9):
                self.add(week, day + 0.3, "render", number=chance.randrange(12))
                self.add(week, day + 0.35, "email", number=chance.randrange(12))

    def join(self, week: int, space: int, day: float) -> None:
        person = self.anybody()
        self.add(week, day, "join", space=space, person=person, number=self.chance.randrange(3))
        self.members[space].add(person)

    def write_space(self, week: int, space: int) -> None:
        chance = self.chance
        members = sorted(self.members[space] - self.gone)
        if not members:
            return
        if self.likely(0.9):
            self.add(week, chance.random(), "ask", space=space, number=chance.choice((1, 1, 1, 2, 2, 3, 11)))
        if self.likely(0.08):
            self.add(week, 0.7, "ask_draft", space=space)
        for person in members:
            for order in range(1 + self.likely(0.3)):
                if self.likely(0.72):
                    kind = "draft" if self.likely(0.12) else "respond"
                    day = chance.random() * (8 if self.likely(0.05) else 5.2)
                    self.add(week, day, kind, space=space, person=person, number=order)
                    if kind == "draft" and self.likely(0.7):
                        self.add(week, day + 0.5, "publish_draft", space=space, person=person)
                    if self.likely(0.06):
                        self.add(week, day + 0.6, "edit", space=space, person=person)
                    if self.likely(0.05):
                        self.add(week, day + chance.random() * 2, "withdraw", space=space, person=person)
        if self.likely(0.02):
            self.add(week, 3, "respond", space=space, person=self.anybody())
        if self.likely(0.85):
            day = 5.3 + chance.random() * 1.2
            self.add(week, day, "newsletter", space=space, number=chance.randrange(10))
        for probability, kind in (
            (0.04, "delete_prompt"), (0.02, "reorder"), (0.015, "delete_newsletter"), (0.002, "close_space"),
            (0.01, "change_rotation"), (0.02, "change_visibility"),
        ):  # fmt: skip
            if self.likely(probability):
                self.add(week, chance.random() * 6, kind, space=space, number=chance.randrange(6))
        if self.likely(0.15):
            self.join(week, space, chance.random() * 6)
        for probability, kind in (
            (0.06, "leave"), (0.03, "remove"), (0.05, "role"), (0.02, "transfer"), (0.03, "assign"),
        ):  # fmt: skip
            if self.likely(probability):
                person = chance.choice(members)
                self.add(week, chance.random() * 6.5, kind, space=space, person=person, number=chance.randrange(3))
                if kind in ("leave", "remove"):
                    self.members[space].discard(person)

    def write_town(self, week: int) -> None:
        chance = self.chance
        for _ in range(self.size.people // 6):
            self.add(
                week, chance.random() * 6.5, "gift",
                person=self.anybody(), other=self.anybody(), number=chance.choice((1, 5, 20, 100, 100_000)),
            )  # fmt: skip
        for _ in range(self.size.people // 10):
            self.add(week, chance.random() * 6.5, "buy", person=self.anybody(), number=chance.randrange(50))
        if self.likely(0.2):
            self.add(
                week, chance.random() * 6, "move_house", person=self.anybody(), number=chance.randrange(len(ZONES))
            )
        if week > 2 and self.likely(0.25):
            person = self.anybody()
            self.add(week, chance.random() * 6.5, "close_account", person=person)
            self.gone.add(person)
