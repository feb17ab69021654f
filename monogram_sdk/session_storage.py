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

from monogram_sdk._forks import tell_of_forks
from monogram_sdk.errors import ConfigError

if TYPE_CHECKING:
    from filelock import FileLock

try:
    import fcntl
except ImportError:  # Windows, which has no mounts of single files either.
    fcntl = None  # type: ignore[assignment]


class SessionStorage(Protocol):
    """A place for a few short texts, the session among them. They are secrets: whoever reads them is that person.

    Storage that several clients share should have the methods of `SessionLock`, too. Without them, of clients that
    renew one session at the same moment, all but the first may find that it has ended.
    """

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


class SessionLock(Protocol):
    """Two more methods for storage that several clients share: one of them at a time renews the session.

    The others wait, then take what the first has stored: a refresh token works once. For `AsyncMonogram` the methods
    may be coroutines, as those of `AsyncSessionStorage`.
    """

    def try_lock(self, key: str) -> bool:
        """Lock the session of this name, unless another client has: return at once whether it is ours now."""
        ...

    def unlock(self, key: str) -> None:
        """Unlock it."""
        ...


AnySessionStorage: TypeAlias = SessionStorage | AsyncSessionStorage
"""What `AsyncMonogram` takes."""


class MemorySessionStorage:
    """Keep the session until the program ends. The default."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}
        self._lock = threading.Lock()
        tell_of_forks(self)

    def forked(self) -> None:
        """Forget who of the parent renewed the session."""
        self._lock = threading.Lock()

    def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        return self._items.get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        self._items[key] = value

    def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        self._items.pop(key, None)

    def try_lock(self, key: str) -> bool:  # noqa: ARG002
        """Lock the session, unless another client has."""
        return self._lock.acquire(blocking=False)

    def unlock(self, key: str) -> None:  # noqa: ARG002
        """Unlock it."""
        self._lock.release()


class FileSessionStorage:
    """Keep the session in a file that only its owner can read (mode 0600).

    The file is replaced as a whole, so a crash leaves the old one or the new one; only a file that cannot be replaced,
    such as one that is mounted into a container, is written in place.

    Programs of the same person may share it. The one that renews the session locks the file beside it whose name ends
    with ``.lock``, which holds nothing and stays; the others wait, then take what it has stored. Where that file cannot
    be made, there is no lock. To share a session with a container, mount the folder: who replaces a file that is
    mounted by itself leaves the old one to the other side.

    Args:
        path: The file, or a link to it. Missing folders are made, for the owner only, and a file of the owner's that
            others may read is closed to them.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._path = Path(path).expanduser()
            os.fspath(self._path).encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
            if "\0" in os.fspath(self._path):
                raise ValueError("it holds the character NUL")
        except (ValueError, RuntimeError) as exc:
            raise ConfigError(f"The path of the session file is not one: {exc}.") from exc
        self._lock = threading.Lock()
        self._renewing: FileLock | None = None
        self._abandoned: object = None
        tell_of_forks(self)

    def forked(self) -> None:
        """Forget which thread of the parent was reading, writing or renewing. Its lock is the parent's to release."""
        self._lock = threading.Lock()
        self._abandoned, self._renewing = self._renewing, None

    def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        with self._lock:
            return self._read().get(key)

    def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        with self._lock, self._changing():
            self._write({**self._read(), key: value})

    def remove_item(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""
        with self._lock, self._changing():
            items = self._read()
            if items.pop(key, None) is not None:
                self._write(items)

    def try_lock(self, key: str) -> bool:  # noqa: ARG002
        """Lock the session for all programs, unless another one has: return at once whether it is ours now."""
        from filelock import FileLock, Timeout

        with self._lock:
            if self._renewing is not None:
                return False
            try:
                path = self._real()
                _make_folder(path.parent)
                lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
                lock.acquire(blocking=False)
            except Timeout:
                return False
            except (OSError, NotImplementedError):  # Nobody may write there, or it has no locks.
                return True
            self._renewing = lock
            return True

    def unlock(self, key: str) -> None:  # noqa: ARG002
        """Unlock it."""
        with self._lock:
            lock, self._renewing = self._renewing, None
        if lock is not None:
            lock.release()

    def _real(self) -> Path:
        """Return the file itself. A link stays one: others follow it to the same file."""
        return Path(os.path.realpath(self._path))

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Keep other programs from changing another text meanwhile: one of the two changes would be lost."""
        if fcntl is None:
            yield
            return
        try:
            folder = os.open(self._real().parent, os.O_RDONLY)
        except OSError:  # It is not there yet, or may not be read.
            yield
            return
        try:
            # Held for two short accesses of the disk, unlike the lock of who renews.
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
            f"{self._path} is not a session file.", hint="Name another file, or delete this one and sign in again."
        )

    def _write(self, items: dict[str, str]) -> None:
        try:
            path = self._real()
            _make_folder(path.parent)
            try:
                # mkstemp makes the file for its owner only, whatever the umask is.
                handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            except OSError as exc:
                if exc.errno not in _CLOSED or not path.exists():
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
                if exc.errno not in _MOUNTED:
                    raise
                _overwrite(path, json.dumps(items))
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise ConfigError(f"The session file {self._path} cannot be written: {exc.strerror}.") from exc


_MOUNTED = frozenset({errno.EBUSY, errno.EXDEV})
"""What replacing a file fails with that is mounted by itself."""

_CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""What making a file fails with in a folder that takes none, as those often do into which a file is mounted."""


def _close_to_others(handle: int) -> None:
    """Take away what others than the owner may do with a file, if it is ours."""
    if os.name != "posix":
        return
    found = os.fstat(handle)
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(handle, 0o600)


def _lock(handle: int, *, shared: bool) -> None:
    """Wait until nobody writes a file in place, or, if not `shared`, reads it. It ends when the file is closed."""
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
    """Make a folder and those above it that are missing, all of them for their owner only."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
