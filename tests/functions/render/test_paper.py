"""The layout of a newsletter in its PDF: what stays together, the contents, and that nothing overlaps."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from tests.functions.render.conftest import SHAPES, Job, Render
from tests.functions.render.newsletters import newsletter_row, prose, response_row
from tests.functions.render.paper import (
    COLOPHON,
    GRID,
    MARGIN,
    box,
    figures,
    lines,
    page_of,
    texts,
    tokens,
)
from tests.functions.render.test_pdf import elements

responses = st.fixed_dictionaries(
    {
        "words": st.one_of(st.integers(0, 4), st.integers(0, 60), st.integers(0, 700)),
        "paragraphs": st.integers(1, 6),
        "shape": st.sampled_from([None, None, *SHAPES]),
        "caption": st.booleans(),
        "music": st.sampled_from([False, False, False, True]),
        "name": st.sampled_from(["Chloé", "Ada Lindqvist", "Friederike von Hohenzollern-Sigmaringen", "三郎"]),
    }
)


def newsletter(prompts: list[list[dict[str, Any]]], shapes: dict[str, str], *, intro: int, cover: bool) -> Job:
    """A newsletter of which each word and each picture is there once."""
    questions: dict[str, list[dict[str, Any]]] = {}
    for number, given_responses in enumerate(prompts):
        responses = []
        for index, given_response in enumerate(given_responses):
            who = f"q{number}r{index}"
            words = tokens(given_response["words"], who).split()
            share = -(-len(words) // given_response["paragraphs"]) or 1
            content = "\n\n".join(" ".join(words[at : at + share]) for at in range(0, len(words), share))
            shape = given_response["shape"]
            music = {"url": "https://example.com/7", "provider": "Bandcamp", "title": f"{who}m", "artist": None}
            responses.append(
                response_row(
                    given_response["name"],
                    content or None,
                    image_path=shape,
                    image_caption=f"{who}c" if shape and given_response["caption"] else None,
                    music=music if given_response["music"] or not (words or shape) else None,
                )
            )
        questions[f"{' '.join(prose(30 + 40 * number, number).split())} {number}?"] = responses
    row = newsletter_row(questions, intro=tokens(intro, "intro") or None)
    row["content"]["space"]["cover_path"] = "cover" if cover else None
    pictures = {"responses": shapes, "cover": shapes["wide"] if cover else None}
    return {"newsletter": row, "pictures": pictures, "links": {"page": "https://letters.example.org/7"}}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prompts=st.lists(st.lists(responses, max_size=6), min_size=1, max_size=4),
    size=st.sampled_from(["A4", "LETTER"]),
    intro=st.sampled_from([0, 0, 30, 400]),
    cover=st.booleans(),
)
def test_nothing_is_over_anything_or_off_the_page_and_every_word_is_there_once(
    render: Render,
    shapes: dict[str, str],
    tmp_path: Path,
    prompts: list[list[dict[str, Any]]],
    size: str,
    intro: int,
    cover: bool,
) -> None:
    job = newsletter(prompts, shapes, intro=intro, cover=cover)
    path = tmp_path / "letter.pdf"
    assert render(job | {"pdf": str(path), "size": size})["pdfProblems"] == []
    read = texts(path)
    pages = lines(path)
    pdf = PdfReader(path)
    width, height = (float(value) for value in pdf.pages[0].mediabox[2:])

    # Each word once, and in the order in which it was written.
    wanted = re.findall(r"\b(?:intro|q\dr\d)w\d{3}\b", " ".join([str(job["newsletter"]["intro"]), *contents(job)]))
    found = re.findall(r"(?:intro|q\dr\d)w\d{3}", re.sub(r"\s", " ", "\n".join(read)))
    assert found == wanted
    for said in (one for one in re.findall(r"q\dr\d[cm]\b", str(job["newsletter"]["content"]))):
        assert "\n".join(read).count(said) == 1

    for page in pages:
        for line in page:
            assert MARGIN < line.left and line.right < width - MARGIN, line
            assert 30 < line.bottom and line.top < height - 30, line
        for index, one in enumerate(page):
            for other in page[index + 1 :]:
                overlap = min(one.top, other.top) - max(one.bottom, other.bottom)
                beside = min(one.right, other.right) - max(one.left, other.left)
                lower = min(one.top - one.bottom, other.top - other.bottom)
                assert beside < 0.5 or overlap < lower * 0.4, (one, other)

    # What ends the newsletter is not alone, and the numbers of the contents are true.
    (last,) = [number for number, text in enumerate(read) if COLOPHON in text]
    assert last == len(read) - 1
    beside_it = re.sub(rf"{COLOPHON}|Read on the web|Test Readers · Week 7|\d+ / \d+|.*, continued", "", read[last])
    assert beside_it.strip() or last in {page_of(pdf, figure) for figure in figures(pdf).values()}
    if len(read) >= 3:
        check_contents(pdf, read, list(job["newsletter"]["content"]["prompts"]))
    else:
        assert "/TOC" not in {element["/S"] for element in elements(pdf)}


def contents(job: Job) -> list[str]:
    prompts = job["newsletter"]["content"]["prompts"]
    return [response["content"] or "" for prompt in prompts for response in prompt["responses"]]


def check_contents(pdf: PdfReader, read: list[str], prompts: list[dict[str, Any]]) -> None:
    """The front page has the questions with the pages on which they are, and leads there; so do the bookmarks."""
    front = " ".join(read[0].split())
    marks = [item for item in pdf.outline if not isinstance(item, list)]
    links = [link.get_object() for link in pdf.pages[0]["/Annots"]]
    for number, prompt in enumerate(prompts, start=1):
        question = prompt["question"]
        destination = pdf.named_destinations[f"q{number}"]
        page = pdf.get_destination_page_number(destination)
        assert page is not None and page > 0
        assert re.sub(r"\s", "", question) in re.sub(r"\s", "", read[page])
        assert f"{number} {question} {page + 1}" in front
        assert pdf.get_destination_page_number(marks[number - 1]) == page
        assert links[number - 1]["/A"]["/S"] == "/GoTo" and links[number - 1]["/A"]["/D"] == f"q{number}"
        assert links[number - 1]["/Contents"] == question


def one(render: Render, folder: Path, job: Job) -> tuple[PdfReader, list[str]]:
    path = folder / "letter.pdf"
    assert render(job | {"pdf": str(path)})["pdfProblems"] == []
    return PdfReader(path), texts(path)


def test_words_are_on_the_page_of_their_picture_and_their_music(
    render: Render, shapes: dict[str, str], tmp_path: Path
) -> None:
    music = {"url": "https://example.com/7", "provider": "Bandcamp", "title": "Shutters", "artist": None}
    for before in range(4, 44, 3):
        responses = [
            response_row("Ada", tokens(before * 6, "before")),
            response_row("Chloé", tokens(30, "with"), image_path="wide", music=music),
            response_row("Boris", tokens(160, "long"), image_path="tall"),
            response_row("Dmitri", tokens(30 + before, "some"), image_path="wide"),
        ]
        job = {"newsletter": newsletter_row({"Well?": responses}), "pictures": {"responses": shapes}}
        pdf, read = one(render, tmp_path, job)
        found = figures(pdf)
        short, long, some = (
            page_of(pdf, found[f"Picture by {name}, in answer to “Well?”"]) for name in ("Chloé", "Boris", "Dmitri")
        )
        assert len(re.findall(r"withw\d+", read[short])) == 30 and "Shutters" in read[short]
        # From four lines to ten, all are with their picture.
        assert len(re.findall(r"somew\d+", read[some])) == 30 + before
        # Of many words the last few lines are with the picture.
        assert "longw159" in read[long] and len(re.findall(r"longw\d+", read[long])) >= 15
        for name, (width, height) in {"Chloé": (800, 533), "Boris": (600, 800), "Dmitri": (800, 533)}.items():
            drawn = box(found[f"Picture by {name}, in answer to “Well?”"])
            assert drawn[0] / drawn[1] == pytest.approx(width / height, rel=0.01)
            full = min(373.28 / width, 400 / height, 0.75)
            assert full * 0.6 <= drawn[0] / width + 0.001 and drawn[0] / width <= full + 0.001


def test_a_response_that_goes_on_says_so_above_the_next_page(render: Render, tmp_path: Path) -> None:
    job = {
        "newsletter": newsletter_row(
            {"Well?": [response_row("Chloé", tokens(900, "long")), response_row("Ada", "Short.")]}
        )
    }
    _, read = one(render, tmp_path, job)
    assert len(read) >= 3
    going_on = [number for number, text in enumerate(read) if "Chloé, continued" in text]
    first = next(number for number, text in enumerate(read) if "longw000" in text)
    last = next(number for number, text in enumerate(read) if "longw899" in text)
    assert going_on == list(range(first + 1, last + 1))
    assert not any("Ada, continued" in text for text in read)


def test_portraits_stand_in_pairs_of_one_height(render: Render, shapes: dict[str, str], tmp_path: Path) -> None:
    responses = [response_row(name, "A word or two.", image_path="tall") for name in ("Ada", "Boris", "Chloé")]
    job = {"newsletter": newsletter_row({"Who?": responses}), "pictures": {"responses": shapes}}
    pdf, read = one(render, tmp_path, job)
    boxes = {alt.split()[2]: figure["/A"]["/BBox"] for alt, figure in figures(pdf).items()}
    (ada, boris, chloé) = ([float(value) for value in boxes[f"{name},"]] for name in ("Ada", "Boris", "Chloé"))
    assert (ada[1], ada[3]) == (boris[1], boris[3]), "side by side"
    assert ada[2] < boris[0]
    assert chloé[3] > ada[3] or len(read) > 1, "the third has no other"
    assert read[0].count("A word or two.") == 3 or len(read) > 1


def test_a_picture_of_a_screen_takes_up_to_a_page(render: Render, shapes: dict[str, str], tmp_path: Path) -> None:
    for before, pages, lowest, highest in ((0, 1, 420, 460), (40, 1, 290, 420), (200, 2, 600, 650)):
        responses = [response_row("Ada", tokens(before, "a"))] if before else []
        responses.append(response_row("Boris", "Mine.", image_path="screen"))
        job = {"newsletter": newsletter_row({"Well?": responses}), "pictures": {"responses": shapes}}
        pdf, read = one(render, tmp_path, job)
        (figure,) = figures(pdf).values()
        assert (page_of(pdf, figure), len(read)) == (pages - 1, pages) and "Mine." in read[pages - 1]
        assert lowest < box(figure)[1] < highest


def test_responses_of_one_line_take_about_54_points(render: Render, tmp_path: Path) -> None:
    responses = [response_row(f"Reader {index}", f"One line, number {index}.") for index in range(8)]
    path = tmp_path / "letter.pdf"
    render({"newsletter": newsletter_row({"Well?": responses}), "pdf": str(path)})
    tops = [line.bottom for line in lines(path)[0] if line.text.startswith("One line")]
    assert [round(upper - lower, 1) for upper, lower in pairwise(tops)] == [55.3] * 7


def test_body_text_stands_on_a_grid(render: Render, tmp_path: Path) -> None:
    responses = [
        response_row("Ada", "x" + tokens(150, "x")),
        response_row("Boris", "Brief."),
        response_row("Chloé", "\n\n".join(["x x x x x x x x x x x x x x x x x x x x x x x x x x"] * 4)),
    ]
    path = tmp_path / "letter.pdf"
    render({"newsletter": newsletter_row({"Well?": responses, "And?": [responses[0], responses[2]]}), "pdf": str(path)})
    for page in lines(path):
        places = [(841.89 - 62 - line.bottom) % GRID for line in page if re.fullmatch(r"(x[xw\d]* ?)+", line.text)]
        assert places
        assert max(places) - min(places) < 0.2 or max(places) - min(places) > GRID - 0.2


def test_a_line_separates_two_responses_on_one_page_only(render: Render, tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    responses = [response_row(name, tokens(260, name.lower())) for name in ("Ada", "Boris", "Chloé", "Dmitri")]
    render({"newsletter": newsletter_row({"Well?": responses}), "pdf": str(path)})
    separators = 0
    read = texts(path)
    for page, text in zip(PdfReader(path).pages, read, strict=True):
        drawn = page.get_contents()
        assert drawn is not None
        here = len(re.findall(rb"(?m)^160 [\d.]+ 30 0\.6 re", drawn.get_data()))
        starts = sum(f"{name.lower()}w000" in text for name in ("Ada", "Boris", "Chloé", "Dmitri"))
        goes_on = ", continued" in text
        assert here == max(0, starts - (0 if goes_on else 1))
        separators += here
    assert 0 < separators < 4


def test_lists_and_verse_keep_their_form(render: Render, tmp_path: Path) -> None:
    listed = "1. one\n2. two, which goes on until it does not fit on one line of this column, and on\n  - below"
    verse = "The lamp is lit,\n    the kettle on\nand nobody here."
    path = tmp_path / "letter.pdf"
    job = {
        "newsletter": newsletter_row({"Well?": [response_row("Ada", listed), response_row("Boris", verse)]}),
        "pdf": str(path),
    }
    render(job)
    left = {line.text.split()[0]: line.left for page in lines(path) for line in page if line.text}
    assert left["one"] == pytest.approx(left["two,"], abs=1.5), "numbers hang before their items"
    assert left["below"] > left["one"] + 10
    assert left["The"] + 5 < left["the"] and left["and"] > 0
    kinds = [element["/S"] for element in elements(PdfReader(path))]
    assert (kinds.count("/L"), kinds.count("/LI"), kinds.count("/Lbl"), kinds.count("/LBody")) == (2, 3, 3, 3)


def test_a_picture_leads_to_its_original(render: Render, book_club: Job, tmp_path: Path) -> None:
    pdf, _ = one(render, tmp_path, book_club | {"originals": "https://letters.example.org/originals"})
    found = {
        annotation.get_object()["/A"]["/URI"]
        for page in pdf.pages
        for annotation in page.get("/Annots", [])
        if "/URI" in annotation.get_object()["/A"]
    }
    assert {address for address in found if "originals" in address} == {
        f"https://letters.example.org/originals/{path}" for path in book_club["pictures"]["responses"]
    }


def test_a_newsletter_from_right_to_left_is_mirrored(render: Render, tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    arabic = "قرأت هذا الأسبوع كتابا عن البحر. "
    prompts = {"ماذا قرأت؟": [response_row("ليلى", arabic * 150)], "وأين؟": [response_row("نور", arabic * 150)]}
    newsletter = newsletter_row(prompts, title="رسالة")
    newsletter["content"]["space"] |= {"name": "أصدقاء", "language": "ar"}
    render({"newsletter": newsletter, "pdf": str(path)})
    front, second, *_ = lines(path)
    width = 595.28
    # The seal's characters, the title and who writes begin at the right; the numbers of pages are at the left.
    title = max(front, key=lambda line: line.top - line.bottom)
    assert width - 55 < title.right < width - 45
    # Two of the pages, and the numeral of the second question.
    pages = sorted(line.left for line in front if line.text in ("2", "3", "4"))
    assert pages[1] < 60 and pages[2] > width - 70
    (numeral,) = (line for line in second if line.text == "1")
    assert numeral.left > width - 80
    words = [line for line in second if "البحر" in line.text]
    assert max(line.right for line in words) < width - 155 and min(line.left for line in words) < 75
    assert min(line.left for line in second if line.bottom < 50) < 75
    sheet = tmp_path / "keepsake.pdf"
    # The author of words from right to left stands where they begin, in a newsletter of any language.
    render({"newsletter": newsletter_row({"What?": [response_row("ليلى", arabic)]}), "keepsake": str(sheet)})
    ((*_, name),) = ([line for line in page if "ليلى" in line.text] for page in lines(sheet))
    assert name.left > 419.53 / 2
