"""Turn failures of the network into the SDK's errors."""

from __future__ import annotations

import os
import zlib

from monogram_sdk._engine.call import Call
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import ConnectionFailedError, InvalidReplyError, MonogramError, scrub

_LONGEST_TYPE = 80

# The exceptions of the libraries, by name: importing them takes long, and is done when a client first sends something.
# httpx's come from a transport that the program passed.
_FAILURES = frozenset(
    {
        "httpcore.TimeoutException",
        "httpcore.NetworkError",
        "httpcore.ProtocolError",
        "httpcore.ProxyError",
        "httpcore.UnsupportedProtocol",
        "httpx.RequestError",
    }
)
_TIMEOUTS = frozenset({"httpcore.TimeoutException", "httpx.TimeoutException"})

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

# The server certainly did not receive the request.
_UNSENT = frozenset(
    {
        "httpcore.ConnectError",
        "httpcore.ConnectTimeout",
        "httpcore.PoolTimeout",
        "httpcore.ProxyError",
        "httpcore.LocalProtocolError",
        "httpcore.UnsupportedProtocol",
        "httpx.ConnectError",
        "httpx.ConnectTimeout",
        "httpx.PoolTimeout",
        "httpx.ProxyError",
    }
)


def is_failure(exc: BaseException) -> bool:
    """Return True if an exception says that an exchange failed: no reply came, or it is damaged."""
    return isinstance(exc, TimeoutError | zlib.error) or _is(exc, _FAILURES)


def _is(exc: BaseException, names: frozenset[str]) -> bool:
    """Return True if an exception is of one of these classes, or of a class below one."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(exc).__mro__)


def was_sent(exc: BaseException) -> bool:
    """Return True if the server may have received a request that failed with this exception."""
    return not _is(exc, _UNSENT)


def failure(exc: Exception, call: Call, request: Request) -> MonogramError:
    """Return the SDK's error for an attempt that got no reply."""
    method, path = request.method, request.bare_path()
    if isinstance(exc, TimeoutError) or _is(exc, _TIMEOUTS):
        return call.deadline_error(method=method, path=path)
    if isinstance(exc, zlib.error):
        return InvalidReplyError(
            f"The reply cannot be decompressed: {exc}.",
            hint="A proxy between this program and the server may have damaged it. Try again.",
            method=method,
            path=path,
        )
    reason = scrub(str(exc)).rstrip(".") or type(exc).__name__
    hint = "Check the project's URL, the network, and that the server is running."
    proxy = next((name for name in _PROXIES if os.environ.get(name)), None)
    if proxy is not None:
        hint += f" The environment names a proxy ({proxy}): check it, too."
    return ConnectionFailedError(
        f"The server could not be reached, or closed the connection: {reason}.",
        hint=hint,
        method=method,
        path=path,
    )


def unusable_reply(reply: Reply, request: Request) -> InvalidReplyError:
    """Return the error for a reply whose content cannot be what the request asked for."""
    kind = reply.headers.get("content-type", "something else")[:_LONGEST_TYPE]
    body = f"{kind} ({len(reply.content):,} bytes)"
    if request.content.status is not None:
        what = f"not {request.content.name} but {reply.status}{f' with {body}' if reply.content else ' and empty'}"
    else:
        what = f"not {request.content.name} but {body}" if reply.content else "empty"
    return InvalidReplyError(
        f"The reply is {what}.",
        hint="It comes from something between this program and the server, such as a proxy or a network's login page.",
        status=reply.status,
        method=request.method,
        path=request.bare_path(),
    )
