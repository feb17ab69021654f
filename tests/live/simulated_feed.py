"""A feed, its table and its channel, simulated without I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from monogram_sdk._cursor import Cursor
from monogram_sdk._live.feed import FeedState, Read, StatusChange
from monogram_sdk.models import LiveStatus, SpaceEvent

SPACE = UUID("6b6d2a5c-9d5e-4d5c-8b1a-000000000001")


ME = UUID("6b6d2a5c-9d5e-4d5c-8b1a-000000000002")


def event(seq: int, *, kind: str = "week.advanced", payload: object = None, history: int = 1) -> SpaceEvent:
    return SpaceEvent.model_validate(
        {
            "space_id": SPACE,
            "seq": seq,
            "id": UUID(int=history << 64 | seq),
            "kind": kind,
            "actor_id": None,
            "subject_id": None,
            "payload": payload or {"week_number": seq},
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
    )


class SimulatedFeed:
    """A table, a network that does as it likes, a clock, and one feed that reads both."""

    def __init__(self, *, events: int = 0, after: int | None = 0, history: int | None = None) -> None:
        self.now = 0.0
        self.history = 1
        self.table = [event(seq) for seq in range(1, events + 1)]
        self.is_member = True
        place = None if after is None else Cursor(after, history and event(after, history=history).id)
        self.feed = FeedState(SPACE, place, me=ME, clock=lambda: self.now)
        self.start = after
        """Where the feed began."""
        self.log: list[int] = []
        self.told: list[LiveStatus] = []
        self.reads = 0
        self.row_cap = 1000

    def commit(self, count: int = 1) -> list[SpaceEvent]:
        new = [event(len(self.table) + n, history=self.history) for n in range(1, count + 1)]
        self.table += new
        return new

    def restore(self, seq: int) -> None:
        """Put a backup into the place of the table: what came after this number is gone, and will be others."""
        self.table = self.table[:seq]
        self.history += 1

    def hear(self, *events: SpaceEvent) -> None:
        for one in events:
            payload = one.model_dump(mode="json")
            # The database names the one before.
            before = [row for row in self.table if row.seq == one.seq - 1]
            payload["previous_id"] = str(before[0].id) if before else None
            self.feed.received("broadcast", {"event": one.kind, "payload": payload})

    def rows(self, read: Read) -> list[SpaceEvent]:
        """The rows of the database."""
        self.reads += 1
        if not self.is_member:
            return []
        if read.start is None:
            return self.table[-1:]
        return [one for one in self.table if one.seq >= read.start][: min(read.limit, self.row_cap)]

    def answer(self, read: Read, rows: list[SpaceEvent]) -> None:
        self.feed.page(read, rows)
        if self.start is None:
            self.start = self.feed.cursor

    def one_step(self) -> bool:
        """Let the feed do one thing; False when it waits."""
        step = self.feed.step()
        if isinstance(step, SpaceEvent):
            self.log.append(step.seq)
        elif isinstance(step, Read):
            self.answer(step, self.rows(step))
        elif isinstance(step, StatusChange):
            self.told.append(step.status)
        else:
            return False
        return True

    def settle(self) -> None:
        """Let the feed do all that it has to do at this moment."""
        for _ in range(100_000):
            if not self.one_step():
                return
        raise AssertionError("the feed never waits")
