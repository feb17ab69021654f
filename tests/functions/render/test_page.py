"""The page as people see it: in a browser, on a desk and a phone, by day and by night, and with a screen reader."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.functions.render.conftest import DESK, MIDNIGHT, NARROW, PHONE, Job, Look, background
from tests.functions.render.newsletters import difficult, newsletter_row, response_row
from tests.functions.render.scripts import LINED, MARKED, SAMPLES, UNKNOWN

RISO = {"paper": "#fbf6ea", "ink": "#1f3a5f", "accent": "#e4572e"}


def violations(page: Page) -> list[str]:
    """What axe finds wrong."""
    # What is touched is large enough, too.
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in found for node in violation["nodes"]]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("theme", "papers"),
    [
        (None, {"light": "rgb(251, 248, 241)", "dark": "rgb(25, 23, 20)"}),
        pytest.param(MIDNIGHT, {"light": "rgb(18, 19, 26)"}, marks=pytest.mark.long),
        pytest.param(RISO, {"dark": "rgb(251, 246, 234)"}, marks=pytest.mark.long),
    ],
    ids=["paper", "midnight", "riso"],
)
def test_the_page_is_whole_and_accessible(
    look: Look, book_club: Job, tmp_path: Path, theme: Any, papers: dict[Any, str]
) -> None:
    page = look(book_club | {"theme": theme})
    assert page.evaluate("[...document.images].every((image) => (image.loading = 'eager', true))")
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("document.fonts.check('16px Literata', 'aяλ')")
    for scheme, paper in papers.items():
        page.emulate_media(color_scheme=scheme)
        for viewport in (DESK, PHONE):
            page.set_viewport_size(viewport)
            assert background(page) == paper
            assert overflow(page) <= 0, viewport
            assert violations(page) == [], viewport
            screenshot = page.screenshot(full_page=True, path=tmp_path / f"{scheme}-{viewport['width']}.png")
            assert len(screenshot) > 50_000, viewport


AROUND = {
    "previous": {"address": "https://letters.example/1", "week": 11, "title": "A long title, with much in it"},
    "next": {"address": "https://letters.example/3", "week": 13, "title": "三四郎"},
    "all": "https://letters.example/spaces/1",
    "feed": {"address": "https://letters.example/spaces/1/feed.atom", "title": "Letters"},
}


@pytest.mark.long
def test_the_links_to_other_newsletters_are_seen_and_heard(look: Look, book_club: Job) -> None:
    page = look(book_club | {"around": AROUND})
    ways = page.get_by_role("navigation", name="Other letters")
    assert ways.get_by_role("link").all_inner_texts() == [
        "Previous letter\nWeek 11\nA long title, with much in it",
        "Next letter\nWeek 13\n三四郎",
        "All letters",
    ]
    for viewport in (DESK, NARROW):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            assert overflow(page) <= 0
            assert violations(page) == []


@pytest.mark.long
def test_the_page_of_all_newsletters_is_whole_and_accessible(look: Look, tmp_path: Path) -> None:
    titles = ["Trams and lichens", "x" * 150, "שבוע", "Test Readers, week 2", "One"]
    newsletters = [
        {
            "id": f"{week}",
            "title": title,
            "intro": None,
            "week_number": week,
            "published_at": f"202{week}-11-22T18:30:00+00:00",
            "redacted_at": None,
        }
        for week, title in enumerate(titles, start=3)
    ]
    space = {"id": "1", "name": "The Lamp-Lit Reading Circle", "description": "By lamp light.", "created_at": "2020"}
    path = tmp_path / "all.html"
    page = look(
        {
            "newsletter": newsletter_row({}),
            "archive": {"page": str(path), "given": {"space": space, "newsletters": newsletters}},
        }
    )
    page.goto(path.as_uri())
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["2023", "2024", "2025", "2026", "2027"]
    for viewport in (DESK, NARROW):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            assert overflow(page) <= 0
            assert violations(page) == []


# Characters that Literata has, but not in the style that they are shown in; and how many it has in that style.
UNHELD = """
() => {
  const faces = [...document.fonts].map(({ style, weight, unicodeRange }) => ({
    style,
    weight,
    ranges: unicodeRange.split(',').map((range) => range.trim().slice(2).split('-').map((hex) => parseInt(hex, 16))),
  }));
  const holds = ({ ranges }, code) => ranges.some(([first, last = first]) => code >= first && code <= last);
  let held = 0;
  const unheld = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { fontStyle, fontWeight } = getComputedStyle(texts.currentNode.parentElement);
    for (const character of texts.currentNode.data) {
      const able = faces.filter((face) => holds(face, character.codePointAt(0)));
      if (able.some(({ style, weight }) => style === fontStyle && weight === fontWeight)) held++;
      else if (able.length > 0) unheld.add(`${character} ${fontStyle} ${fontWeight}`);
    }
  }
  return [held, ...unheld];
}
"""


def test_the_typeface_is_held_in_each_style_that_is_shown(look: Look, book_club: Job) -> None:
    written = " ".join(SAMPLES[script].text for script in ("latin", "cyrillic", "greek"))
    music = {"url": "https://example.org", "provider": "x", "title": written, "artist": written}
    responses = [response_row(SAMPLES["greek"].name, f"{written}\n\n> {written}", music=music, image_path="lost")]
    responses[0]["image_caption"] = written
    thin = newsletter_row({written: responses, "None?": []}, title=written, intro=written)
    thin["content"]["space"] |= {"name": "Łódź", "description": written}
    for job in (book_club, {"newsletter": thin}, {"newsletter": newsletter_row({written: []}, intro=written)}):
        held, *unheld = look(job).evaluate(UNHELD)
        assert (held > 100, unheld) == (True, [])


# Characters of which nothing is seen.
UNSEEN = """
([characters, styles]) => {
  const families = getComputedStyle(document.querySelector('.words')).fontFamily;
  const canvas = new OffscreenCanvas(60, 60).getContext('2d', { willReadFrequently: true });
  return styles.flatMap((style) => {
    canvas.font = `${style} 30px ${families}`;
    return characters.filter((character) => {
      canvas.clearRect(0, 0, 60, 60);
      canvas.fillText(character, 15, 40);
      return !canvas.getImageData(0, 0, 60, 60).data.some((value) => value > 0);
    }).map((character) => [style, character]);
  });
}
"""


def test_what_no_typeface_has_is_seen_as_a_box(look: Look) -> None:
    page = look({"newsletter": newsletter_row({"Well?": [response_row("Ada", " ".join(UNKNOWN))]})})
    characters = [*UNKNOWN, *LINED.replace(" ", ""), *MARKED.replace(" ", "")]
    styles = ["400", "600", "italic 400"]
    for style in styles:
        page.evaluate("style => document.fonts.load(`${style} 30px Literata`, 'a')", style)
    assert page.evaluate(UNSEEN, [characters, styles]) == []
    assert page.evaluate(UNSEEN, [["\u200b"], ["400"]]) == [["400", "\u200b"]], "What is not seen is found."


# Words, outside of what people wrote, that go over more than one line.
TORN = """
() => [...document.querySelectorAll('.issue, .contents, .around, .colophon')].flatMap((element) => {
  const torn = [];
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const { index, 0: word } of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, index);
      range.setEnd(texts.currentNode, index + word.length);
      const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
      if (new Set(tops).size > 1) torn.push(word);
    }
  }
  return torn;
})
"""


def test_no_word_is_torn_on_a_narrow_screen(look: Look, book_club: Job) -> None:
    page = look(book_club | {"around": AROUND})
    for width in range(300, 400, 10):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate(TORN) == [], width


def test_no_name_is_torn_in_the_margin(look: Look) -> None:
    names = [
        "Hubert Schwarzenegger",
        "Sofia Konstantinopoulou",
        "Wilhelmina Featherstonehaugh",
        "Dr. Maximilian-Alexander Freiherr von und zu Hohenstein-Waldburg",
        "Ольга Ивановна",
    ]
    page = look({"newsletter": newsletter_row({"Who?": [response_row(name, "I.") for name in names]})})
    torn = TORN.replace(".issue, .contents, .around, .colophon", "h3")
    for media in ("screen", "print"):
        page.emulate_media(media=media)  # type: ignore[arg-type]
        assert page.evaluate(torn) == [], media
    parted = "Rechtsschutzversicherungsgesellschaft"
    page = look({"newsletter": newsletter_row({"Who?": [response_row(parted, "I.")]})})
    assert page.locator("h3").inner_text().replace("\u00ad", "") == parted
    assert page.locator("h3").evaluate("(name) => name.scrollWidth <= name.clientWidth")


def test_the_page_has_landmarks_and_headings_in_order(look: Look, book_club: Job) -> None:
    page = look(book_club)
    for landmark in ("banner", "main", "navigation", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark  # type: ignore[arg-type]
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((heading) => +heading.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.get_by_role("article", name="Boris Yelnikov").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"


def test_every_picture_says_what_it_is(look: Look, book_club: Job) -> None:
    page = look(book_club)
    assert page.get_by_role("img", name="Picture by Dmitri, in answer to “Show us where you read.”").count() == 1
    assert page.get_by_role("img", name="Cover picture of The Lamp-Lit Reading Circle").count() == 1
    # The faces stand beside their names.
    assert page.evaluate("[...document.querySelectorAll('img.avatar')].every((image) => image.alt === '')")


def test_the_keyboard_finds_the_newsletter_first(look: Look, book_club: Job) -> None:
    page = look(book_club)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the letter"
    box = page.locator(":focus").bounding_box()
    assert box is not None and box["x"] >= 0


def test_the_contents_lead_to_the_questions(look: Look, book_club: Job) -> None:
    page = look(book_club)
    page.get_by_role("navigation").get_by_role("link", name="Which sentence stayed with you?").click()
    assert page.locator(":target").text_content() == "Which sentence stayed with you?"


def test_nothing_that_was_written_runs_or_loads(look: Look, markup_attempts: list[str]) -> None:
    responses = [
        response_row(attempt, attempt, music={"url": attempt, "provider": attempt, "title": attempt, "artist": attempt})
        for attempt in markup_attempts
    ]
    page = look(
        {"newsletter": newsletter_row({attempt: responses[:2] for attempt in markup_attempts} | {"All": responses})}
    )
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelectorAll('script, iframe, object, embed, form, input, base').length") == 0


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_difficult_words_stay_in_their_column(look: Look, viewport: Any) -> None:
    page = look({"newsletter": difficult()}, viewport=viewport)
    assert overflow(page) <= 0
    assert violations(page) == []
    assert page.locator("p[dir=rtl]").first.evaluate("(p) => getComputedStyle(p).direction") == "rtl"


def test_a_page_from_right_to_left_has_its_rules_where_words_begin(look: Look) -> None:
    week = newsletter_row({"ماذا قرأت؟": [response_row("ليلى", "كتابا."), response_row("Ada", "A book.")]})
    week["content"]["space"]["language"] = "ar"
    page = look({"newsletter": week})
    second = page.locator(".response + .response")
    place = second.evaluate("(element) => getComputedStyle(element).backgroundPosition")
    assert place == "calc(100% - 156px) 0px"


def test_a_narrow_page_hyphenates_prose_of_which_the_language_is_known(look: Look) -> None:
    prose = "They said that the train would be late, and so we went on reading until the lamps were lit."
    response = response_row(
        "Ada", f"{prose}\n\nwww.example.org\n\nA line,\n  {prose[:60]}\n\n" + SAMPLES["japanese"].text
    )
    page = look({"newsletter": newsletter_row({prose: [response]})}, viewport=NARROW)
    hyphens = "(element) => getComputedStyle(element).hyphens"
    for selector, expected in {"p[lang=en]": "auto", ".verse": "manual", "[lang=ja]": "manual", "h2": "manual"}.items():
        assert page.locator(selector).first.evaluate(hyphens) == expected, selector
    assert page.get_by_role("link", name="www.example.org").evaluate(hyphens) == "manual"
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    assert page.locator("p[lang=en]").first.evaluate(hyphens) == "manual"


@pytest.mark.parametrize(
    "prompts",
    [
        {},
        {"What did you read?": []},
        {f"Question {number}?": [response_row("Ada", "Yes.")] for number in range(10)},
        {"Only music?": [response_row("Ada", None, music={"url": "https://example.org/1"})]},
        {"Only a picture, and it is lost?": [response_row("Ada", None, image_path="lost.jpg")]},
    ],
    ids=["no prompts", "no answers", "ten prompts", "only music", "only a lost picture"],
)
def test_thin_weeks_and_full_ones_are_pages_too(look: Look, prompts: dict[str, Any]) -> None:
    page = look({"newsletter": newsletter_row(prompts)}, viewport=PHONE)
    assert violations(page) == []
    assert overflow(page) <= 0
