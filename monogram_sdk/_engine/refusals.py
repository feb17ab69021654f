"""Turn what the servers refuse into the SDK's errors. The one place that knows the servers' words."""

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
from monogram_sdk._engine.secrets import without

# Supabase's gateway, and proxies before it, each have a name of their own for the id of a request.
_REQUEST_ID_HEADERS = ("sb-request-id", "x-request-id", "cf-ray")

# Sent by Postgres for transactions that it rolled back for the sake of others: doing it again is safe and usually
# works.
ROLLED_BACK = frozenset({"40001", "40P01", "55P03"})

_LONGEST_CODE = 100

# How many letters and digits a SQLSTATE has, some of them only digits.
_SQLSTATE = 5

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
    except (ValueError, OverflowError):  # neither seconds nor a date: as good as no header
        return None


def is_from_service(reply: Reply, request: Request) -> bool:
    """Return True if a reply outside 2xx has the form in which a service of the project refuses.

    - PostgREST, the functions and what runs them: ``{"code", "message"}``, the code no number: a SQLSTATE, or a word;
    - Auth: ``{"error_code", "msg"}`` or ``{"code", "msg"}``, and of old ``{"error", "error_description"}``;
    - Storage: ``{"error", "message"}``;
    - the platform's gateway, which lets nobody in without a key: 401 with ``{"message"}`` and perhaps a number as code.

    Gateways and proxies like to give the status, or a number of their own, as the code.
    """
    if request.method == "HEAD":  # Nobody says anything then.
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

    PostgREST, Auth, Storage and edge functions each have their own shape of body; whatever they said ends up in the
    error. Its class is decided before secrets are taken out of its words: a password may be a word of a code.

    Args:
        reply: The reply.
        request: The request.
        signed_in: Whether the request was sent for a person (or with a secret key).
        secrets: What must not show, should the server have repeated it.
        key_source: From where the project's key came, for people.
    """
    is_answer = is_from_service(reply, request)
    body = _body(reply.content) if is_answer else {}
    status = reply.status
    code = _first(body, "error_code", "code")
    if code is None or code.isdecimal():  # Auth once sent the status as "code"; Storage names the error in "error"
        code = _first(body, "error") or code
    # Storage answers 400 for nearly everything and puts the real status into the body.
    stated = _first(body, "statusCode")
    if stated and stated.isascii() and stated.isdecimal() and len(stated) == 3:
        status = int(stated)
    kind = _class(status, code, signed_in=signed_in) if is_answer else _UNSAID.get(status, _unsaid(status))

    def clean(text: str | None) -> str | None:
        return None if text is None else without(text, secrets)

    message = clean(_first(body, "message", "msg", "error_description", "error"))
    if message is None:
        text = without(reply.content.decode("utf-8", "replace"), secrets).strip()
        message = f"The server answered HTTP {status}" + (f": {text[:300]}" if text else ".")
    if code is not None and errors.from_code(code) is None and (clean(code) != code or len(code) > _LONGEST_CODE):
        code = None  # It is not a code, but words, and they hold a secret.
    hint = clean(_first(body, "hint"))
    if hint is None:
        hint = _advice(kind, message, code) if is_answer or status == 429 else _IN_BETWEEN
    if key_source is not None and status == 401 and is_answer and _OF_KEY.search(message):
        hint = f"{hint}{'' if hint.endswith('.') else '.'} " if hint else ""
        hint += f"The key came from {key_source}."
    detail = clean(_first(body, "details", "detail"))
    error = kind(
        _as_calls(message),
        code=code,
        status=status,
        detail=detail and _as_calls(detail),
        hint=hint and _as_calls(hint),
        method=request.method,
        path=request.bare_path(),
        request_id=request_id(reply.headers),
    )
    error.code = code  # That of the class is what the server may say, and not what it said.
    if isinstance(error, errors.RateLimitError):
        error.retry_after = retry_after(reply.headers)
    return error


_OF_KEY = re.compile(r"\bapi ?key\b", re.IGNORECASE)
"""How the platform refuses a key, with whatever code: "Invalid API key", "Unregistered API key"."""

# The database speaks of its functions, to every client; here they are calls.
_CALLS = {
    "activate_purchase()": "store.activate()",
    "assign_curator()": "spaces.assign_curator()",
    "badge_progress()": "badges.progress()",
    "create_invite()": "spaces.create_invite()",
    "export_parts()": "auth.export()",
    "generate_newsletter()": "newsletters.generate()",
    "in the table purchases": "in store.purchases()",
    "mail_state()": "admin.mail_state()",
    "member_profiles()": "spaces.members()",
    "purchase_item()": "store.purchase()",
    "reorder_prompts()": "prompts.reorder()",
    "resume_mail()": "admin.resume_mail()",
    "select_responses()": "responses.select()",
    "space_week()": "spaces.week()",
    "spaces.current_week": "space.current_week",
    "transfer_leadership()": "spaces.transfer_leadership()",
    "transfer_tokens()": "tokens.gift()",
    "verify_ledger()": "admin.verify_ledger()",
}
_CALL = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}" for name in _CALLS))


def _as_calls(text: str) -> str:
    return _CALL.sub(lambda found: _CALLS[found[0]], text)


# What a status says whoever sends it.
_UNSAID: dict[int, type[errors.MonogramError]] = {413: errors.FileTooLargeError, 429: errors.RateLimitError}

_IN_BETWEEN = "Something between this program and the server answered in its place: a proxy, or a gateway."


def _unsaid(status: int) -> type[errors.MonogramError]:
    return errors.ServerError if status >= 500 else errors.InvalidReplyError


def _class(status: int, code: str | None, *, signed_in: bool) -> type[errors.MonogramError]:
    if status == 401 and code == "42501" and not signed_in:
        return errors.NotSignedInError
    known = errors.from_code(code) if code else None
    if known is not None:
        return known
    if status >= 500:
        return errors.ServerError
    return _BY_STATUS.get(status, errors.APIError)


# What the class says of the other codes that it stands for would mislead, or help nobody.
_ADVICE = {
    "same_password": "Choose another one than the present.",
    "22P02": "Send it in the form of its type: an id is a UUID, and of a list of words one that is on it.",
    "22003": "Send a smaller number: that type holds none so large.",
    "22007": "Send a date and a time as ISO 8601 has them, such as 2026-11-29T18:00:00Z.",
    "22008": "Send a date and a time that there are, as ISO 8601 has them.",
    "23502": "Give it a value, or leave it out for the usual one.",
    "23514": "The constraint that the message names says what the table takes.",
}


def _advice(kind: type[errors.MonogramError], message: str, code: str | None) -> str | None:
    """Return the class's own words as a hint, for errors of services that give none."""
    words = kind.default_message() if code not in _ADVICE else _ADVICE[code]
    return None if kind is errors.APIError or words == message else words


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
