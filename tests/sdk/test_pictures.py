"""What can be shown is sent; what cannot be shown is converted where Pillow is there, else refused with what to do."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from monogram_sdk import _images, _pictures, errors
from tests.corpus import pictures
from tests.corpus.bombs import bombs
from tests.corpus.pictures import Made
from tests.functions.pictures.test_derive import differences

LIMIT = _images.RESPONSE_IMAGE_LIMIT
DERIVE = Path(__file__).parents[2] / "supabase" / "functions" / "_shared" / "pictures" / "derive.ts"
CORPUS = (*pictures.make(), *bombs())


def without_pillow(patch: pytest.MonkeyPatch) -> None:
    def refuse(_data: bytes, _limit: int) -> tuple[bytes, str]:
        raise _pictures.CannotConvertError("the extra `pictures` is not installed")

    patch.setattr(_pictures, "convert", refuse)
    patch.setattr(_pictures, "can_convert", lambda *_kind: False)


@pytest.mark.parametrize("made", CORPUS, ids=lambda made: made.name)
def test_what_the_functions_show_is_sent_and_nothing_else(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pillow(monkeypatch)
    # Whether there is anything in the data of a picture is seen when it is decoded.
    if made.refusal is None or made.name in ("without-data.jpg", "cut.webp"):
        try:
            assert _images.load(made.data, limit=LIMIT).data
        except errors.InvalidImageError:
            assert made.refusal is not None
        return
    expected = errors.FileTooLargeError if made.refusal == "TOO_MANY_PIXELS" else errors.InvalidImageError
    with pytest.raises(expected) as caught:
        _images.load(made.data, limit=LIMIT)
    if made.refusal in ("TOO_MANY_PIXELS", "UNSUPPORTED_FORMAT"):
        assert 'Install the extra "pictures"' in (caught.value.hint or "")


def test_the_limits_are_those_of_the_functions() -> None:
    text = re.search(r"MOST_PIXELS = \{(.*?)\}", DERIVE.read_text(), re.DOTALL)
    assert text is not None
    limits = {name: int(value.replace("_", "")) for name, value in re.findall(r"(\w+): ([\d_]+)", text[1])}
    cases = {
        "jpeg": ("image/jpeg", pictures.jpeg()),
        "progressive": ("image/jpeg", pictures.jpeg(progressive=True)),
        "progressive, of one scan a colour": ("image/jpeg", pictures.colours_apart()),
        "png": ("image/png", pictures.save(pictures.scene(), "PNG")),
        "interlaced": ("image/png", next(made.data for made in CORPUS if made.name == "interlaced.png")),
        "webp": ("image/webp", pictures.save(pictures.scene(), "WEBP")),
        "gif": ("image/gif", pictures.save(pictures.scene(), "GIF")),
    }
    for name, (content_type, data) in cases.items():
        assert _pictures.most_pixels(data, content_type) == (*pictures.SIZE, limits[name.split(",")[0]])
    scan = pictures.jpeg(progressive=True)
    scan = scan[scan.rindex(b"\xff\xda") : -2]
    data = pictures.jpeg(progressive=True)[:-2] + scan * (4 * limits["scans"])
    scans = data.count(b"\xff\xda")
    most = limits["progressive"] * limits["scans"] // scans
    assert _pictures.most_pixels(data + b"\xff\xd9", "image/jpeg") == (*pictures.SIZE, most)


def shown(image: _images.Image) -> Image.Image:
    return Image.open(io.BytesIO(image.data))


def heic(image: Image.Image, **options: object) -> bytes:
    target = io.BytesIO()
    pillow_heif.from_pillow(image).save(target, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["AVIF", "HEIC", "TIFF", "BMP"])
def test_other_kinds_are_converted(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = pictures.scene()
    options = {"quality": 90} if kind == "AVIF" else {}
    data = heic(scene, quality=90) if kind == "HEIC" else pictures.save(scene, kind, **options)
    image = _images.load(data, limit=LIMIT)
    assert (image.content_type, image.extension) == ("image/jpeg", "jpg")
    assert differences(shown(image), Made("converted", b"")) == []
    with pytest.raises(errors.InvalidImageError, match=kind) as caught:
        _images.load(data[:100], limit=LIMIT)
    assert caught.value.hint == "It could not be converted: it cannot be read. Save it as a JPEG."
    without_pillow(monkeypatch)
    with pytest.raises(errors.InvalidImageError, match=kind) as caught:
        _images.load(data, limit=LIMIT)
    assert "Install the extra" in (caught.value.hint or "") and "save it as a JPEG" in (caught.value.hint or "")


def test_what_is_bright_in_sixteen_bits_stays_so() -> None:
    grey = Image.linear_gradient("L")
    deep = Image.frombytes("I;16", grey.size, b"".join(bytes((0, value)) for value in grey.tobytes()))
    image = shown(_images.load(pictures.save(deep, "TIFF"), limit=LIMIT))
    assert [abs(image.getpixel((9, y))[0] - grey.getpixel((9, y))) < 4 for y in (10, 128, 240)] == [True] * 3  # type: ignore[index, operator]


def test_a_file_is_read_from_its_beginning_and_named(tmp_path: Path) -> None:
    data = pictures.jpeg()
    whole = _images.load(data, limit=LIMIT)
    written = io.BytesIO()
    written.write(data)
    assert _images.load(written, limit=LIMIT) == whole
    written.seek(5)
    assert _images.load(written, limit=LIMIT) == whole
    path = tmp_path / "letter.txt"
    for content, said in ((b"", "is empty"), (b"abc", "is not a JPEG, PNG"), (data[:20], "is damaged")):
        path.write_bytes(content)
        with pytest.raises(errors.InvalidImageError) as caught:
            _images.load(path, limit=LIMIT)
        assert f"The image {str(path)!r} {said}" in caught.value.message
    with pytest.raises(errors.InvalidValueError) as missing:
        _images.load(str(tmp_path / "none.jpg"), limit=LIMIT)
    assert "none.jpg' cannot be read: No such file" in missing.value.message
    with pytest.raises(errors.InvalidImageError, match=r"^The image is empty\."):
        _images.load(io.BytesIO(), limit=LIMIT)


def test_one_on_its_side_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(heic(pictures.stored(pictures.scene(), 6), exif=b"Exif\0\0" + pictures.exif(6)))
    image = _images.load(path, limit=LIMIT)
    assert shown(image).size == pictures.SIZE
    assert differences(shown(image), Made("turned", b"")) == []


@pytest.mark.long
def test_what_is_too_large_is_made_smaller() -> None:
    wide = pictures.jpeg(pictures.scene((9000, 6000)), quality=40)
    image = shown(_images.load(wide, limit=LIMIT))
    assert max(image.size) <= 4500 and differences(image, Made("smaller", b"")) == []
    heavy = pictures.jpeg(pictures.scene((3000, 2000)), quality=100).ljust(200_000, b"\0")
    assert len(_images.load(heavy, limit=150_000).data) <= 150_000
    clear = pictures.save(pictures.scene((4000, 3600), (0, 0, 0, 0)), "PNG")
    image = shown(_images.load(clear, limit=LIMIT))
    assert image.mode == "RGBA" and max(image.size) == 2800


@pytest.mark.long
def test_an_animation_is_not_made_to_stand_still() -> None:
    frames = {"save_all": True, "append_images": [Image.new("RGB", (3000, 2800))]}
    moving = pictures.save(pictures.scene((3000, 2800)), "GIF", **frames)
    with pytest.raises(errors.FileTooLargeError, match="3000 by 2800 pixels"):
        _images.load(moving, limit=LIMIT)
