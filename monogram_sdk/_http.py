"""What the transports of both worlds share: requests and answers as plain values, and the log."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from monogram_sdk import _refusals
from monogram_sdk.errors import ConnectionFailedError, DeadlineExceededError, TransportError, scrub

logger = logging.getLogger("monogram_sdk")

LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)

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
    """

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    repeatable: bool
    as_person: bool = True
    extra_seconds: float = 0.0

    def path(self) -> str:
        """Return the path without the query, which may hold what is nobody's business."""
        return httpx.URL(self.url).path


class Reply:
    """An answer, its body complete and decoded."""

    __slots__ = ("content", "headers", "status", "uncertain")

    def __init__(self, status: int, headers: httpx.Headers, content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content
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


def was_sent(exc: httpx.TransportError) -> bool:
    """Whether the server may have got a request that failed like this."""
    return not isinstance(exc, _UNSENT)


def transport_error(exc: httpx.TransportError, seconds: float, *, method: str, path: str) -> TransportError:
    """Return the SDK's error for an attempt that got no answer."""
    if isinstance(exc, httpx.TimeoutException):
        return DeadlineExceededError(
            f"No answer came in time (the deadline is {seconds:g} s).", method=method, path=path
        )
    reason = scrub(str(exc)) or type(exc).__name__
    return ConnectionFailedError(
        f"The server could not be reached, or hung up: {reason}.",
        hint="Check the project's URL, the network, and that the server is running.",
        method=method,
        path=path,
    )


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


def log_attempt(
    request: Outgoing, outcome: str, started: float, attempt: int, headers: Mapping[str, str] | None = None
) -> None:
    """Write the log's line for an attempt: never a query, a header or a body, which may hold secrets."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%s %s %s %.1f ms attempt %d request %s",
            request.method,
            request.path(),
            outcome,
            (time.perf_counter() - started) * 1000,
            attempt,
            (headers and _refusals.request_id(headers)) or "-",
        )
