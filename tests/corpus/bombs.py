"""Pictures that decode to more than they seem to."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

from PIL import Image

from tests.corpus import pictures
from tests.corpus.pictures import RED, SIZE, Made, colours_apart, jpeg, riff, save, scene, sized, webp


def _many_scans() -> Iterable[Made]:
    """JPEGs that a decoder keeps whole, with more pixels than such a one may have."""
    large = sized(colours_apart(), 4100, 4100)
    yield Made("colours-apart-bomb.jpg", large, (4100, 4100), refusal="TOO_MANY_PIXELS")
    first = large[: large.index(b"\xff\xda", large.index(b"\xff\xda") + 2)]
    yield Made("first-colour-bomb.jpg", first + b"\xff\xd9", (4100, 4100), refusal="TOO_MANY_PIXELS")
    arithmetic = sized(jpeg(progressive=True), 4100, 4100).replace(b"\xff\xc2", b"\xff\xca")
    yield Made("arithmetic-bomb.jpg", arithmetic, (4100, 4100), refusal="TOO_MANY_PIXELS")


def _disagreeing_webps() -> Iterable[Made]:
    """Files whose parts tell different sizes: a decoder makes room for the largest."""

    def canvas(side: int) -> tuple[bytes, bytes]:
        return b"VP8X", bytes((2, 0, 0, 0)) + pictures._uint24(side - 1, side - 1)

    def frame(side: int, *parts: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        return b"ANMF", pictures._uint24(0, 0, side - 1, side - 1, 100) + b"\0" + riff(*parts)

    # One colour takes no data: of such a picture only the header says how large it is.
    plain = save(Image.new("RGB", (16, 16), RED), "WEBP", lossless=True)[20:]
    small = (b"VP8L", plain)
    large = (b"VP8L", plain[:1] + struct.pack("<I", 8999 | 8999 << 14) + plain[5:])
    lossy = (b"VP8 ", save(scene(), "WEBP", quality=92)[20:])
    cases = {
        "canvas-smaller": webp(canvas(16), large),
        "canvas-smaller-lossy": webp(canvas(16), lossy),
        "canvas-larger": webp(canvas(17), small),
        "frame-larger": webp(canvas(16), frame(9000, large)),
        "frame-smaller": webp(canvas(16), frame(16, large)),
        "frame-without-canvas": webp(frame(16, large)),
        "second-picture": webp(small, large),
        "second-canvas": webp(canvas(16), canvas(9000), large),
        "second-picture-of-frame": webp(canvas(16), frame(16, small, large), frame(16, small)),
        "cut-header": webp(canvas(16), large)[:42],
    }
    for name, data in cases.items():
        yield Made(f"{name}.webp", data, refusal="DAMAGED")
    yield Made("large.webp", webp(large), refusal="TOO_MANY_PIXELS")


def _large_frames() -> Iterable[Made]:
    still = pictures._gif()
    frame = still.index(b"\x2c\0\0\0\0" + struct.pack("<HH", *SIZE)) + 5
    large = still[:frame] + struct.pack("<HH", 9000, 9000) + still[frame + 4 :]
    yield Made("large-frame.gif", large, refusal="TOO_MANY_PIXELS")


@cache
def bombs() -> tuple[Made, ...]:
    """Make those that decode to more than they seem to; none of them is shown."""
    return tuple(made for kind in (_many_scans, _disagreeing_webps, _large_frames) for made in kind())
