"""What is made of pictures of every kind: there, upright, in the right colours, small, and with nothing else in it."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from supabase_embedded.deno import environment, executable
from tests.corpus import pictures
from tests.corpus.bombs import bombs
from tests.corpus.pictures import FIELDS, Made
from tests.functions.render.conftest import FUNCTIONS
from tests.support.memory import peak_bytes

HERE = Path(__file__).parent
SIDES = {"page": 1600, "print": 1600, "mail": 1120, "small": 560}
PAPER = (0xFB, 0xF8, 0xF1)

CORPUS = (*pictures.make(), *bombs())


class Deriver:
    """A Deno process that makes pictures ready, one job after another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [executable(), "run", "--quiet", "--frozen", "--no-check", f"--config={FUNCTIONS / 'deno.json'}"]
        self._process = subprocess.Popen(
            [*command, "--allow-read", "--allow-write", "--allow-env", HERE / "derive.ts"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )

    def __call__(self, name: str, data: bytes, *, face: bool = False) -> dict[str, Any]:
        """Make a picture ready; return what came of it, with its files opened by their use."""
        assert self._process.stdin is not None and self._process.stdout is not None
        source, folder = self._folder / name, self._folder / f"{name}.made"
        source.write_bytes(data)
        job = {"file": str(source), "folder": str(folder), "face": face}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        assert reply, "The process has stopped; what it said is above."
        made: dict[str, Any] = json.loads(reply)
        made["bytes"] = {use: (folder / file).read_bytes() for use, file in made.get("uses", {}).items()}
        made["images"] = {use: Image.open(io.BytesIO(file)) for use, file in made["bytes"].items()}
        return made

    def peak_bytes(self) -> int:
        """Return the most memory that the process ever had."""
        return peak_bytes(self._process.pid)

    def close(self) -> None:
        """Stop the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def derive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deriver]:
    """Make pictures ready in one process."""
    deriver = Deriver(tmp_path_factory.mktemp("pictures"))
    yield deriver
    deriver.close()


def tolerance(made: Made) -> int:
    """How far a colour may be from what was drawn: CMYK and grain change it."""
    return 60 if made.name.startswith(("cmyk", "cut", "photograph")) else 14


def differences(image: Image.Image, made: Made) -> list[str]:
    """Return which fields of a picture are not where, or not what, they should be."""
    found = []
    width, height = image.size
    rgb = image.convert("RGB")
    for x, y in made.fields:
        spot = rgb.crop((int(x * width) - 1, int(y * height) - 1, int(x * width) + 2, int(y * height) + 2))
        seen, wanted = ImageStat.Stat(spot).mean, FIELDS[x, y]
        if max(abs(one - other) for one, other in zip(seen, wanted, strict=True)) > tolerance(made):
            found.append(f"{made.name}: {seen} instead of {wanted} at {x}, {y}")
    return found


def is_clear(image: Image.Image) -> bool:
    """Return True if something of a picture is transparent."""
    return image.convert("RGBA").getchannel("A").getextrema()[0] < 255


@pytest.mark.parametrize("made", [one for one in CORPUS if one.refusal is None], ids=lambda made: made.name)
def test_every_picture_is_shown_upright_and_in_its_colours(derive: Deriver, made: Made) -> None:
    reply = derive(made.name, made.data)
    assert "refusal" not in reply, reply
    assert (reply["width"], reply["height"]) == made.size
    for use, side in SIDES.items():
        image = reply["images"][use]
        assert image.format in ("JPEG", "PNG")
        longer = min(side, max(made.size))
        assert max(image.size) == longer
        assert abs(image.width * made.size[1] - image.height * made.size[0]) <= max(made.size)
        assert differences(image, made) == []
        assert is_clear(image) == (made.clear and use == "page")
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(image.info)
    assert ("motion" in reply["uses"]) == made.animated
    if made.animated:
        moving = reply["images"]["motion"]
        assert moving.n_frames == 2 and moving.size == made.size


@pytest.mark.parametrize("made", [one for one in CORPUS if one.refusal is not None], ids=lambda made: made.name)
def test_what_is_not_a_picture_is_refused_and_why(derive: Deriver, made: Made) -> None:
    assert derive(made.name, made.data)["refusal"] == made.refusal


def test_what_is_transparent_lies_on_paper_where_it_cannot_be(derive: Deriver) -> None:
    made = next(one for one in CORPUS if one.name == "alpha.png")
    images = derive("clear.png", made.data)["images"]
    grounds = {use: images[use].convert("RGB").getpixel((2, 2)) for use in ("print", "mail")}
    assert grounds == {"print": (255, 255, 255), "mail": PAPER}


def test_a_face_is_a_small_square(derive: Deriver) -> None:
    for orientation in (1, 6):
        block = b"Exif\0\0" + pictures.exif(orientation)
        picture = pictures.jpeg(pictures.stored(pictures.scene((1200, 800)), orientation), exif=block)
        face = derive(f"face-{orientation}.jpg", picture, face=True)["images"]["face"]
        assert face.size == (192, 192)
        # Of the width the outer sixths are cut off.
        red, green = (face.convert("RGB").getpixel((x, 52)) for x in (20, 172))
        assert abs(red[0] - 200) < 14 and abs(green[1] - 160) < 14


def test_the_same_picture_gives_the_same_bytes(derive: Deriver) -> None:
    data = pictures.jpeg(pictures.scene((2000, 1500)))
    assert derive("one.jpg", data)["bytes"] == derive("two.jpg", data)["bytes"]


def test_an_animation_goes_without_what_was_written_into_it(derive: Deriver) -> None:
    frames = {"save_all": True, "append_images": [Image.new("RGB", pictures.SIZE)]}
    secret = b"a secret place"
    gif = pictures.save(pictures.scene(), "GIF", comment=secret, **frames)
    webp = pictures.save(pictures.scene(), "WEBP", exif=b"Exif\0\0" + pictures.exif(1) + secret, xmp=secret, **frames)
    png = pictures.with_chunk(pictures.save(pictures.scene(), "PNG", **frames), b"tEXt", b"Comment\0" + secret)
    for name, data in (("moving.gif", gif), ("moving.webp", webp), ("moving.png", png)):
        assert secret in data
        moving = derive(name, data)["bytes"]["motion"]
        assert secret not in moving and len(moving) > 500


@pytest.mark.long
@pytest.mark.parametrize("name", ["orientation-6.jpg", "alpha.png", "alpha.webp", "interlaced.png", "animated.gif"])
def test_whatever_is_cut_off_or_changed_the_process_lives(derive: Deriver, name: str) -> None:
    data = next(one.data for one in CORPUS if one.name == name)
    for at in range(0, len(data), max(1, len(data) // 8)):
        derive(f"cut-{name}", data[:at])
        derive(f"changed-{name}", data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
    assert "refusal" not in derive(name, data)


# Limits ---------------------------------------------------------------------------------------------------------------


def test_bombs_are_refused_before_they_are_decoded(derive: Deriver) -> None:
    scans = pictures.jpeg(progressive=True)
    at = scans.rindex(b"\xff\xda")
    large = pictures.sized(scans, 3900, 3900)
    cases = {
        "wide.jpg": pictures.sized(pictures.jpeg(), 0xFFFF, 0xFFFF),
        "scans.jpg": large[:at] + large[at:-2] * 40 + b"\xff\xd9",
        "wide.webp": b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\x3f\xff\xff\x3f" + bytes(40),
        "bytes.jpg": pictures.jpeg() + bytes(11_000_000),
    }
    for name, data in cases.items():
        reply = derive(name, data)
        assert reply["refusal"] == ("TOO_MANY_BYTES" if name == "bytes.jpg" else "TOO_MANY_PIXELS"), (name, reply)


def test_a_webp_takes_no_more_memory_than_its_size_says(tmp_path: Path) -> None:
    deriver = Deriver(tmp_path)
    assert "refusal" not in deriver("first.webp", pictures.save(pictures.scene(), "WEBP"))
    before = deriver.peak_bytes()
    for made in CORPUS:
        if made.name.endswith(".webp") and made.refusal is not None:
            assert deriver(made.name, made.data)["refusal"] == made.refusal
    assert deriver.peak_bytes() - before < 30_000_000
    deriver.close()


def test_a_png_that_unpacks_to_much_more_than_its_pixels_is_not_unpacked(tmp_path: Path) -> None:
    rows = [bytes(401)] * 100 + [bytes(1 << 20)] * 300
    deriver = Deriver(tmp_path)
    assert "refusal" not in deriver("first.png", pictures.png((100, 100), 6, 8, [bytes(401)] * 100))
    before = deriver.peak_bytes()
    made = deriver("bomb.png", pictures.png((100, 100), 6, 8, rows))
    assert (made["width"], made["height"]) == (100, 100)
    assert deriver.peak_bytes() - before < 30_000_000
    deriver.close()
