"""What the tests of both worlds share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import uuid4

T = TypeVar("T")

PASSWORD = "correct horse battery 9"

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000000020001e221bc330000000049454e44ae426082"
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
