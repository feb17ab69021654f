"""`client.live`: events in spaces as they happen, and who is present."""

from __future__ import annotations

import time
import weakref
from collections import deque
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monogram_sdk import _query
from monogram_sdk._arguments import ChecksArguments
from monogram_sdk._config import shown
from monogram_sdk._engine.listening import check_listener
from monogram_sdk._forks import importing
from monogram_sdk._live.feed import POLL_SECONDS, Read, StatusListener
from monogram_sdk._live.room import RoomState, presence
from monogram_sdk._live.runtime import AsyncSignal, OwningProcess
from monogram_sdk._parse import parse_rows
from monogram_sdk._values import Id, as_uuid
from monogram_sdk.errors import (
    ConflictError,
    ConnectionFailedError,
    InvalidValueError,
    MembershipEndedError,
    SpaceNotFoundError,
)
from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import Present, ResponsePublished, SpaceEvent
from monogram_sdk.models.responses import Response

if TYPE_CHECKING:
    from monogram_sdk._engine._async.engine import AsyncEngine

    from ._feed_reader import AsyncFeedReader
    from ._socket import AsyncSocket

_BATCH = 50
_JOIN_SECONDS = 10.0


class AsyncLiveAPI(ChecksArguments):
    """Feeds of the events and responses in spaces, as they happen, and who is present.

    All feeds of a client share one connection, which is made again whenever it breaks, until the client is closed. It
    gets a new token before the old one expires.

    When the person who began them signs out, or somebody else signs in on the client, feeds and rooms end at once with
    `NotSignedInError`; when the session ends otherwise, with `SessionExpiredError`.
    """

    def __init__(self, engine: AsyncEngine, socket: AsyncSocket) -> None:
        self._engine = engine
        self._socket = socket

    def events(
        self,
        space_id: Id,
        *,
        after: int | str | None = None,
        on_status: StatusListener | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> AsyncEventFeed:
        """Follow what happens in a space: every event, once, in order, even if messages get lost on the way.

            async for event in client.live.events(space.id, after=cursor):
                cursor = event.cursor

        Args:
            space_id: A space that you are a member of.
            after: The `cursor` of the last event that you have seen, however old (its plain `seq` is accepted, too); 0
                for all events; ``None`` for those that happen from now on.
            on_status: Called with the new status of the feed and the reason, when it goes live, polls, or is offline.
                It is called while you wait for the next event, so an error that it raises is raised there.
            poll_seconds: How often to read from the database while Realtime does not reply or is blocked, 0.1-60.

        Raises:
            InvalidValueError: An argument is out of range.
            TypeError: `on_status` is a coroutine function.

        Waiting for an event raises `HistoryReplacedError` if the feed has no event of this cursor, because a backup was
        restored; `SpaceNotFoundError` or `MembershipEndedError` if you are not a member.
        """
        return AsyncEventFeed(self._reader(space_id, after, on_status, poll_seconds))

    def responses(
        self,
        space_id: Id,
        *,
        after: int | str | None = None,
        on_status: StatusListener | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> AsyncResponseFeed:
        """Follow the responses in a space: each is yielded once, when it is published, in its latest version.

            async for response in client.live.responses(space.id):
                print(response.content)

        A response that was deleted before it was read is left out. Later changes and deletions are among the `events`.

        Args:
            space_id: A space that you are a member of.
            after: Where to begin, as in `events`: `AsyncResponseFeed.cursor` of an earlier run.
            on_status: Called with the new status of the feed and the reason, when it goes live, polls, or is offline.
            poll_seconds: How often to read from the database while Realtime does not reply or is blocked, 0.1-60.

        Raises:
            InvalidValueError: An argument is out of range.
            TypeError: `on_status` is a coroutine function.
        """
        return AsyncResponseFeed(self._reader(space_id, after, on_status, poll_seconds))

    def presence(self, space_id: Id) -> AsyncRoom:
        """Be present in a space, and see who else is.

            async with client.live.presence(space.id) as room:
                await room.set_writing(True)
                async for people in room:
                    print([person.user_id for person in people])

        Presence is reported by the members' own programs, and not verified: do not base decisions on it.

        Args:
            space_id: A space that you are a member of.
        """
        return AsyncRoom(self._engine, self._socket, space_id)

    def _reader(
        self, space_id: Id, after: int | str | None, on_status: StatusListener | None, poll_seconds: float
    ) -> AsyncFeedReader:
        check_listener(on_status)
        with importing():
            from ._feed_reader import AsyncFeedReader

        return AsyncFeedReader(
            self._engine,
            self._socket,
            as_uuid(space_id, "space_id"),
            after=after,
            on_status=on_status,
            poll_seconds=poll_seconds,
        )


class AsyncEventFeed:
    """The events of a space, one after the other, for one consumer.

    It begins when the first event is requested, or at the beginning of an `async with` block. It ends with `aclose`, or
    when it is garbage-collected.

    A slow consumer loses nothing and does not slow down others: up to 1,500 events wait in memory, and further ones are
    read from the database, page by page, when their turn comes.
    """

    def __init__(self, reader: AsyncFeedReader) -> None:
        self._reader = reader

    @property
    def cursor(self) -> str | None:
        """The cursor of the last event that was yielded. Before that, where to begin; ``None`` if not known yet."""
        return self._reader.cursor

    @property
    def status(self) -> LiveStatus:
        """How the feed gets its events."""
        return self._reader.status

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SpaceEvent:
        event = await self._reader.next_event()
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        await self._reader.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the feed. A consumer that is waiting for the next event gets none."""
        await self._reader.aclose()


class AsyncResponseFeed:
    """The responses of a space, as they are published, for one consumer.

    It begins and ends as an `AsyncEventFeed` does.
    """

    def __init__(self, reader: AsyncFeedReader) -> None:
        self._reader = reader
        self._cursor: str | None = None
        self._events: list[SpaceEvent] = []
        self._found: deque[tuple[str, Response]] = deque()

    @property
    def cursor(self) -> str | None:
        """Where to go on after the last response that was yielded: the cursor of the event that published it."""
        return self._reader.cursor if self._cursor is None else self._cursor

    @property
    def status(self) -> LiveStatus:
        """How the feed gets its events."""
        return self._reader.status

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Response:
        self._reader.check()
        while not self._found:
            if not self._events:
                await self._begin()
                event = await self._reader.next_event()
                if event is None:
                    raise StopAsyncIteration
                self._events = [event, *self._reader.ready(_BATCH - 1)]
            await self._look_up()
        self._cursor, response = self._found.popleft()
        return response

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the feed. A consumer that is waiting for the next response gets none."""
        await self._reader.aclose()

    async def _begin(self) -> None:
        if self._cursor is None:
            await self._reader.begin()
            self._cursor = self._reader.cursor

    async def _look_up(self) -> None:
        """Read the responses that the events at hand are about, with the reader's own rights."""
        published = [event for event in self._events if isinstance(event, ResponsePublished)]
        if published:
            ids = ",".join(str(event.payload.response_id) for event in published)
            filters = [f"id=in.({ids})", "is_published=is.true"]
            reply = await self._reader.ask(_query.select("responses", Response.columns(), filters))
            if reply is None:
                raise StopAsyncIteration
            found = {response.id: response for response in parse_rows(Response, reply)}
            for event in published:
                response = found.get(event.payload.response_id)
                if response is not None:
                    self._found.append((event.cursor, response))
        if not self._found:
            self._cursor = self._events[-1].cursor
        self._events = []


class AsyncRoom:
    """The people who are present in a space. You are, too, during the `async with` block.

    Iterating yields everybody who is present, at once and then after every change; a slow consumer gets the latest.
    """

    def __init__(self, engine: AsyncEngine, socket: AsyncSocket, space_id: Id) -> None:
        self._space_id = as_uuid(space_id, "space_id")
        self._topic = f"room:{self._space_id}"
        self._engine = engine
        self._socket = socket
        self._signal = AsyncSignal()
        self._state = RoomState(wake=self._signal.set)
        self._since = datetime.now(UTC)
        self._begun = self._ended = False
        self._process: OwningProcess | None = None
        # The epoch of the session in which it began.
        self._epoch: int | None = None
        self._seen = -1
        weakref.finalize(self, socket.channels.released.append, self._state)

    @property
    def here(self) -> tuple[Present, ...]:
        """Everybody who is present, including you, as last reported: one entry for each person."""
        self._check_owner()
        with self._socket.mutex:
            return self._state.here()

    @property
    def status(self) -> LiveStatus:
        """``LIVE``, or ``OFFLINE`` while the connection is down. Presence cannot be read from the database."""
        return self._state.status

    async def set_writing(self, is_writing: bool) -> None:
        """Tell the others whether you are writing.

        The platform allows few such messages. When there are more, only the latest is sent, as soon as another one is
        allowed, within 31 seconds.

        Args:
            is_writing: Whether you are writing.

        Raises:
            InvalidValueError: It is neither True nor False.
            ConflictError: You are not in the room: the `async with` block has not begun, or has ended.
            NotSignedInError: You have signed out.
        """
        given: object = is_writing
        if given is not True and given is not False:
            raise InvalidValueError(f"is_writing must be True or False, not {shown(given)}.", detail="is_writing")
        if self._ended or not self._begun:
            raise ConflictError("You are not in this room.", hint="Use it inside its `async with` block.")
        self._check_owner()
        with self._socket.mutex:
            self._socket.channels.track(self._topic, presence(is_writing=is_writing, since=self._since))
        await self._socket.flush()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[Present, ...]:
        while not self._ended:
            await self._check()
            with self._socket.mutex:
                if self._state.version != self._seen:
                    self._seen = self._state.version
                    return self._state.here()
            await self._signal.wait(_JOIN_SECONDS)
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        with self._engine.call(None) as call:
            me = str(await self._engine.sessions.require_user_id())
            self._epoch = call.epoch
        with self._socket.mutex:
            if self._socket.channels.listeners(self._topic):
                raise ConflictError(
                    "This client is present in the space already.", hint="Use the room that exists, or leave it first."
                )
        config = {"private": True, "presence": {"key": me, "enabled": True}}
        self._process = OwningProcess()
        await self._socket.listen(self._topic, self._state, config)
        self._begun = True
        try:
            await self.set_writing(False)
            give_up = time.monotonic() + _JOIN_SECONDS
            while me not in self._state.keys:
                await self._check()
                left = give_up - time.monotonic()
                if left <= 0:
                    reason = self._state.reason or "it does not reply"
                    raise ConnectionFailedError(
                        f"Realtime cannot be reached: {reason}.", hint="Check the network, and try again."
                    )
                await self._signal.wait(left)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the room. A consumer that is waiting for a change gets none."""
        self._ended = True
        self._signal.set()
        await self._socket.release(self._state)

    def _check_owner(self) -> None:
        """Check that the room began in this process, as the person who is signed in."""
        if self._process is not None:
            self._process.check()
        self._engine.sessions.check(self._epoch)

    async def _check(self) -> None:
        """Raise the error that ended the room. If Realtime refused the join, check whether you are still a member.

        Raises:
            SpaceNotFoundError: No such space, or you are not a member of it.
            MembershipEndedError: You are not a member any more.
            NotSignedInError: You have signed out.
        """
        self._check_owner()
        if self._state.failure is not None:
            raise self._state.failure
        if self._state.status is LiveStatus.OFFLINE and "permission" in self._state.reason:
            newest = Read(self._space_id, None, 1, 0)
            with self._engine.call(None, self._epoch):
                reply = await self._engine.send(newest.call())
            if not parse_rows(SpaceEvent, reply):
                raise MembershipEndedError if self._state.version else SpaceNotFoundError
