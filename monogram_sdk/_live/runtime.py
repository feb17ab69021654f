"""What `client.live` needs: a bell to wait for, something that runs beside, and to know which process it is in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context

from monogram_sdk._forks import this_process
from monogram_sdk.errors import ConfigError

_STOP_SECONDS = 2.0


class Home:
    """The process in which something live has begun. In one that was forked off later it has no connection."""

    def __init__(self) -> None:
        self._process = this_process()

    def check(self) -> None:
        """Refuse to go on in another process.

        Raises:
            ConfigError: This is another one.
        """
        if self._process is not this_process():
            raise began_before_the_fork()


def began_before_the_fork() -> ConfigError:
    """Return the error for what is live, and the parent's."""
    return ConfigError(
        "This began before the process was forked off, and its connection is the parent's.",
        hint="Begin another feed, or another presence, in each process.",
    )


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
        # Locked while it has not rung. A `threading.Event` does the same with a new lock for every wait.
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Ring."""
        try:
            self._lock.release()
        except RuntimeError:
            pass  # It has rung already.

    def wait(self, seconds: float) -> None:
        """Wait until it rings, for so many seconds at most."""
        self._lock.acquire(timeout=max(0.0, seconds))


class AsyncWorker:
    """Runs a function beside everything else, as a task."""

    def __init__(self, target: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await target()

        # Without the call in which somebody may have begun to listen: its deadline is not that of the worker.
        self._task = asyncio.create_task(run(), context=Context())

    def is_here(self) -> bool:
        """Return True if it runs, in the event loop that this is called in."""
        return not self._task.done() and self._task.get_loop() is asyncio.get_running_loop()

    async def stop(self) -> None:
        """End it now."""
        if not self.is_here():
            return  # It ended with its loop, or ends there.
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Worker:
    """Runs a function beside everything else, in a thread that does not keep the program alive."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=target, name="monogram live", daemon=True)
        self._thread.start()

    def is_here(self) -> bool:
        """Return True if it runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Wait a moment for it to end. A thread that is just connecting ends when that is over."""
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
