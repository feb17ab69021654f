"""Do what a feed's state says: wait, read, tell the program."""

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
from monogram_sdk._live.feed import CHANNEL_CONFIG, FeedState, Read, StatusListener, Told, Wait
from monogram_sdk._live.runtime import AsyncSignal, Home
from monogram_sdk._parse import parse_rows
from monogram_sdk.errors import InvalidValueError, RateLimitError, ServerError, TransportError
from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import SpaceEvent

from ._socket import AsyncSocket

# What may pass. Anything else that a read comes to ends the feed.
_PASSING = (TransportError, ServerError, RateLimitError)


class AsyncFeedReader:
    """The events of a space, read for one consumer, in whose task or thread all of it happens.

    Args:
        engine: What sends.
        socket: The connection to Realtime.
        space_id: The space.
        after: The cursor or number of the last event that was seen; ``None`` to begin now.
        on_status: Is told how the feed is doing.
        poll_seconds: How often to ask the database while Realtime tells nothing.
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
                f"poll_seconds is between 0.1 and 60, not {shown(poll_seconds)}.", detail="poll_seconds"
            )
        # A feed repeats its reads itself, and says so.
        self._engine = engine.with_options(Options(engine.options.timeout, retries=0))
        self._socket = socket
        self._space_id = space_id
        self._on_status = on_status
        self._signal = AsyncSignal()
        self._state = FeedState(space_id, place, poll_seconds=poll_seconds, wake=self._signal.set)
        self._listening = self._ended = False
        self._home: Home | None = None
        # The connection knows the state but not the reader, so a feed that nobody refers to any more ends.
        weakref.finalize(self, socket.channels.released.append, self._state)

    @property
    def cursor(self) -> str | None:
        """The cursor of the last event that was delivered, or where to begin."""
        return self._state.place

    @property
    def status(self) -> LiveStatus:
        """How the feed gets to know what happens."""
        return self._state.status

    def check(self) -> None:
        """Refuse to go on where the feed has not begun.

        Raises:
            ConfigError: It began before this process was forked off.
        """
        if self._home is not None:
            self._home.check()

    async def begin(self) -> None:
        """Begin to listen, and find out where to begin."""
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
        """Return the next events that are here already."""
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
                return await self._engine.send(request)
            except _PASSING as exc:
                with self._socket.mutex:
                    self._state.read_failed(exc)
                    news = self._state.news()
                for told in news:
                    self._tell(told)
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
        if not sessions.secret:
            self._state.me = await sessions.require_user_id()
        self._home = Home()
        await self._socket.listen(f"space:{self._space_id}", self._state, CHANNEL_CONFIG)
        self._listening = True

    async def _advance(self) -> SpaceEvent | None:
        """Do the next thing, and return the event if it was to deliver one."""
        with self._socket.mutex:
            step = self._state.step()
        if isinstance(step, SpaceEvent):
            return step
        if isinstance(step, Wait):
            await self._signal.wait(step.seconds)
        elif isinstance(step, Told):
            self._tell(step)
        else:
            await self._read(step)
        return None

    async def _read(self, read: Read) -> None:
        try:
            if not self._engine.sessions.secret:
                # Who has signed out reads nothing, which must not look like having been removed.
                await self._engine.sessions.require_user()
            reply = await self._engine.send(read.call())
        except _PASSING as exc:
            with self._socket.mutex:
                self._state.read_failed(exc)
        else:
            rows = parse_rows(SpaceEvent, reply)
            with self._socket.mutex:
                self._state.page(read, rows)

    def _tell(self, told: Told) -> None:
        logger.info("live feed of %s: %s (%s)", self._space_id, told.status, told.reason)
        if self._on_status is not None:
            self._on_status(told.status, told.reason)
