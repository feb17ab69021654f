"""Run a feed: carry out the steps that its state machine returns."""

from __future__ import annotations

import weakref
from uuid import UUID

from monogram_sdk._config import Options, shown
from monogram_sdk._cursor import Cursor
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.telemetry import logger
from monogram_sdk._live.channels import pause
from monogram_sdk._live.feed import CHANNEL_CONFIG, FeedState, Read, StatusChange, StatusListener, Wait
from monogram_sdk._live.runtime import AsyncSignal, OwningProcess
from monogram_sdk._parse import parse_rows
from monogram_sdk.errors import InvalidValueError, RateLimitError, ServerError, TransportError
from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import SpaceEvent

from ._socket import AsyncSocket

# Errors after which a read is tried again. Any other error ends the feed.
_TEMPORARY = (TransportError, ServerError, RateLimitError)


class AsyncFeedReader:
    """Reads the events of a space for one consumer, in the consumer's task or thread.

    Args:
        engine: Sends requests.
        socket: The connection to Realtime.
        space_id: The space.
        after: The cursor or number of the last event that was seen; ``None`` to begin now.
        on_status: Called when the status of the feed changes.
        poll_seconds: How often to read from the database while Realtime delivers nothing.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        socket: AsyncSocket,
        space_id: UUID,
        *,
        after: int | str | None,
        on_status: StatusListener | None,
        poll_seconds: float,
    ) -> None:
        place = None if after is None else Cursor.parse(after)
        if not 0.1 <= poll_seconds <= 60:
            raise InvalidValueError(
                f"poll_seconds must be between 0.1 and 60, not {shown(poll_seconds)}.", detail="poll_seconds"
            )
        # The feed itself repeats its reads and reports that.
        self._engine = engine.with_options(Options(engine.options.timeout, retries=0))
        self._socket = socket
        self._space_id = space_id
        self._on_status = on_status
        self._signal = AsyncSignal()
        self._state = FeedState(space_id, place, poll_seconds=poll_seconds, wake=self._signal.set)
        self._listening = self._ended = False
        self._process: OwningProcess | None = None
        # The epoch of the session in which it began.
        self._epoch: int | None = None
        # The connection refers to the state but not to the reader, so that a feed ends when it is collected.
        weakref.finalize(self, socket.channels.released.append, self._state)

    @property
    def cursor(self) -> str | None:
        """The cursor of the last event that was delivered, or where to begin."""
        return self._state.place

    @property
    def status(self) -> LiveStatus:
        """How the feed gets its events."""
        return self._state.status

    def check(self) -> None:
        """Check that the feed began in this process, as the person who is signed in.

        Raises:
            ConfigError: It began before this process was forked.
            NotSignedInError: The person has signed out.
        """
        if self._process is not None:
            self._process.check()
        self._engine.sessions.check(self._epoch)

    async def begin(self) -> None:
        """Start to listen, and read the cursor to begin with."""
        await self._listen()
        while self._state.cursor is None and not self._ended:
            await self._advance()

    async def next_event(self) -> SpaceEvent | None:
        """Return the next event, however long that takes; ``None`` when the feed was closed."""
        await self._listen()
        while not self._ended:
            event = await self._advance()
            if event is not None:
                return event
        return None

    def ready(self, most: int) -> list[SpaceEvent]:
        """Return the next events that have arrived already."""
        found: list[SpaceEvent] = []
        with self._socket.mutex:
            while len(found) < most and (event := self._state.take()) is not None:
                found.append(event)
        return found

    async def ask(self, request: Request) -> Reply | None:
        """Send a request until there is a reply; ``None`` when the feed was closed meanwhile."""
        failures = 0
        while not self._ended:
            try:
                return await self._send(request)
            except _TEMPORARY as exc:
                with self._socket.mutex:
                    self._state.read_failed(exc)
                    changes = self._state.status_changes()
                for change in changes:
                    self._report(change)
                await self._signal.wait(pause(failures))
                failures += 1
        return None

    async def aclose(self) -> None:
        """End the feed."""
        self._ended = True
        self._signal.set()
        if self._listening:
            await self._socket.release(self._state)

    async def _listen(self) -> None:
        self.check()
        if self._listening or self._ended:
            self._socket.keep()
            return
        sessions = self._engine.sessions
        if not sessions.is_secret:
            with self._engine.call(None) as call:
                self._state.me = await sessions.require_user_id()
                self._epoch = call.epoch
        self._process = OwningProcess()
        await self._socket.listen(f"space:{self._space_id}", self._state, CHANNEL_CONFIG)
        self._listening = True

    async def _advance(self) -> SpaceEvent | None:
        """Carry out the next step, and return the event if the step is to deliver one."""
        self.check()
        with self._socket.mutex:
            step = self._state.step()
        if isinstance(step, SpaceEvent):
            return step
        if isinstance(step, Wait):
            await self._signal.wait(step.seconds)
        elif isinstance(step, StatusChange):
            self._report(step)
        else:
            await self._read(step)
        return None

    async def _read(self, read: Read) -> None:
        try:
            reply = await self._send(read.call())
        except _TEMPORARY as exc:
            with self._socket.mutex:
                self._state.read_failed(exc)
        else:
            rows = parse_rows(SpaceEvent, reply)
            with self._socket.mutex:
                self._state.page(read, rows)

    async def _send(self, request: Request) -> Reply:
        """Send a request as the person who began the feed."""
        with self._engine.call(None, self._epoch):
            return await self._engine.send(request)

    def _report(self, change: StatusChange) -> None:
        logger.info("live feed of %s: %s (%s)", self._space_id, change.status, change.reason)
        if self._on_status is not None:
            self._on_status(change.status, change.reason)
