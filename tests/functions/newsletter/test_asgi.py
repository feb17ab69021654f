"""`monogram_sdk.asgi`: the same newsletters at an address of an application's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from monogram_sdk.asgi import LettersApp, Receive, Scope, Send
from monogram_sdk.local import Stack
from monogram_sdk.models import RotationType
from tests.functions.newsletter.conftest import Circle, Pipeline

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def newsletters(stack: Stack) -> AsyncIterator[LettersApp]:
    """The application, for anonymous readers."""
    app = LettersApp(url=stack.api_url, key=stack.publishable_key)
    yield app
    await app.aclose()


def browser(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://letters.example")  # type: ignore[arg-type]


async def test_it_shows_newsletters_as_pages(circle: Circle, pipeline: Pipeline, newsletters: LettersApp) -> None:
    newsletter = circle.publish(circle.draft(["In the armchair by the radiator."]))
    pipeline.render(newsletter)
    async with browser(newsletters) as web:
        page = await web.get(f"/{newsletter.id}")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.content == httpx.get(circle.leader.newsletters.page_url(newsletter.id)).content
        kept = await web.get(f"/{newsletter.id}.html")
        assert kept.content == circle.leader.newsletters.html(newsletter.id)
        assert kept.headers["content-disposition"].startswith("attachment; ")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert (await web.get(f"/{newsletter.id}", headers={"if-none-match": page.headers["etag"]})).status_code == 304
        head = await web.head(f"/{newsletter.id}")
        assert (head.status_code, head.content) == (200, b"")
        pdf = await web.get(f"/{newsletter.id}.pdf?size=letter")
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content == circle.leader.newsletters.pdf(newsletter.id, size="LETTER")
        response = newsletter.content.prompts[0].responses[0].id
        assert (await web.get(f"/{newsletter.id}.PDF?size=Letter")).content == pdf.content
        keepsake = await web.get(f"/keepsakes/{response}.pdf")
        assert keepsake.content == circle.leader.newsletters.keepsake(response)
        assert (await web.get(f"/keepsakes/{UNKNOWN}.pdf")).status_code == 404
        card = await web.get(f"/{newsletter.id}/card.png")
        assert (card.status_code, card.headers["content-type"]) == (200, "image/png")
        assert (await web.get(f"/spaces/{circle.space.id}")).status_code == 404
        circle.leader.spaces.update(circle.space.id, is_public=True)
        archive = await web.get(f"/spaces/{circle.space.id}")
        assert archive.headers["content-type"] == "text/html; charset=utf-8"
        assert str(newsletter.id) in archive.text
        feed = await web.get(f"/spaces/{circle.space.id}/feed.atom")
        assert feed.headers["content-type"] == "application/atom+xml; charset=utf-8"
        for address in (f"/{newsletter.id}/feed.atom", f"/spaces/{circle.space.id}.pdf"):
            assert (await web.get(address)).status_code == 404


async def test_the_application_says_which_member_reads(circle: Circle, stack: Stack) -> None:
    draft = circle.draft(["Among us."])
    session = circle.member.auth.session()
    assert session is not None
    tokens = {b"sid=member": session.access_token}

    async def token_of(scope: Scope) -> str | None:
        return tokens.get(dict(scope["headers"]).get(b"cookie", b""))

    app = LettersApp(url=stack.api_url, key=stack.publishable_key, token_of=token_of)
    async with browser(app) as web:
        assert (await web.get(f"/{draft.id}")).status_code == 404
        assert "not for you" not in (await web.get(f"/{draft.id}", headers={"accept": "text/html"})).text
        seen = await web.get(f"/{draft.id}", headers={"cookie": "sid=member"})
        assert "Among us." in seen.text
        assert seen.headers["cache-control"] == "no-store"
        assert "cookie" in seen.headers["vary"]
    await app.aclose()


async def test_a_session_that_has_ended_is_a_stranger_s(circle: Circle, stack: Stack) -> None:
    circle.leader.spaces.update(circle.space.id, rotation_type=RotationType.MANUAL)
    newsletter, draft = circle.publish(circle.draft(["Among us."])), circle.draft()

    async def token_of(_scope: Scope) -> str | None:
        return "an.expired.token"

    app = LettersApp(url=stack.api_url, key=stack.publishable_key, token_of=token_of)
    async with browser(app) as web:
        web.headers["accept"] = "text/html"
        assert "Among us." in (await web.get(f"/{newsletter.id}")).text
        none = await web.get(f"/{draft.id}")
        assert none.status_code == 404 and "Your sign-in is no longer valid." in none.text
    await app.aclose()


async def test_pages_speak_the_browser_s_language(newsletters: LettersApp) -> None:
    async with browser(newsletters) as web:
        for path in (f"/{UNKNOWN}", "/unsubscribe?token=nobody&scope=space"):
            for language in ("es", "fr"):
                page = await web.get(path, headers={"accept": "text/html", "accept-language": f"{language}, en;q=0.5"})
                assert page.status_code == 404 and f'<html lang="{language}"' in page.text
                assert page.headers["content-language"] == language
                # The page behind an unsubscribe link is stored nowhere.
                assert page.headers["cache-control"] == "no-store"
        page = await web.get(f"/{UNKNOWN}", headers={"accept": "text/html"})
        assert page.headers["vary"] == "cookie, authorization, accept-language"


async def test_it_works_below_a_path_of_another_application(circle: Circle, newsletters: LettersApp) -> None:
    newsletter = circle.publish(circle.draft())

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await newsletters({**scope, "root_path": "/letters"}, receive, send)

    async with browser(mounted) as web:
        assert (await web.get(f"/letters/{newsletter.id}")).status_code == 200


async def test_what_it_does_not_serve(newsletters: LettersApp) -> None:
    async with browser(newsletters) as web:
        for path in ("/", "/other", f"/{UNKNOWN}/preview", f"/{UNKNOWN}/../../rest/v1/users", "/..%2Fmusic"):
            assert (await web.get(path)).status_code == 404, path
        assert (await web.post(f"/{UNKNOWN}")).status_code == 405
        assert (await web.post("/unsubscribe", content=b"x" * 10_000)).status_code == 413


async def test_an_unsubscribe_link_that_nobody_has(newsletters: LettersApp) -> None:
    async with browser(newsletters) as web:
        for ask in (web.get, web.post):
            reply = await ask("/unsubscribe?token=nobody&scope=space")
            assert reply.status_code == 404
            assert reply.headers["content-type"] == "text/html; charset=utf-8"
            assert "This link is not known" in reply.text


async def test_an_unreachable_project_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = LettersApp(url=f"http://127.0.0.1:{port}", key="sb_publishable_x")
    async with browser(app) as web:
        assert (await web.get(f"/{UNKNOWN}")).status_code == 502
    await app.aclose()


async def test_it_speaks_http_only(newsletters: LettersApp) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def send(_message: MutableMapping[str, Any]) -> None:
        raise AssertionError("nothing is said")

    with pytest.raises(ValueError, match="supports HTTP, not websocket"):
        await newsletters({"type": "websocket"}, receive, send)


async def test_a_client_that_disconnects_while_sending_gets_nothing_more(newsletters: LettersApp) -> None:
    """A one-click request that the mail program aborts changes nothing."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"List-Unsubscribe=", "more_body": True},
        {"type": "http.disconnect"},
    ]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    scope = {"type": "http", "method": "POST", "path": "/unsubscribe", "headers": [], "query_string": b"token=nobody"}
    await newsletters(scope, receive, send)
    assert messages == [] and statuses[0] == 404


@contextmanager
def served(app: LettersApp) -> Iterator[str]:
    """Run an application on a real server."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
    sock = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    sock.close()


def test_it_runs_on_uvicorn(circle: Circle, stack: Stack) -> None:
    newsletter = circle.publish(circle.draft(["Upstairs on the number 7."]))
    with served(LettersApp(url=stack.api_url, key=stack.publishable_key)) as address:
        reply = httpx.get(f"{address}/{newsletter.id}", timeout=60)
        assert "Upstairs on the number 7." in reply.text
        assert httpx.get(f"{address}/{newsletter.id}.pdf", timeout=60).content.startswith(b"%PDF-")
