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
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk import _query
from monogram_sdk.errors import InvalidValueError, MembershipEndedError, MonogramError, SpaceNotFoundError, scrub
from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import MemberLeft, SpaceEvent

CHECK_SECONDS = 15.0
"""How often a feed looks into the table although Realtime seems to tell everything: the last message before a silence
may have been lost, and nothing that comes later would show it. It is also the longest that a removed member goes on."""

POLL_SECONDS = 2.0
"""How often it looks while Realtime tells nothing."""

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

    def call(self) -> _query.Call:
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
        after: The number of the last event that the program has seen; ``None`` to begin now.
        me: Who reads; ``None`` for a secret key.
        poll_seconds: How often to look while Realtime tells nothing.
        wake: Called when `step` may have something new to say.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        space_id: UUID,
        after: int | None,
        *,
        me: UUID | None = None,
        poll_seconds: float = POLL_SECONDS,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.space_id = space_id
        self.cursor = after
        """The number of the last event that was delivered."""
        self.me = me
        self.row_cap = READ_SIZE
        """How many rows the server answers at once."""
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._clock = clock
        self._held: dict[int, SpaceEvent] = {}
        # The highest number heard of, delivered or not.
        self._top = 0
        # Whether the table may have something that did not come otherwise, and how often that came into doubt.
        self._stale = True
        self._doubts = 0
        # Whether the table has shown that the cursor is a number of this space, and the reader a member.
        self._confirmed = False
        # Whether the last event was that the reader has left; nothing is delivered before the table has shown more.
        self._barred = False
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
            InvalidValueError: The cursor is beyond the end of the feed.
        """
        if self._news:
            return self._news.popleft()
        event = self.take()
        if event is not None:
            return event
        if self._failure is not None:
            raise self._failure
        now = self._clock()
        wanted = self.cursor is None or self._doubtful or self._stale or self._missing()
        if wanted or now >= self._check_at:
            if now < self._pause_until:
                return Wait(self._pause_until - now)
            start = None if self.cursor is None or self._doubtful else self.cursor
            # The event at the cursor is read again: if it is not there, the reader is not a member any more.
            return Read(self.space_id, start, READ_SIZE, self._doubts)
        return Wait(self._check_at - now)

    def take(self) -> SpaceEvent | None:
        """Deliver the next event, if it is here."""
        if self.cursor is None or self._barred or (event := self._held.pop(self.cursor + 1, None)) is None:
            return None
        self.cursor = event.seq
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
        else:
            self._confirmed, self._barred = True, False
            for row in rows:
                self._hold(row, limited=False)
            # Whatever is committed after the last page was read comes over the channel, which was joined before.
            self._stale = len(rows) >= min(read.limit, self.row_cap) or self._doubts != read.doubts
            self._settle(fruitful=not self._missing())
        self._tell()

    def _head(self, read: Read, rows: Sequence[SpaceEvent]) -> None:
        if not rows:
            self._fail(MembershipEndedError() if self._confirmed else SpaceNotFoundError())
            return
        head = rows[0].seq
        if self.cursor is None:
            self.cursor = head
            self._top = max(self._top, head)
            self._confirmed = True
            self._held = {seq: event for seq, event in self._held.items() if seq > head}
            self._stale = self._doubts != read.doubts
            self._settle(fruitful=True)
        elif head < self.cursor and not self._confirmed:
            self._fail(
                InvalidValueError(
                    f"The feed ends with number {head}, and after={self.cursor} is beyond it.",
                    detail="after",
                    hint="Pass the `seq` of an event of this space, or 0 for all of them.",
                )
            )
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
        self._wake()

    def news(self) -> list[Told]:
        """Return what the program has not been told yet."""
        news = list(self._news)
        self._news.clear()
        return news

    # The rest -------------------------------------------------------------------------------------------------------

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
            return
        self._top = max(self._top, event.seq)
        if not limited or len(self._held) < HELD:
            self._held.setdefault(event.seq, event)

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
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._fruitless - 1))
        self._pause_until = now + pause * random.uniform(0.5, 1.0)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _tell(self) -> None:
        if self.status is not self._told:
            self._told = self.status
            self._news.append(Told(self._told, self._offline or self._silent or "joined"))
        self._wake()
