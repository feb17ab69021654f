"""The archive with a person's data: a ZIP file with rows as JSON, and files."""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from pydantic import ValidationError

from monogram_sdk.errors import InvalidReplyError, InvalidValueError
from monogram_sdk.models._base import Model

ABOUT = """This archive holds what is yours on Monogram.

rows/    Everything that the database has of you, a file for each kind of thing, as JSON. Times are in UTC.
         "printed_responses" are your words as published newsletters show them.
files/   Your files: pictures of your responses and drafts, of yourself, and of the spaces that you lead.
"""


class ExportedRow(Model):
    """A row of an export, and where the next page begins."""

    key: str
    data: dict[str, Any]


class ExportedFile(Model):
    """A file to export."""

    bucket_id: str
    name: str
    metadata: dict[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the file is empty, so that an empty reply is correct."""
        return self.metadata is not None and self.metadata.get("size") == 0


def as_file(row: dict[str, Any]) -> ExportedFile:
    """Read a row of the part "files".

    Raises:
        InvalidReplyError: The row does not describe a file.
    """
    try:
        return ExportedFile.model_validate(row)
    except ValidationError as exc:
        raise InvalidReplyError("The server's list of files is malformed.", hint="Update the SDK.") from exc


class Archive:
    """Writes an archive, with at most one page of rows or one file in memory at a time.

    It is complete at the end of its ``with`` block, unless the block raises an error.

    Args:
        file: The file to write to.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        try:
            self._zip.writestr("README.txt", ABOUT)
        except BaseException:
            self._give_up()
            raise

    @contextmanager
    def part(self, name: str) -> Generator[Part]:
        """Begin a part; its rows are added in the block."""
        with self._zip.open(f"rows/{name}.json", "w", force_zip64=True) as entry:
            entry.write(b"[")
            yield Part(entry)
            entry.write(b"\n]\n")

    def add_file(self, name: str, data: bytes) -> None:
        """Add a file, without compression: pictures are compressed already."""
        self._zip.writestr(f"files/{name}", data, zipfile.ZIP_STORED)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._give_up()
        self._zip.close()

    def _give_up(self) -> None:
        self._zip.fp = None  # Otherwise it would write its end when it is collected.


class Part:
    """Writes a list of rows."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._entry = entry
        self._separator = b"\n"

    def add(self, row: Any) -> None:  # noqa: ANN401
        """Add a row."""
        self._entry.write(self._separator + json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
        self._separator = b",\n"


class Target:
    """Where an archive is written: to a new file, readable for its owner only, or to memory.

    The file gets its name when it is complete; after a failure the former file is unchanged. Only regular files are
    replaced, also through a symbolic link, but never folders, devices and pipes.

    Args:
        path: The file; memory unless given.

    Raises:
        InvalidValueError: The file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path: Path | None = None
        self._temporary: Path | None = None
        if path is None:
            self.file: IO[bytes] = io.BytesIO()
            return
        if not isinstance(path, str) and not isinstance(path, os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"path must be the path of a file, not {type(path).__name__}.", detail="path")
        try:
            self._given = Path(path)
            if os.fspath(path) == "":
                raise ValueError("the path is empty")
            self._path = self._real()
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".monogram-", suffix=".part")
        except (OSError, ValueError, TypeError) as exc:
            raise self.unwritable(exc, path) from exc
        self._temporary = Path(name)
        self.file = os.fdopen(descriptor, "wb")

    def complete(self) -> bytes | Path:
        """Finish the archive, and return it, or its path."""
        if self._path is None or self._temporary is None:
            assert isinstance(self.file, io.BytesIO)
            return self.file.getvalue()
        try:
            self.file.close()
            os.replace(self._temporary, self._real())  # What is at the path may have changed, so check it again.
        except OSError as exc:
            self.discard()
            raise self.unwritable(exc) from exc
        except InvalidValueError:
            self.discard()
            raise
        return self._given

    def discard(self) -> None:
        """Delete the unfinished file."""
        with suppress(OSError):  # Closing writes buffered data, which fails if the disk is full.
            self.file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def unwritable(self, exc: Exception, path: object = None) -> InvalidValueError:
        """Return the error for a file that cannot be written."""
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        return InvalidValueError(
            f"The archive cannot be written to {str(self._given if path is None else path)!r}: {reason}.",
            detail="path",
            hint="Pass the path of a file, in a folder that exists and that you may write to.",
        )

    def _real(self) -> Path:
        """Return the file itself, behind symbolic links.

        Raises:
            InvalidValueError: There is something other than a file.
        """
        real = Path(os.path.realpath(self._given))
        try:
            mode = real.stat().st_mode
        except FileNotFoundError:
            return real
        if stat.S_ISREG(mode):
            return real
        what = next((name for is_so, name in _KINDS if is_so(mode)), "not a regular file")
        raise InvalidValueError(
            f"The archive cannot be written to {str(self._given)!r}: it is {what}.",
            detail="path",
            hint="Pass the path of a file. Only a regular file is replaced.",
        )


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
