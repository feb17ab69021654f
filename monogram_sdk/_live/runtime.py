"""What `client.live` needs of the two worlds: a bell to wait for, something that runs beside, and a WebSocket."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from monogram_sdk._config import Config
from monogram_sdk.errors import scrub

from .channels import VERSION, BrokenConnection

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as AsyncClientConnection
    from websockets.sync.client import ClientConnection

# At level DEBUG the library would write the address, which holds the key.
_logger = logging.getLogger("monogram_sdk.websocket")
_logger.setLevel(logging.INFO)

_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LARGEST_FRAME = 8 * 1024 * 1024


class AsyncSignal:
    """A bell for one waiter. Rung while nobody waits, it ends the next wait at once."""

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Ring."""
        self._rung = True
        if self._waiter is not None:
            _finish(self._waiter)

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, for so many seconds at most."""
        if not self._rung:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, _finish, self._waiter)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        self._rung = False


class Signal:
    """A bell for one waiter. Rung while nobody waits, it ends the next wait at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.set = self._event.set

    def wait(self, seconds: float) -> None:
        """Wait until it rings, for so many seconds at most."""
        self._event.wait(seconds)
        self._event.clear()


class AsyncWorker:
    """Runs a function beside everything else, as a task."""

    def __init__(self, target: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await target()

        # Without the call in which somebody may have begun to listen: its deadline is not that of the worker.
        self._task = asyncio.create_task(run(), context=Context())

    async def stop(self) -> None:
        """End it now."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Worker:
    """Runs a function beside everything else, in a thread that does not keep the program alive."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=target, name="monogram live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait a moment for it to end. A thread that is just connecting ends when that is over."""
        if self._thread is not threading.current_thread():
            self._thread.join(2 * _CLOSE_SECONDS)


class AsyncWire:
    """A connection to Realtime."""

    def __init__(self, connection: AsyncClientConnection) -> None:
        self._connection = connection
        self._ends = _ends()

    async def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        try:
            await self._connection.send(frame)
        except self._ends as exc:
            raise _broken(exc) from exc

    async def recv(self, seconds: float) -> bytes | None:
        """Return the next frame, or ``None`` if none comes within so many seconds.

        Raises:
            BrokenConnection: The connection has ended.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._connection.recv(decode=False)
        except TimeoutError:
            return None
        except self._ends as exc:
            raise _broken(exc) from exc

    async def aclose(self) -> None:
        """Close it."""
        await self._connection.close()


class Wire:
    """A connection to Realtime."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ends = _ends()

    def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            BrokenConnection: The connection has ended.
        """
        try:
            self._connection.send(frame)
        except self._ends as exc:
            raise _broken(exc) from exc

    def recv(self, seconds: float) -> bytes | None:
        """Return the next frame, or ``None`` if none comes within so many seconds.

        Raises:
            BrokenConnection: The connection has ended.
        """
        try:
            return self._connection.recv(seconds, decode=False)
        except TimeoutError:
            return None
        except self._ends as exc:
            raise _broken(exc) from exc

    def close(self) -> None:
        """Close it."""
        self._connection.close()


async def async_open_wire(config: Config) -> AsyncWire:
    """Connect to Realtime.

    Raises:
        BrokenConnection: That is not possible now.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    try:
        return AsyncWire(await connect(_address(config), **_options()))
    except (WebSocketException, OSError) as exc:
        raise _broken(exc) from exc


def open_wire(config: Config) -> Wire:
    """Connect to Realtime.

    Raises:
        BrokenConnection: That is not possible now.
    """
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        return Wire(connect(_address(config), **_options()))
    except (WebSocketException, OSError) as exc:
        raise _broken(exc) from exc


def _ends() -> tuple[type[Exception], ...]:
    """Return what is raised where a connection has ended."""
    from websockets.exceptions import ConnectionClosed

    return ConnectionClosed, OSError


def _address(config: Config) -> str:
    return f"ws{config.url.removeprefix('http')}/realtime/v1/websocket?apikey={quote(config.key)}&vsn={VERSION}"


def _options() -> dict[str, Any]:
    from monogram_sdk import _http

    return {
        "logger": _logger,
        "user_agent_header": _http.client_info(),
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


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
