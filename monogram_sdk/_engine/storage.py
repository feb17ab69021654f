"""The session storage that the program passed, with one interface whether or not its methods are coroutines."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from monogram_sdk._config import check_has
from monogram_sdk._engine import call as calls
from monogram_sdk._engine.process import async_sleep, deadline_error, sleep
from monogram_sdk.errors import ConfigError
from monogram_sdk.session_storage import AnySessionStorage, SessionStorage

_METHODS = ("get_item", "set_item", "remove_item")


_LOCK_METHODS = ("try_lock", "unlock")

# How long to wait before trying again to lock the session, which another program is refreshing.
_POLL_SECONDS = 0.02


def _has_lock(storage: object) -> bool:
    return all(callable(getattr(storage, method, None)) for method in _LOCK_METHODS)


def _check_deadline() -> None:
    """Stop waiting for another program when the deadline of the call has passed."""
    seconds = calls.timeout_within_call()
    if seconds is not None and seconds <= 0:
        raise deadline_error()


def _check(storage: object) -> None:
    wanted = "an object with get_item, set_item and remove_item, such as FileSessionStorage(path)"
    check_has("session_storage", storage, _METHODS, wanted)


class AsyncStorageAdapter:
    """The session storage that the program passed, which may be synchronous or asynchronous."""

    def __init__(self, storage: AnySessionStorage) -> None:
        _check(storage)
        self._storage = storage

    async def get(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        item = self._storage.get_item(key)
        return await item if inspect.isawaitable(item) else item

    async def set(self, key: str, value: str) -> None:
        """Store a text."""
        done = self._storage.set_item(key, value)
        if inspect.isawaitable(done):
            await done

    async def remove(self, key: str) -> None:
        """Delete a text."""
        done = self._storage.remove_item(key)
        if inspect.isawaitable(done):
            await done

    @asynccontextmanager
    async def exclusive(self, key: str) -> AsyncGenerator[None]:
        """Hold the storage's lock, if it has one, so that no other program refreshes the session meanwhile.

        Raises:
            DeadlineExceededError: Another program held the lock for too long.
        """
        storage: Any = self._storage
        if not _has_lock(storage):
            yield
            return
        while True:
            locked = storage.try_lock(key)
            if await locked if inspect.isawaitable(locked) else locked:
                break
            _check_deadline()
            await async_sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            done = storage.unlock(key)
            if inspect.isawaitable(done):
                await done


class StorageAdapter:
    """The session storage that the program passed."""

    def __init__(self, storage: SessionStorage) -> None:
        _check(storage)
        if any(inspect.iscoroutinefunction(getattr(storage, method, None)) for method in (*_METHODS, *_LOCK_METHODS)):
            raise ConfigError(
                "The methods of session_storage are coroutines, which the sync client cannot await.",
                hint="Use AsyncMonogram, or a storage with plain methods.",
            )
        self._storage = storage

    def get(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        return self._storage.get_item(key)

    def set(self, key: str, value: str) -> None:
        """Store a text."""
        self._storage.set_item(key, value)

    def remove(self, key: str) -> None:
        """Delete a text."""
        self._storage.remove_item(key)

    @contextmanager
    def exclusive(self, key: str) -> Generator[None]:
        """Hold the storage's lock, if it has one, so that no other program refreshes the session meanwhile.

        Raises:
            DeadlineExceededError: Another program held the lock for too long.
        """
        storage: Any = self._storage
        if not _has_lock(storage):
            yield
            return
        while not storage.try_lock(key):
            _check_deadline()
            sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            storage.unlock(key)
