"""Turn error replies of the servers into the SDK's errors. Only this module knows their formats and wording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, cast

from monogram_sdk import errors
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.secrets import redact

# Supabase's gateway and the proxies in front of it name the header of a request's id differently.
_REQUEST_ID_HEADERS = ("sb-request-id", "x-request-id", "cf-ray")

# SQLSTATEs of transactions that Postgres rolled back because of others: trying again is safe and usually works.
ROLLED_BACK = frozenset({"40001", "40P01", "55P03"})

_LONGEST_CODE = 100

# The length of a SQLSTATE. Some consist of digits only.
_SQLSTATE = 5

_CLASS_BY_STATUS: dict[int, type[errors.APIError]] = {
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
    except (ValueError, OverflowError):  # neither seconds nor a date
        return None


def is_from_service(reply: Reply, request: Request) -> bool:
    """Return True if a reply outside 2xx has the form of an error from a service of the project.

    - PostgREST, the edge functions and their runtime: ``{"code", "message"}``, where the code is a SQLSTATE or a word;
    - Auth: ``{"error_code", "msg"}`` or ``{"code", "msg"}``, in old versions ``{"error", "error_description"}``;
    - Storage: ``{"error", "message"}``;
    - the platform's gateway, for a missing or wrong key: 401 with ``{"message"}``, sometimes with a number as the code.

    Other gateways and proxies often put the status, or a number of their own, into the code.
    """
    if request.method == "HEAD":  # Such a reply has no body.
        return True
    body = _body(reply.content)
    if _first(body, "message", "msg", "error_description") is None:
        return False
    code = next((body[name] for name in ("error_code", "code") if body.get(name) not in (None, "")), None)
    if isinstance(code, str) and not (code.isdecimal() and len(code) != _SQLSTATE):
        return True
    if code is not None and "msg" in body:
        return request.path.startswith("/auth/")
    if "error" in body:
        return request.path.startswith(("/auth/", "/storage/"))
    return reply.status == 401


def refusal(
    reply: Reply, request: Request, *, signed_in: bool, secrets: Iterable[str] = (), key_source: str | None = None
) -> errors.MonogramError:
    """Return the error for a reply outside 2xx.

    PostgREST, Auth, Storage and edge functions each have their own format; the error takes over what they said. Its
    class is chosen before secrets are removed, because a password may be part of a code.

    Args:
        reply: The reply.
        request: The request.
        signed_in: Whether the request was sent as a person (or with a secret key).
        secrets: Texts to remove from the error, in case the server repeated them.
        key_source: Where the project's key came from, in words.
    """
    from_service = is_from_service(reply, request)
    body = _body(reply.content) if from_service else {}
    status = reply.status
    code = _first(body, "error_code", "code")
    if code is None or code.isdecimal():  # Auth once sent the status as "code"; Storage names the error in "error"
        code = _first(body, "error") or code
    # Storage replies 400 to nearly everything and puts the real status into the body.
    stated = _first(body, "statusCode")
    if stated and stated.isascii() and stated.isdecimal() and len(stated) == 3:
        status = int(stated)
    kind = _class_of(status, code, signed_in=signed_in) if from_service else _class_from_proxy(status)

    def clean(text: str | None) -> str | None:
        return None if text is None else redact(text, secrets)

    message = clean(_first(body, "message", "msg", "error_description", "error"))
    if message is None:
        text = redact(reply.content.decode("utf-8", "replace"), secrets).strip()
        message = f"The server replied with HTTP {status}" + (f": {text[:300]}" if text else ".")
    if code is not None and errors.from_code(code) is None and (clean(code) != code or len(code) > _LONGEST_CODE):
        code = None  # It is text with a secret in it, not a code.
    hint = clean(_first(body, "hint"))
    if hint is None:
        hint = _default_hint(kind, message, code) if from_service or status == 429 else _PROXY_HINT
    if key_source is not None and status == 401 and from_service and _KEY_REFUSED.search(message):
        hint = f"{hint}{'' if hint.endswith('.') else '.'} " if hint else ""
        hint += f"The key came from {key_source}."
    detail = clean(_first(body, "details", "detail"))
    error = kind(
        _with_sdk_names(message),
        code=code,
        status=status,
        detail=detail and _with_sdk_names(detail),
        hint=hint and _with_sdk_names(hint),
        method=request.method,
        path=request.bare_path(),
        request_id=request_id(reply.headers),
    )
    error.code = code  # Not the default code of the class, which the server did not send.
    if isinstance(error, errors.RateLimitError):
        error.retry_after = retry_after(reply.headers)
    return error


_KEY_REFUSED = re.compile(r"\bapi ?key\b", re.IGNORECASE)
"""In the platform's messages about a wrong key, such as "Invalid API key" and "Unregistered API key"."""

# The database's messages name its own functions, for all clients. In errors of the SDK they get the SDK's names.
_SDK_NAMES = {
    "activate_purchase()": "store.activate()",
    "assign_curator()": "spaces.assign_curator()",
    "badge_progress()": "badges.progress()",
    "create_invite()": "spaces.create_invite()",
    "export_parts()": "auth.export()",
    "generate_newsletter()": "newsletters.generate()",
    "in the table purchases": "in store.purchases()",
    "mail_state()": "admin.mail_state()",
    "member_profiles()": "spaces.members()",
    "my_spaces()": "spaces.list()",
    "purchase_item()": "store.purchase()",
    "reorder_prompts()": "prompts.reorder()",
    "resume_mail()": "admin.resume_mail()",
    "select_responses()": "responses.select()",
    "space_responses()": "responses.list()",
    "space_week()": "spaces.week()",
    "spaces.current_week": "space.current_week",
    "transfer_leadership()": "spaces.transfer_leadership()",
    "transfer_tokens()": "tokens.gift()",
    "verify_ledger()": "admin.verify_ledger()",
}
_SQL_NAME = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}" for name in _SDK_NAMES))


def _with_sdk_names(text: str) -> str:
    return _SQL_NAME.sub(lambda found: _SDK_NAMES[found[0]], text)


_PROXY_HINT = "The reply comes from something between this program and the server, such as a proxy or a gateway."


def _class_from_proxy(status: int) -> type[errors.MonogramError]:
    """Return the class for a reply from a proxy or a gateway."""
    match status:
        case 413:
            return errors.FileTooLargeError
        case 429:
            return errors.RateLimitError
        case _:
            return errors.ServerError if status >= 500 else errors.InvalidReplyError


def _class_of(status: int, code: str | None, *, signed_in: bool) -> type[errors.MonogramError]:
    if status == 401 and code == "42501" and not signed_in:
        return errors.NotSignedInError
    known = errors.from_code(code) if code else None
    if known is not None:
        return known
    if status >= 500:
        return errors.ServerError
    return _CLASS_BY_STATUS.get(status, errors.APIError)


# Hints for codes for which the default message of the class would be wrong or useless.
_HINTS = {
    "same_password": "Choose a password that differs from the present one.",
    "22P02": "Send a value of the right type: an id is a UUID, and an enum has a fixed list of values.",
    "22003": "Send a smaller number: this one is out of range for its type.",
    "22007": "Send the date and time in ISO 8601, such as 2026-11-29T18:00:00Z.",
    "22008": "Send a date and time that exist, in ISO 8601, such as 2026-11-29T18:00:00Z.",
    "23502": "Give a value, or leave it out for the default.",
    "23514": "The message names the constraint, which says which values the table accepts.",
    "25006": "This is a read replica. Send what writes to the project's own address.",
}


def _default_hint(kind: type[errors.MonogramError], message: str, code: str | None) -> str | None:
    """Return a hint for an error of a service that sent none: by its code, or else the class's default message."""
    words = kind.default_message() if code not in _HINTS else _HINTS[code]
    return None if (kind is errors.APIError and code not in _HINTS) or words == message else words


def _body(content: bytes) -> dict[str, Any]:
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):  # an HTML page of a proxy, or nothing
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _first(body: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = body.get(name)
        if value is not None and value != "":
            return value if isinstance(value, str) else json.dumps(value)
    return None
