"""The PDF as other programs read it: its text, its structure, its links, its fonts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pypdf import PdfReader
from pypdf.generic import ContentStream, DictionaryObject, IndirectObject

from tests.functions.render.conftest import PICTURES, Job, Render, Renderer
from tests.functions.render.newsletters import newsletter_row, prose, response_row

MIDNIGHT = {"paper": "#12131a", "ink": "#f2efe6", "accent": "#e8b64c"}


@pytest.fixture(params=["A4", "LETTER"])
def pdf(request: pytest.FixtureRequest, render: Render, book_club: Job, tmp_path: Path) -> PdfReader:
    """The book club's newsletter on both papers."""
    path = tmp_path / "letter.pdf"
    result = render(book_club | {"pdf": str(path), "size": request.param})
    assert result["pdfProblems"] == []
    return PdfReader(path)


def read(render: Render, folder: Path, job: Job) -> PdfReader:
    path = folder / "letter.pdf"
    render(job | {"pdf": str(path)})
    return PdfReader(path)


def words(pdf: PdfReader) -> str:
    """All the text, with white space made even."""
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def elements(pdf: PdfReader) -> list[DictionaryObject]:
    """The structure elements, in reading order."""
    found: list[DictionaryObject] = []

    def walk(node: Any) -> None:
        node = node.get_object() if isinstance(node, IndirectObject) else node
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, DictionaryObject):
            if "/S" in node:
                found.append(node)
            if "/K" in node:
                walk(node["/K"])

    walk(pdf.trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


def test_it_says_what_it_is(pdf: PdfReader) -> None:
    assert pdf.metadata is not None
    assert pdf.metadata.title == "The Lamp-Lit Reading Circle, week 12"
    said = {key: pdf.metadata.raw_get(key).get_object() for key in pdf.metadata}
    assert said["/Author"] == "The Lamp-Lit Reading Circle"
    assert said["/CreationDate"] == "D:20261122183000Z"
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_data()


def test_its_text_can_be_read_back_in_every_script(pdf: PdfReader) -> None:
    text = words(pdf)
    for part in (
        "The Lamp-Lit Reading Circle",
        "Week 12 · 22 November 2026 · Questions by Boris Yelnikov",
        "Half of «Мастер и Маргарита», mostly on trams.",
        "Рукописи не горят.",
        "Καβάφης, ένα ποίημα κάθε πρωί, όρθια, πριν από τον καφέ.",
        "Chloé Marchetti",
        "Shutters, Opening",
        "No answer to this one in this letter.",
    ):
        assert part in text


def test_pages_are_numbered(pdf: PdfReader) -> None:
    assert "1 / " not in pdf.pages[0].extract_text(), "a front page has no number"
    for number, page in list(enumerate(pdf.pages, start=1))[1:]:
        assert f"{number} / {len(pdf.pages)}" in " ".join(page.extract_text().split())


def test_it_has_a_bookmark_for_each_question(pdf: PdfReader) -> None:
    titles = [str(item.title) for item in pdf.outline if not isinstance(item, list)]
    assert titles[2].startswith(
        "3. If this week\u2019s book had one song, which would it be, and at what point in the story"
    )
    assert titles[:2] + titles[3:] == [
        "1. What did you read this week?",
        "2. Show us where you read.",
        "4. Which sentence stayed with you?",
        "5. What shall we read next?",
    ]


def test_its_structure_is_tagged(pdf: PdfReader) -> None:
    found = elements(pdf)
    kinds = Counter(element["/S"] for element in found)
    assert kinds["/Document"] == 1
    assert (kinds["/H1"], kinds["/H2"], kinds["/H3"]) == (1, 5, 9)
    assert kinds["/Art"] == 9
    assert kinds["/BlockQuote"] == 1
    alternatives = [element["/Alt"] for element in found if element["/S"] == "/Figure"]
    assert alternatives == [
        "Cover picture of The Lamp-Lit Reading Circle",
        "The tram on the long bridge, an hour before the library opens",
        "Picture by Dmitri, in answer to “Show us where you read.”",
    ]


def test_everything_on_a_page_is_tagged_or_marked_as_decoration(pdf: PdfReader) -> None:
    painting = {b"Tj", b"TJ", b"Do", b"f", b"F", b"f*", b"S", b"s", b"B", b"b"}
    for page in pdf.pages:
        content = page.get_contents()
        assert content is not None
        depth = 0
        for _, operator in ContentStream(content, pdf).operations:
            if operator in (b"BMC", b"BDC"):
                depth += 1
            elif operator == b"EMC":
                depth -= 1
            elif operator in painting:
                assert depth > 0, operator
        assert depth == 0


def test_its_links_lead_to_the_web_and_say_where(pdf: PdfReader) -> None:
    addresses = set()
    for page in pdf.pages:
        for reference in page.get("/Annots", []):
            annotation = reference.get_object()
            if "/URI" in annotation["/A"]:
                addresses.add(annotation["/A"]["/URI"])
            assert annotation["/Contents"]
            assert "/StructParent" in annotation
    assert addresses == {
        "https://example.org/patriarch-ponds",
        "https://example.com/track/shutters",
        "https://example.com/track/7",
        "https://letters.example.org/lamp-lit/12",
    }


def test_its_fonts_are_inside_and_only_as_much_of_them_as_it_needs(pdf: PdfReader) -> None:
    names = set()
    for page in pdf.pages:
        for font in page["/Resources"]["/Font"].values():
            assert "/ToUnicode" in font.get_object()
            if font.get_object()["/Subtype"] == "/Type3":
                continue
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            assert "/FontFile2" in descendant["/FontDescriptor"]
            assert len(descendant["/FontDescriptor"]["/FontFile2"].get_data()) < 40_000
            names.add(str(font.get_object()["/BaseFont"]).split("+")[1])
    literata = {"Literata-Regular", "Literata-Italic", "Literata-SemiBold"}
    assert names == literata | {"NotoSerifHebrew-Regular", "NotoSerifSCExtraLight-Regular"}


def test_a_character_without_a_font_is_a_box_that_still_says_what_it_is(
    fresh_render: Callable[[], Renderer], tmp_path: Path
) -> None:
    text = "a \ue123\ue124 and 三 here"
    path = tmp_path / "letter.pdf"
    job = {"newsletter": newsletter_row({"Well?": [response_row("Ada", text)]}), "pdf": str(path), "typefaces": False}
    # Typefaces that were loaded once stay loaded.
    assert fresh_render()(job)["unset"] == [
        {"typeface": None, "characters": "\ue123\ue124"},
        {"typeface": "Noto Serif SC", "characters": "三"},
    ]
    document = pypdfium2.PdfDocument(path)
    page = document[0]
    words = page.get_textpage()
    assert text in words.get_text_range()
    picture = page.render(scale=4).to_pil().convert("L")
    for character in "\ue123\ue124三":
        index = words.get_text_range().index(character)
        left, bottom, right, top = (round(4 * value) for value in words.get_charbox(index))
        box = picture.crop((left - 1, picture.height - top - 1, right + 1, picture.height - bottom + 1))
        assert box.getextrema()[0] < 160 and box.width > 10, "There is nothing to see."
    document.close()


def test_paper_has_its_size(pdf: PdfReader, request: pytest.FixtureRequest) -> None:
    box = pdf.pages[0].mediabox
    expected = {"A4": (595.28, 841.89), "LETTER": (612, 792)}[request.node.callspec.params["pdf"]]
    assert (float(box.width), float(box.height)) == pytest.approx(expected)


def fills(pdf: PdfReader) -> set[str]:
    """The colours that something is filled with on the first page."""
    content = pdf.pages[0].get_contents()
    assert content is not None
    return {
        "#" + "".join(f"{round(float(value) * 255):02x}" for value in operands)
        for operands, operator in ContentStream(content, pdf).operations
        if operator in (b"scn", b"rg") and len(operands) == 3
    }


def test_a_theme_is_printed_on_white_with_its_accent_and_on_request_as_on_the_screen(
    render: Render, book_club: Job, tmp_path: Path
) -> None:
    own = fills(read(render, tmp_path, book_club))
    printed = fills(read(render, tmp_path, book_club | {"theme": MIDNIGHT}))
    # Of a theme that is light on dark the ink would not be seen.
    assert {"#221d18"} <= own & printed and "#12131a" not in printed
    assert "#a63d2a" in own - printed, "Monogram's own accent"
    screen = fills(read(render, tmp_path, book_club | {"theme": MIDNIGHT, "paper": "screen"}))
    assert {"#12131a", "#f2efe6", "#e8b64c"} <= screen


def test_pictures_of_every_kind_are_in_it_upright_and_once(render: Render, tmp_path: Path) -> None:
    names = ["tall.jpg", "sideways.jpg", "opaque.png", "shelf.png", "dusk.webp", "ball.gif"]
    responses = [response_row(name, None, image_path=name) for name in [*names, "tall.jpg"]]
    job = {
        "newsletter": newsletter_row({"Pictures?": responses}),
        "pictures": {"responses": {name: str(PICTURES / name) for name in names}},
    }
    pdf = read(render, tmp_path, job)
    images = {
        reference.idnum: (image["/Width"], image["/Height"])
        for page in pdf.pages
        for reference, image in (
            (raw, raw.get_object()) for raw in page["/Resources"].get("/XObject", DictionaryObject()).values()
        )
    }
    # The one that lies on its side is turned when it is drawn.
    assert Counter(images.values()) == Counter(
        [(900, 1100), (600, 900), (480, 360), (480, 360), (600, 400), (160, 120)]
    )
    figures = [element for element in elements(pdf) if element["/S"] == "/Figure"]
    assert len(figures) == 7
    x1, y1, x2, y2 = (float(value) for value in figures[1]["/A"]["/BBox"])
    assert (x2 - x1) > (y2 - y1)


def test_ten_thousand_characters_run_over_pages_without_loss(render: Render, tmp_path: Path) -> None:
    text = prose(10_000, 5)
    pdf = read(render, tmp_path, {"newsletter": newsletter_row({"Well?": [response_row("Ada", text)]})})
    assert len(pdf.pages) >= 3
    footers = {f"Test Readers · Week 7 {number} / {len(pdf.pages)}" for number in range(1, len(pdf.pages) + 1)}
    found = words(pdf)
    for furniture in [*footers, "Ada, continued"]:
        found = found.replace(f" {furniture}", "")
    assert " ".join(text.split()) in found


def test_one_that_is_too_long_says_so_and_keeps_short_responses_whole(render: Render, tmp_path: Path) -> None:
    """The longest responses are cut to one length, and it says so, with the address of the page."""
    page, path = "https://letters.example.org/7", tmp_path / "newsletter.pdf"
    long = [response_row(f"Reader {index}", prose(10_000, index)) for index in range(25)]
    short = [response_row(f"Guest {index}", f"{prose(300, index)} The end of {index}.") for index in range(10)]

    def text(*responses: dict[str, Any]) -> str:
        render({"newsletter": newsletter_row({"Why?": list(responses)}), "links": {"page": page}, "pdf": str(path)})
        with pypdfium2.PdfDocument(path) as pdf:
            return " ".join(" ".join(page.get_textpage().get_text_bounded() for page in pdf).split())

    shortened = text(*long, *short)
    notice = f"This is a very long letter, so some answers are cut short here. Read on the web: {page}"
    assert shortened.index(notice) < shortened.index("Reader 0")
    assert shortened.count("Continue on the web") == 25
    assert all(f"The end of {index}." in shortened for index in range(10))
    whole = text(*long[:22], *short)
    assert "cut short" not in whole and "Continue on the web" not in whole
