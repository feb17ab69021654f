"""The page as people see it: in a browser, on a desk and a phone, by day and by night, with and without eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page
from pypdf import PdfReader

from tests.functions.render.conftest import PICTURES, Job, Render
from tests.functions.render.letters import answer, difficult, newsletter
from tests.functions.render.scripts import LINED, MARKED, SAMPLES, UNKNOWN
from tests.functions.render.test_paper import texts

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
NARROW = {"width": 320, "height": 640}
MIDNIGHT = {"paper": "#12131a", "ink": "#f2efe6", "accent": "#e8b64c"}
RISO = {"paper": "#fbf6ea", "ink": "#1f3a5f", "accent": "#e4572e"}

Look = Callable[..., Page]


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page of the browser for one letter after another; a page for each would be a process for each."""
    window = browser.new_page()
    window.add_init_script("window.steal = () => console.error('A script ran.')")
    yield window
    window.close()


@pytest.fixture
def look(window: Page, render: Render, tmp_path: Path) -> Iterator[Look]:
    """Render a job and open the page; whatever it asks the network for, or complains of, fails the test."""
    complaints: list[str] = []

    def note(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    listeners: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "dialog": note,
        "request": lambda request: (
            None if request.url.startswith(("file:", "data:")) else complaints.append(request.url)
        ),
    }
    for event, listener in listeners.items():
        window.on(event, listener)

    def look(job: Job, *, viewport: Any = DESK, color_scheme: Any = "light") -> Page:
        path = tmp_path / "letter.html"
        answered = render(job | {"page": str(path)})
        assert answered["pageProblems"] == []
        window.set_viewport_size(viewport)
        window.emulate_media(media="screen", color_scheme=color_scheme)
        window.goto(path.as_uri())
        window.evaluate("document.fonts.ready")
        return window

    yield look
    window.wait_for_load_state()
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe finds wrong."""
    # What is touched is large enough, too.
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in found for node in violation["nodes"]]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


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
def test_the_ways_to_other_letters_are_seen_and_heard(look: Look, book_club: Job) -> None:
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
def test_the_page_of_all_letters_is_whole_and_accessible(look: Look, tmp_path: Path) -> None:
    titles = ["Trams and lichens", "x" * 150, "שבוע", "Test Readers, week 2", "One"]
    letters = [
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
        {"newsletter": newsletter({}), "archive": {"page": str(path), "given": {"space": space, "letters": letters}}}
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
    answers = [answer(SAMPLES["greek"].name, f"{written}\n\n> {written}", music=music, image_path="lost")]
    answers[0]["image_caption"] = written
    thin = newsletter({written: answers, "None?": []}, title=written, intro=written)
    thin["content"]["space"] |= {"name": "Łódź", "description": written}
    for job in (book_club, {"newsletter": thin}, {"newsletter": newsletter({written: []}, intro=written)}):
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
    page = look({"newsletter": newsletter({"Well?": [answer("Ada", " ".join(UNKNOWN))]})})
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


def test_the_keyboard_finds_the_letter_first(look: Look, book_club: Job) -> None:
    page = look(book_club)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the letter"
    box = page.locator(":focus").bounding_box()
    assert box is not None and box["x"] >= 0


def test_the_contents_lead_to_the_questions(look: Look, book_club: Job) -> None:
    page = look(book_club)
    page.get_by_role("navigation").get_by_role("link", name="Which sentence stayed with you?").click()
    assert page.locator(":target").text_content() == "Which sentence stayed with you?"


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
    answers = [
        answer("Ada", "w " * 400),
        *(answer(f"Reader {index}", f"One line, {index}.") for index in range(6)),
        *(answer(f"Painter {index}", f"First {index}. " + "w " * 150, image_path="a") for index in range(4)),
        *(answer(f"Sitter {index}", f"Beside {index}. " + "w " * 30, image_path="a") for index in range(3)),
    ]
    job = {"newsletter": newsletter({"Well?": answers}), "pictures": {"responses": {"a": str(PICTURES / "tall.jpg")}}}
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
        assert sum(f"First {index}." in text for index in range(4)) <= 1
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
    answers = []
    for index in range(6):
        # Below this there is room for the words, and not for the picture.
        answers.append(answer(f"Ada {index}", "w\n" * (18 + index)))
        few = f"Begun {index}. {'w ' * 60}\n\nAnd."
        answers.append(answer(f"Boris {index}", few, image_path="a", image_caption=f"Ended {index}."))
    pictures = {"responses": {"a": str(PICTURES / "cover.jpg")}}
    path = tmp_path / "printed.pdf"
    page = look({"newsletter": newsletter({"Well?": answers}), "pictures": pictures})
    page.emulate_media(media="print")
    page.pdf(path=path, prefer_css_page_size=True, format="A4")
    for index in range(6):
        assert place(path, f"Begun {index}.").page == place(path, f"Ended {index}.").page


def test_nothing_that_was_written_runs_or_loads(look: Look, markup_attempts: list[str]) -> None:
    answers = [
        answer(attempt, attempt, music={"url": attempt, "provider": attempt, "title": attempt, "artist": attempt})
        for attempt in markup_attempts
    ]
    page = look({"newsletter": newsletter({attempt: answers[:2] for attempt in markup_attempts} | {"All": answers})})
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelectorAll('script, iframe, object, embed, form, input, base').length") == 0


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_difficult_words_stay_in_their_column(look: Look, viewport: Any) -> None:
    page = look({"newsletter": difficult()}, viewport=viewport)
    assert overflow(page) <= 0
    assert violations(page) == []
    assert page.locator("p[dir=rtl]").first.evaluate("(p) => getComputedStyle(p).direction") == "rtl"


def test_a_page_from_right_to_left_has_its_rules_where_words_begin(look: Look) -> None:
    week = newsletter({"ماذا قرأت؟": [answer("ليلى", "كتابا."), answer("Ada", "A book.")]})
    week["content"]["space"]["language"] = "ar"
    page = look({"newsletter": week})
    place = page.locator(".answer + .answer").evaluate("(answer) => getComputedStyle(answer).backgroundPosition")
    assert place == "calc(100% - 156px) 0px"


def test_a_narrow_page_hyphenates_prose_of_which_the_language_is_known(look: Look) -> None:
    prose = "They said that the train would be late, and so we went on reading until the lamps were lit."
    response = answer("Ada", f"{prose}\n\nwww.example.org\n\nA line,\n  {prose[:60]}\n\n" + SAMPLES["japanese"].text)
    page = look({"newsletter": newsletter({prose: [response]})}, viewport=NARROW)
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
        {f"Question {number}?": [answer("Ada", "Yes.")] for number in range(10)},
        {"Only music?": [answer("Ada", None, music={"url": "https://example.org/1"})]},
        {"Only a picture, and it is lost?": [answer("Ada", None, image_path="lost.jpg")]},
    ],
    ids=["no prompts", "no answers", "ten prompts", "only music", "only a lost picture"],
)
def test_thin_weeks_and_full_ones_are_pages_too(look: Look, prompts: dict[str, Any]) -> None:
    page = look({"newsletter": newsletter(prompts)}, viewport=PHONE)
    assert violations(page) == []
    assert overflow(page) <= 0
