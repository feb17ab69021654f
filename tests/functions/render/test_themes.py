"""The themes as pages: each looks like itself and like no other, and can be read by day and by night."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from monogram_sdk.models.themes import READABLE, contrast
from monogram_sdk.themes import THEMES
from tests.functions.render.conftest import Render
from tests.functions.render.letters import answer, newsletter, prose
from tests.functions.render.scripts import SAMPLES
from tests.support.long import long

LETTER = newsletter(
    {
        "A question?": [answer("Ada", "Short."), answer("Ben", "Once " + prose(400, 1)), answer("Carl", prose(300, 2))],
        "Another?": [answer("Dora", "> a quote\n\nwww.example.org")],
        "And one more?": [answer("Eva", None, music={"url": "https://example.org", "title": "A piece"})],
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
() => {
  const style = (selector, pseudo) => {
    const element = document.querySelector(selector);
    const { color, backgroundColor, fontStyle, border, maskImage, float, fontSize } = getComputedStyle(element, pseudo);
    return [color, backgroundColor, fontStyle, border, maskImage, float, fontSize].join();
  };
  const between = getComputedStyle(document.querySelector('.answer + .answer'));
  return {
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    accent: getComputedStyle(document.querySelector('.seal')).borderColor,
    numerals: document.querySelector('.numeral').textContent + style('.numeral'),
    ornament: style('.answer + .answer', '::before') + between.backgroundImage,
    initial: document.querySelectorAll('.initial').length + style('.answer + .answer p', '::first-letter'),
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


@pytest.mark.parametrize("name", ["herbarium", *long(*(name for name in THEMES if name != "herbarium"))])
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
            looks[name, scheme] = window.evaluate(LOOK)
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
    answers = [
        answer(f"{name} {index}", (f"{text} " * 20)[:1000])
        for index, (name, text) in enumerate(samples[index % 3] for index in range(100))
    ]
    prompts = {f"Question {number}?": answers[number::10] for number in range(10)}
    for theme in (None, *THEMES.values()):
        render({"newsletter": newsletter(prompts), "theme": theme and theme.metadata(), "page": str(path)})
        assert path.stat().st_size < 400_000
