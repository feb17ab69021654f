"""The page as people see it: in a browser, on a desk and a phone, by day and by night, with and without eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.functions.render.conftest import Job, Render
from tests.functions.render.letters import answer, difficult, newsletter

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
MIDNIGHT = {"paper": "#12131a", "ink": "#f2efe6", "accent": "#e8b64c"}
RISO = {"paper": "#fbf6ea", "ink": "#1f3a5f", "accent": "#e4572e"}

Look = Callable[..., Page]


@pytest.fixture
def look(browser: Browser, render: Render, tmp_path: Path) -> Iterator[Look]:
    """Render a job and open the page; whatever it asks the network for, or complains of, fails the test."""
    complaints: list[str] = []
    contexts = []

    def look(job: Job, *, viewport: dict[str, int] = DESK, **options: Any) -> Page:
        path = tmp_path / "letter.html"
        answered = render(job | {"page": str(path)})
        assert answered["pageProblems"] == []
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url),
        )
        page.add_init_script("window.steal = () => console.error('A script ran.')")
        page.goto(path.as_uri())
        page.evaluate("document.fonts.ready")
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe finds wrong."""
    found = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in found for node in violation["nodes"]]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(
    ("options", "theme", "paper"),
    [
        ({"color_scheme": "light"}, None, "rgb(251, 248, 241)"),
        ({"color_scheme": "dark"}, None, "rgb(25, 23, 20)"),
        ({"color_scheme": "light"}, MIDNIGHT, "rgb(18, 19, 26)"),
        ({"color_scheme": "dark"}, RISO, "rgb(251, 246, 234)"),
    ],
    ids=["light", "dark", "midnight", "riso"],
)
def test_the_page_is_whole_and_accessible(
    look: Look, book_club: Job, tmp_path: Path, viewport: Any, options: Any, theme: Any, paper: str
) -> None:
    page = look(book_club | {"theme": theme}, viewport=viewport, **options)
    assert background(page) == paper
    assert overflow(page) <= 0
    assert page.evaluate("[...document.images].every((image) => (image.loading = 'eager', true))")
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("document.fonts.check('16px Literata', 'aяλ')")
    assert violations(page) == []
    screenshot = page.screenshot(full_page=True, path=tmp_path / "letter.png")
    assert len(screenshot) > 50_000


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
