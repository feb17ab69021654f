"""A feed of a space as a state machine: it returns what to do next: deliver an event, read the table, or wait.

The table ``space_events`` is authoritative. Its numbers have no gaps, so a feed that has delivered number n and gets
n + 1 has missed nothing. The channel only makes it faster: its messages may be lost, doubled, late or out of order. An
event is delivered when it is the next one; if the next one does not come over the channel, the table is read.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk import _query
from monogram_sdk._cursor import Cursor
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.retrying import backoff
from monogram_sdk.errors import MembershipEndedError, MonogramError, SpaceNotFoundError, scrub
from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import MemberLeft, SpaceEvent

CHECK_SECONDS = 15.0
"""How often a feed reads the table although the channel is joined: the last message may have been lost, which no later
message would reveal. It is also the longest time for which a removed member's feed continues."""

POLL_SECONDS = 2.0
"""How often it reads the table while the channel is not joined."""

BEHIND_SECONDS = 60.0
"""How long the table may end before the events that a feed has delivered. A replica that lags behind catches up within
this time; otherwise a backup was restored."""

HELD = 1000
"""How many events from the channel it keeps until their turn comes. Further ones are dropped and read from the table
later."""

READ_SIZE = 500

CHANNEL_CONFIG: dict[str, Any] = {
    "private": True,
    # The server reports when it has begun to follow the database's log. What was committed before may be missing.
    "broadcast": {"ack": False, "self": False, "replication_ready": True},
    "presence": {"key": "", "enabled": False},
}
"""The config with which the channel of a space is joined."""

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
TABLE = "space_events"


@dataclass(frozen=True, slots=True)
class Read:
    """Read the table.

    Attributes:
        space_id: The space.
        start: The number of the first event to read; ``None`` for the newest event alone.
        limit: How many rows to read at most.
        doubts: How many doubts there were when this read was decided on. It does not settle later ones.
    """

    space_id: UUID
    start: int | None
    limit: int
    doubts: int

    def call(self) -> Request:
        """Return the request."""
        filters = [_query.equals("space_id", self.space_id)]
        if self.start is None:
            return _query.select(TABLE, SpaceEvent.columns(), filters, order="seq.desc", limit=1)
        filters.append(f"seq=gte.{self.start}")
        return _query.select(TABLE, SpaceEvent.columns(), filters, order="seq.asc", limit=self.limit)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until something happens, for so many seconds at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Report a new status to the program.

    Attributes:
        status: The new status.
        reason: Why it changed, in words.
    """

    status: LiveStatus
    reason: str


StatusListener = Callable[[LiveStatus, str], None]
"""Called with the new status of a feed, and the reason for the change."""

Step = SpaceEvent | Read | Wait | StatusChange


class FeedState:
    """The state of one feed. Not thread-safe: callers hold a lock.

    Args:
        space_id: The space.
        after: The cursor of the last event that the program has seen; ``None`` to begin now.
        me: The reader; ``None`` for a secret key.
        poll_seconds: How often to read the table while the channel is not joined.
        wake: Called when `step` may return something new.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        space_id: UUID,
        after: Cursor | None,
        *,
        me: UUID | None = None,
        poll_seconds: float = POLL_SECONDS,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.space_id = space_id
        self.cursor = None if after is None else after.seq
        """The number of the last event that was delivered."""
        # The id of that event; None until the table has shown it.
        self._id = None if after is None else after.id
        # Whether the table has another event with that number; then the newest event is read, for the error.
        self._replaced = False
        # Since when the table has ended before the cursor.
        self._behind_since: float | None = None
        self.me = me
        # The most rows that one read has returned. A server may cut its replies at a limit that it does not announce.
        self._most = 0
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._clock = clock
        self._held: dict[int, SpaceEvent] = {}
        # For each held event that came over the channel, the id of the event before it, by the number of the former.
        self._following: dict[int, UUID] = {}
        # The highest number received, delivered or not.
        self._top = 0
        # Whether the table may have events that were not received, and how often this has come into doubt.
        self._stale = True
        self._doubts = 0
        # Whether the table has shown that the cursor is a number of this space, and the reader a member.
        self._confirmed = False
        # Whether to deliver nothing until the table has shown that the cursor is in it and the reader a member: at the
        # beginning, after the channel was lost, and after the event that the reader has left.
        self._barred = True
        # Whether the event at the cursor was missing from the table; then the newest event is read, to find out why.
        self._doubtful = False
        self._joined = False
        self._check_at = 0.0
        self._pause_until = 0.0
        self._fruitless = 0
        self._offline: str | None = None
        self._silent: str | None = None
        self._reported = LiveStatus.CONNECTING
        self._status_changes: deque[StatusChange] = deque(maxlen=16)
        self._failure: BaseException | None = None

    # What to do -----------------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """Return what to do next. It must be done before the next step.

        Raises:
            SpaceNotFoundError: No such space, or the reader is not a member of it.
            MembershipEndedError: The reader is not a member any more.
            HistoryReplacedError: The feed has no event of the cursor.
        """
        if self._status_changes:
            return self._status_changes.popleft()
        event = self.take()
        if event is not None:
            return event
        if self._failure is not None:
            raise self._failure
        now = self._clock()
        wanted = self.cursor is None or self._doubtful or self._replaced or self._stale or self._missing()
        if wanted or now >= self._check_at:
            if now < self._pause_until:
                return Wait(self._pause_until - now)
            start = None if self.cursor is None or self._doubtful or self._replaced else self.cursor
            # The event at the cursor is read again: if it is missing, the reader is not a member any more.
            return Read(self.space_id, start, READ_SIZE, self._doubts)
        return Wait(self._check_at - now)

    def take(self) -> SpaceEvent | None:
        """Deliver the next event, if it has been received."""
        if self.cursor is None or self._barred or (event := self._held.pop(self.cursor + 1, None)) is None:
            return None
        if self._following.pop(event.seq, self._id) != self._id:
            # The event before it is not the one that was delivered.
            self._barred = True
            self._doubt()
            return None
        self.cursor, self._id = event.seq, event.id
        if isinstance(event, MemberLeft) and event.payload.user_id == self.me:
            # The table will show whether they have come back since.
            self._barred = True
            self._doubt()
        return event

    # The table ------------------------------------------------------------------------------------------------------

    def page(self, read: Read, rows: Sequence[SpaceEvent]) -> None:
        """Handle the rows of a read."""
        self._offline = None
        if read.start is None:
            self._head(read, rows)
        elif read.start > 0 and (not rows or rows[0].seq != read.start):
            self._doubtful = True
        elif not rows:  # A space begins with an event.
            self._fail(MembershipEndedError() if self._confirmed else SpaceNotFoundError())
        elif read.start > 0 and self._id not in (None, rows[0].id):
            self._replaced = True
        else:
            self._id = rows[0].id if read.start > 0 else None
            self._behind_since = None
            self._confirmed, self._barred = True, False
            for row in rows:
                self._hold(row, limited=False)
                self._following.pop(row.seq, None)
            self._most = max(self._most, len(rows))
            # If there are as many rows as ever, the reply may have been cut; if there are fewer, it is complete. What
            # is committed after that comes over the channel, which was joined before.
            fresh = len(rows) > (read.start > 0)
            self._stale = (fresh and len(rows) >= self._most) or self._doubts != read.doubts
            self._schedule_read(fruitful=not self._missing())
        self._update_status()

    def _head(self, read: Read, rows: Sequence[SpaceEvent]) -> None:
        if not rows:
            self._fail(MembershipEndedError() if self._confirmed else SpaceNotFoundError())
            return
        head = rows[0].seq
        if self.cursor is None:
            self.cursor, self._id = head, rows[0].id
            self._top = max(self._top, head)
            self._confirmed, self._barred = True, False
            self._held = {seq: event for seq, event in self._held.items() if seq > head}
            self._stale = self._doubts != read.doubts
            self._schedule_read(fruitful=True)
        elif self._replaced or (head < self.cursor and self._is_long_behind()):
            self._fail(Cursor(self.cursor, self._id).replaced(rows[0]))
        else:
            # A replica that lags behind: read again soon.
            self._doubtful = False
            self._doubt()
            self._schedule_read(fruitful=False)

    def read_failed(self, error: MonogramError) -> None:
        """Handle a read that failed; the missing events are read later."""
        self._offline = f"{type(error).__name__}: {error.message}"
        self._doubt()
        self._schedule_read(fruitful=False)
        self._update_status()

    # The channel ----------------------------------------------------------------------------------------------------

    def joined(self) -> None:
        """Handle that the channel delivers events from now on."""
        self._joined, self._silent = True, None
        # A backup may have been restored meanwhile: the table has to show that the cursor is still in it.
        self._barred = True
        self._doubt()
        self._pause_until, self._fruitless = 0.0, 0
        self._update_status()

    def lost(self, reason: str) -> None:
        """Handle that the channel delivers nothing any more, or cannot be joined."""
        if self._silent is None:
            self._doubt()
        self._joined, self._silent = False, scrub(reason)
        self._check_at = min(self._check_at, self._clock() + self._poll_seconds)
        self._update_status()

    def received(self, event: str, payload: dict[str, Any]) -> None:
        """Handle a frame of the channel."""
        if event == "broadcast":
            self._receive_event(payload.get("payload"))
        elif event == "system":
            # The server may have missed commits before it sent this.
            self._doubt()
            self._wake()

    def failed(self, error: BaseException) -> None:
        """End the feed with an error."""
        self._fail(error)
        self._wake()

    def _receive_event(self, message: object) -> None:
        try:
            event = SpaceEvent.model_validate(message)
        except ValidationError:
            # Malformed, perhaps from a newer server. The table has the event.
            self._doubt()
        else:
            if event.space_id != self.space_id:
                return
            self._hold(event, limited=True)
            if self._held.get(event.seq) is event and (previous := _previous(message)) is not None:
                self._following[event.seq] = previous
        self._wake()

    def status_changes(self) -> list[StatusChange]:
        """Return the status changes that have not been reported yet."""
        changes = list(self._status_changes)
        self._status_changes.clear()
        return changes

    # State ----------------------------------------------------------------------------------------------------------

    @property
    def place(self) -> str | None:
        """The cursor to store: the number of the last event that was delivered, and its id, if that is known."""
        return None if self.cursor is None else str(Cursor(self.cursor, self._id))

    @property
    def status(self) -> LiveStatus:
        """How the feed gets its events."""
        if self._offline is not None:
            return LiveStatus.OFFLINE
        if self._joined:
            return LiveStatus.LIVE
        return LiveStatus.CONNECTING if self._silent is None else LiveStatus.POLLING

    def _hold(self, event: SpaceEvent, *, limited: bool) -> None:
        if self.cursor is not None and event.seq <= self.cursor:
            if event.seq == self.cursor and self._id not in (None, event.id):
                # Another event with the same number. Deliver nothing until the table has been read.
                self._barred = True
                self._doubt()
            return
        self._top = max(self._top, event.seq)
        if not limited or len(self._held) < HELD:
            self._held.setdefault(event.seq, event)

    def _is_long_behind(self) -> bool:
        """Return True if a lagging replica cannot be the reason that the table ends before the cursor."""
        now = self._clock()
        if self._behind_since is None:
            self._behind_since = now
        return not self._confirmed or now - self._behind_since >= BEHIND_SECONDS

    def _doubt(self) -> None:
        """Note that the table may have events that were not received."""
        self._stale = True
        self._doubts += 1

    def _missing(self) -> bool:
        """Return True if the next event exists and has not been received."""
        return self.cursor is not None and self._top > self.cursor and self.cursor + 1 not in self._held

    def _schedule_read(self, *, fruitful: bool) -> None:
        """Decide when to read again."""
        now = self._clock()
        seconds = CHECK_SECONDS if self._joined else self._poll_seconds
        self._check_at = now + seconds * random.uniform(0.9, 1.0)
        if fruitful:
            self._fruitless, self._pause_until = 0, 0.0
            return
        self._fruitless += 1
        self._pause_until = now + backoff(self._fruitless, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _update_status(self) -> None:
        if self.status is not self._reported:
            self._reported = self.status
            reason = self._offline or self._silent or "joined"
            self._status_changes.append(StatusChange(self._reported, reason))
        self._wake()


def _previous(message: object) -> UUID | None:
    """Return the id of the event before that of a message; ``None`` for the first one."""
    previous = cast("dict[str, Any]", message).get("previous_id")
    try:
        return None if previous is None else UUID(previous)
    except (ValueError, AttributeError, TypeError):
        return None
