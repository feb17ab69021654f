"""Which pictures can be shown, and the conversion of others, with Pillow (the extra `pictures`).

The limits are those of the function `pictures`, which has a second of CPU time and little memory for each picture.
"""

from __future__ import annotations

import io
import struct
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from monogram_sdk import _metadata

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_BYTES = 10 * 1024 * 1024
"""The largest picture that is stored."""

MOST_READ = 100 * 1024 * 1024
"""The largest file that is read in order to make it smaller."""

_MILLION = 1_000_000
_MOST_PIXELS = {
    "image/jpeg": 50 * _MILLION,
    "image/png": 12_500_000,
    "image/webp": 8 * _MILLION,
    "image/gif": 8 * _MILLION,
}
_MOST_PROGRESSIVE = {"image/jpeg": 16 * _MILLION, "image/png": 8 * _MILLION}
_MOST_SCANS = 20
"""How often the function goes over a JPEG of the most pixels; one with more scans may have fewer pixels."""

# The size to which larger pictures are reduced, in pixels: enough for printing.
_SIDE = 4000
_CLEAR_SIDE = 2800
_QUALITY = 90
_MOST_DECODED = 120 * _MILLION

_BMP_HEADERS = 26
"""How many bytes a BMP has before its pixels, at least."""


class CannotConvertError(ValueError):
    """Pillow is not installed, or cannot read the picture."""


def other_kind(data: bytes) -> str | None:
    """Return ``"AVIF"``, ``"HEIC"``, ``"TIFF"`` or ``"BMP"`` for such a file, which the functions cannot convert."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:2] == b"BM" and data[6:10] == bytes(4) and len(data) > _BMP_HEADERS:
        return "BMP"
    if data[4:8] != b"ftyp":
        return None
    brands = {data[at : at + 4] for at in range(8, min(len(data), 64) - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else None


class _Size(NamedTuple):
    width: int
    height: int


def most_pixels(data: bytes, content_type: str) -> tuple[int, int, int]:
    """Return the width and height of a picture, and how many pixels a picture of its type may have.

    Args:
        data: A picture with a valid structure (see `_metadata.strip`).
        content_type: Its type.

    Raises:
        DamagedError: Its parts tell different sizes.
    """
    most = _MOST_PIXELS[content_type]
    if content_type == "image/png":
        size = _Size(*struct.unpack_from(">II", data, 16))
        if data[28] == 1:
            most = _MOST_PROGRESSIVE[content_type]
    elif content_type == "image/gif":
        size = _gif_size(data)
    elif content_type == "image/webp":
        size = _webp_size(data)
        # A file that ends too early is decoded twice.
        if len(data) < int.from_bytes(data[4:8], "little") + 7:
            most //= 2
    else:
        size, scans = _jpeg_size(data)
        if scans:
            most = _MOST_PROGRESSIVE[content_type] * _MOST_SCANS // max(scans, _MOST_SCANS)
    return size.width, size.height, most


def _jpeg_size(data: bytes) -> tuple[_Size, int]:
    """Return the size of a JPEG and, if it has several scans, how many; 0 if there is only one.

    With several scans, a decoder keeps the whole picture until the last one.
    """
    size, components, scans, is_progressive = _Size(0, 0), 0, 0, False
    place = data.find(b"\xff", 2)
    while 0 <= place < len(data) - 9:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xD9:
            break
        end = place + 2
        if marker not in _metadata.STANDALONE:
            end += int.from_bytes(data[end : end + 2], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and not components:
            size = _Size(*reversed(struct.unpack_from(">HH", data, place + 5)))
            components, is_progressive = data[place + 9], marker & 3 == 2
        elif marker == 0xDA:
            scans += 1
            # A first scan that lacks a component is followed by others.
            is_progressive = is_progressive or (scans == 1 and data[place + 4] < components)
            if not is_progressive:
                return size, 0
            end = found.start() if (found := _metadata.END_OF_SCAN.search(data, end)) else len(data)
        place = data.find(b"\xff", end)
    return size, max(1, scans) if is_progressive else 0


def _gif_size(data: bytes) -> _Size:
    """Return the size of a GIF: that of its screen, or of its first frame where that is larger."""
    width, height = struct.unpack_from("<HH", data, 6)
    place = 13 + _metadata.gif_colours(data[10])
    while data[place] == 0x21:
        place += 2
        while data[place]:
            place += 1 + data[place]
        place += 1
    left, top, wide, high = struct.unpack_from("<HHHH", data, place + 1)
    return _Size(max(width, left + wide), max(height, top + high))


def _webp_size(data: bytes) -> _Size:
    """Return the size of a WebP, with which its first frame, or its only picture, must agree."""
    canvas: _Size | None = None
    for name, _, body in _metadata.riff_chunks(data[12:]):
        if name == b"VP8X":
            canvas = canvas or _Size(_uint24(body, 4) + 1, _uint24(body, 7) + 1)
        elif name == b"ANMF":
            left, top, width, height = (_uint24(body, place) for place in (0, 3, 6, 9))
            frame = _Size(width + 1, height + 1)
            for part in _metadata.riff_chunks(body[_metadata.FRAME_HEADER :]):
                if (stored := _stored_size(part.name, part.body)) is not None and stored != frame:
                    raise _metadata.DamagedError("its parts tell different sizes")
            if canvas is None or 2 * left + frame.width > canvas.width or 2 * top + frame.height > canvas.height:
                raise _metadata.DamagedError("a frame is outside of it")
            return canvas
        elif (stored := _stored_size(name, body)) is not None:
            canvas = canvas or stored
            if stored != canvas:
                raise _metadata.DamagedError("its parts tell different sizes")
    return canvas or _Size(0, 0)


def _stored_size(name: bytes, body: bytes) -> _Size | None:
    """Return the size in the data of a picture, for which a decoder makes room; None for other chunks."""
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return _Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8 ":
        return _Size(*(int.from_bytes(body[place : place + 2], "little") & 0x3FFF for place in (6, 8)))
    return None


def _uint24(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 3], "little")


def can_convert(kind: str | None = None) -> bool:
    """Return True if the packages of the extra ``pictures`` that this kind of file needs are installed."""
    try:
        import_module("PIL.Image")
        if kind == "HEIC":
            import_module("pillow_heif")
    except ImportError:
        return False
    return True


def convert(data: bytes, limit: int) -> tuple[bytes, str]:
    """Convert a picture to one that can be shown: an upright JPEG or, if it is transparent, PNG.

    Args:
        data: The file.
        limit: How many bytes the new one may have.

    Returns:
        The new file, and its type. The colour profile is the only metadata that it keeps.

    Raises:
        CannotConvertError: Pillow is not installed, or cannot read it, or it is an animation.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as exc:
        raise CannotConvertError("the extra `pictures` is not installed") from exc
    try:
        heif = import_module("pillow_heif")
    except ImportError:
        pass
    else:
        heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as opened:
                if opened.width * opened.height > _MOST_DECODED:
                    raise CannotConvertError("it has too many pixels")
                if getattr(opened, "n_frames", 1) > 1 and opened.format in ("GIF", "WEBP", "PNG"):
                    raise CannotConvertError("it is an animation")
                # A large JPEG is decoded at a smaller size.
                opened.draft("RGB", (_SIDE, _SIDE))
                picture = ImageOps.exif_transpose(opened)
                profile = opened.info.get("icc_profile") if picture.mode not in ("CMYK", "P", "L") else None
    except CannotConvertError:
        raise
    except Exception as exc:  # Pillow's decoders raise many kinds of errors.
        raise CannotConvertError("it cannot be read") from exc
    return _written(picture, profile, limit)


def _written(picture: Picture, profile: bytes | None, limit: int) -> tuple[bytes, str]:
    if picture.mode.startswith("I;16"):  # Pillow would clip values above 255.
        grey = picture.convert("I")
        picture = grey.point(lambda value: value * (1 / 256)).convert("L")  # pyright: ignore[reportUnknownMemberType]
    clear = picture.has_transparency_data
    picture = picture.convert("RGBA" if clear else "RGB")
    side = _CLEAR_SIDE if clear else _SIDE
    while True:
        picture.thumbnail((side, side))
        file = io.BytesIO()
        options = {} if profile is None else {"icc_profile": profile}
        if clear:
            picture.save(file, "PNG", **options)
        else:
            picture.save(file, "JPEG", quality=_QUALITY, **options)
        if file.tell() <= limit or side < 100:
            return file.getvalue(), "image/png" if clear else "image/jpeg"
        side = side * 3 // 4
