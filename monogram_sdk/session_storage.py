"""Where a client keeps its session between runs of a program."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import ConfigError

if TYPE_CHECKING:
    from filelock import FileLock

try:
    import fcntl
except ImportError:  # Windows, which has no mounts of single files either.
    fcntl = None  # type: ignore[assignment]


class SessionStorage(Protocol):
    """Storage for a few short texts, among them the session. They are secrets: their reader can act as the person.

    Storage that several clients share should have the methods of `SessionLock`, too. Without them, when clients refresh
    a session at the same moment, all but the first may find that it has ended.
    """

    def get_item(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        ...

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        ...

    def remove_item(self, key: str) -> None:
        """Delete a text, if it exists."""
        ...


class AsyncSessionStorage(Protocol):
    """The same with coroutines, such as for a database. For `AsyncMonogram` only."""

    async def get_item(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        ...

    async def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        ...

    async def remove_item(self, key: str) -> None:
        """Delete a text, if it exists."""
        ...


class SessionLock(Protocol):
    """Two more methods for storage that several clients share: only one client at a time refreshes the session.

    The others wait, and then use the session that it has stored, because a refresh token works only once. For
    `AsyncMonogram` the methods may be coroutines, like those of `AsyncSessionStorage`.
    """

    def try_lock(self, key: str) -> bool:
        """Lock the session with this key without waiting; return False if another client holds the lock."""
        ...

    def unlock(self, key: str) -> None:
        """Release the lock."""
        ...


AnySessionStorage: TypeAlias = SessionStorage | AsyncSessionStorage
"""The types of storage that `AsyncMonogram` accepts."""


class MemorySessionStorage:
    """Keep the session until the program ends. The default."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}
        self._lock = threading.Lock()
        register_for_fork(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def get_item(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        return self._items.get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        self._items[key] = value

    def remove_item(self, key: str) -> None:
        """Delete a text, if it exists."""
        self._items.pop(key, None)

    def try_lock(self, key: str) -> bool:  # noqa: ARG002
        """Lock the session without waiting; return False if another client holds the lock."""
        return self._lock.acquire(blocking=False)

    def unlock(self, key: str) -> None:  # noqa: ARG002
        """Release the lock."""
        self._lock.release()


class FileSessionStorage:
    """Keep the session in a file that only its owner can read (mode 0600).

    The file is replaced as a whole, so that a crash leaves either the old or the new one. Only a file that cannot be
    replaced, such as one that is mounted into a container, is written in place.

    Programs of the same person can share the file. The one that refreshes the session locks an empty file beside it,
    whose name ends with ``.lock``; the others wait, and then use the session that it has stored. If the lock file
    cannot be created, the session is not locked. To share a session with a container, mount the folder: when a file
    that is mounted by itself is replaced, the other side keeps the old one.

    Args:
        path: The file, or a link to it. Missing folders are created, for the owner only. If others can read the owner's
            file, their permissions are removed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._path = Path(path).expanduser()
            os.fspath(self._path).encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
            if "\0" in os.fspath(self._path):
                raise ValueError("it contains the character NUL")
        except (ValueError, RuntimeError) as exc:
            raise ConfigError(f"The path of the session file is not valid: {exc}.") from exc
        self._lock = threading.Lock()
        self._refreshing: FileLock | None = None
        self._abandoned: object = None
        register_for_fork(self)

    def after_fork(self) -> None:
        """Replace the locks, which threads of the parent may hold. The parent releases the lock of the file."""
        self._lock = threading.Lock()
        self._abandoned, self._refreshing = self._refreshing, None

    def get_item(self, key: str) -> str | None:
        """Return the stored text, or ``None``."""
        with self._lock:
            return self._read().get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        with self._lock, self._changing():
            self._write({**self._read(), key: value})

    def remove_item(self, key: str) -> None:
        """Delete a text, if it exists."""
        with self._lock, self._changing():
            items = self._read()
            if items.pop(key, None) is not None:
                self._write(items)

    def try_lock(self, key: str) -> bool:  # noqa: ARG002
        """Lock the session for all programs without waiting; return False if another one holds the lock."""
        from filelock import FileLock, Timeout

        with self._lock:
            if self._refreshing is not None:
                return False
            try:
                path = self._real()
                _make_folder(path.parent)
                lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
                lock.acquire(blocking=False)
            except Timeout:
                return False
            except (OSError, NotImplementedError):  # The folder is read-only, or the file system has no locks.
                return True
            self._refreshing = lock
            return True

    def unlock(self, key: str) -> None:  # noqa: ARG002
        """Release the lock."""
        with self._lock:
            lock, self._refreshing = self._refreshing, None
        if lock is not None:
            lock.release()

    def _real(self) -> Path:
        """Return the file behind a link. The link itself is never replaced."""
        return Path(os.path.realpath(self._path))

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Lock the folder, so that no other program writes meanwhile: one of the two changes would be lost."""
        if fcntl is None:
            yield
            return
        try:
            folder = os.open(self._real().parent, os.O_RDONLY)
        except OSError:  # The folder does not exist yet, or cannot be read.
            yield
            return
        try:
            # Held only for a read and a write, unlike the lock during a refresh.
            with suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open(encoding="utf-8") as file:
                _close_to_others(file.fileno())
                _lock(file.fileno(), shared=True)
                items: object = json.loads(file.read())
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise ConfigError(f"The session file {self._path} cannot be read: {exc.strerror}.") from exc
        except (ValueError, RecursionError) as exc:
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
            f"{self._path} is not a session file.", hint="Use another file, or delete this one and sign in again."
        )

    def _write(self, items: dict[str, str]) -> None:
        try:
            path = self._real()
            _make_folder(path.parent)
            try:
                # mkstemp creates the file for its owner only, whatever the umask is.
                handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            except OSError as exc:
                if exc.errno not in _READ_ONLY_ERRORS or not path.exists():
                    raise
                _overwrite(path, json.dumps(items))
                return
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(items, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, path)
            except OSError as exc:
                os.unlink(name)
                if exc.errno not in _MOUNTED_ERRORS:
                    raise
                _overwrite(path, json.dumps(items))
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise ConfigError(f"The session file {self._path} cannot be written: {exc.strerror}.") from exc


_MOUNTED_ERRORS = frozenset({errno.EBUSY, errno.EXDEV})
"""Errors of replacing a file that is mounted by itself."""

_READ_ONLY_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""Errors of creating a file in a read-only folder, which folders with mounted files often are."""


def _close_to_others(handle: int) -> None:
    """Remove the permissions of others on a file, if this user owns it."""
    if os.name != "posix":
        return
    found = os.fstat(handle)
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(handle, 0o600)


def _lock(handle: int, *, shared: bool) -> None:
    """Lock a file until it is closed, so that it is not read while it is written in place."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def _overwrite(path: Path, text: str) -> None:
    with path.open("r+", encoding="utf-8") as file:
        _lock(file.fileno(), shared=False)
        file.write(text)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, all of them for their owner only."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
