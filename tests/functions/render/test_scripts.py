"""Every script of a newsletter in its PDF: nothing is missing, and what is copied out of it is what was written."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pypdf import PdfReader
from pypdf.generic import ContentStream

from tests.functions.render.conftest import Job, Render, Renderer
from tests.functions.render.newsletters import newsletter_row, response_row
from tests.functions.render.scripts import BIDIRECTIONAL, EMOJI, LINED, MARKED, SAMPLES, UNKNOWN, VOCALISED
from tests.functions.render.test_pdf import elements

RIGHT_TO_LEFT = {"arabic", "hebrew"}

# What programs add to show a direction that the text itself does not say.
INVISIBLE = dict.fromkeys(
    map(ord, "\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)


def same(text: str) -> str:
    """Return what has to be equal: lines end where there is room, so white space is not counted."""
    return "".join(unicodedata.normalize("NFC", text.translate(INVISIBLE)).split())


def poppler(path: Path) -> str:
    reply = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, text=True, check=True)
    return reply.stdout


def pdfium(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return "\n".join(pages)


def everything() -> Job:
    """A newsletter with every script in names, titles, questions and responses."""
    responses = [response_row(name, text) for name, text in SAMPLES.values()]
    questions = {
        "Scripts? שאלה, سؤال, प्रश्न, คำถาม, 問い, 질문 🎉": responses,
        "קראתי את Middlemarch השבוע?": [response_row(name, text) for name, text in BIDIRECTIONAL.items()],
        "🚋?": [response_row("Emo 🦊 Ji", " ".join(EMOJI)), response_row("نور", VOCALISED["arabic"])],
    }
    return {"newsletter": newsletter_row(questions, title="Many scripts: شكرا, תודה, धन्यवाद, 感谢, ありがとう")}


def one(render: Render, folder: Path, name: str, text: str) -> Path:
    path = folder / "letter.pdf"
    rendered = render({"newsletter": newsletter_row({"Well?": [response_row(name, text)]}), "pdf": str(path)})
    assert rendered["unset"] == []
    return path


def test_nothing_is_missing(render: Render, tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    assert render(everything() | {"pdf": str(path)})["unset"] == []
    assert glyphs_shown(path) > 1500


def glyphs_shown(path: Path) -> int:
    """How many glyphs a PDF shows, each of which is there."""
    pdf = PdfReader(path)
    shown = 0
    for page in pdf.pages:
        content = page.get_contents()
        assert content is not None
        kinds = {name: font.get_object()["/Subtype"] for name, font in page["/Resources"]["/Font"].items()}
        kind = ""
        for operands, operator in ContentStream(content, pdf).operations:
            if operator == b"Tf":
                kind = kinds[operands[0]]
            for part in glyphs(operands, operator):
                codes = [part[at : at + 2] for at in range(0, len(part), 2)] if kind == "/Type0" else list(part)
                assert b"\0\0" not in codes and 0 not in codes, "There is a glyph for what has no glyph."
                shown += len(codes)
    return shown


def glyphs(operands: list[Any], operator: bytes) -> list[bytes]:
    """The codes that an operator shows, as bytes."""
    if operator not in (b"Tj", b"TJ"):
        return []
    parts = operands[0] if operator == b"TJ" else operands
    return [part.original_bytes for part in parts if hasattr(part, "original_bytes")]


def test_what_no_typeface_has_is_a_box_and_marks_on_characters_are_drawn(render: Render, tmp_path: Path) -> None:
    """Everything that is left out is reported."""
    path = tmp_path / "letter.pdf"

    def drawn(text: str) -> tuple[str, int]:
        """What is said to be unset, and how many outlines there are: a line is one, a box above a character two."""
        result = render({"newsletter": newsletter_row({"Well?": [response_row("Ada", text)]}), "pdf": str(path)})
        assert same(text) in same(pdfium(path)), "It cannot be copied."
        assert glyphs_shown(path) >= len(text.split())
        content = PdfReader(path).pages[0].get_contents()
        assert content is not None
        operators = [operator for _, operator in ContentStream(content, None).operations]
        return "".join(unset["characters"] for unset in result["unset"]), operators.count(b"h")

    _, plain = drawn("Plain.")
    for text, wanted, figures in ((" ".join(UNKNOWN), "".join(UNKNOWN), 0), (LINED, "", 11), (MARKED, MARKED, 6)):
        unset, boxes = drawn(text)
        assert (unset, boxes - plain) == (wanted.replace(" ", ""), figures)


@pytest.mark.parametrize("script", SAMPLES)
def test_text_comes_out_as_it_was_written(render: Render, tmp_path: Path, script: str) -> None:
    name, text = SAMPLES[script]
    path = one(render, tmp_path, name, text)
    for read in (pdfium, poppler):
        found = same(read(path))
        assert same(name) in found, read
        if script in RIGHT_TO_LEFT and read is poppler:
            # It takes a whole page to run one way: in a newsletter in English the parts of a Hebrew sentence before and
            # after a comma change places.
            assert all(word in found for word in re.findall(r"\w+", text)), read
        else:
            assert same(text) in found, read


@pytest.mark.parametrize("kind", BIDIRECTIONAL)
def test_every_word_of_what_runs_both_ways_comes_out(render: Render, tmp_path: Path, kind: str) -> None:
    text = BIDIRECTIONAL[kind]
    path = one(render, tmp_path, "Ada", text)
    for read in (pdfium, poppler):
        found = same(read(path))
        assert all(word in found for word in re.findall(r"\w+", text)), (read, found)


@pytest.mark.parametrize("script", VOCALISED)
def test_vocalised_text_comes_out(render: Render, tmp_path: Path, script: str) -> None:
    """A known limit: a vowel mark of Arabic before a full stop comes after it."""
    text = VOCALISED[script]
    found = same(pdfium(one(render, tmp_path, "Ada", text)))
    assert same(text if script == "hebrew" else text.rpartition(" ")[0]) in found
    assert without_marks(same(text)) in without_marks(found)


def without_marks(text: str) -> str:
    return "".join(
        newsletter for newsletter in unicodedata.normalize("NFD", text) if not unicodedata.combining(newsletter)
    )


def test_emoji_come_out_whole_and_in_order(render: Render, tmp_path: Path) -> None:
    text = " and ".join(EMOJI)
    path = one(render, tmp_path, "Emo 🦊 Ji", text)
    for read in (pdfium, poppler):
        found = same(read(path))
        assert same("Emo 🦊 Ji") in found
        assert same(text) in found
    pdf = PdfReader(path)
    kinds = [font.get_object()["/Subtype"] for page in pdf.pages for font in page["/Resources"]["/Font"].values()]
    assert "/Type3" in kinds


def test_more_emoji_than_a_font_has_room_for(render: Render, tmp_path: Path) -> None:
    faces = [chr(code) for code in [*range(0x1F300, 0x1F321), *range(0x1F330, 0x1F394), *range(0x1F400, 0x1F4FE)]]
    path = one(render, tmp_path, "Ada", "".join(faces))
    assert same("".join(faces)) in same(pdfium(path))


@pytest.mark.long
def test_a_newsletter_is_the_same_whatever_was_rendered_before(
    fresh_render: Callable[[], Renderer], tmp_path: Path
) -> None:
    """Typefaces stay loaded; what another newsletter needed must not change this one."""
    job = {
        "newsletter": newsletter_row({"日?": [response_row("김 三", "㐀 한국 三 ✓ ☺ ≈ 🎉 שלום")]}),
        "pdf": str(tmp_path / "a.pdf"),
    }
    render = fresh_render()
    first = render(job)
    before = (tmp_path / "a.pdf").read_bytes()
    render(everything() | {"pdf": str(tmp_path / "b.pdf")})
    assert render(job)["unset"] == first["unset"]
    assert (tmp_path / "a.pdf").read_bytes() == before


def test_what_is_in_another_script_says_its_language(render: Render, tmp_path: Path) -> None:
    path = one(render, tmp_path, "佐藤さくら", SAMPLES["hebrew"].text)
    languages = [(str(element["/S"]), element["/Lang"]) for element in elements(PdfReader(path)) if "/Lang" in element]
    assert languages == [("/H3", "ja"), ("/P", "he")]


def test_what_is_set_by_something_like_it_comes_out_as_it_was_written(render: Render, tmp_path: Path) -> None:
    # A character with a mark of its own does not lend it to the same character without it.
    text = "n\u0308, ⅓ of a co\u2011op, nine \uff21s, s\u0336o\u0336"
    path = one(render, tmp_path, "Ada", text)
    for read in (pdfium, poppler):
        assert text.replace(" ", "") in "".join(read(path).split()), read
