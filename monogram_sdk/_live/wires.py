"""A WebSocket to Realtime, in both worlds: connect, send a frame, wait for the next one.

In the world of threads one thread reads the connections of all clients. The library's own client for threads has a
thread for each connection, which costs most of the time of a process that follows many spaces.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import httpx
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from monogram_sdk import _http
from monogram_sdk._config import Config
from monogram_sdk.errors import scrub

from .channels import VERSION, BrokenConnection

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as AsyncClientConnection
    from websockets.datastructures import HeadersLike
    from websockets.protocol import Event

# At level DEBUG the library would write the address, which holds the key.
_logger = logging.getLogger("monogram_sdk.websocket")
_logger.setLevel(logging.INFO)

_OPEN_SECONDS = 10.0
_SEND_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LARGEST_FRAME = 8 * 1024 * 1024
_READ_SIZE = 65_536

# What a socket that does not wait raises when it would have to; one with TLS may have to write before it can read.
_WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


Take = Callable[[bytes], None]
"""Is given every frame, in its order. It must be quick, as all connections of the process may wait for it."""


class AsyncWire:
    """A connection to Realtime.

    Args:
        connection: The library's.
        take: Takes a frame that came.
        wake: Called when the connection has ended.
    """

    def __init__(self, connection: AsyncClientConnection, take: Take, wake: Callable[[], None]) -> None:
        self._connection = connection
        self._take = take
        self._wake = wake
        self._failure: Exception | None = None
        self._reader = asyncio.create_task(self._read(), context=Context())

    def check(self) -> None:
        """Raise what has ended the connection, if it has.

        Raises:
            BrokenConnection: It has.
        """
        if self._failure is not None:
            raise self._failure

    async def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        try:
            await self._connection.send(frame)
        except (ConnectionClosed, OSError) as exc:
            raise _broken(exc) from exc

    async def aclose(self) -> None:
        """Close it."""
        try:
            await self._connection.close()
        finally:
            # Whoever is cancelled meanwhile does not say goodbye, but hangs up.
            self._connection.transport.abort()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._connection.recv(decode=False))
        except (ConnectionClosed, OSError) as exc:
            self._failure = _broken(exc)
        except Exception as exc:
            self._failure = exc
        self._wake()


class Wire:
    """A connection to Realtime. Any thread may use it.

    Args:
        connection: The library's, after the handshake.
        take: Takes a frame that came.
        wake: Called when the connection has ended.
    """

    def __init__(self, connection: _Connection, take: Take, wake: Callable[[], None]) -> None:
        self._socket = connection.socket
        self._protocol = connection.protocol
        self._take = take
        self._wake = wake
        self._failure: Exception | None = None
        # Held while bytes are taken from the socket or put into it, never while waiting for it: a connection with TLS
        # is for one thread at a time.
        self._mutex = threading.Lock()
        self._unsent = bytearray()
        self._parts: list[bytes] = []
        self._socket.setblocking(False)
        # What came with the answer to the handshake does not make the socket readable any more.
        self._read(connection.early)
        if self._failure is None:
            _Reader.get().add(self._socket, self._read)

    def check(self) -> None:
        """Raise what has ended the connection, if it has.

        Raises:
            BrokenConnection: It has.
        """
        if self._failure is not None:
            raise self._failure

    def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        until = time.monotonic() + _SEND_SECONDS
        with self._mutex:
            self._require_open()
            self._protocol.send_text(frame.encode())
            sent = self._flush()
        while not sent:
            if not _writable(self._socket, until - time.monotonic()):
                self._end(BrokenConnection("the server does not read"))
            with self._mutex:
                self._require_open()
                sent = self._flush()

    def close(self) -> None:
        """Close it."""
        _Reader.get().remove(self._socket)
        with self._mutex:
            if self._failure is None:
                self._failure = BrokenConnection("closed")
                self._protocol.send_close(1000)
                with contextlib.suppress(BrokenConnection):
                    self._flush()
            self._socket.close()

    def _read(self, early: Sequence[Event] = ()) -> None:
        """Take over what has come, without waiting for more."""
        try:
            if early:
                self._deliver(early)
                with self._mutex:
                    self._settle()
            while (events := self._receive()) is not None:
                self._deliver(events)
                if not isinstance(self._socket, ssl.SSLSocket):
                    return  # If there is more, the reader comes again.
        except Exception as exc:
            self._end(exc)

    def _receive(self) -> list[Event] | None:
        with self._mutex:
            if self._failure is not None:
                return None
            try:
                data = self._socket.recv(_READ_SIZE)
            except _WAITING:
                return None
            except OSError as exc:
                raise _broken(exc) from exc
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            events = self._protocol.events_received()
            self._settle()
            return events

    def _settle(self) -> None:
        """Answer what must be answered: pings, and a goodbye."""
        self._flush()
        if self._protocol.state is not State.OPEN:
            self._protocol.receive_eof()  # Whoever says goodbye says nothing more.
            self._failure = _broken(self._protocol.close_exc)
            raise self._failure

    def _deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    frame = b"".join(self._parts)
                    self._parts.clear()
                    self._take(frame)

    def _flush(self) -> bool:
        """Send what the protocol has to say, as far as that is possible now, and say whether that was all."""
        for data in self._protocol.data_to_send():
            self._unsent += data
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except _WAITING:
            return False
        except OSError as exc:
            raise _broken(exc) from exc
        return True

    def _require_open(self) -> None:
        if self._failure is not None:
            raise BrokenConnection(str(self._failure)) from self._failure

    def _end(self, exc: Exception) -> None:
        with self._mutex:
            self._failure = self._failure or exc
        _Reader.get().remove(self._socket)
        self._wake()


class _Reader:
    """The thread that reads the connections of all clients for threads in this process.

    A thread for each would have to be woken for every frame, only to wake the thread that waits for the event.
    """

    _current: ClassVar[_Reader | None] = None
    _choice: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._mutex = threading.Lock()
        # Not every system notices that there is one more connection while it waits for the others.
        self._bell, door = socket.socketpair()
        self._selector.register(door, selectors.EVENT_READ, lambda: door.recv(_READ_SIZE))
        self._thread = threading.Thread(target=self._run, name="monogram live reader", daemon=True)
        self._thread.start()

    @classmethod
    def get(cls) -> _Reader:
        """Return the one of this process. A process that was forked off has no threads yet."""
        with cls._choice:
            if cls._current is None or not cls._current._thread.is_alive():
                cls._current = cls()
            return cls._current

    def add(self, connection: socket.socket, read: Callable[[], object]) -> None:
        """Call a function whenever there is something to read."""
        with self._mutex:
            self._selector.register(connection, selectors.EVENT_READ, read)
        self._bell.send(b"!")

    def remove(self, connection: socket.socket) -> None:
        """Do so no more. It may be under way."""
        with self._mutex:
            if connection.fileno() >= 0 and connection in self._selector.get_map():
                self._selector.unregister(connection)

    def _run(self) -> None:
        while True:
            for key, _events in self._selector.select():
                key.data()


class _Connection(ClientConnection):
    """The library's own connection, as far as the handshake."""

    early: Sequence[Event] = ()
    """What came right behind the answer to the handshake."""

    def recv_events(self) -> None:
        """Read nothing: the library calls this in a thread of its own, which is over at once."""

    def handshake(
        self,
        additional_headers: HeadersLike | None = None,
        user_agent_header: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Ask the server, and wait for its answer."""
        until = time.monotonic() + (_OPEN_SECONDS if timeout is None else timeout)
        request = self.protocol.connect()
        request.headers.update(additional_headers or {})
        request.headers["User-Agent"] = user_agent_header or ""
        self.protocol.send_request(request)
        self.socket.settimeout(timeout)
        self.socket.sendall(b"".join(self.protocol.data_to_send()))
        events: list[Event] = []
        while not events and self.protocol.handshake_exc is None:
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            data = self.socket.recv(_READ_SIZE)
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()
            events = self.protocol.events_received()
        if self.protocol.handshake_exc is not None:
            raise self.protocol.handshake_exc
        self.early = events[1:]


async def async_open_wire(config: Config, take: Take, wake: Callable[[], None]) -> AsyncWire:
    """Connect to Realtime.

    Args:
        config: Where it is.
        take: Takes a frame that came.
        wake: Called when the connection has ended.

    Raises:
        BrokenConnection: That is not possible now.
    """
    try:
        return AsyncWire(await async_connect(_address(config), **_options(config)), take, wake)
    except (WebSocketException, OSError) as exc:
        raise _broken(exc) from exc


def open_wire(config: Config, take: Take, wake: Callable[[], None]) -> Wire:
    """Connect to Realtime.

    Args:
        config: Where it is.
        take: Takes a frame that came.
        wake: Called when the connection has ended.

    Raises:
        BrokenConnection: That is not possible now.
    """
    try:
        connection = connect(_address(config), create_connection=_Connection, **_options(config))
    except (WebSocketException, OSError) as exc:
        raise _broken(exc) from exc
    assert isinstance(connection, _Connection)
    return Wire(connection, take, wake)


def _address(config: Config) -> str:
    return f"ws{config.url.removeprefix('http')}/realtime/v1/websocket?apikey={quote(config.key)}&vsn={VERSION}"


def _options(config: Config) -> dict[str, Any]:
    return {
        "logger": _logger,
        "user_agent_header": _http.client_info(),
        # The same certificates and the same proxy as for requests.
        "ssl": httpx.create_ssl_context() if config.url.startswith("https:") else None,
        "proxy": _http.environment_proxy(config.url),
        "open_timeout": _OPEN_SECONDS,
        "close_timeout": _CLOSE_SECONDS,
        # The channels have a heartbeat of their own.
        "ping_interval": None,
        # Frames are short; compressing them costs more than it saves.
        "compression": None,
        "max_size": _LARGEST_FRAME,
    }


def _writable(sock: socket.socket, seconds: float) -> bool:
    """Wait until something can be written, and say whether it can."""
    with selectors.DefaultSelector() as departures:
        try:
            departures.register(sock, selectors.EVENT_WRITE)
        except ValueError:  # it has been closed meanwhile
            return False
        return seconds > 0 and bool(departures.select(seconds))


def _broken(exc: Exception) -> BrokenConnection:
    return BrokenConnection(scrub(f"{type(exc).__name__}: {exc}".rstrip(": ")))
