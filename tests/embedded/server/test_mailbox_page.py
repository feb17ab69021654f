"""The mailbox in a browser: the list, and emails wide and narrow, in light and dark colours."""

from __future__ import annotations

import base64
import os
import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.embedded.server.conftest import Server, StartServer

# A red pixel.
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")

LETTER = """<!doctype html><html lang="en"><head><meta name="color-scheme" content="light dark"><style>
:root {{ color-scheme: light dark }} body {{ margin: 0; background: #fff; color: #111 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #eee }} }}
@media (max-width: 480px) {{ h1 {{ font-size: 11px }} }}
</style></head><body><h1>{words}</h1><img id="own" src="cid:pic" alt="Own" width="40" height="40">
<img id="near" src="{near}" alt="Near" width="40" height="40">
<img id="far" src="https://pictures.example.org/far.png" alt="Far" width="40" height="40">
<p style="height: 1500px">Long</p><a href="http://localhost:9/elsewhere">Elsewhere</a>
<script>document.body.textContent = "run"</script></body></html>"""


def send(server: Server, *, to: str = "ada@example.test", subject: str = "Hello") -> None:
    """Send an email with an embedded picture, one of this machine and one of another."""
    message = EmailMessage()
    message["From"] = "The Kitchen Table <letters@example.test>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(f"Plain words of {subject}")
    near = f"{server.url}/storage/v1/object/public/avatars/near.png"
    message.add_alternative(LETTER.format(words=subject, near=near), subtype="html")
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<pic>")  # type: ignore[union-attr, index]
    with smtplib.SMTP(server.config.host, server.config.smtp_port) as smtp:
        smtp.send_message(message)


@pytest.fixture(autouse=True)
def emptied(server: Server) -> None:
    """Begin with an empty mailbox."""
    httpx.delete(f"{server.url}/api/v1/messages")


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page of the browser."""
    window = browser.new_page(viewport={"width": 1280, "height": 800})
    yield window
    window.close()


@pytest.fixture
def page(window: Page) -> Page:
    """The page on a screen of usual size."""
    window.set_viewport_size({"width": 1280, "height": 800})
    window.emulate_media(color_scheme="light")
    return window


def look(page: Page, name: str) -> None:
    """Save a screenshot if a folder for it is given."""
    if folder := os.environ.get("MONOGRAM_TEST_LOOK"):
        page.screenshot(path=f"{folder}/mailbox-{name}.png", full_page=True)


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(violation["id"], node["html"]) for violation in found for node in violation["nodes"]]


def colours(page: Page) -> Any:
    """The colour of the email's page, and how large its headline is."""
    return (
        page.frame_locator("iframe")
        .locator("h1")
        .evaluate("title => [getComputedStyle(document.body).backgroundColor, getComputedStyle(title).fontSize]")
    )


def test_emails_are_listed_as_they_arrive(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/mailbox")
    expect(page.get_by_role("heading", name="No email yet")).to_be_visible()
    assert violations(page) == []
    look(page, "empty")
    for number in range(2):
        send(server, subject=f"Number {number}")
        expect(page.locator(".emails li")).to_have_count(number + 1)
        expect(page.locator(".emails li .subject").first).to_have_text(f"Number {number}")
    expect(page.get_by_role("status")).to_have_text("New email: Number 1")
    expect(page).to_have_title("(2) Mailbox")
    page.get_by_role("link", name="Number 0").click()
    expect(page.get_by_role("heading", name="Number 0")).to_be_visible()
    expect(page).to_have_title("(1) Number 0")
    send(server, subject="Number 2")
    expect(page.locator(".emails li")).to_have_count(3)
    expect(page.get_by_role("heading", name="Number 0")).to_be_visible()
    httpx.delete(f"{server.url}/api/v1/messages")
    expect(page.locator(".emails li")).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize("device", ["light", "dark"])
def test_an_email_in_light_and_dark_colours_wide_and_narrow(server: Server, page: Page, device: Any) -> None:
    page.emulate_media(color_scheme=device)
    send(server)
    page.goto(f"{server.url}/mailbox")
    page.get_by_role("link", name="Hello").click()
    white, black = "rgb(255, 255, 255)", "rgb(17, 17, 17)"
    for width, size in ((600, "32px"), (375, "11px")):
        page.get_by_role("link", name=str(width), exact=True).click()
        for scheme, colour in (("Light", white), ("Dark", black)):
            page.get_by_role("link", name=scheme, exact=True).click()
            assert colours(page) == [colour, size]
            frame = page.locator("iframe")
            expect(frame).to_have_css("width", f"{width}px")
            # The whole email, without a scroll bar.
            assert frame.evaluate("frame => frame.clientHeight >= frame.contentDocument.documentElement.scrollHeight")
            assert frame.evaluate("frame => frame.contentDocument.documentElement.clientWidth") == width
            look(page, f"{width}-{scheme.lower()}-on-{device}")
    assert violations(page) == []


def test_pictures_are_shown_and_nothing_is_loaded_from_another_machine(server: Server, page: Page) -> None:
    service = server.client(server.config.secret_key)
    service.storage.create_bucket("avatars", options={"public": True})
    service.storage.from_("avatars").upload("near.png", PNG, {"content-type": "image/png"})
    asked: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: asked.append((request.url, request.failure)))
    send(server)
    page.goto(f"{server.url}/mailbox/latest")
    frame = page.frame_locator("iframe")
    for name, is_shown in (("own", True), ("near", True), ("far", False)):
        picture = frame.locator(f"#{name}")
        assert picture.evaluate("image => image.decode().then(() => true, () => false)") is is_shown, name
    elsewhere = [(url, failure) for url, failure in asked if not url.startswith(server.url)]
    assert elsewhere == [("https://pictures.example.org/far.png", "csp")]
    expect(page.get_by_text("Pictures of pictures.example.org are not shown")).to_be_visible()
    expect(frame.get_by_role("heading")).to_have_text("Hello")  # No script ran.
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="Elsewhere").click()
    opened.value.close()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def test_text_headers_and_source(server: Server, page: Page) -> None:
    send(server, subject="Grüße")
    page.goto(f"{server.url}/mailbox/latest")
    for part, words in (
        ("Text", "Plain words of Grüße"),
        ("Headers", "multipart/alternative"),
        ("Source", "MIME-Version: 1.0"),
    ):
        page.get_by_role("link", name=part, exact=True).click()
        expect(page.get_by_role("main")).to_contain_text(words)
        look(page, part.lower())
    assert violations(page) == []


def test_searching_and_deleting(server: Server, page: Page) -> None:
    send(server, to="ada@example.test", subject="To Ada")
    send(server, to="boris@example.test", subject="To Boris")
    page.goto(f"{server.url}/mailbox")
    page.get_by_label("Search").fill("to:boris")
    page.get_by_label("Search").press("Enter")
    expect(page.locator(".emails .subject")).to_have_text(["To Boris"])
    page.get_by_role("button", name="Delete these").click()
    expect(page.locator(".emails .subject")).to_have_text(["To Ada"])
    send(server, subject="Another")
    page.get_by_role("link", name="Another").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".emails .subject")).to_have_text(["To Ada"])
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("heading", name="No email yet")).to_be_visible()


@pytest.mark.long
def test_on_a_phone_and_in_dark_colours(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    page.emulate_media(color_scheme="dark")
    send(server)
    page.goto(f"{server.url}/mailbox")
    assert violations(page) == []
    look(page, "phone-list")
    page.get_by_role("link", name="Hello").click()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert violations(page) == []
    look(page, "phone-email")
    page.get_by_role("main").get_by_role("link", name="Mailbox").click()
    expect(page.get_by_role("link", name="Hello")).to_be_visible()


def test_a_page_that_follows_does_not_keep_the_server_from_stopping(start_server: StartServer) -> None:
    server = start_server()
    with httpx.stream("GET", f"{server.url}/mailbox/events") as followed:
        chunks = followed.iter_text()
        assert next(chunks) == ": here\n\n"
        send(server)
        assert next(chunks) == "data: changed\n\n"
        begin = time.monotonic()
        server.process.stop()
        assert time.monotonic() - begin < 10
        assert list(chunks) == []
