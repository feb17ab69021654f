"""A request as a value, and its body as JSON. Nothing here sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic_core import PydanticSerializationError, to_json

from monogram_sdk import _contents as contents
from monogram_sdk._contents import Content
from monogram_sdk.errors import InvalidValueError

JSON: Mapping[str, str] = {"content-type": "application/json"}
"""The header of a request whose body is JSON."""

# NUL in JSON. After an odd number of further backslashes it is not NUL, but text about it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(slots=True)
class Request:
    """A request to the project. The engine adds the project's URL and the access token.

    Attributes:
        method: The HTTP method.
        path: The path below the project's URL, with its query, as ASCII.
        body: The body.
        headers: Headers for this request alone, in lower case.
        repeatable: Whether sending it twice has the same effect as sending it once, so that it may be sent again when
            no reply came.
        has_effect: Whether it changes something or sends a message; by default, whether the method is other than GET
            and HEAD. A function that only reads is called by POST, and the auth service sends a code on a GET.
        content: The content that the reply must have.
        extra_seconds: By how much to extend the deadline of the call.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = True
    has_effect: bool | None = None
    content: Content = contents.JSON
    extra_seconds: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether it may change something on the server."""
        return self.method not in ("GET", "HEAD") if self.has_effect is None else self.has_effect

    def bare_path(self) -> str:
        """Return the path without the query, which may hold private values."""
        return self.path.partition("?")[0]


def as_json(value: object) -> bytes:
    """Write a value as the body of a request.

    Raises:
        InvalidValueError: JSON or the database cannot represent it.
    """
    try:
        body = to_json(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as exc:
        raise InvalidValueError(
            f"A value cannot be sent: {_reason(exc)}.",
            hint="Use text in valid Unicode, without lone surrogates, and otherwise only values that JSON has.",
        ) from exc
    # A text may contain these words; only numbers are written differently by the two calls.
    if (b"NaN" in body or b"Infinity" in body) and to_json(value) != body:
        raise InvalidValueError("A number is infinite or NaN, which cannot be sent.", hint="Give a finite number.")
    check_body(body)
    return body


def check_body(body: bytes) -> None:
    """Check the JSON of a body.

    Raises:
        InvalidValueError: A text in it holds NUL.
    """
    if b"\\u0000" in body and _NUL.search(body):
        raise nul()


def check_text(value: str) -> str:
    """Return a text that is to be part of a URL, after checking it.

    Raises:
        InvalidValueError: It is not valid Unicode, or holds NUL.
    """
    given: object = value
    if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"A value must be text, not {type(given).__name__}.")
    if "\x00" in value:
        raise nul()
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise InvalidValueError(
            f"A value cannot be sent: {_reason(exc)}.", hint="Use valid Unicode, without lone surrogates."
        ) from exc
    return value


def nul() -> InvalidValueError:
    """Return the error for a text with NUL."""
    return InvalidValueError(
        "A text contains the character NUL (U+0000), which the database cannot store.", hint="Remove it."
    )


def _reason(exc: Exception) -> str:
    """Return what is wrong, without showing the value."""
    if isinstance(exc, UnicodeEncodeError) or "surrogate" in str(exc):
        return "a text contains half of a surrogate pair"
    if isinstance(exc, RecursionError) or "recursion" in str(exc).lower() or "circular" in str(exc).lower():
        return "a value contains itself, or is nested too deeply"
    return "JSON has no such value"
