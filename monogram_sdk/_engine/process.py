"""What differs between event loops and threads: locks, timeouts, and what a connection pool belongs to."""

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
from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import DeadlineExceededError

T = TypeVar("T")

# Loaded now: a thread would load it when it first looks up a host name, and a fork meanwhile would break the import.
import_module("encodings.idna")

async_sleep = asyncio.sleep
sleep = time.sleep


# Locks --------------------------------------------------------------------------------------------------------------


class AsyncLock:
    """A lock; waiting for it ends at the deadline of the call. Each event loop has a lock of its own."""

    def __init__(self) -> None:
        self._locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()
        register_for_fork(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._locks = weakref.WeakKeyDictionary()

    async def __aenter__(self) -> None:
        lock = self._lock()
        if not lock.locked():
            await lock.acquire()
            return
        seconds = calls.timeout_within_call()
        try:
            async with asyncio.timeout(seconds):
                await lock.acquire()
        except TimeoutError as exc:
            raise deadline_error() from exc

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock().release()

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        lock = self._locks.get(loop)
        if lock is None:
            # A lock that was ever waited for refers to its loop and would keep it alive.
            for ended in [one for one in self._locks if one.is_closed()]:
                del self._locks[ended]
            lock = self._locks[loop] = asyncio.Lock()
        return lock


class Lock:
    """A lock; waiting for it ends at the deadline of the call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        register_for_fork(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        seconds = calls.timeout_within_call()
        if not self._lock.acquire(timeout=-1 if seconds is None else max(seconds, 0.0)):
            raise deadline_error()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


def deadline_error() -> DeadlineExceededError:
    """Return the error for the call in progress, after its deadline."""
    call = calls.innermost()
    return call.deadline_error() if call is not None else DeadlineExceededError()


# What a connection pool belongs to ----------------------------------------------------------------------------------


def async_connection_scope() -> object:
    """Return what can use a connection that is opened now: the running event loop."""
    return asyncio.get_running_loop()


class _AllThreads:
    """The scope of connections that any thread may use."""


_ALL_THREADS = _AllThreads()


def connection_scope() -> object:
    """Return what can use a connection that is opened now: all threads."""
    return _ALL_THREADS


def is_closed_loop(scope: object) -> bool:
    """Return True if this is an event loop that has been closed."""
    return isinstance(scope, asyncio.AbstractEventLoop) and scope.is_closed()


class AsyncCloser:
    """Closes something before the event loop ends, unless it is closed earlier.

    `asyncio.run`, among others, closes all asynchronous generators before it closes the loop.

    Args:
        close: Closes it.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        async def wait_for_end() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                await close()

        self._generator = wait_for_end()

    async def start(self) -> None:
        """Wait for the end of the running loop from now on."""
        await anext(self._generator)

    async def aclose(self) -> None:
        """Close it now."""
        await self._generator.aclose()

    def abandon(self) -> None:
        """Do nothing: the event loop closes the generator, and with it the rest, when this is collected."""


class Closer:
    """Closes something on request; for threads, whose end closes nothing.

    Args:
        close: Closes it.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def start(self) -> None:
        """Do nothing, because threads have no event loop to wait for."""

    def close(self) -> None:
        """Close it now."""
        self._close()

    def abandon(self) -> None:
        """Close it now: nothing else will."""
        self._close()


# Timeouts -----------------------------------------------------------------------------------------------------------


async def async_with_timeout(seconds: float, work: Callable[[], Awaitable[T]]) -> T:
    """Run a function with a timeout.

    Raises:
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(seconds):
        return await work()


def with_timeout(seconds: float, work: Callable[[], T], late: Callable[[T], None] | None = None) -> T:
    """Run a function with a timeout.

    A thread that waits cannot be interrupted. So the function runs in another thread, which is left running when it
    takes too long.

    Args:
        seconds: The timeout.
        work: The function.
        late: Called with a result that comes after the timeout.

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

    threading.Thread(target=run, name="monogram with_timeout", daemon=True).start()
    over.wait(max(seconds, 0.0))
    with lock:
        if done:
            return done[0]
        given_up = not failed
    if failed:
        raise failed[0]
    raise TimeoutError(f"it took longer than {max(seconds, 0.0):g} s")
