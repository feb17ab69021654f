"""Turn what the servers refuse into the SDK's errors. The one place that knows the servers' words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, cast

from monogram_sdk import errors

# Supabase's gateway, and proxies before it, each have a name of their own for the id of a request.
_REQUEST_ID_HEADERS = ("sb-request-id", "x-request-id", "cf-ray")

# Sent by Postgres for transactions that it rolled back for the sake of others: doing it again is safe and usually
# works.
ROLLED_BACK = frozenset({"40001", "40P01", "55P03"})

_BY_STATUS: dict[int, type[errors.APIError]] = {
    400: errors.InvalidValueError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    406: errors.NotFoundError,
    409: errors.ConflictError,
    410: errors.NotFoundError,
    413: errors.FileTooLargeError,
    415: errors.InvalidImageError,
    422: errors.InvalidValueError,
    429: errors.RateLimitError,
}


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks to wait (RFC 9110 section 10.2.3), or ``None`` when it does not say."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:  # neither seconds nor a date: as good as no header
        return None


def refusal(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    method: str,
    path: str,
    signed_in: bool,
    secrets: Iterable[str] = (),
) -> errors.MonogramError:
    """Return the error for an answer outside 2xx.

    PostgREST, Auth, Storage and edge functions each have their own shape of body; whatever they said ends up in the
    error.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        content: The answer's body.
        method: The request's method.
        path: The request's path, without the query.
        signed_in: Whether the request was sent for a person (or with a secret key).
        secrets: What must not show, should the server have repeated it.
    """
    content = _scrubbed(content, secrets)
    body = _body(content)
    code = _first(body, "error_code", "code")
    if code is None or code.isdecimal():  # Auth once sent the status as "code"; Storage names the error in "error"
        code = _first(body, "error") or code
    # Storage answers 400 for nearly everything and puts the real status into the body.
    stated = _first(body, "statusCode")
    if stated and stated.isdecimal():
        status = int(stated)
    message = _first(body, "message", "msg", "error_description", "error")
    if message is None:
        text = content.decode("utf-8", "replace").strip()
        message = f"The server answered HTTP {status}" + (f": {text[:300]}" if text else ".")
    kind = _class(status, code, signed_in=signed_in)
    error = kind(
        message,
        code=code,
        status=status,
        detail=_first(body, "details", "detail"),
        hint=_first(body, "hint") or _advice(kind, message),
        method=method,
        path=path,
        request_id=request_id(headers),
    )
    if isinstance(error, errors.RateLimitError):
        error.retry_after = retry_after(headers)
    return error


def _scrubbed(content: bytes, secrets: Iterable[str]) -> bytes:
    """Return a body without secrets. Before it is read: afterwards a part of it would be as telling, and not found."""
    for secret in secrets:
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            content = content.replace(form.encode("utf-8", "surrogatepass"), b"[secret]")
    return content


def _class(status: int, code: str | None, *, signed_in: bool) -> type[errors.MonogramError]:
    if status == 401 and code == "42501" and not signed_in:
        return errors.NotSignedInError
    known = errors.from_code(code) if code else None
    if known is not None:
        return known
    if status >= 500:
        return errors.ServerError
    return _BY_STATUS.get(status, errors.APIError)


def _advice(kind: type[errors.MonogramError], message: str) -> str | None:
    """Return the class's own words as a hint, for errors of services that give none."""
    words = kind.default_message()
    return None if kind is errors.APIError or words == message else words


def _body(content: bytes) -> dict[str, Any]:
    try:
        body: object = json.loads(content)
    except ValueError:  # an HTML page of a proxy, or nothing
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _first(body: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = body.get(name)
        if value is not None and value != "":
            return value if isinstance(value, str) else json.dumps(value)
    return None
