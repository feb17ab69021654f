"""A WebSocket to Realtime, for the sync and the async client: connect, send frames, receive frames.

The sync client runs the connections of all clients in one event loop, in a thread of its own. The sync client of the
library websockets has a thread for each connection, which is woken for every frame only to wake the thread that waits
for the event. A process that followed many spaces spent most of its time on that.
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
from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import scrub

from .channels import VERSION, BrokenConnection

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# Loaded now: the connections' thread would load it to look up a host, and a fork meanwhile would break the import.
import_module("concurrent.futures.thread")

# At level DEBUG the library would log the URL, which contains the key.
_logger = logging.getLogger("monogram_sdk.websocket")
_logger.setLevel(logging.INFO)

_OPEN_SECONDS = 10.0
_SEND_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LARGEST_FRAME = 8 * 1024 * 1024

_T = TypeVar("_T")

FrameHandler = Callable[[bytes], None]
"""Called with every frame, in order. It must be quick: all connections of the process may wait for it."""


class AsyncWire:
    """A connection to Realtime.

    Args:
        connection: The connection of the library websockets.
        on_frame: Called with each received frame.
        wake: Called when the connection has ended.
    """

    def __init__(self, connection: ClientConnection, on_frame: FrameHandler, wake: Callable[[], None]) -> None:
        self._connection = connection
        self._on_frame = on_frame
        self._wake = wake
        self._failure: Exception | None = None
        # In an empty context, because the deadline of the call in progress is not that of the connection.
        self._reader = asyncio.create_task(self._read(), context=Context())

    def check(self) -> None:
        """Raise the error that ended the connection, if it has ended.

        Raises:
            BrokenConnection: It has ended.
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
            # After a partly sent frame, no other frame can follow.
            slow = isinstance(exc, TimeoutError)
            broken = BrokenConnection("the server does not read") if slow else _broken(exc)
            self._end(broken)
            raise broken from exc

    async def aclose(self) -> None:
        """Close it, with a closing handshake if the server replies in time."""
        try:
            # The library's own timeout begins only when the server has read everything that was sent.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connection.close()
        finally:
            self._connection.transport.abort()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                self._on_frame(await self._connection.recv(decode=False))
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
    """A connection to Realtime, for threads other than that of the event loop.

    Args:
        wire: The connection in the event loop.
        loop: The event loop.
    """

    def __init__(self, wire: AsyncWire, loop: _BackgroundLoop) -> None:
        self._wire = wire
        self._loop = loop

    def check(self) -> None:
        """Raise the error that ended the connection, if it has ended.

        Raises:
            BrokenConnection: It has ended.
        """
        self._wire.check()

    def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        self._loop.run(self._wire.send(frame))

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(BrokenConnection):
            self._loop.run(self._wire.aclose())


class _BackgroundLoop:
    """An event loop in a thread of its own, for the connections of all sync clients in this process."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(started)), name="monogram live connections", daemon=True
        )
        self._thread.start()
        self._loop = started.result()
        # Closes the connections of a program that ends without closing its clients.
        atexit.register(self._stop)

    @property
    def is_alive(self) -> bool:
        """Whether it is running."""
        return self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop, and return its result.

        Raises:
            BrokenConnection: The program is ending.
        """
        if not self._thread.is_alive():
            work.close()
            raise BrokenConnection("the program is ending")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # In case the wait was interrupted, and not the coroutine.
            raise

    async def _run(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        started.set_result(asyncio.get_running_loop())
        await self._stopping.wait()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_CLOSE_SECONDS)


class _BackgroundLoops:
    """Starts the background loop of this process when it is first needed."""

    def __init__(self) -> None:
        self._current: _BackgroundLoop | None = None
        self._abandoned: object = None
        self._choice = threading.Lock()
        register_for_fork(self)

    def after_fork(self) -> None:
        """Start without a loop: the thread is the parent's."""
        self._choice = threading.Lock()
        # Kept alive: closing it here would affect the parent's event loop, with which it shares file descriptors.
        self._abandoned, self._current = (self._abandoned, self._current), None

    def get(self) -> _BackgroundLoop:
        """Return the loop."""
        with self._choice:
            if self._current is None or not self._current.is_alive:
                self._current = _BackgroundLoop()
            return self._current


_BACKGROUND_LOOPS = _BackgroundLoops()


async def async_open_wire(config: Config, on_frame: FrameHandler, wake: Callable[[], None]) -> AsyncWire:
    """Connect to Realtime.

    Args:
        config: The project's URL and key.
        on_frame: Called with each received frame.
        wake: Called when the connection has ended.

    Raises:
        BrokenConnection: The connection could not be made.
    """
    # The same certificates as for requests. Reading them takes some time.
    secure = config.url.startswith("https:")
    context = await asyncio.to_thread(certificates) if secure else None
    try:
        return AsyncWire(await connect(_address(config), ssl=context, **_options(config)), on_frame, wake)
    except (WebSocketException, OSError) as exc:
        raise _broken(exc) from exc


def open_wire(config: Config, on_frame: FrameHandler, wake: Callable[[], None]) -> Wire:
    """Connect to Realtime.

    Args:
        config: The project's URL and key.
        on_frame: Called with each received frame.
        wake: Called when the connection has ended.

    Raises:
        BrokenConnection: The connection could not be made.
    """
    loop = _BACKGROUND_LOOPS.get()
    return Wire(loop.run(async_open_wire(config, on_frame, wake)), loop)


def _address(config: Config) -> str:
    return f"ws{config.url.removeprefix('http')}/realtime/v1/websocket?apikey={quote(config.key)}&vsn={VERSION}"


def _options(config: Config) -> dict[str, Any]:
    proxy = environment_proxy(config.url)
    if proxy is not None:
        proxy.check_installed("python_socks")
    return {
        "logger": _logger,
        "user_agent_header": client_info(),
        # The same proxy as for requests.
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
