"""What differs between the two worlds beyond grammar; all else of the sync client is generated."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time

from monogram_sdk.session_storage import AnySessionStorage, SessionStorage

AsyncLock = asyncio.Lock
Lock = threading.Lock

async_sleep = asyncio.sleep
sleep = time.sleep


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
