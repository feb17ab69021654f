"""What the transports of both worlds share: requests and answers as plain values, and the log."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from monogram_sdk.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidResponseError,
    TransportError,
    scrub,
)

LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)

_JSON_BEGINNINGS = frozenset(b'{["-0123456789tfn \t\r\n')

# What requests to the auth service carry under these names is a secret.
_SECRET_FIELDS = frozenset(
    {"access_token", "auth_code", "code_verifier", "nonce", "password", "refresh_token", "token", "token_hash"}
)

# The server certainly did not get the request.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(slots=True)
class Outgoing:
    """A request as it goes out, except for who it is from.

    Attributes:
        method: The HTTP method.
        url: The full address.
        headers: The headers that belong to this request alone.
        content: The body.
        repeatable: Whether sending it twice has the effect of sending it once.
        as_person: Whether it goes out as the person who is signed in; else the headers say who it is from.
        extra_seconds: How much longer than other calls it may take.
        wants_json: Whether only JSON can be the answer.
    """

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    repeatable: bool
    as_person: bool = True
    extra_seconds: float = 0.0
    wants_json: bool = False

    def path(self) -> str:
        """Return the path without the query, which may hold what is nobody's business."""
        address = self.url.partition("?")[0]
        return address[address.index("/", address.index("//") + 2) :]


class Reply:
    """An answer, its body complete and decoded."""

    __slots__ = ("content", "headers", "request", "status", "uncertain")

    def __init__(self, status: int, headers: httpx.Headers, content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.request: Outgoing | None = None
        """What it is the answer to."""
        self.uncertain = False
        """Whether an earlier attempt of the call may have been carried out as well."""


def reply(response: httpx.Response, body: bytes) -> Reply:
    """Return an answer whose body, as it was sent, is complete."""
    headers = response.headers
    if "content-encoding" in headers:
        body = httpx.Response(response.status_code, headers=headers, content=body).content
    return Reply(response.status_code, headers, body)


def environment_proxy(url: str) -> str | None:
    """Return the proxy that the environment (``HTTPS_PROXY`` and so on) or the system names for a URL."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


@cache
def client_info() -> str:
    """Return what the client says about itself, as Supabase's clients do."""
    version = metadata.version("monogram-sdk")
    return f"monogram-sdk/{version}; runtime=python; runtime-version={platform.python_version()}"


def was_sent(exc: httpx.RequestError) -> bool:
    """Whether the server may have got a request that failed like this."""
    return not isinstance(exc, _UNSENT)


def transport_error(exc: httpx.RequestError, seconds: float, *, method: str, path: str) -> TransportError:
    """Return the SDK's error for an attempt that got no answer."""
    if isinstance(exc, httpx.TimeoutException):
        return too_late(seconds, method=method, path=path)
    reason = scrub(str(exc)) or type(exc).__name__
    return ConnectionFailedError(
        f"The server could not be reached, or hung up: {reason}.",
        hint="Check the project's URL, the network, and that the server is running.",
        method=method,
        path=path,
    )


def too_late(seconds: float, *, method: str | None = None, path: str | None = None) -> DeadlineExceededError:
    """Return the error for a call whose time is over."""
    return DeadlineExceededError(f"No answer came in time (the deadline is {seconds:g} s).", method=method, path=path)


def is_garbled(reply: Reply) -> bool:
    """Whether an answer that should be JSON is nothing like it, such as the page of a hotel's network."""
    return bool(reply.content) and reply.content[0] not in _JSON_BEGINNINGS


def garbled(reply: Reply, *, method: str, path: str) -> InvalidResponseError:
    """Return the error for such an answer."""
    return InvalidResponseError(
        f"The answer is not JSON but {reply.headers.get('content-type', 'something else')}.",
        hint="Something between this program and the server answers in its place: a proxy, or a network's login page.",
        status=reply.status,
        method=method,
        path=path,
    )


def secrets_of(outgoing: Outgoing, *more: str | None) -> tuple[str, ...]:
    """Return what a request holds that must not come back in an error, should the server repeat it."""
    found = {value for value in more if value}
    if not outgoing.as_person and outgoing.content:
        try:
            _collect(json.loads(outgoing.content), found)
        except ValueError:  # a file
            pass
    # Longest first, so that none is left half.
    return tuple(sorted(found, key=len, reverse=True))


def _collect(value: object, found: set[str]) -> None:
    if not isinstance(value, dict):
        return
    for name, entry in cast("dict[str, object]", value).items():
        if isinstance(entry, str) and name in _SECRET_FIELDS and entry:
            found.add(entry)
        _collect(entry, found)


def is_repeatable_auth_request(method: str, url: httpx.URL) -> bool:
    """Whether a request to the auth service may be sent twice.

    A second sign-in with a password is as good as the first; a refresh token may be sent again for some seconds, for
    just this case. One-time codes work once, and messages should come once.
    """
    if method == "GET":
        return True
    if url.path.endswith("/token"):
        return url.params.get("grant_type") in ("password", "refresh_token")
    return url.path.endswith("/logout")
