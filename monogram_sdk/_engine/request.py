"""A request, as a value: nothing here sends anything."""

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

# NUL as JSON writes it; before it an even number of backslashes, or it is text about NUL.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(slots=True)
class Request:
    """A request that has not been sent. Who it is from and where the project is, the engine adds.

    Attributes:
        method: The HTTP method.
        path: The path below the project's URL, with its query, as ASCII.
        body: The body.
        headers: The headers that belong to this request alone, in small letters.
        repeatable: Whether sending it twice has the effect of sending it once, so that it may be tried again after an
            attempt that went unanswered.
        has_effect: Whether carrying it out changes something, or sends a message; by its method unless given. A
            function that only reads is called by POST, and the auth service sends a code upon a GET.
        content: What the reply has to be.
        extra_seconds: How much longer than others its call may take.
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
        """Whether it may change something on the server, so that it is not the same whether it was carried out."""
        return self.method not in ("GET", "HEAD") if self.has_effect is None else self.has_effect

    def bare_path(self) -> str:
        """Return the path without the query, which may hold what is nobody's business."""
        return self.path.partition("?")[0]


def as_json(value: object) -> bytes:
    """Write a value as the body of a request.

    Raises:
        InvalidValueError: JSON cannot hold it, or the database cannot.
    """
    try:
        body = to_json(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as exc:
        raise InvalidValueError(
            f"A value cannot be sent: {_reason(exc)}.",
            hint="Text must be valid Unicode without lone surrogates; all else must be plain values that JSON has.",
        ) from exc
    # Only numbers are written differently then; a text may hold the word.
    if (b"NaN" in body or b"Infinity" in body) and to_json(value) != body:
        raise InvalidValueError("A number is not finite, and cannot be sent.", hint="Give a finite number.")
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
    """Return a text that is to go into an address.

    Raises:
        InvalidValueError: It is not valid Unicode, or holds NUL.
    """
    given: object = value
    if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"This is a text, not {type(given).__name__}.")
    if "\x00" in value:
        raise nul()
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise InvalidValueError(
            f"A value cannot be sent: {_reason(exc)}.", hint="Text must be valid Unicode without lone surrogates."
        ) from exc
    return value


def nul() -> InvalidValueError:
    """Return the error for a text with NUL."""
    return InvalidValueError(
        "A text holds the character NUL (U+0000), which the database cannot store.", hint="Take it out."
    )


def _reason(exc: Exception) -> str:
    """Return what is wrong, without the value."""
    if isinstance(exc, UnicodeEncodeError) or "surrogate" in str(exc):
        return "a text holds half of a surrogate pair"
    if isinstance(exc, RecursionError) or "recursion" in str(exc).lower() or "circular" in str(exc).lower():
        return "a value holds itself, or is nested too deeply"
    return "JSON has no such value"
