"""What belongs to one event loop or to all threads of a process, and what differs between tasks and threads."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import copy_context
from importlib import import_module
from types import TracebackType
from typing import TypeVar

from monogram_sdk._engine import call as calls
from monogram_sdk._forks import tell_of_forks
from monogram_sdk.errors import DeadlineExceededError

T = TypeVar("T")

# A thread that looks up its first name would load it: see `forks`.
import_module("encodings.idna")

async_sleep = asyncio.sleep
sleep = time.sleep


# Locks --------------------------------------------------------------------------------------------------------------


class AsyncLock:
    """A lock for which a call waits no longer than it may take. Each event loop has its own, which ends with it."""

    def __init__(self) -> None:
        self._locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()
        tell_of_forks(self)

    def forked(self) -> None:
        """Forget who held it."""
        self._locks = weakref.WeakKeyDictionary()

    async def __aenter__(self) -> None:
        lock = self._lock()
        if not lock.locked():
            await lock.acquire()
            return
        seconds = calls.allowed()
        try:
            async with asyncio.timeout(seconds):
                await lock.acquire()
        except TimeoutError as exc:
            raise too_late() from exc

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock().release()

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        lock = self._locks.get(loop)
        if lock is None:
            # A lock that somebody waited for refers to its loop, so it would stay as long as this one.
            for ended in [one for one in self._locks if one.is_closed()]:
                del self._locks[ended]
            lock = self._locks[loop] = asyncio.Lock()
        return lock


class Lock:
    """A lock for which a call waits no longer than it may take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        tell_of_forks(self)

    def forked(self) -> None:
        """Forget who held it."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        seconds = calls.allowed()
        if not self._lock.acquire(timeout=-1 if seconds is None else max(seconds, 0.0)):
            raise too_late()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


def too_late() -> DeadlineExceededError:
    """Return the error for when the time of the call under way is over."""
    call = calls.under_way()
    return call.too_late() if call is not None else DeadlineExceededError()


# Where a pool of connections is at home -----------------------------------------------------------------------------


def async_home() -> object:
    """Return what connections made now can be used in: the event loop that runs."""
    return asyncio.get_running_loop()


class _Everywhere:
    """The home of connections that any thread may use."""


_EVERYWHERE = _Everywhere()


def home() -> object:
    """Return what connections made now can be used in: all threads."""
    return _EVERYWHERE


def is_gone(home: object) -> bool:
    """Return True if this was an event loop, and is closed."""
    return isinstance(home, asyncio.AbstractEventLoop) and home.is_closed()


class AsyncKeeper:
    """Closes something before the event loop ends in which this was begun, unless it is closed earlier.

    `asyncio.run`, among others, closes all generators before it closes the loop.

    Args:
        close: What to do then.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        async def keep() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                await close()

        self._generator = keep()

    async def begin(self) -> None:
        """Begin to wait for the end."""
        await anext(self._generator)

    async def aclose(self) -> None:
        """Close it now."""
        await self._generator.aclose()

    def let_go(self) -> None:
        """Close it as soon as nobody refers to this: the event loop then closes the generator."""


class Keeper:
    """Closes something when it is told to: threads do not end connections.

    Args:
        close: What to do then.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def begin(self) -> None:
        """Begin to wait for the end."""

    def close(self) -> None:
        """Close it now."""
        self._close()

    def let_go(self) -> None:
        """Close it: nobody refers to it any more."""
        self._close()


# Work that must not take longer -------------------------------------------------------------------------------------


async def async_within(seconds: float, work: Callable[[], Awaitable[T]]) -> T:
    """Do something, for so many seconds at most.

    Raises:
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(seconds):
        return await work()


def within(seconds: float, work: Callable[[], T], late: Callable[[T], None] | None = None) -> T:
    """Do something, for so many seconds at most.

    Nothing can end a function that waits in a thread. So another thread does it, and is left alone when it takes
    longer.

    Args:
        seconds: How long.
        work: What to do.
        late: What to do with a result that nobody waits for any more.

    Raises:
        TimeoutError: It took longer.
    """
    lock = threading.Lock()
    given_up = False
    done: list[T] = []
    failed: list[BaseException] = []
    over = threading.Event()
    context = copy_context()

    def run() -> None:
        try:
            result = context.run(work)
            with lock:
                if not given_up:
                    done.append(result)
                elif late is not None:
                    late(result)
        except BaseException as exc:
            failed.append(exc)
        finally:
            over.set()

    threading.Thread(target=run, name="monogram within", daemon=True).start()
    over.wait(max(seconds, 0.0))
    with lock:
        if done:
            return done[0]
        given_up = not failed
    if failed:
        raise failed[0]
    raise TimeoutError("it took too long")
