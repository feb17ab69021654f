"""What differs between the two worlds beyond grammar; all else of the sync client is generated."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

from monogram_sdk import _calls, _http
from monogram_sdk.session_storage import AnySessionStorage, SessionStorage

T = TypeVar("T")

async_sleep = asyncio.sleep
sleep = time.sleep


class AsyncLock:
    """A lock for which a call waits no longer than it may take."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        if not self._lock.locked():
            await self._lock.acquire()
            return
        seconds = _calls.seconds_left()
        try:
            async with asyncio.timeout(seconds):
                await self._lock.acquire()
        except TimeoutError as exc:
            raise _http.too_late(seconds or 0.0) from exc

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


class Lock:
    """A lock for which a call waits no longer than it may take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        seconds = _calls.seconds_left()
        if not self._lock.acquire(timeout=-1 if seconds is None else max(seconds, 0.0)):
            raise _http.too_late(seconds or 0.0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


def async_as_call(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that is a call (see `_calls`); one that does not talk to the server stays as it is."""
    if not inspect.iscoroutinefunction(method):
        return method

    @wraps(method)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        transport = self._transport
        if _calls.current(transport.connections) is not None:
            return await method(self, *args, **kwargs)
        with _calls.Call(name, transport.options, transport.connections):
            return await method(self, *args, **kwargs)

    return call


def as_call(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that is a call (see `_calls`)."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        transport = self._transport
        if _calls.current(transport.connections) is not None:
            return method(self, *args, **kwargs)
        with _calls.Call(name, transport.options, transport.connections):
            return method(self, *args, **kwargs)

    return call


class AsyncItems:
    """The storage that a program gave, to be awaited whether it needs that or not."""

    def __init__(self, storage: AnySessionStorage) -> None:
        self._storage = storage

    async def get(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        item = self._storage.get_item(key)
        return await item if inspect.isawaitable(item) else item

    async def set(self, key: str, value: str) -> None:
        """Store a text."""
        done = self._storage.set_item(key, value)
        if inspect.isawaitable(done):
            await done

    async def remove(self, key: str) -> None:
        """Forget a text."""
        done = self._storage.remove_item(key)
        if inspect.isawaitable(done):
            await done


class Items:
    """The storage that a program gave."""

    def __init__(self, storage: SessionStorage) -> None:
        self._storage = storage

    def get(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        return self._storage.get_item(key)

    def set(self, key: str, value: str) -> None:
        """Store a text."""
        self._storage.set_item(key, value)

    def remove(self, key: str) -> None:
        """Forget a text."""
        self._storage.remove_item(key)
