"""Newsletters and unsubscribe pages at an address of your own, in any ASGI server or framework.

Hosted Supabase projects without a domain of their own answer HTML as plain text, so a link to the edge function shows a
browser the page's source. Mount this where your application lives, and tell the functions so: set `NEWSLETTER_URL` to
``https://your.app/letters/{id}`` and `UNSUBSCRIBE_URL` to ``https://your.app/letters/unsubscribe``.

    from monogram_sdk.asgi import LettersApp

    letters = LettersApp()                 # as it is: `uvicorn module:letters`
    app.mount("/letters", letters)         # in Starlette or FastAPI

It serves ``/{id}``, ``/{id}.html``, ``/{id}.pdf``, ``/{id}/card.png``, ``/{id}/pictures/{name}``,
``/keepsakes/{response_id}.pdf``, ``/spaces/{id}`` (all letters of a space), ``/spaces/{id}/feed.atom`` and
``/unsubscribe``. Needs nothing but this package.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import httpx

from monogram_sdk._config import Options, check_has, resolve
from monogram_sdk._contents import FEED, LETTER, PAGE, PDF, PICTURE, Content
from monogram_sdk._engine._async.network import AsyncNetwork
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.failures import FAILURES
from monogram_sdk._engine.refusals import is_from_service
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TokenOf = Callable[[Scope], Awaitable[str | None]]
"""Takes the ASGI scope of a request, and returns the access token of who sent it, or ``None``."""

_OPTIONS = Options(timeout=30.0, retries=0)
_LONGEST_BODY = 8192
_HTML = b"text/html; charset=utf-8"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LETTER = re.compile(
    rf"/(?P<spaces>spaces/)?(?i:{_ID})(?P<rest>(?i:\.pdf|\.html|/card\.png)|/pictures/[\w.-]+|/feed\.atom)?/?"
)
_KEEPSAKE = re.compile(rf"/keepsakes/(?i:{_ID}\.pdf)")

# What a request and an answer keep. Cookies, in particular, are the application's own and go nowhere.
_ASKED = (b"accept", b"content-type", b"if-none-match")
_ANSWERED = (
    "cache-control",
    "content-disposition",
    "content-length",
    "content-security-policy",
    "content-type",
    "etag",
    "referrer-policy",
    "x-content-type-options",
    "x-robots-tag",
)


class LettersApp:
    """An ASGI application that serves a project's newsletters and unsubscribe pages.

    Args:
        url: The project's URL; by default from the environment or a ``.env`` file, as for the clients.
        key: The project's publishable key; likewise.
        token_of: Says who asks, so that members see what is for members; without it everybody is a stranger.
        transport: A transport of httpx to send with. You close it yourself.

    Raises:
        ConfigError: The URL or the key is missing or malformed.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        key: str | None = None,
        token_of: TokenOf | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = resolve(url, key, secret=False)
        if token_of is not None:
            check_has("token_of", token_of, ("__call__",), "a function that takes the scope of a request")
        self._token_of = token_of
        self._transport = transport
        # Each process and each event loop of a server has connections of its own.
        self._network = AsyncNetwork(self._config, transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            raise ValueError(f"LettersApp speaks HTTP, not {scope['type']}.")

    async def aclose(self) -> None:
        """Close the connections. A server that runs this application does so itself; one that mounts it does not."""
        network, self._network = self._network, AsyncNetwork(self._config, self._transport)
        await network.aclose()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = str(scope["method"]), _path_of(scope)
        letter = _LETTER.fullmatch(path)
        content = PDF if _KEEPSAKE.fullmatch(path) else None if letter is None else _content_of(letter)
        if content is not None and method in ("GET", "HEAD"):
            await self._relay(scope, send, f"newsletter{quote(path)}", None, content)
        elif path == "/unsubscribe" and method in ("GET", "HEAD", "POST"):
            body = await _body(receive) if method == "POST" else None
            if body is not None and len(body) > _LONGEST_BODY:
                await _say(send, 413, b"This is too much.")
            else:
                await self._relay(scope, send, "unsubscribe", body, PAGE)
        elif content is not None or path == "/unsubscribe":
            await _say(send, 405, b"Not like this.")
        else:
            await _say(send, 404, b"Nothing is here.")

    async def _relay(self, scope: Scope, send: Send, path: str, body: bytes | None, content: Content) -> None:
        headers = {"host": self._config.netloc, "apikey": self._config.key, "accept-encoding": "identity"}
        headers |= {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _ASKED}
        token = await self._token_of(scope) if self._token_of is not None else None
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if body is not None:
            headers["content-length"] = str(len(body))
        query = quote(bytes(scope.get("query_string", b"")), safe="%&=+/?:@!$'()*,;-._~")
        address = f"/functions/v1/{path}" + (f"?{query}" if query else "")
        request = Request(str(scope["method"]), address, body, content=content)
        try:
            with Call(None, _OPTIONS, self._network) as call:
                answer = await self._network.exchange(request, headers, call)
        except FAILURES:
            answer = None
        if answer is None or not _is_ours(answer, request):
            await _say(send, 502, b"The newsletters cannot be reached at the moment. Please try again.")
            return
        given = answer.headers
        kept = [(name.encode(), given[name].encode("latin-1")) for name in _ANSWERED if name in given]
        if content in (LETTER, PAGE) and not given.get("content-type", "").startswith("application/json"):
            # HTML stays HTML where the platform calls it text.
            kept = [(name, _HTML if name == b"content-type" else value) for name, value in kept]
        # Whoever is in front must not hand one reader's letter to another.
        kept.append((b"vary", b"cookie, authorization"))
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        await send({"type": "http.response.body", "body": answer.content})


def _content_of(letter: re.Match[str]) -> Content | None:
    """Return what is at an address; None if nothing ever is."""
    rest = None if letter["rest"] is None else letter["rest"].lower()
    if letter["spaces"] is not None:
        return PAGE if rest is None else FEED if rest == "/feed.atom" else None
    if rest in (None, ".html"):
        return LETTER
    return PDF if rest == ".pdf" else None if rest == "/feed.atom" else PICTURE


def _is_ours(answer: Reply, request: Request) -> bool:
    """Return True if a function replied, and not something on the way, whose page would look like the application's."""
    if request.method == "HEAD" or 300 <= answer.status < 400:
        return True
    if 200 <= answer.status < 300:
        return not answer.is_garbled(request)
    return PAGE.can_be(answer.content, answer.headers) or is_from_service(answer, request)


def _path_of(scope: Scope) -> str:
    """Return the path below where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= _LONGEST_BODY:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


async def _say(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
