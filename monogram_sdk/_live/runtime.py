"""What `client.live` needs from asyncio or threads: a signal, a background worker, and a check for forks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context

from monogram_sdk._forks import this_process
from monogram_sdk.errors import ConfigError

_STOP_SECONDS = 2.0


class OwningProcess:
    """The process in which a feed or a room began. A process that was forked later does not have its connection."""

    def __init__(self) -> None:
        self._process = this_process()

    def check(self) -> None:
        """Check that this is still the same process.

        Raises:
            ConfigError: It is another process.
        """
        if self._process is not this_process():
            raise began_before_the_fork()


def began_before_the_fork() -> ConfigError:
    """Return the error for a feed or a room that began in the parent process."""
    return ConfigError(
        "This feed or room began before the process was forked, so its connection belongs to the parent process.",
        hint="Begin another feed, or another presence, in each process.",
    )


class AsyncSignal:
    """A signal for one waiter. If it is set while nobody waits, the next wait ends at once."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Set the signal."""
        self._is_set = True
        if self._waiter is not None:
            _finish(self._waiter)

    async def wait(self, seconds: float) -> None:
        """Wait until it is set, for so many seconds at most, and reset it."""
        if not self._is_set:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, _finish, self._waiter)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        self._is_set = False


class Signal:
    """A signal for one waiter. If it is set while nobody waits, the next wait ends at once."""

    def __init__(self) -> None:
        # Locked while the signal is not set. A `threading.Event` does the same with a new lock for every wait.
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Set the signal."""
        try:
            self._lock.release()
        except RuntimeError:
            pass  # It is set already.

    def wait(self, seconds: float) -> None:
        """Wait until it is set, for so many seconds at most, and reset it."""
        self._lock.acquire(timeout=max(0.0, seconds))


class AsyncWorker:
    """Runs a function in the background, as a task."""

    def __init__(self, target: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await target()

        # In an empty context, because the deadline of the call in progress is not that of the worker.
        self._task = asyncio.create_task(run(), context=Context())

    def is_here(self) -> bool:
        """Return True if it runs in the event loop in which this is called."""
        return not self._task.done() and self._task.get_loop() is asyncio.get_running_loop()

    async def stop(self) -> None:
        """Cancel it."""
        if not self.is_here():
            return  # It has ended with its loop, or will.
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Worker:
    """Runs a function in the background, in a thread that does not keep the program alive."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=target, name="monogram live", daemon=True)
        self._thread.start()

    def is_here(self) -> bool:
        """Return True if it is running."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Wait a moment for it to end. A thread that is connecting ends after that."""
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
