"""Pictures of every kind that people upload, made by code, so that what each shows is known and can be compared.

    python -m tests.corpus.pictures FOLDER

Each shows four fields, red and green above blue and yellow, in a frame of dark grey, wider than high.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from tests.corpus.colours import P3, in_p3

Colour = tuple[int, int, int]

RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 160, 60), (50, 70, 190), (230, 200, 50)
FRAME = (60, 60, 60)

# Of the width and height of the picture: the middle of each field.
FIELDS: dict[tuple[float, float], Colour] = {
    (0.27, 0.27): RED,
    (0.73, 0.27): GREEN,
    (0.27, 0.73): BLUE,
    (0.73, 0.73): YELLOW,
}

SIZE = (480, 320)

ORIENTATION = 0x0112


@dataclass(frozen=True)
class Made:
    """A picture and what it shows."""

    name: str
    data: bytes
    size: tuple[int, int] = SIZE
    """Upright."""
    fields: tuple[tuple[float, float], ...] = tuple(FIELDS)
    """Which of the fields are there: of a file that ends too early the upper ones."""
    clear: bool = False
    """Whether the frame around the fields is transparent."""
    animated: bool = False
    refusal: str | None = None
    """Why it is not shown; ``None`` if it is."""


def scene(size: tuple[int, int] = SIZE, frame: tuple[int, ...] = FRAME) -> Image.Image:
    """Return the picture as it is meant to be seen."""
    width, height = size
    image = Image.new("RGBA" if len(frame) == 4 else "RGB", size, frame)
    draw = ImageDraw.Draw(image)
    for (x, y), colour in FIELDS.items():
        left, top = (x - 0.18) * width, (y - 0.18) * height
        draw.rectangle((left, top, left + 0.36 * width, top + 0.36 * height), fill=colour)
    return image


@cache
def _in_p3() -> Image.Image:
    return in_p3(scene())


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the file of an image."""
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


# Orientation ----------------------------------------------------------------------------------------------------------

# What has to be done to an upright picture so that it is stored as each orientation says.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture as a camera stores it in this orientation."""
    return image if orientation == 1 else image.transpose(_STORED[orientation])


def exif(orientation: int, *, little: bool = False, kind: int = 3) -> bytes:
    """Return a TIFF block that names an orientation, as a SHORT (3) or a LONG (4)."""
    order = "<" if little else ">"
    value = struct.pack(f"{order}HH", orientation, 0) if kind == 3 else struct.pack(f"{order}I", orientation)
    entry = struct.pack(f"{order}HHI", ORIENTATION, kind, 1) + value
    return (b"II*\0" if little else b"MM\0*") + struct.pack(f"{order}IH", 8, 1) + entry + b"\0\0\0\0"


# JPEG -----------------------------------------------------------------------------------------------------------------


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    """Return a JPEG of a picture."""
    return save(image or scene(), "JPEG", **{"quality": 92, **options})


def with_segment(data: bytes, marker: int, body: bytes, *, length: int | None = None) -> bytes:
    """Return a JPEG with one more segment at its beginning, which may say another length than it has."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, (length or len(body) + 2)) + body + data[2:]


def _inverted_inks() -> bytes:
    """CMYK without Adobe's marker: then the numbers are amounts of ink."""
    data = jpeg(scene().convert("CMYK").point(lambda value: 255 - value))
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def colours_apart(image: Image.Image | None = None) -> bytes:
    """Return a JPEG that is not progressive and has a scan for each of its three components."""
    planes = [jpeg(plane) for plane in (image or scene()).convert("YCbCr").split()]
    data = planes[0]
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    size = data[frame + 5 : frame + 9]
    head = data[:frame] + b"\xff\xc0\0\x11\x08" + size + b"\3" + b"".join(bytes((one, 0x11, 0)) for one in (1, 2, 3))
    tables = data[frame + 13 : scan]
    scans = [
        b"\xff\xda\0\x08\1" + bytes((number, 0, 0, 63, 0)) + plane[plane.index(b"\xff\xda") + 10 : -2]
        for number, plane in enumerate(planes, 1)
    ]
    return head + tables + b"".join(scans) + b"\xff\xd9"


def sized(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG of the usual size that says another one."""
    return data.replace(struct.pack(">HH", *reversed(SIZE)), struct.pack(">HH", height, width), 1)


def _jpegs() -> Iterable[Made]:
    yield Made("baseline.jpg", jpeg())
    yield Made("progressive.jpg", jpeg(progressive=True))
    yield Made("colours-apart.jpg", colours_apart())
    yield Made("cmyk.jpg", jpeg(scene().convert("CMYK")))
    yield Made("cmyk-without-mark.jpg", _inverted_inks())
    yield Made("large.jpg", jpeg(scene((3000, 2000))), (3000, 2000))
    yield Made("tiny.jpg", jpeg(scene((40, 30))), (40, 30))
    yield Made("wide-colours.jpg", jpeg(_in_p3(), icc_profile=P3))
    for orientation in range(1, 9):
        block = b"Exif\0\0" + exif(orientation, little=orientation % 2 == 0)
        yield Made(f"orientation-{orientation}.jpg", jpeg(stored(scene(), orientation), exif=block))
    yield Made("orientation-long.jpg", jpeg(stored(scene(), 6), exif=b"Exif\0\0" + exif(6, kind=4)))
    yield Made("exif-beyond-its-end.jpg", with_segment(jpeg(), 0xE1, b"Exif\0\0MM\0*" + struct.pack(">I", 0xFFFF00)))
    yield Made("exif-cut.jpg", with_segment(jpeg(), 0xE1, b"Exif\0\0" + exif(6)[:14]))
    yield Made("exif-empty.jpg", with_segment(jpeg(), 0xE1, b"Exif\0\0"))
    yield Made("exif-absurd.jpg", with_segment(jpeg(), 0xE1, b"Exif\0\0" + exif(200)))
    yield Made("between-parts.jpg", jpeg().replace(b"\xff\xdb", b"\0\1\2\xff\xff\xff\xdb", 1))
    yield Made("behind-its-end.jpg", jpeg() + b"a film that a phone appends" * 100)
    whole = jpeg()
    yield Made("cut.jpg", whole[: len(whole) * 6 // 10], fields=((0.27, 0.27), (0.73, 0.27)))
    yield Made("cut-progressive.jpg", jpeg(progressive=True)[:-200])
    yield Made("without-data.jpg", whole[: whole.index(b"\xff\xda")], refusal="DAMAGED")


# PNG ------------------------------------------------------------------------------------------------------------------


def png(
    size: tuple[int, int],
    colour: int,
    depth: int,
    rows: Sequence[bytes],
    *chunks: tuple[bytes, bytes],
    interlaced: bool = False,
) -> bytes:
    """Return a PNG of rows that begin with their filter, with chunks before its data."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def with_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk before its data."""
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + chunk + data[33:]


def _sixteen_bits(alpha: bool) -> bytes:
    image = scene(frame=(*FRAME, 0)) if alpha else scene()
    samples = 4 if alpha else 3
    length, packed = image.width * samples, image.tobytes()
    # What follows the eight bits that are to be seen.
    lower = packed.translate(bytes(reversed(range(256))))
    rows = []
    for start in range(0, len(packed), length):
        row = bytearray(1 + 2 * length)
        row[1::2], row[2::2] = packed[start : start + length], lower[start : start + length]
        rows.append(bytes(row))
    return png(image.size, 6 if alpha else 2, 16, rows)


def _interlaced() -> bytes:
    image = scene()
    width, height = image.size
    pixels = image.tobytes()
    rows = []
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for left, top, across, down in passes:
        for y in range(top, height, down):
            at = [(y * width + x) * 3 for x in range(left, width, across)]
            rows.append(b"\0" + b"".join(pixels[place : place + 3] for place in at))
    return png(image.size, 2, 8, rows, interlaced=True)


def _keyed() -> bytes:
    """One colour, the frame's, is transparent."""
    image = scene()
    width, height = image.size
    pixels = image.tobytes()
    rows = [b"\0" + pixels[y * width * 3 : (y + 1) * width * 3] for y in range(height)]
    return png(image.size, 2, 8, rows, (b"tRNS", struct.pack(">HHH", *FRAME)))


def _two_colours(depth: int) -> tuple[tuple[int, int], bytes]:
    """Grey of few bits: black where the scene is dark."""
    image = scene().convert("L").convert("1" if depth == 1 else "L")
    return image.size, save(image, "PNG")


def _pngs() -> Iterable[Made]:
    clear = scene(frame=(*FRAME, 0))
    yield Made("opaque.png", save(scene(), "PNG"))
    yield Made("alpha.png", save(clear, "PNG"), clear=True)
    yield Made("opaque-alpha.png", save(scene().convert("RGBA"), "PNG"))
    yield Made("sixteen-bits.png", _sixteen_bits(alpha=False))
    yield Made("sixteen-bits-alpha.png", _sixteen_bits(alpha=True), clear=True)
    yield Made("palette.png", save(scene().convert("P", palette=Image.Palette.ADAPTIVE), "PNG"))
    yield Made("palette-four-bits.png", save(scene().quantize(8), "PNG", bits=4))
    yield Made("palette-alpha.png", save(clear.quantize(16, method=Image.Quantize.FASTOCTREE), "PNG"), clear=True)
    yield Made("keyed.png", _keyed(), clear=True)
    yield Made("interlaced.png", _interlaced())
    yield Made("grey.png", save(scene().convert("L"), "PNG"), fields=())
    yield Made("grey-one-bit.png", _two_colours(1)[1], fields=())
    yield Made("large.png", save(scene((2400, 1600)), "PNG"), (2400, 1600))
    yield Made("wide-colours.png", save(_in_p3(), "PNG", icc_profile=P3))
    for orientation in (3, 6, 8):
        file = with_chunk(save(stored(scene(), orientation), "PNG"), b"eXIf", exif(orientation))
        yield Made(f"orientation-{orientation}.png", file)
    yield Made(
        "animated.png", save(scene(), "PNG", save_all=True, append_images=[Image.new("RGB", SIZE)]), animated=True
    )
    noisy = save(_noisy(SIZE), "PNG")
    yield Made("cut.png", noisy[: len(noisy) * 6 // 10], fields=((0.27, 0.27), (0.73, 0.27)))
    yield Made("bomb.png", png((8000, 8000), 2, 8, [bytes(24001)] * 10), (8000, 8000), refusal="TOO_MANY_PIXELS")
    yield Made(
        "more-than-its-pixels.png", png((30, 20), 2, 8, [bytes([0, *RED * 30])] * 20 + [bytes(10**7)]), (30, 20), ()
    )


# WebP -----------------------------------------------------------------------------------------------------------------


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return the chunks of a WebP."""
    return b"".join(name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2) for name, body in chunks)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP of chunks."""
    return riff((b"RIFF", b"WEBP" + riff(*chunks)))


def _uint24(*numbers: int) -> bytes:
    return b"".join(struct.pack("<I", number)[:3] for number in numbers)


def _webps() -> Iterable[Made]:
    clear = scene(frame=(*FRAME, 0))
    frames = {"save_all": True, "append_images": [Image.new("RGB", SIZE)], "duration": 100}
    yield Made("lossy.webp", save(scene(), "WEBP", quality=92))
    yield Made("lossless.webp", save(scene(), "WEBP", lossless=True))
    yield Made("alpha.webp", save(clear, "WEBP", quality=92), clear=True)
    yield Made("alpha-lossless.webp", save(clear, "WEBP", lossless=True), clear=True)
    yield Made("animated.webp", save(scene(), "WEBP", **frames), animated=True)
    clear_frames = frames | {"append_images": [Image.new("RGBA", SIZE)]}
    yield Made("animated-alpha.webp", save(clear, "WEBP", **clear_frames), clear=True, animated=True)
    yield Made("wide-colours.webp", save(_in_p3(), "WEBP", lossless=True, icc_profile=P3))
    for orientation in (3, 6, 8):
        block = b"Exif\0\0" * (orientation == 8) + exif(orientation)
        yield Made(
            f"orientation-{orientation}.webp", save(stored(scene(), orientation), "WEBP", quality=92, exif=block)
        )
    yield Made("cut.webp", save(scene(), "WEBP", quality=92)[:300], refusal="DAMAGED")
    upper = ((0.27, 0.27), (0.73, 0.27))
    for kind, options in {"lossy": {"quality": 95}, "lossless": {"lossless": True}}.items():
        whole = save(_noisy(SIZE, 20), "WEBP", **options)
        yield Made(f"cut-{kind}.webp", whole[: len(whole) * 6 // 10], fields=upper)
    moving = save(_noisy(SIZE, 20), "WEBP", **frames)
    yield Made("cut-animated.webp", moving[: len(moving) * 6 // 10], fields=upper)


# GIF ------------------------------------------------------------------------------------------------------------------


def _gif(**options: object) -> bytes:
    return save(scene().quantize(16), "GIF", **{"interlace": 0, **options})


def _gifs() -> Iterable[Made]:
    moving = _gif(save_all=True, append_images=[Image.new("P", SIZE)], duration=100, loop=0)
    still = _gif()
    yield Made("still.gif", still)
    yield Made("interlaced.gif", _gif(interlace=1))
    yield Made("animated.gif", moving, animated=True)
    yield Made("clear.gif", _gif(transparency=scene().quantize(16).getpixel((0, 0))), clear=True)
    yield Made("without-trailer.gif", still.rstrip(b";"))
    yield Made("no-screen.gif", still[:6] + b"\0\0\0\0" + still[10:])
    yield Made("small-screen.gif", still[:6] + struct.pack("<HH", 10, 10) + still[10:])
    yield Made("cut.gif", _cut_gif(interlace=0), fields=((0.27, 0.27), (0.73, 0.27)), clear=True)
    yield Made("cut-interlaced.gif", _cut_gif(interlace=1))
    yield Made("between-blocks.gif", still[:-1] + b"\0\0\0;")
    yield Made("bomb.gif", still[:6] + struct.pack("<HH", 65535, 65535) + still[10:], refusal="TOO_MANY_PIXELS")


def _cut_gif(**options: object) -> bytes:
    data = save(_noisy(SIZE).quantize(256), "GIF", **options)
    return data[: len(data) * 6 // 10]


# Formats that are not converted ---------------------------------------------------------------------------------------


def _others() -> Iterable[Made]:
    brand = struct.pack(">I", 28) + b"ftyp%s\0\0\0\0%smif1miaf"
    yield Made("photo.avif", brand % (b"avif", b"avif") + bytes(100), refusal="UNSUPPORTED_FORMAT")
    yield Made("photo.heic", brand % (b"heic", b"heic") + bytes(100), refusal="UNSUPPORTED_FORMAT")
    yield Made("words.jpg", b"not a picture", refusal="UNKNOWN_FORMAT")
    yield Made("nothing.jpg", b"", refusal="UNKNOWN_FORMAT")
    yield Made("two-bytes.jpg", b"\xff\xd8", refusal="UNKNOWN_FORMAT")


# Photographs ----------------------------------------------------------------------------------------------------------


def _noisy(size: tuple[int, int], strength: int = 24) -> Image.Image:
    """Return the scene with grain, which packs as badly as that of a camera."""
    noise = Image.effect_noise(size, strength).convert("RGB")
    return Image.blend(scene(size), noise, 0.25)


def photograph(
    size: tuple[int, int] = (4032, 3024), *, quality: int = 95, orientation: int = 6, **options: object
) -> bytes:
    """Return a JPEG as phones make them: 12 megapixels of grain, lying on its side; about 8 MB at quality 95."""
    image = stored(_noisy(size, 80), orientation)
    return jpeg(image, quality=quality, exif=b"Exif\0\0" + exif(orientation), **options)


KINDS: tuple[Callable[[], Iterable[Made]], ...] = (_jpegs, _pngs, _webps, _gifs, _others)


@cache
def make() -> tuple[Made, ...]:
    """Make all of them, once a process; takes a second."""
    return tuple(made for kind in KINDS for made in kind())


def write(folder: Path) -> tuple[Made, ...]:
    """Write all of them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    from tests.corpus.bombs import bombs

    found = (*make(), *bombs())
    for made in found:
        (folder / made.name).write_bytes(made.data)
    return found


if __name__ == "__main__":
    print(f"{len(write(Path(sys.argv[1])))} pictures in {sys.argv[1]}")  # noqa: T201
