"""Helpers for the tests of both clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Generic, TypeAlias, TypeVar
from uuid import uuid4

T = TypeVar("T")

AsyncThunk: TypeAlias = Callable[[], Awaitable[T]]
"""A call that can be made."""

Thunk: TypeAlias = Callable[[], T]
"""A call that can be made."""

PASSWORD = "correct horse battery 9"

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000b4944415478da636000020000050001e9fadcd80000000049454e44ae426082"
)


def new_email(name: str) -> str:
    """Return an address that nobody has."""
    return f"{name.lower()}-{uuid4().hex[:12]}@example.test"


async def async_together(count: int, call: Callable[[], Awaitable[T]]) -> list[T]:
    """Call a function many times at once."""
    return list(await asyncio.gather(*(call() for _ in range(count))))


def together(count: int, call: Callable[[], T]) -> list[T]:
    """Call a function many times at once."""
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]


class AsyncBeside(Generic[T]):
    """A call that is going on beside the test."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task

    async def result(self) -> T:
        """Wait for its end."""
        return await asyncio.wait_for(self._task, 10)


@asynccontextmanager
async def async_beside(call: Callable[[], Awaitable[T]]) -> AsyncIterator[AsyncBeside[T]]:
    """Make a call beside the block, and give it a moment to begin."""

    async def run() -> T:
        return await call()

    task = asyncio.create_task(run())
    await asyncio.sleep(0.2)
    yield AsyncBeside(task)


class Beside(Generic[T]):
    """A call that is going on beside the test."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def result(self) -> T:
        """Wait for its end."""
        return self._future.result(10)


@contextmanager
def beside(call: Callable[[], T]) -> Iterator[Beside[T]]:
    """Make a call beside the block, and give it a moment to begin."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        time.sleep(0.2)
        yield Beside(future)
