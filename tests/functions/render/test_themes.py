"""The themes on pages, paper and in emails: each is distinct, and readable."""

from __future__ import annotations

import ctypes
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from monogram_sdk.models.themes import READABLE, contrast
from monogram_sdk.themes import THEMES
from tests.functions.render.conftest import Render
from tests.functions.render.newsletters import newsletter_row, prose, response_row
from tests.functions.render.scripts import SAMPLES

LETTER = newsletter_row(
    {
        "A question?": [
            response_row("Ada", "Short."),
            response_row("Ben", "Once " + prose(400, 1)),
            response_row("Carl", prose(300, 2)),
        ],
        "Another?": [response_row("Dora", "> a quote\n\nwww.example.org")],
        "And one more?": [response_row("Eva", None, music={"url": "https://example.org", "title": "A piece"})],
    },
    intro="For all of you.",
)

# Every text that is seen, its colour, and the colour behind it.
TEXTS = """
() => {
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const ground = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(ground)) return ground;
    }
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || element.closest('.skip') || element.classList.contains('numeral')) continue;
    found.push([getComputedStyle(element).color, behind(element)]);
  }
  return found;
}
"""

LOOK = """
(initial) => {
  const style = (selector, pseudo) => {
    const element = document.querySelector(selector);
    const { color, backgroundColor, fontStyle, border, maskImage, float, fontSize } = getComputedStyle(element, pseudo);
    return [color, backgroundColor, fontStyle, border, maskImage, float, fontSize].join();
  };
  const between = getComputedStyle(document.querySelector('.response + .response'));
  return {
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    accent: getComputedStyle(document.querySelector('.seal')).borderColor,
    numerals: document.querySelector('.numeral').textContent + style('.numeral'),
    ornament: style('.response + .response', '::before') + between.backgroundImage,
    initial: document.querySelectorAll('.initial').length + style('.response + .response p', initial),
  };
}
"""


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    window = browser.new_page(viewport={"width": 900, "height": 900})
    yield window
    window.close()


def colour(rgb: str) -> str:
    red, green, blue = (int(part) for part in rgb[4:-1].split(","))
    return f"#{red:02x}{green:02x}{blue:02x}"


@pytest.mark.long
@pytest.mark.parametrize("name", list(THEMES))
def test_a_theme_can_be_read_by_day_and_by_night(window: Page, render: Render, tmp_path: Path, name: str) -> None:
    path = tmp_path / "letter.html"
    render({"newsletter": LETTER, "theme": THEMES[name].metadata(), "page": str(path)})
    theme = THEMES[name]
    for scheme, colours in (("light", theme), ("dark", theme.dark or theme)):
        window.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        window.goto(path.as_uri())
        texts = window.evaluate(TEXTS)
        assert len(texts) > 20
        for text, ground in texts:
            assert contrast(colour(text), colour(ground)) >= READABLE, (scheme, text, ground)
        assert colour(window.evaluate("getComputedStyle(document.body).backgroundColor")) == colours.paper
        assert colour(window.evaluate("getComputedStyle(document.body).color")) == colours.ink
        # Numerals are large; other text may not be as faint as they.
        accent = colour(window.evaluate("getComputedStyle(document.querySelector('.numeral')).color"))
        assert contrast(accent, colours.paper) >= 3
        assert Axe().run(window).response["violations"] == []


@pytest.mark.long
def test_no_two_themes_look_alike(window: Page, render: Render, tmp_path: Path) -> None:
    path = tmp_path / "letter.html"
    looks = {}
    for name, theme in {"own": None, **THEMES}.items():
        render({"newsletter": LETTER, "theme": theme and theme.metadata(), "page": str(path)})
        for scheme in ("light", "dark"):
            window.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            window.goto(path.as_uri())
            looks[name, scheme] = window.evaluate(LOOK, "::first-letter")
    for one, other in itertools.combinations(looks, 2):
        if one[1] != other[1]:
            continue
        differ = [part for part in looks[one] if looks[one][part] != looks[other][part]]
        # Colours alone do not make a theme.
        assert {"paper", "ink", "accent"} < set(differ), (one, other, differ)
    initials = {name: looks[name, "light"]["initial"][0] for name in ("own", *THEMES)}
    assert initials == {"own": "0", "midnight": "0", "riso": "1", "herbarium": "1", "ledger": "0", "blossom": "1"}


def test_a_hundred_responses_in_three_alphabets_are_light(render: Render, tmp_path: Path) -> None:
    path = tmp_path / "letter.html"
    samples = [SAMPLES[script] for script in ("latin", "cyrillic", "greek")]
    responses = [
        response_row(f"{name} {index}", (f"{text} " * 20)[:1000])
        for index, (name, text) in enumerate(samples[index % 3] for index in range(100))
    ]
    prompts = {f"Question {number}?": responses[number::10] for number in range(10)}
    for theme in (None, *THEMES.values()):
        render({"newsletter": newsletter_row(prompts), "theme": theme and theme.metadata(), "page": str(path)})
        assert path.stat().st_size < 400_000


class Drawn(NamedTuple):
    """What a PDF has besides words."""

    numeral: tuple[str, str, int]
    """The first, its style, and its size."""
    ornaments: Counter[tuple[int, int]]
    """Width and height of the small drawings between responses."""
    initials: list[int]
    """The heights of the characters that are drawings."""


def drawn(path: Path) -> Drawn:
    ornaments: Counter[tuple[int, int]] = Counter()
    initials: list[int] = []
    numerals: list[tuple[str, str, int]] = []
    with closing(pypdfium2.PdfDocument(path)) as document:
        for page in document:
            words = page.get_textpage()
            for index in range(words.count_chars()):
                name, size = ctypes.create_string_buffer(100), pdfium.FPDFText_GetFontSize(words.raw, index)
                pdfium.FPDFText_GetFontInfo(words.raw, index, name, 100, ctypes.c_int())
                sign = words.get_text_range(index, 1)
                if sign in "1I" and size > 14:
                    numerals.append((sign, name.value.decode().split("-")[-1], round(size)))
            for thing in page.get_objects([pdfium.FPDF_PAGEOBJ_PATH]):
                filled, stroked = ctypes.c_int(), ctypes.c_int()
                pdfium.FPDFPath_GetDrawMode(thing.raw, filled, stroked)
                left, bottom, right, top = thing.get_bounds()
                width, height = right - left, top - bottom
                kind = (filled.value > 0, stroked.value > 0)
                is_small = 3 < width < 12 and 3 < height < 12
                if (kind == (True, False) and is_small) or (kind == (False, True) and width > 40 and height < 15):
                    ornaments[round(width), round(height)] += 1
                elif kind == (True, False) and 5 < width < 40 and 12 < height < 30:
                    initials.append(round(height))
    return Drawn(numerals[0], ornaments, initials)


def test_themes_differ_on_paper_and_in_emails_as_on_the_page(render: Render, tmp_path: Path) -> None:
    pdf, email = tmp_path / "letter.pdf", {"html": str(tmp_path / "mail.html"), "text": str(tmp_path / "mail.txt")}
    papers: dict[str, Drawn] = {}
    emails: dict[str, tuple[str | None, bool, str | None]] = {}
    for name, theme in {"own": None, **THEMES}.items():
        render({"newsletter": LETTER, "theme": theme and theme.metadata(), "pdf": str(pdf), "mail": email})
        papers[name] = drawn(pdf)
        # The rest of the word carries the character that is a drawing.
        with closing(pypdfium2.PdfDocument(pdf)) as document:
            assert "Once " in "".join(page.get_textpage().get_text_range() for page in document)
        html = Path(email["html"]).read_text()
        between = re.search(r">(•\xa0•\xa0•|◆|⁂|~~~)<", html)
        begins = re.search(r'<span class="link" style="(float|font-size)', html)
        emails[name] = (between and between[1], 'class="ring' in html, begins and begins[1])
        assert (">I</p>" in html) == (name == "herbarium")
        assert ("font-style:italic;color" in html.split("<h2")[0]) == (name in ("midnight", "blossom"))
    # A raised initial is as high as a capital of 2.5 times the size; a round one goes beyond.
    none: Counter[tuple[int, int]] = Counter()
    assert papers == {
        "own": Drawn(("1", "Regular", 36), none, []),
        "midnight": Drawn(("1", "Italic", 36), Counter({(8, 8): 2}), []),
        "riso": Drawn(("1", "Regular", 36), Counter({(4, 4): 6}), [24]),
        "herbarium": Drawn(("I", "Regular", 25), Counter({(44, 13): 2}), [19]),
        "ledger": Drawn(("1", "Regular", 16), none, []),
        "blossom": Drawn(("1", "Italic", 36), Counter({(4, 4): 6}), [24]),
    }
    assert emails == {
        "own": (None, False, None),
        "midnight": ("◆", False, None),
        "riso": ("•\xa0•\xa0•", False, "float"),
        "herbarium": ("~~~", False, "font-size"),
        "ledger": (None, True, None),
        "blossom": ("⁂", False, "float"),
    }
