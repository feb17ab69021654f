"""The links below an email, through the real stack: what they change, and what they leave alone."""

from __future__ import annotations

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from tests.functions.newsletter.conftest import Circle

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def token(circle: Circle, stack: Stack) -> str:
    """The token in the member's emails from the space."""
    with psycopg.connect(stack.db_url, autocommit=True) as database:
        row = database.execute(
            "insert into private.email_subscriptions (user_id, space_id) values (%s, %s) returning token",
            (circle.member.profiles.get().id, circle.space.id),
        ).fetchone()
    assert row is not None
    return str(row[0])


def wants(client: Monogram, circle: Circle) -> tuple[bool, bool]:
    """Whether a person gets the space's newsletters, and newsletters at all."""
    return client.settings.space_emails(circle.space.id), client.settings.get().email_newsletters


def test_opening_the_link_changes_nothing(circle: Circle, web: httpx.Client, token: str) -> None:
    for _ in range(2):
        page = web.get("/unsubscribe", params={"token": token, "scope": "everything"})
        assert page.status_code == 200
        assert "No more email from Test Readers: letters, questions and reminders" in page.text
        web.head("/unsubscribe", params={"token": token})
    assert wants(circle.member, circle) == (True, True)


def test_one_click_stops_the_space(circle: Circle, web: httpx.Client, token: str) -> None:
    for _ in range(2):
        done = web.post("/unsubscribe", params={"token": token, "scope": "space"}, data=ONE_CLICK)
        assert done.status_code == 200
    assert wants(circle.member, circle) == (False, True)
    assert wants(circle.leader, circle) == (True, True)


def test_one_click_stops_everything(circle: Circle, web: httpx.Client, token: str) -> None:
    assert web.post("/unsubscribe", params={"token": token, "scope": "everything"}, data=ONE_CLICK).status_code == 200
    assert wants(circle.member, circle) == (True, False)
    assert "You get no email from Monogram" in web.get("/unsubscribe", params={"token": token}).text


def test_a_token_that_nobody_has(web: httpx.Client) -> None:
    for token in ("nobody", "", "0" * 64):
        for ask in (web.get, web.post):
            reply = ask("/unsubscribe", params={"token": token})
            assert (reply.status_code, "This link is not known" in reply.text) == (404, True)


@pytest.mark.long
def test_people_press_a_button(circle: Circle, stack: Stack, token: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{stack.api_url}/functions/v1/unsubscribe?token={token}&scope=space")
        assert Axe().run(page).response["violations"] == []
        if scheme == "dark":
            page.get_by_role("button", name="No more email at all").click()
            assert page.get_by_role("heading").text_content() == "No more email"
            assert Axe().run(page).response["violations"] == []
    page.close()
    assert wants(circle.member, circle) == (True, False)
