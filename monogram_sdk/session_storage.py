"""Where a client keeps its session between runs of a program."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from monogram_sdk.errors import ConfigError


class SessionStorage(Protocol):
    """A place for a few short texts, the session among them. They are secrets: whoever reads them is that person."""

    def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        ...

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        ...

    def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        ...


class AsyncSessionStorage(Protocol):
    """The same for storage that has to be awaited, such as a database. For `AsyncMonogram` only."""

    async def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        ...

    async def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        ...

    async def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        ...


AnySessionStorage: TypeAlias = SessionStorage | AsyncSessionStorage
"""What `AsyncMonogram` takes."""


class MemorySessionStorage:
    """Keep the session until the program ends. The default."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}

    def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        return self._items.get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        self._items[key] = value

    def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        self._items.pop(key, None)


class FileSessionStorage:
    """Keep the session in a file that only its owner can read (mode 0600).

    The file is replaced as a whole, so a crash leaves the old one or the new one. Programs of the same person may
    share it.

    Args:
        path: The file. Missing folders are made, for the owner only.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._lock = threading.Lock()

    def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        with self._lock:
            return self._read().get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        with self._lock:
            self._write({**self._read(), key: value})

    def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        with self._lock:
            items = self._read()
            if items.pop(key, None) is not None:
                self._write(items)

    def _read(self) -> dict[str, str]:
        try:
            items: object = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise ConfigError(f"The session file {self._path} cannot be read: {exc.strerror}.") from exc
        except ValueError as exc:
            raise self._malformed() from exc
        if not isinstance(items, dict):
            raise self._malformed()
        found = cast("dict[str, object]", items)
        texts = {key: value for key, value in found.items() if isinstance(value, str)}
        if len(texts) != len(found):
            raise self._malformed()
        return texts

    def _malformed(self) -> ConfigError:
        return ConfigError(
            f"{self._path} is not a session file.", hint="Name another file, or delete this one and sign in again."
        )

    def _write(self, items: dict[str, str]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp makes the file for its owner only, whatever the umask is.
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(items, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self._path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise ConfigError(f"The session file {self._path} cannot be written: {exc.strerror}.") from exc
