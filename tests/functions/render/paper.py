"""Reads the pages of a PDF: where its lines, words and pictures are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from tests.functions.render.test_pdf import elements

COLOPHON = "Written together with Monogram"
GRID = 15.8
MARGIN = 40


@dataclass(frozen=True)
class Line:
    """A line of text on a page, in points from its lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


def lines(path: Path) -> list[list[Line]]:
    """The lines of each page, in the order in which a program reads them."""
    document = pypdfium2.PdfDocument(path)
    pages = []
    for page in document:
        text = page.get_textpage()
        boxes = [text.get_rect(index) for index in range(text.count_rects())]
        pages.append([Line(text.get_text_bounded(*box).strip(), *box) for box in boxes])
    document.close()
    return pages


def texts(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return pages


def page_of(pdf: PdfReader, element: DictionaryObject) -> int:
    """The page, from 0, on which a structure element has its content."""
    kid = element["/K"]
    kid = kid[0] if isinstance(kid, list) else kid
    kid = kid.get_object()
    holder = kid if isinstance(kid, DictionaryObject) and "/Pg" in kid else element
    reference = holder.raw_get("/Pg")
    return next(index for index, page in enumerate(pdf.pages) if page.indirect_reference == reference)


def figures(pdf: PdfReader) -> dict[str, DictionaryObject]:
    return {str(element["/Alt"]): element for element in elements(pdf) if element["/S"] == "/Figure"}


def box(figure: DictionaryObject) -> tuple[float, float]:
    """Width and height of a figure."""
    left, bottom, right, top = (float(value) for value in figure["/A"]["/BBox"])
    return right - left, top - bottom


def tokens(count: int, who: str) -> str:
    """Words that are each once in a newsletter."""
    return " ".join(f"{who}w{index:03d}" for index in range(count))
