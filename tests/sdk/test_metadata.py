"""An image's file tells nothing but the picture, and the picture stays as it was."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from monogram_sdk import _images, _metadata, errors
from tests.corpus.pictures import make as corpus

PICTURES = sorted((Path(__file__).parents[1] / "functions" / "render" / "fixtures" / "pictures").iterdir())
SECRETS = (b"Lisbon", b"GPSLatitude", b"Ada's phone", b"2026:11:23")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>38,43N</exif:GPSLatitude> Lisbon</x:xmpmeta>'
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def picture(mode: str = "RGB") -> Image.Image:
    """Return an image in which no two rows and no two columns are alike."""
    image = Image.new("RGB", (24, 16))
    image.putdata([(x * 10, y * 15, (x * y) % 256) for y in range(16) for x in range(24)])
    return image.convert(mode)


def exif(orientation: int) -> Image.Exif:
    """Return what a phone writes."""
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    block[ExifTags.Base.Model] = "Ada's phone"
    block[ExifTags.Base.DateTime] = "2026:11:23 10:00:00"
    block.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (38.0, 43.0, 0.0), 3: "W", 4: (9.0, 8.0, 0.0), 29: "Lisbon"})
    return block


def taken(form: str, orientation: int = 6, **more: object) -> bytes:
    """Return an image's file with all that cameras and programs put into one."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, object] = {"exif": exif(orientation), "icc_profile": profile, **more}
    if form == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "Lisbon")
        notes.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=False)
        options["pnginfo"] = notes
    elif form == "GIF":
        options = {"comment": b"Lisbon", "xmp": XMP, **more}
    else:
        options["xmp"] = XMP
    if form == "JPEG":
        options["comment"] = b"Lisbon"
    file = BytesIO()
    picture("P" if form == "GIF" else "RGB").save(file, form, **options)
    return file.getvalue()


def pixels(data: bytes) -> list[bytes]:
    """Return the pixels of all frames, as they are stored."""
    with Image.open(BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(image.convert("RGBA").tobytes())
        return frames


def orientation_of(data: bytes) -> int:
    """Return how viewers turn an image."""
    with Image.open(BytesIO(data)) as image:
        found: int = image.getexif().get(ExifTags.Base.Orientation, 1)
        return found


@pytest.mark.parametrize("form", FORMATS)
def test_only_the_picture_is_left(form: str) -> None:
    before = taken(form)
    assert b"Lisbon" in before, "there is something to hide"
    after = _images.load(before, limit=_images.AVATAR_LIMIT).data
    assert [secret for secret in SECRETS if secret in after] == []
    assert pixels(after) == pixels(before)
    with Image.open(BytesIO(after)) as image:
        assert not image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        assert set(image.getexif()) <= {ExifTags.Base.Orientation}
        assert "xmp" not in image.info and "comment" not in image.info
        assert ("icc_profile" in image.info) == (form != "GIF"), "colours stay what they are"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_still_turned_the_right_way(form: str, orientation: int) -> None:
    before = taken(form, orientation)
    assert orientation_of(before) == orientation
    after = _metadata.strip(before, FORMATS[form])
    assert orientation_of(after) == orientation
    assert (b"Exif" in after or b"eXIf" in after or b"EXIF" in after) == (orientation != 1)


@pytest.mark.parametrize("form", FORMATS)
def test_stripping_again_changes_nothing(form: str) -> None:
    once = _metadata.strip(taken(form), FORMATS[form])
    assert _metadata.strip(once, FORMATS[form]) == once


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_real_files_show_the_same(path: Path) -> None:
    image = _images.load(path, limit=_images.RESPONSE_IMAGE_LIMIT)
    before = path.read_bytes()
    assert pixels(image.data) == pixels(before)
    assert orientation_of(image.data) == orientation_of(before)
    assert len(image.data) <= len(before)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_appended_behind_the_end_goes(form: str) -> None:
    before = taken(form)
    assert _metadata.strip(before + b"\0\0\0\x18ftypmp42 Lisbon", FORMATS[form]) == _metadata.strip(
        before, FORMATS[form]
    )


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_moving_pictures_move_on(form: str) -> None:
    frames = [picture("P" if form == "GIF" else "RGB").rotate(angle) for angle in (0, 90, 180)]
    file = BytesIO()
    frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=100, loop=0)
    before = file.getvalue()
    after = _metadata.strip(before, FORMATS[form])
    assert len(pixels(after)) == 3 and pixels(after) == pixels(before)
    with Image.open(BytesIO(after)) as image:
        assert image.info["loop"] == 0


def test_a_progressive_jpeg_keeps_all_its_scans() -> None:
    before = taken("JPEG", progressive=True)
    after = _metadata.strip(before, "image/jpeg")
    assert after.count(b"\xff\xda") > 3 and pixels(after) == pixels(before)


def test_a_jpeg_in_four_colours_keeps_what_says_so() -> None:
    file = BytesIO()
    picture("CMYK").save(file, "JPEG", exif=exif(3))
    after = _metadata.strip(file.getvalue(), "image/jpeg")
    assert pixels(after) == pixels(file.getvalue()) and orientation_of(after) == 3


def test_segments_of_other_programs_go() -> None:
    before = taken("JPEG", 1)
    for marker in (*range(0xE0, 0xF0), 0xFE):
        body = b"Photoshop 3.0\0 Lisbon"
        extra = bytes((0xFF, 0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
        assert _metadata.strip(before[:2] + extra + before[2:], "image/jpeg") == _metadata.strip(before, "image/jpeg")


def test_a_jpeg_that_was_cut_off_in_its_picture_is_still_one() -> None:
    before = _metadata.strip(taken("JPEG", 1), "image/jpeg")
    assert _metadata.strip(before[:-20], "image/jpeg") == before[:-20]


@pytest.mark.parametrize("name", ["cut-lossy.webp", "cut-lossless.webp", "cut-animated.webp"])
def test_a_webp_that_was_cut_off_in_its_picture_is_still_one(name: str) -> None:
    (before,) = (made.data for made in corpus() if made.name == name)
    after = _metadata.strip(before, "image/webp")
    assert after == _metadata.strip(after, "image/webp") and after.endswith(before[-1000:])
    with pytest.raises(_metadata.DamagedError):
        _metadata.strip(before[:60], "image/webp")


def test_frames_of_a_moving_webp_hide_nothing() -> None:
    file = BytesIO()
    frames = [picture(), picture().rotate(90)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    before = file.getvalue()
    place = before.rindex(b"ANMF")
    size = int.from_bytes(before[place + 4 : place + 8], "little")
    hidden = b"XMP " + struct.pack("<I", 6) + b"Lisbon"
    body = before[place + 8 : place + 8 + size] + hidden
    chunks = before[12:place] + b"ANMF" + struct.pack("<I", len(body)) + body
    spoiled = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
    after = _metadata.strip(spoiled, "image/webp")
    assert b"Lisbon" not in after and pixels(after) == pixels(before)


def little_endian(orientation: int) -> bytes:
    """Return an Exif block in the other order of bytes."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        (little_endian(8), 8),
        (little_endian(0), 1),
        (little_endian(9), 1),
        (little_endian(8)[:12], 1),
        (b"MM\0*\xff\xff\xff\xff", 1),
        (b"MM\0*\0\0\0\x08\0\0", 1),
        (b"JPEG", 1),
        (b"", 1),
    ],
)
def test_an_exif_block_that_cannot_be_read_names_no_orientation(block: bytes, orientation: int) -> None:
    clean = _metadata.strip(taken("PNG", 1), "image/png")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    before = clean[:33] + chunk + clean[33:]
    assert orientation_of(_metadata.strip(before, "image/png")) == orientation


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:40],
    "nothing": lambda data: data[:14],
    "zeros": lambda data: data[:20] + bytes(len(data) - 20),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_image_is_refused_in_words(form: str, damage: str) -> None:
    with pytest.raises(errors.InvalidImageError, match="damaged") as caught:
        _images.load(DAMAGE[damage](taken(form)), limit=_images.AVATAR_LIMIT)
    assert "save it again" in (caught.value.hint or "")


WHOLE = {form: taken(form) for form in FORMATS}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.integers(2), st.binary(min_size=1, max_size=8), st.booleans())
def test_whatever_is_wrong_is_a_refusal_or_a_clean_image(form: str, place: int, noise: bytes, cut: bool) -> None:
    data = WHOLE[form]
    place = 2 + place % (len(data) - 2)
    spoiled = data[:place] + noise + (b"" if cut else data[place + len(noise) :])
    try:
        after = _metadata.strip(spoiled, FORMATS[form])
    except _metadata.DamagedError:
        return
    assert _metadata.strip(after, FORMATS[form]) == after
