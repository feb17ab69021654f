"""Which pictures can be shown, and the conversion of others, with Pillow (the extra `pictures`).

The limits are those of the function `pictures`, which has a second of CPU time and little memory for each picture.
"""

from __future__ import annotations

import io
import struct
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

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


def most_pixels(data: bytes, content_type: str) -> tuple[int, int, int]:
    """Return the width and height of a picture, and how many pixels a picture of its type may have.

    Args:
        data: A picture with a valid structure (see `_metadata.strip`).
        content_type: Its type.
    """
    width = height = 0
    progressive = False
    if content_type == "image/png":
        width, height = struct.unpack_from(">II", data, 16)
        progressive = data[28] == 1
    elif content_type == "image/gif":
        width, height = struct.unpack_from("<HH", data, 6)
    elif content_type == "image/webp":
        width, height = _webp_size(data)
        # A file that ends too early is decoded twice.
        if len(data) < int.from_bytes(data[4:8], "little") + 7:
            return width, height, _MOST_PIXELS[content_type] // 2
    else:
        place = 2
        while place + 9 < len(data):
            marker = data[place + 1]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack_from(">HH", data, place + 5)
                progressive = marker == 0xC2
                break
            standalone = marker == 0x01 or 0xD0 <= marker <= 0xD8
            place += 2 + (0 if standalone else int.from_bytes(data[place + 2 : place + 4], "big"))
    most = (_MOST_PROGRESSIVE if progressive else _MOST_PIXELS)[content_type]
    return width, height, most


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


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
