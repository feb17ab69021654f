"""A feed of a space as a state machine: told what came, it says what to deliver, to read, or how long to wait.

The table ``space_events`` is the truth: its numbers have no hole, so whoever has number n and gets n + 1 has missed
nothing. What comes over a channel only makes it faster. It may be lost, doubled, late or in any order: an event is
delivered when it is the next one, and where the next one does not come the table is read.
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
"""How often a feed looks into the table although Realtime seems to tell everything: the last message before a silence
may have been lost, and nothing that comes later would show it. It is also the longest that a removed member goes on."""

POLL_SECONDS = 2.0
"""How often it looks while Realtime tells nothing."""

BEHIND_SECONDS = 60.0
"""How long the table may end before what a feed has delivered: a replica that lags behind catches up, a restored backup
does not."""

HELD = 1000
"""How many events it keeps that came ahead of their turn, or faster than they are taken. What comes beyond that is
dropped and read from the table later."""

READ_SIZE = 500

CHANNEL_CONFIG: dict[str, Any] = {
    "private": True,
    # The server says when it follows the database's log. What was committed before that may not come.
    "broadcast": {"ack": False, "self": False, "replication_ready": True},
    "presence": {"key": "", "enabled": False},
}
"""How to join the channel of a space."""

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
TABLE = "space_events"


@dataclass(frozen=True, slots=True)
class Read:
    """Read the table.

    Attributes:
        space_id: Of this space.
        start: From this number on, in order; ``None`` for the newest event alone.
        limit: So many rows at most.
        doubts: How much doubt there had been when this was decided; later doubts are not settled by it.
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
    """Do nothing until something happens, for so many seconds at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """Tell the program how the feed is doing.

    Attributes:
        status: The new status.
        reason: What led to it, in words.
    """

    status: LiveStatus
    reason: str


StatusListener = Callable[[LiveStatus, str], None]
"""Is told how a feed gets to know what happens, and why that has changed."""

Step = SpaceEvent | Read | Wait | Told


class FeedState:
    """What one feed knows. Not safe for several threads: who uses it sees to that.

    Args:
        space_id: The space.
        after: Behind the last event that the program has seen; ``None`` to begin now.
        me: Who reads; ``None`` for a secret key.
        poll_seconds: How often to look while Realtime tells nothing.
        wake: Called when `step` may have something new to say.
        clock: Seconds that only go forward.
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
        # Its id; None while only the number is known, which the table completes.
        self._id = None if after is None else after.id
        # Whether the table has another event of its number, and the newest one must tell where to go on.
        self._replaced = False
        # Since when the table ends before the cursor.
        self._behind_since: float | None = None
        self.me = me
        # The most rows that one read has brought. A server may cut its replies at a number that it does not tell.
        self._most = 0
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._clock = clock
        self._held: dict[int, SpaceEvent] = {}
        # Of which event those say that they follow it that came over the channel.
        self._following: dict[int, UUID] = {}
        # The highest number heard of, delivered or not.
        self._top = 0
        # Whether the table may have something that did not come otherwise, and how often that came into doubt.
        self._stale = True
        self._doubts = 0
        # Whether the table has shown that the cursor is a number of this space, and the reader a member.
        self._confirmed = False
        # Whether nothing is delivered before the table has shown that the cursor is in it and the reader a member: at
        # the beginning, after a time without news, and when the last event was that the reader has left.
        self._barred = True
        # Whether the event at the cursor was not in the table, and the newest one must tell why.
        self._doubtful = False
        self._joined = False
        self._check_at = 0.0
        self._pause_until = 0.0
        self._fruitless = 0
        self._offline: str | None = None
        self._silent: str | None = None
        self._told = LiveStatus.CONNECTING
        self._news: deque[Told] = deque(maxlen=16)
        self._failure: BaseException | None = None

    # What to do -----------------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """Return what to do next. Doing it comes before the next step.

        Raises:
            SpaceNotFoundError: There is no such space, or the reader is no member of it.
            MembershipEndedError: The reader was a member, and is not any more.
            HistoryReplacedError: The cursor is of no event in the feed.
        """
        if self._news:
            return self._news.popleft()
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
            # The event at the cursor is read again: if it is not there, the reader is not a member any more.
            return Read(self.space_id, start, READ_SIZE, self._doubts)
        return Wait(self._check_at - now)

    def take(self) -> SpaceEvent | None:
        """Deliver the next event, if it is here."""
        if self.cursor is None or self._barred or (event := self._held.pop(self.cursor + 1, None)) is None:
            return None
        if self._following.pop(event.seq, self._id) != self._id:
            # It follows another event than the one that was delivered.
            self._barred = True
            self._doubt()
            return None
        self.cursor, self._id = event.seq, event.id
        if isinstance(event, MemberLeft) and event.payload.user_id == self.me:
            # The table will tell whether they have come back since.
            self._barred = True
            self._doubt()
        return event

    # What the table says --------------------------------------------------------------------------------------------

    def page(self, read: Read, rows: Sequence[SpaceEvent]) -> None:
        """Take over what was read."""
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
            # As many rows as ever may have been cut; fewer are all that there are. Whatever is committed after the last
            # page was read comes over the channel, which was joined before.
            fresh = len(rows) > (read.start > 0)
            self._stale = (fresh and len(rows) >= self._most) or self._doubts != read.doubts
            self._settle(fruitful=not self._missing())
        self._tell()

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
            self._settle(fruitful=True)
        elif self._replaced or (head < self.cursor and self._is_long_behind()):
            self._fail(Cursor(self.cursor, self._id).replaced(rows[0]))
        else:
            # A replica that lags behind: ask again soon.
            self._doubtful = False
            self._doubt()
            self._settle(fruitful=False)

    def read_failed(self, error: MonogramError) -> None:
        """Take note that nobody answered; what is missing is read later."""
        self._offline = f"{type(error).__name__}: {error.message}"
        self._doubt()
        self._settle(fruitful=False)
        self._tell()

    # What the channel says ------------------------------------------------------------------------------------------

    def joined(self) -> None:
        """Take note that from now on the channel tells what happens."""
        self._joined, self._silent = True, None
        # While nothing was heard a backup may have been restored: the table has to show that this is still its feed.
        self._barred = True
        self._doubt()
        self._pause_until, self._fruitless = 0.0, 0
        self._tell()

    def lost(self, reason: str) -> None:
        """Take note that the channel tells nothing any more, or cannot be joined."""
        if self._silent is None:
            self._doubt()
        self._joined, self._silent = False, scrub(reason)
        self._check_at = min(self._check_at, self._clock() + self._poll_seconds)
        self._tell()

    def received(self, event: str, payload: dict[str, Any]) -> None:
        """Take over what came over the channel."""
        if event == "broadcast":
            self._hear(payload.get("payload"))
        elif event == "system":
            # The server may have missed commits before it says this.
            self._doubt()
            self._wake()

    def failed(self, error: BaseException) -> None:
        """End the feed with an error."""
        self._fail(error)
        self._wake()

    def _hear(self, message: object) -> None:
        try:
            event = SpaceEvent.model_validate(message)
        except ValidationError:
            # Whatever it is, the table knows.
            self._doubt()
        else:
            if event.space_id != self.space_id:
                return
            self._hold(event, limited=True)
            if self._held.get(event.seq) is event and (previous := _previous(message)) is not None:
                self._following[event.seq] = previous
        self._wake()

    def news(self) -> list[Told]:
        """Return what the program has not been told yet."""
        news = list(self._news)
        self._news.clear()
        return news

    # The rest -------------------------------------------------------------------------------------------------------

    @property
    def place(self) -> str | None:
        """The cursor to store: the number of the last event that was delivered, with its id where that is known."""
        return None if self.cursor is None else str(Cursor(self.cursor, self._id))

    @property
    def status(self) -> LiveStatus:
        """How the feed gets to know what happens."""
        if self._offline is not None:
            return LiveStatus.OFFLINE
        if self._joined:
            return LiveStatus.LIVE
        return LiveStatus.CONNECTING if self._silent is None else LiveStatus.POLLING

    def _hold(self, event: SpaceEvent, *, limited: bool) -> None:
        if self.cursor is not None and event.seq <= self.cursor:
            if event.seq == self.cursor and self._id not in (None, event.id):
                # Another event of the same number. Nothing that follows it is delivered before the table has told more.
                self._barred = True
                self._doubt()
            return
        self._top = max(self._top, event.seq)
        if not limited or len(self._held) < HELD:
            self._held.setdefault(event.seq, event)

    def _is_long_behind(self) -> bool:
        """Whether the table has ended before the cursor for so long that no replica is to blame, or from the start."""
        now = self._clock()
        if self._behind_since is None:
            self._behind_since = now
        return not self._confirmed or now - self._behind_since >= BEHIND_SECONDS

    def _doubt(self) -> None:
        """Take note that the table may have something that is not here."""
        self._stale = True
        self._doubts += 1

    def _missing(self) -> bool:
        """Whether there is an event that has neither been delivered nor is it here."""
        return self.cursor is not None and self._top > self.cursor and self.cursor + 1 not in self._held

    def _settle(self, *, fruitful: bool) -> None:
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

    def _tell(self) -> None:
        if self.status is not self._told:
            self._told = self.status
            self._news.append(Told(self._told, self._offline or self._silent or "joined"))
        self._wake()


def _previous(message: object) -> UUID | None:
    """Return of which event a message says that its event follows it; ``None`` for the first one."""
    previous = cast("dict[str, Any]", message).get("previous_id")
    try:
        return None if previous is None else UUID(previous)
    except (ValueError, AttributeError, TypeError):
        return None
