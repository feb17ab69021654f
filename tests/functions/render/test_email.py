"""The email as mail programs get it: through a message and back, wide and narrow, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.functions.render.conftest import Job, Render
from tests.functions.render.newsletters import difficult, newsletter_row, prose, response_row

UNSUBSCRIBE = {"space": "https://letters.example.org/u/1?a=1&b=2", "all": "https://letters.example.org/u/2"}


class Elements(HTMLParser):
    """Collects the elements of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def with_addresses(job: Job) -> Job:
    """The same job with pictures on the web, as an email has them."""
    pictures = {
        kind: {path: f"https://pictures.example.org/{path}" for path in job["pictures"][kind]}
        for kind in ("responses", "avatars")
    }
    return job | {
        "pictures": pictures | {"cover": "https://pictures.example.org/cover.jpg"},
        "unsubscribe": UNSUBSCRIBE,
    }


def send(render: Render, folder: Path, job: Job) -> tuple[EmailMessage, dict[str, Any]]:
    """Render an email, put it into a message, and read that back as a mail program would."""
    paths = {"html": str(folder / "mail.html"), "text": str(folder / "mail.txt")}
    result = render(job | {"mail": paths})
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = result["subject"]
    message.set_content(Path(paths["text"]).read_text())
    message.add_alternative(Path(paths["html"]).read_text(), subtype="html")
    received = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(received, EmailMessage)
    return received, result


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    assert body is not None
    return body.get_content()


def test_both_parts_arrive_with_everything_in_them(render: Render, book_club: Job, tmp_path: Path) -> None:
    message, result = send(render, tmp_path, with_addresses(book_club))
    assert message["Subject"] == "The Lamp-Lit Reading Circle, week 12"
    assert not result["abridged"]
    for kind in ("html", "plain"):
        content = part(message, kind)
        for words in (
            "Half of «Мастер и Маргарита», mostly on trams.",
            "Καβάφης, ένα ποίημα κάθε πρωί",
            "קראתי לאט",
            "Shutters, Opening",
            "https://letters.example.org/lamp-lit/12.pdf",
            "No more email from The Lamp-Lit Reading Circle",
        ):
            assert words in content


def test_the_html_asks_for_nothing_but_the_pictures(render: Render, book_club: Job, tmp_path: Path) -> None:
    message, _ = send(render, tmp_path, with_addresses(book_club))
    parser = Elements()
    parser.feed(part(message, "html"))
    tags = {tag for tag, _ in parser.found}
    assert not tags & {"script", "link", "form", "iframe", "object", "svg", "video"}
    images = [attributes for tag, attributes in parser.found if tag == "img"]
    assert len(images) == 6
    for image in images:
        assert (image["src"] or "").startswith("https://pictures.example.org/")
        assert "alt" in image
    tables = [attributes for tag, attributes in parser.found if tag == "table"]
    assert all(table["role"] == "presentation" for table in tables)
    assert "url(" not in part(message, "html")


def test_pictures_without_an_address_are_links(render: Render, book_club: Job, tmp_path: Path) -> None:
    message, _ = send(render, tmp_path, book_club)
    assert "<img" not in part(message, "html")
    assert "See the picture by Dmitri on the web" in part(message, "html")


def test_the_longest_possible_newsletter_is_not_clipped(render: Render, tmp_path: Path) -> None:
    prompts = {
        f"Question {question}?": [response_row(f"Reader {number}", prose(10_000, number)) for number in range(5)]
        for question in range(10)
    }
    job = {"newsletter": newsletter_row(prompts), "links": {"page": "https://letters.example.org/7"}}
    message, result = send(render, tmp_path, job)
    html = part(message, "html")
    assert result["abridged"]
    assert len(html.encode()) < 100_000
    assert html.count("<h3") == 50
    assert 'href="https://letters.example.org/7#q10a5"' in html
    assert "Continue on the web" in part(message, "plain")


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page of the browser for one email after another; a page for each would be a process for each."""
    window = browser.new_page()
    yield window
    window.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), pytest.param(800, "light", marks=pytest.mark.long)])
def test_it_can_be_read_wide_and_narrow_by_day_and_by_night(
    window: Page, render: Render, book_club: Job, tmp_path: Path, width: int, scheme: Any
) -> None:
    send(render, tmp_path, book_club | {"unsubscribe": UNSUBSCRIBE})
    window.set_viewport_size({"width": width, "height": 800})
    window.emulate_media(color_scheme=scheme)
    window.goto((tmp_path / "mail.html").as_uri())
    assert window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # Mail programs have landmarks of their own around the message.
    rules = {"rules": {name: {"enabled": False} for name in ("region", "landmark-one-main")}}
    found = Axe().run(window, options=rules).response["violations"]
    assert [(violation["id"], node["html"]) for violation in found for node in violation["nodes"]] == []


@pytest.mark.long
@pytest.mark.parametrize("width", [360, 800])
def test_difficult_words_stay_in_their_column(window: Page, render: Render, tmp_path: Path, width: int) -> None:
    send(render, tmp_path, {"newsletter": difficult()})
    window.set_viewport_size({"width": width, "height": 800})
    window.goto((tmp_path / "mail.html").as_uri())
    assert window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
