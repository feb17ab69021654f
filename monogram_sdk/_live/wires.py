"""A WebSocket to Realtime, in both worlds: connect, send a frame, take those that come.

In the world of threads one event loop, in a thread of its own, carries the connections of all clients. The library's
own client for threads has a thread for each connection, which has to be woken for every frame, only to wake the thread
that waits for the event: most of the time of a process that follows many spaces went into that.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from monogram_sdk._config import Config
from monogram_sdk._engine.certificates import certificates
from monogram_sdk._engine.info import client_info
from monogram_sdk._engine.proxies import environment_proxy
from monogram_sdk._forks import tell_of_forks
from monogram_sdk.errors import scrub

from .channels import VERSION, BrokenConnection

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# The thread of the connections would load it, for its first name: see `forks`.
import_module("concurrent.futures.thread")

# At level DEBUG the library would write the address, which holds the key.
_logger = logging.getLogger("monogram_sdk.websocket")
_logger.setLevel(logging.INFO)

_OPEN_SECONDS = 10.0
_SEND_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LARGEST_FRAME = 8 * 1024 * 1024

_T = TypeVar("_T")

Take = Callable[[bytes], None]
"""Is given every frame, in its order. It must be quick, as all connections of the process may wait for it."""


class AsyncWire:
    """A connection to Realtime.

    Args:
        connection: The library's.
        take: Takes a frame that came.
        wake: Called when the connection has ended.
    """

    def __init__(self, connection: ClientConnection, take: Take, wake: Callable[[], None]) -> None:
        self._connection = connection
        self._take = take
        self._wake = wake
        self._failure: Exception | None = None
        # Without the call in which somebody may have begun to listen: its deadline is not that of the connection.
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
        if self._failure is not None:
            raise BrokenConnection(str(self._failure)) from self._failure
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._connection.send(frame)
        except (ConnectionClosed, OSError) as exc:
            # A connection that does not take all of a frame in time is of no use for others.
            slow = isinstance(exc, TimeoutError)
            broken = BrokenConnection("the server does not read") if slow else _broken(exc)
            self._end(broken)
            raise broken from exc

    async def aclose(self) -> None:
        """Close it, with a goodbye where the server takes it in time."""
        try:
            # The library's own timeout does not begin before the server has read what is on its way.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connection.close()
        finally:
            self._connection.transport.abort()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._connection.recv(decode=False))
        except (ConnectionClosed, OSError) as exc:
            self._end(_broken(exc))
        except Exception as exc:
            self._end(exc)
        finally:
            self._connection.transport.abort()

    def _end(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._wake()


class Wire:
    """A connection to Realtime. Any thread may use it, but for the one that carries it.

    Args:
        wire: It, in the world of tasks.
        carrier: Who carries it.
    """

    def __init__(self, wire: AsyncWire, carrier: _Carrier) -> None:
        self._wire = wire
        self._carrier = carrier

    def check(self) -> None:
        """Raise what has ended the connection, if it has.

        Raises:
            BrokenConnection: It has.
        """
        self._wire.check()

    def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        self._carrier.run(self._wire.send(frame))

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(BrokenConnection):
            self._carrier.run(self._wire.aclose())


class _Carrier:
    """The thread whose event loop carries the connections of all clients for threads in this process."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._carry(started)), name="monogram live carrier", daemon=True
        )
        self._thread.start()
        self._loop = started.result()
        # A program that ends without closing its clients hangs up.
        atexit.register(self._stop)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the loop, and wait for it.

        Raises:
            BrokenConnection: The program is about to end.
        """
        if not self._thread.is_alive():
            work.close()
            raise BrokenConnection("the program ends")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Where it was the waiting that was interrupted.
            raise

    async def _carry(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        started.set_result(asyncio.get_running_loop())
        await self._stopping.wait()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_CLOSE_SECONDS)


class _Carriers:
    """The carrier of this process."""

    def __init__(self) -> None:
        self._current: _Carrier | None = None
        self._abandoned: object = None
        self._choice = threading.Lock()
        tell_of_forks(self)

    def forked(self) -> None:
        """Begin without one: the thread is the parent's."""
        self._choice = threading.Lock()
        # Nobody may close its event loop here, which shares what it waits for with the parent's.
        self._abandoned, self._current = (self._abandoned, self._current), None

    def get(self) -> _Carrier:
        """Return the carrier."""
        with self._choice:
            if self._current is None or not self._current.is_alive:
                self._current = _Carrier()
            return self._current


_CARRIERS = _Carriers()


async def async_open_wire(config: Config, take: Take, wake: Callable[[], None]) -> AsyncWire:
    """Connect to Realtime.

    Args:
        config: Where it is.
        take: Takes a frame that came.
        wake: Called when the connection has ended.

    Raises:
        BrokenConnection: That is not possible now.
    """
    # The same certificates as for requests. Reading them takes a while.
    secure = config.url.startswith("https:")
    context = await asyncio.to_thread(certificates) if secure else None
    try:
        return AsyncWire(await connect(_address(config), ssl=context, **_options(config)), take, wake)
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
    carrier = _CARRIERS.get()
    return Wire(carrier.run(async_open_wire(config, take, wake)), carrier)


def _address(config: Config) -> str:
    return f"ws{config.url.removeprefix('http')}/realtime/v1/websocket?apikey={quote(config.key)}&vsn={VERSION}"


def _options(config: Config) -> dict[str, Any]:
    proxy = environment_proxy(config.url)
    if proxy is not None:
        proxy.check_installed("python_socks")
    return {
        "logger": _logger,
        "user_agent_header": client_info(),
        # The same as for requests.
        "proxy": None if proxy is None else proxy.for_websockets(),
        "open_timeout": _OPEN_SECONDS,
        "close_timeout": _CLOSE_SECONDS,
        # The channels have a heartbeat of their own.
        "ping_interval": None,
        # Frames are short; compressing them costs more than it saves.
        "compression": None,
        "max_size": _LARGEST_FRAME,
    }


def _broken(exc: Exception) -> BrokenConnection:
    return BrokenConnection(scrub(f"{type(exc).__name__}: {exc}".rstrip(": ")))
