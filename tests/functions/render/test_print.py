"""The page on paper: what a browser prints."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pypdfium2
import pytest
from pypdf import PdfReader

from tests.functions.render.conftest import MIDNIGHT, PICTURES, Job, Look, background
from tests.functions.render.newsletters import newsletter_row, response_row
from tests.functions.render.paper import texts


def test_print_is_dark_on_white_whatever_the_screen_is(look: Look, book_club: Job) -> None:
    page = look(book_club | {"theme": MIDNIGHT}, color_scheme="dark")
    page.emulate_media(media="print")
    assert background(page) == "rgb(255, 255, 255)"
    assert not page.get_by_role("navigation").is_visible()


class Place(NamedTuple):
    """Where a text begins."""

    page: int
    left: float
    bottom: float


def place(path: Path, text: str) -> Place:
    """Find a text that is there once."""
    document = pypdfium2.PdfDocument(path)
    found = []
    for number, page in enumerate(document):
        read = page.get_textpage()
        if (at := read.search(text).get_next()) is not None:
            left, bottom, *_ = read.get_charbox(at[0])
            found.append(Place(number, left, bottom))
    document.close()
    (only,) = found
    return only


@pytest.mark.long
def test_a_printed_page_keeps_words_with_their_picture_and_numbers_its_pages(look: Look, tmp_path: Path) -> None:
    responses = [
        response_row("Ada", "w " * 400),
        *(response_row(f"Reader {index}", f"One line, {index}.") for index in range(6)),
        *(response_row(f"Painter {index}", f"First {index}. " + "w " * 150, image_path="a") for index in range(4)),
        *(response_row(f"Sitter {index}", f"Beside {index}. " + "w " * 30, image_path="a") for index in range(3)),
    ]
    job = {
        "newsletter": newsletter_row({"Well?": responses}),
        "pictures": {"responses": {"a": str(PICTURES / "tall.jpg")}},
    }
    path = tmp_path / "printed.pdf"
    page = look(job)
    page.emulate_media(media="print")
    page.pdf(path=path, prefer_css_page_size=True, format="A4")
    pages = PdfReader(path).pages
    assert len(pages) > 3
    for number, (sheet, read) in enumerate(zip(pages, texts(path), strict=True), start=1):
        text = " ".join(read.split())
        assert f"{number} / {len(pages)}" in text
        drawn = {image.name for image in sheet.images}
        assert ("First" in text or "Beside" in text) == bool(drawn)
        assert sum(f"First {index}." in text for index in range(4)) <= 2
    places = [place(path, f"One line, {index}.") for index in range(6)]
    steps = {round(upper.bottom - lower.bottom) for upper, lower in pairwise(places) if upper.page == lower.page}
    assert steps in ({55}, {56}, {55, 56})
    one, other, alone = (place(path, f"Beside {index}.") for index in range(3))
    # Portraits of two in a row stand side by side.
    assert (one.page, round(one.bottom)) == (other.page, round(other.bottom))
    assert other.left - one.left > 150
    assert round(alone.left) == round(one.left)
    assert len(pages[-1].images) > 0, "what ends the letter is not alone"


def test_a_printed_page_does_not_part_few_words_from_their_picture(look: Look, tmp_path: Path) -> None:
    responses = []
    for index in range(6):
        # Below this there is room for the words, and not for the picture.
        responses.append(response_row(f"Ada {index}", "w\n" * (18 + index)))
        few = f"Begun {index}. {'w ' * 60}\n\nAnd."
        responses.append(response_row(f"Boris {index}", few, image_path="a", image_caption=f"Ended {index}."))
    pictures = {"responses": {"a": str(PICTURES / "cover.jpg")}}
    path = tmp_path / "printed.pdf"
    page = look({"newsletter": newsletter_row({"Well?": responses}), "pictures": pictures})
    page.emulate_media(media="print")
    page.pdf(path=path, prefer_css_page_size=True, format="A4")
    for index in range(6):
        assert place(path, f"Begun {index}.").page == place(path, f"Ended {index}.").page


def test_the_seal_of_a_printed_page_is_whole_on_either_side(look: Look) -> None:
    week = newsletter_row({"Well?": [response_row("Ada", "Yes.")]})
    for language in ("en", "ar"):
        week["content"]["space"]["language"] = language
        page = look({"newsletter": week})
        page.emulate_media(media="print")
        left, right = page.evaluate(
            """() => {
              const [seal, row] = ['.seal', '.masthead .row'].map((name) => document.querySelector(name));
              const [one, other] = [seal, row].map((element) => element.getBoundingClientRect());
              return [one.left - other.left, other.right - one.right];
            }"""
        )
        # Its outer ring is four pixels around it.
        assert min(left, right) >= 4, language


def test_a_printed_page_has_room_for_two_pictures(look: Look, shapes: dict[str, str], tmp_path: Path) -> None:
    words = "This one is from the ferry. We were late, as always, and Hugo had lost the tickets; then he found them."
    rows = [response_row(f"Ada {index}", words, image_path="wide", image_caption=f"No. {index}") for index in range(5)]
    week = newsletter_row({"What did you see?": rows})
    week["content"]["space"]["cover_path"] = "cover"
    path = tmp_path / "printed.pdf"
    page = look({"newsletter": week, "pictures": {"cover": shapes["wide"], "responses": {"wide": shapes["wide"]}}})
    page.emulate_media(media="print")
    page.pdf(path=path, prefer_css_page_size=True, format="A4")
    # The cover is one of them.
    assert [text.count("No.") for text in texts(path)] == [1, 2, 2]
