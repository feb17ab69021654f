"""Check an image before it is sent: its format and size. Remove its metadata, and convert it if necessary."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias
from uuid import uuid4

from monogram_sdk import _metadata, _pictures
from monogram_sdk._config import shown
from monogram_sdk._contents import picture_type
from monogram_sdk.errors import FileTooLargeError, InvalidImageError, InvalidValueError

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""An image: the path of a file, its bytes, or an open binary file.

A seekable file is read from its beginning, so that an `io.BytesIO` that has just been written is sent whole.
"""

MEGABYTE = 1024 * 1024
AVATAR_LIMIT = 10 * MEGABYTE
COVER_LIMIT = 10 * MEGABYTE
RESPONSE_IMAGE_LIMIT = 10 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Image:
    """An image that can be sent."""

    data: bytes = field(repr=False)
    content_type: str
    extension: str

    def new_name(self) -> str:
        """Return a new, random file name."""
        return f"{uuid4()}.{self.extension}"


def load(source: ImageSource, *, limit: int) -> Image:
    """Read an image, and remove metadata about where, when and by whom it was taken.

    With the extra ``pictures``, an AVIF, HEIC, TIFF or BMP is converted, and a large image is made smaller.

    Args:
        source: The image.
        limit: How many bytes it may have.

    Raises:
        InvalidImageError: It is not a JPEG, PNG, WebP or GIF image, whatever its name says, or it is damaged.
        FileTooLargeError: It has too many bytes or too many pixels.
        InvalidValueError: The file cannot be read.
    """
    named = _named(source)
    data = _read(source, named, _pictures.MOST_READ if _pictures.can_convert() else limit)
    if (other := _pictures.other_kind(data)) is not None:
        return _converted(
            data,
            limit,
            InvalidImageError(f"{named} is {other}, which newsletters cannot show.", detail="image"),
            "save it as a JPEG",
        )
    if len(data) > limit:
        return _converted(
            data,
            limit,
            FileTooLargeError(f"{named} is larger than {limit // MEGABYTE} MB.", detail="image"),
            "make it smaller",
        )
    if not data:
        raise InvalidImageError(f"{named} is empty.", detail="image", hint="Check that the file was written.")
    content_type = picture_type(data)
    if content_type is None:
        raise InvalidImageError(
            f"{named} is not a JPEG, PNG, WebP or GIF image.",
            detail="image",
            hint="Convert it. The content of the file matters, not its name.",
        )
    try:
        image = Image(_metadata.strip(data, content_type), content_type, _EXTENSIONS[content_type])
        width, height, most = _pictures.most_pixels(image.data, content_type)
        if width * height <= most:
            return image
        return _converted(
            data,
            limit,
            FileTooLargeError(
                f"{named} has {width} by {height} pixels; an image of its format can have {most // 1_000_000} million.",
                detail="image",
            ),
            "make it smaller",
        )
    except _metadata.DamagedError as exc:
        raise InvalidImageError(
            f"{named} is damaged: {exc}.", detail="image", hint="Open it in an image editor and save it again."
        ) from exc


def _named(source: ImageSource) -> str:
    """Return the name of an image in error messages: with its path, if it has one."""
    return f"The image {shown(os.fspath(source))}" if isinstance(source, str | os.PathLike) else "The image"


def _converted(data: bytes, limit: int, refusal: InvalidValueError, remedy: str) -> Image:
    """Convert an image to one that can be shown, or raise the refusal with a hint."""
    try:
        converted, content_type = _pictures.convert(data, limit)
    except _pictures.CannotConvertError as exc:
        if _pictures.can_convert(_pictures.other_kind(data)):
            refusal.hint = f"It could not be converted: {exc}. {remedy[0].upper()}{remedy[1:]}."
        else:
            refusal.hint = f'Install the extra "pictures" of monogram-sdk, which does this, or {remedy}.'
        raise refusal from exc
    return Image(_metadata.strip(converted, content_type), content_type, _EXTENSIONS[content_type])


_EXTENSIONS = {"image/gif": "gif", "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def _read(source: ImageSource, named: str, limit: int) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, str | os.PathLike) and not hasattr(source, "read"):
        raise InvalidValueError(
            f"image must be a path, bytes or an open binary file, not {type(source).__name__}.", detail="image"
        )
    try:
        if isinstance(source, (str, os.PathLike)):
            with Path(source).open("rb") as file:
                return file.read(limit + 1)
        _rewind(source)
        data = source.read(limit + 1)
    except OSError as exc:
        raise InvalidValueError(f"{named} cannot be read: {exc.strerror or exc}.", detail="image") from exc
    except ValueError as exc:  # A path with NUL or half a character, or a closed file.
        raise InvalidValueError(f"{named} cannot be read: {exc}.", detail="image") from exc
    if not isinstance(data, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError("The image file was opened as text.", detail="image", hint='Open it with mode "rb".')
    return data


def _rewind(file: BinaryIO) -> None:
    """Go to the beginning of a seekable file; a pipe is read from its current position."""
    seekable = getattr(file, "seekable", None)
    if callable(seekable) and seekable():
        file.seek(0)
