"""Newsletters and unsubscribe pages at a URL of your own, in any ASGI server or framework.

Hosted Supabase projects without a custom domain serve HTML as plain text, so that a browser shows the source of a page
of the edge function. Mount this application in yours instead, and configure the functions: set `NEWSLETTER_URL` to
``https://your.app/newsletters/{id}`` and `UNSUBSCRIBE_URL` to ``https://your.app/newsletters/unsubscribe``.

    from monogram_sdk.asgi import LettersApp

    newsletters = LettersApp()                 # by itself: `uvicorn module:newsletters`
    app.mount("/newsletters", newsletters)     # in Starlette or FastAPI

It serves ``/{id}``, ``/{id}.html``, ``/{id}.pdf``, ``/{id}/card.png``, ``/{id}/pictures/{name}``,
``/keepsakes/{response_id}.pdf``, ``/spaces/{id}`` (all newsletters of a space), ``/spaces/{id}/feed.atom`` and
``/unsubscribe``. It needs only this package.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import httpx

from monogram_sdk._config import Options, check_has, resolve
from monogram_sdk._contents import FEED, NEWSLETTER, PAGE, PDF, PICTURE, Content
from monogram_sdk._engine._async.network import AsyncNetwork
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.failures import is_failure
from monogram_sdk._engine.refusals import is_from_service
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TokenOf = Callable[[Scope], Awaitable[str | None]]
"""Takes the ASGI scope of a request, and returns the access token of its sender, or ``None``."""

_OPTIONS = Options(timeout=30.0, retries=0)
_LONGEST_BODY = 8192
_HTML = b"text/html; charset=utf-8"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NEWSLETTER = re.compile(
    rf"/(?P<spaces>spaces/)?(?i:{_ID})(?P<rest>(?i:\.pdf|\.html|/card\.png)|/pictures/[\w.-]+|/feed\.atom)?/?"
)
_KEEPSAKE = re.compile(rf"/keepsakes/(?i:{_ID}\.pdf)")

# The headers that are passed on with a request and a reply. Cookies belong to the application and are not.
_REQUEST_HEADERS = (b"accept", b"accept-language", b"content-type", b"if-none-match")
_REPLY_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-language",
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
        key: The project's publishable key; by default likewise.
        token_of: Returns the access token of the reader, so that members can read newsletters for members; without it
            only public ones can be read.
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
        # Each process and event loop of the server gets connections of its own.
        self._network = AsyncNetwork(self._config, transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the start and the stop of the server."""
        if scope["type"] == "lifespan":
            await self._handle_lifespan(receive, send)
        elif scope["type"] == "http":
            await self._handle(scope, receive, send)
        else:
            raise ValueError(f"LettersApp supports HTTP, not {scope['type']}.")

    async def aclose(self) -> None:
        """Close the connections. A server that runs this application calls it; an application that mounts it must."""
        network, self._network = self._network, AsyncNetwork(self._config, self._transport)
        await network.aclose()

    async def _handle_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = str(scope["method"]), _path_of(scope)
        found = _NEWSLETTER.fullmatch(path)
        content = PDF if _KEEPSAKE.fullmatch(path) else None if found is None else _content_of(found)
        if content is not None and method in ("GET", "HEAD"):
            await self._relay(scope, send, f"newsletter{quote(path)}", None, content)
        elif path == "/unsubscribe" and method in ("GET", "HEAD", "POST"):
            body = await _body(receive) if method == "POST" else None
            if body is not None and len(body) > _LONGEST_BODY:
                await _send_text(send, 413, b"The request is too large.")
            else:
                await self._relay(scope, send, "unsubscribe", body, PAGE)
        elif content is not None or path == "/unsubscribe":
            await _send_text(send, 405, b"This method is not allowed here.")
        else:
            await _send_text(send, 404, b"This page does not exist.")

    async def _relay(self, scope: Scope, send: Send, path: str, body: bytes | None, content: Content) -> None:
        headers = {"host": self._config.netloc, "apikey": self._config.key, "accept-encoding": "identity"}
        headers |= {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _REQUEST_HEADERS
        }
        token = await self._token_of(scope) if self._token_of is not None else None
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if body is not None:
            headers["content-length"] = str(len(body))
        query = quote(bytes(scope.get("query_string", b"")), safe="%&=+/?:@!$'()*,;-._~")
        target = f"/functions/v1/{path}" + (f"?{query}" if query else "")
        request = Request(str(scope["method"]), target, body, content=content)
        try:
            with Call(None, _OPTIONS, self._network) as call:
                reply = await self._network.exchange(request, headers, call)
        except Exception as exc:
            if not is_failure(exc):
                raise
            reply = None
        if reply is None or not _is_from_function(reply, request):
            await _send_text(send, 502, b"The newsletters cannot be reached at the moment. Please try again.")
            return
        given = reply.headers
        kept = [(name.encode(), given[name].encode("latin-1")) for name in _REPLY_HEADERS if name in given]
        if content in (NEWSLETTER, PAGE) and not given.get("content-type", "").startswith("application/json"):
            # The platform changes the type of HTML to plain text.
            kept = [(name, _HTML if name == b"content-type" else value) for name, value in kept]
        # A cache in front must not serve one reader's newsletter to another, nor a page in another one's language.
        depends_on_language = "accept-language" in given.get("vary", "").lower()
        kept.append((b"vary", b"cookie, authorization" + b", accept-language" * depends_on_language))
        await send({"type": "http.response.start", "status": reply.status, "headers": kept})
        await send({"type": "http.response.body", "body": reply.content})


def _content_of(path: re.Match[str]) -> Content | None:
    """Return the content at a path; None if there is never any."""
    rest = None if path["rest"] is None else path["rest"].lower()
    if path["spaces"] is not None:
        return PAGE if rest is None else FEED if rest == "/feed.atom" else None
    if rest in (None, ".html"):
        return NEWSLETTER
    return PDF if rest == ".pdf" else None if rest == "/feed.atom" else PICTURE


def _is_from_function(reply: Reply, request: Request) -> bool:
    """Return True if a reply comes from a function, and not from a proxy, whose page must not be passed on."""
    if request.method == "HEAD" or 300 <= reply.status < 400:
        return True
    if 200 <= reply.status < 300:
        return not reply.is_unusable_for(request)
    return PAGE.can_be(reply.content, reply.headers) or is_from_service(reply, request)


def _path_of(scope: Scope) -> str:
    """Return the path below the path where the application is mounted."""
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


async def _send_text(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
