"""Remove metadata from the file of an image: where it was taken, when, by whom and with what.

The pixels are never decoded: JPEG, PNG, WebP and GIF are containers of labelled parts, and only the parts that a viewer
needs are kept. Unknown parts are dropped, because many kinds of parts can hold a location: Exif with its GPS block,
XMP, IPTC, makers' notes, comments, previews, and films that phones append after the end. The orientation is kept, as
the only entry of a new Exif block, and so is the colour profile.

This is our own code, because of the existing libraries Pillow decodes and re-encodes the pixels, piexif and exif
support neither PNG nor GIF and keep XMP and IPTC, mat2 needs GdkPixbuf and exiftool, and pyexiv2 is a large C++ library
under the GPL.

The containers are described in ITU-T T.81 (JPEG), the PNG specification (third edition), RFC 9649 (WebP), GIF89a and
Exif 2.32 (the block itself is a TIFF file).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

UPRIGHT = 1
"""The orientation of an image that is shown as it is stored."""

_EXIF = b"Exif\0\0"


class DamagedError(ValueError):
    """The file is not a valid image of the type that its first bytes announce."""


def strip(data: bytes, content_type: str) -> bytes:
    """Return an image without its metadata. The pixels are the same bytes as before.

    Args:
        data: The image.
        content_type: Its type: ``image/jpeg``, ``image/png``, ``image/webp`` or ``image/gif``.

    Raises:
        DamagedError: The structure of the file is not valid.
    """
    return _STRIPPERS[content_type](data)


# JPEG: markers of two bytes, most with a length and a body ------------------------------------------------------------

_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_CODING = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0)})  # Frames, tables, scans.
STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})

# In a scan, 0xFF is data if 0 follows, and a restart if 0xD0-0xD7 does; before a marker it may be repeated.
END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _strip_jpeg(data: bytes) -> bytes:
    kept = bytearray(b"\xff\xd8")
    orientation = UPRIGHT
    place = 2
    while True:
        # Bytes between two parts are left out; decoders skip them.
        place = data.find(b"\xff", place)
        if place < 0:
            raise DamagedError("its end is missing")
        start = place
        while data[place : place + 1] == b"\xff":
            place += 1
        if place >= len(data):
            raise DamagedError("its end is missing")
        marker = data[place]
        place += 1
        if marker == _EOI:
            kept += b"\xff\xd9"
            break
        if marker in STANDALONE:
            kept += data[start:place]
            continue
        if not 0xC0 <= marker <= 0xFE or marker == 0xD8:
            raise DamagedError("it has a marker that is not allowed there")
        body = _sized(data, place + 2, _number(">H", data, place) - 2)
        place += 2 + len(body)
        if marker == _APP1 and body.startswith(_EXIF) and orientation == UPRIGHT:
            orientation = _orientation(body[len(_EXIF) :])
        if _is_picture(marker, body):
            kept += bytes((0xFF, marker)) + data[place - len(body) - 2 : place]
        if marker == _SOS:
            end = END_OF_SCAN.search(data, place)
            # Without an end the image was cut off; viewers show the rest.
            kept += data[place : end.start() if end else len(data)]
            if end is None:
                break
            place = end.start()
    return bytes(kept) if orientation == UPRIGHT else _with_jpeg_exif(bytes(kept), _exif(orientation))


def _is_picture(marker: int, body: bytes) -> bool:
    return (
        marker in _CODING
        or (marker == _APP0 and body.startswith(b"JFIF\0"))
        or (marker == _APP2 and body.startswith(b"ICC_PROFILE\0"))
        or (marker == _APP14 and body.startswith(b"Adobe"))
    )


def _with_jpeg_exif(data: bytes, exif: bytes) -> bytes:
    # Exif comes first, but after JFIF, if there is any.
    place = 2
    if data[2:4] == b"\xff\xe0":
        place += 2 + _number(">H", data, 4)
    body = _EXIF + exif
    return data[:place] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[place:]


# PNG: chunks of length, name, body and checksum -----------------------------------------------------------------------

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)


def _strip_png(data: bytes) -> bytes:
    kept = bytearray(_PNG_START)
    orientation = UPRIGHT
    place = len(_PNG_START)
    first_end = 0
    while True:
        size = _number(">I", data, place)
        name = _sized(data, place + 4, 4)
        if name == b"IDAT" and len(data) < place + size + 12 and len(data) > place + 8:
            # The image was cut off; viewers show the rest.
            kept += _png_chunk(name, data[place + 8 : place + 8 + size]) + _png_chunk(b"IEND", b"")
            break
        body = _sized(data, place + 8, size)
        chunk = _sized(data, place, size + 12)
        place += size + 12
        if name == b"eXIf":
            orientation = _orientation(body)
        if name in _PNG_KEPT:
            kept += chunk
            first_end = first_end or len(kept)
        if name == b"IEND":
            break
    if orientation != UPRIGHT:
        kept[first_end:first_end] = _png_chunk(b"eXIf", _exif(orientation))
    return bytes(kept)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


# WebP: chunks of name, length and body, padded to an even length, in one RIFF chunk -----------------------------------

_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
FRAME_HEADER = 16
_FRAME_KEPT = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_DRAWN = _FRAME_KEPT | {b"ANMF"}
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


class _Chunk(NamedTuple):
    name: bytes
    size: int
    """The size in its header. The body is shorter if the file ends too early."""
    body: bytes


def _strip_webp(data: bytes) -> bytes:
    orientation = UPRIGHT
    kept: list[_Chunk] = []
    for chunk in riff_chunks(data[12 : 8 + _number("<I", data, 4)]):
        if chunk.name == b"EXIF":
            orientation = _orientation(chunk.body.removeprefix(_EXIF))
        elif chunk.name == b"ANMF":
            frame = [part for part in riff_chunks(chunk.body[FRAME_HEADER:]) if part.name in _FRAME_KEPT]
            size = FRAME_HEADER + sum(map(_total_size, frame))
            kept.append(_Chunk(b"ANMF", size, chunk.body[:FRAME_HEADER] + b"".join(map(_riff_chunk, frame))))
        elif chunk.name in _WEBP_KEPT:
            kept.append(chunk)
    if _DRAWN.isdisjoint(chunk.name for chunk in kept):
        raise DamagedError("it ends too early")
    if kept[0].name == b"VP8X":
        flags = _number("<I", kept[0].body, 0) & ~(_HAS_EXIF | _HAS_XMP)
        if orientation != UPRIGHT:
            flags |= _HAS_EXIF
            block = _exif(orientation)
            kept.append(_Chunk(b"EXIF", len(block), block))
        kept[0] = _Chunk(b"VP8X", kept[0].size, struct.pack("<I", flags) + kept[0].body[4:])
    return _riff_chunk(_Chunk(b"RIFF", 4 + sum(map(_total_size, kept)), b"WEBP" + b"".join(map(_riff_chunk, kept))))


def riff_chunks(data: bytes) -> Iterator[_Chunk]:
    """Return the chunks of a WebP after its first 12 bytes, or of one frame after its header."""
    place = 0
    while place < len(data):
        chunk = _Chunk(_sized(data, place, 4), _number("<I", data, place + 4), b"")
        body = data[place + 8 : place + 8 + chunk.size]
        # If a picture was cut off, viewers show the rest.
        if len(body) < chunk.size and not (chunk.name in _DRAWN and len(body) > max(FRAME_HEADER, chunk.size // 10)):
            raise DamagedError("it ends too early")
        yield chunk._replace(body=body)
        place += _total_size(chunk)


def _total_size(chunk: _Chunk) -> int:
    """Return how many bytes a chunk takes."""
    return 8 + chunk.size + chunk.size % 2


def _riff_chunk(chunk: _Chunk) -> bytes:
    padding = b"\0" * (chunk.size % 2) if len(chunk.body) == chunk.size else b""
    return chunk.name + struct.pack("<I", chunk.size) + chunk.body + padding


# GIF: a header and blocks, whose data comes in pieces of up to 255 bytes ----------------------------------------------

_GIF_APPLICATIONS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF


def _strip_gif(data: bytes) -> bytes:
    place = 13 + gif_colours(_number("B", data, 10))
    kept = bytearray(_sized(data, 0, place))
    images = 0
    # Many files have no trailer, and some are cut off; viewers show the rest.
    while place < len(data) and data[place] != _TRAILER:
        start = place
        kind = data[place]
        if kind == _IMAGE:
            place += 10 + gif_colours(_number("B", data, place + 9)) + 1
            keep = True
        elif kind == _EXTENSION:
            label = _number("B", data, place + 1)
            keep = label != _COMMENT and (label != _APPLICATION or data[place + 3 : place + 14] in _GIF_APPLICATIONS)
            place += 2
        else:
            place += 1  # Viewers skip bytes that do not begin a block.
            continue
        pieces = place
        while place < len(data) and data[place] and place + data[place] < len(data):
            place += 1 + data[place]
        whole = place < len(data) and not data[place]
        if keep and (whole or (kind == _IMAGE and place > pieces)):
            kept += data[start:place] + b"\0"
            images += kind == _IMAGE
        if not whole:
            break
        place += 1
    if not images:
        raise DamagedError("it contains no image")
    kept.append(_TRAILER)
    return bytes(kept)


def gif_colours(flags: int) -> int:
    """Return the bytes of the table of colours that the flags announce."""
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


# Exif -----------------------------------------------------------------------------------------------------------------

_ORIENTATION, _SHORT = 0x0112, 3


def _orientation(tiff: bytes) -> int:
    """Return the orientation that an Exif block names, 1-8; 1 if it names none or cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        directory = _number(f"{order}I", tiff, 4)
        for index in range(_number(f"{order}H", tiff, directory)):
            entry = directory + 2 + 12 * index
            if (_number(f"{order}H", tiff, entry), _number(f"{order}H", tiff, entry + 2)) == (_ORIENTATION, _SHORT):
                found = _number(f"{order}H", tiff, entry + 8)
                return found if 1 <= found <= 8 else UPRIGHT
    except DamagedError:
        return UPRIGHT
    return UPRIGHT


def _exif(orientation: int) -> bytes:
    """Return an Exif block that names an orientation and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)


def _number(form: str, data: bytes, place: int) -> int:
    found: int
    try:
        (found,) = struct.unpack_from(form, data, place)
    except struct.error as exc:
        raise DamagedError("it ends too early") from exc
    return found


def _sized(data: bytes, place: int, size: int) -> bytes:
    part = data[place : place + size]
    if size < 0 or len(part) < size:
        raise DamagedError("it ends too early")
    return part


_STRIPPERS = {
    "image/gif": _strip_gif,
    "image/jpeg": _strip_jpeg,
    "image/png": _strip_png,
    "image/webp": _strip_webp,
}
