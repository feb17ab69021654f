"""The storage that a program gave for its session, to be awaited whether it needs that or not."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from monogram_sdk._config import check_has
from monogram_sdk._engine import call as calls
from monogram_sdk._engine.process import async_sleep, sleep, too_late
from monogram_sdk.errors import ConfigError
from monogram_sdk.session_storage import AnySessionStorage, SessionStorage

_METHODS = ("get_item", "set_item", "remove_item")


_LOCK_METHODS = ("try_lock", "unlock")

# How long to wait before looking again whether another program has renewed the session.
_POLL_SECONDS = 0.02


def _has_lock(storage: object) -> bool:
    return all(callable(getattr(storage, method, None)) for method in _LOCK_METHODS)


def _check_time() -> None:
    """Wait for another program no longer than the call may take."""
    seconds = calls.allowed()
    if seconds is not None and seconds <= 0:
        raise too_late()


def _check(storage: object) -> None:
    wanted = "an object with get_item, set_item and remove_item, such as FileSessionStorage(path)"
    check_has("session_storage", storage, _METHODS, wanted)


class AsyncItems:
    """The storage that a program gave, to be awaited whether it needs that or not."""

    def __init__(self, storage: AnySessionStorage) -> None:
        _check(storage)
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

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncGenerator[None]:
        """Keep others from renewing the session meanwhile, if the storage can.

        Raises:
            DeadlineExceededError: Another program took too long.
        """
        storage: Any = self._storage
        if not _has_lock(storage):
            yield
            return
        while True:
            locked = storage.try_lock(key)
            if await locked if inspect.isawaitable(locked) else locked:
                break
            _check_time()
            await async_sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            done = storage.unlock(key)
            if inspect.isawaitable(done):
                await done


class Items:
    """The storage that a program gave."""

    def __init__(self, storage: SessionStorage) -> None:
        _check(storage)
        if any(inspect.iscoroutinefunction(getattr(storage, method, None)) for method in (*_METHODS, *_LOCK_METHODS)):
            raise ConfigError(
                "session_storage has to be awaited, which this client cannot do.", hint="Use AsyncMonogram."
            )
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

    @contextmanager
    def alone(self, key: str) -> Generator[None]:
        """Keep others from renewing the session meanwhile, if the storage can.

        Raises:
            DeadlineExceededError: Another program took too long.
        """
        storage: Any = self._storage
        if not _has_lock(storage):
            yield
            return
        while not storage.try_lock(key):
            _check_time()
            sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            storage.unlock(key)
