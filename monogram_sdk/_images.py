"""Look at an image before it is sent: what it is, how large, and what else its file would tell."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias
from uuid import uuid4

from monogram_sdk import _metadata
from monogram_sdk.errors import FileTooLargeError, InvalidImageError, InvalidValueError

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""An image: the path of a file, its bytes, or an open binary file."""

MEGABYTE = 1024 * 1024
AVATAR_LIMIT = 2 * MEGABYTE
COVER_LIMIT = 5 * MEGABYTE
RESPONSE_IMAGE_LIMIT = 10 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Image:
    """An image that may be sent."""

    data: bytes = field(repr=False)
    content_type: str
    extension: str

    def new_name(self) -> str:
        """Return a file name that nobody has used."""
        return f"{uuid4()}.{self.extension}"


def load(source: ImageSource, *, limit: int) -> Image:
    """Read an image, without what its file says about where, when and by whom it was taken.

    Args:
        source: Where it is.
        limit: How many bytes it may have.

    Raises:
        InvalidImageError: It is not a JPEG, PNG, WebP or GIF image, whatever its name says, or it is damaged.
        FileTooLargeError: It is too large.
        InvalidValueError: The file cannot be read.
    """
    data = _read(source, limit)
    if len(data) > limit:
        raise FileTooLargeError(
            f"The image is larger than {limit // MEGABYTE} MB.", detail="image", hint="Make it smaller first."
        )
    kind = _kind(data)
    if kind is None:
        raise InvalidImageError(detail="image", hint="Convert it first. The contents count, not the file's name.")
    content_type, extension = kind
    try:
        return Image(_metadata.strip(data, content_type), content_type, extension)
    except _metadata.DamagedError as exc:
        raise InvalidImageError(
            f"The image is damaged: {exc}.", detail="image", hint="Open it in a program for images and save it again."
        ) from exc


def _read(source: ImageSource, limit: int) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, (str, os.PathLike)):
            with Path(source).open("rb") as file:
                return file.read(limit + 1)
        data = source.read(limit + 1)
    except OSError as exc:
        raise InvalidValueError(f"The image cannot be read: {exc.strerror or exc}.", detail="image") from exc
    if not isinstance(data, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError("The image was opened as text.", detail="image", hint='Open it with mode "rb".')
    return data


def _kind(data: bytes) -> tuple[str, str] | None:
    """Return the content type and file extension that the first bytes tell."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", "jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png", "png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", "gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp", "webp"
    return None
