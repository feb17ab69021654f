"""The kinds of content that a reply can have, to recognise replies that do not come from the server.

A network's login page, a proxy or a gateway may reply in the server's place, with status 200 and a page, JSON or
nothing. So each request names the content that it expects, and a reply that cannot be that is treated as no reply. A
request that expects no content names how the service reports success. These checks are quick and only look at the form;
`monogram_sdk._parse` checks whether JSON fits a model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import get_origin

from pydantic import BaseModel

_JSON_BEGINNINGS = b'{["-0123456789tfn'
_SPACE = b" \t\r\n"

# Where the end of a PDF is looked for, as readers do (ISO 32000-1, annex H.3, note 18).
_PDF_END = 1024

_NEWSLETTER_MAIN = re.compile(rb'<main\sid="letter"')
_PAGE = re.compile(rb"\s*<!doctype html>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Content:
    """The content that a request expects.

    Attributes:
        name: Its name for messages, with an article.
        can_be: Returns True if a body that is not empty can be it, given the body and the reply's headers.
        status: The status that a reply must have, if an empty body is expected; otherwise any of 2xx.
    """

    name: str
    can_be: Callable[[bytes, Mapping[str, str]], bool]
    status: int | None = None

    def is_in(self, status: int, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return True if a reply with a status of 2xx can be the expected content."""
        if self.status is not None and status != self.status:
            return False
        return self.can_be(body, headers) if body else self.status is not None


def _is_json(body: bytes, _headers: Mapping[str, str]) -> bool:
    first = body.lstrip(_SPACE)[:1]
    return first != b"" and first in _JSON_BEGINNINGS


def _is_page(body: bytes, _headers: Mapping[str, str]) -> bool:
    # All pages of the functions have a <main>; see `page.ts` and `pages.ts`.
    return _PAGE.match(body) is not None and b"\n<main" in body and body.rstrip(_SPACE).endswith(b"</html>")


def _is_newsletter(body: bytes, headers: Mapping[str, str]) -> bool:
    return _NEWSLETTER_MAIN.search(body) is not None and _is_page(body, headers)


def _is_feed(body: bytes, _headers: Mapping[str, str]) -> bool:
    return b"<feed" in body[:1024] and body.rstrip(_SPACE).endswith(b"</feed>")


def _is_pdf(body: bytes, _headers: Mapping[str, str]) -> bool:
    return body.startswith(b"%PDF-") and b"%%EOF" in body[-_PDF_END:]


def _is_done(body: bytes, _headers: Mapping[str, str]) -> bool:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return value == {} or (isinstance(value, dict) and "message_id" in value)


def picture_type(body: bytes) -> str | None:
    """Return the content type of a picture by its first bytes; ``None`` if it is not a JPEG, PNG, GIF or WebP."""
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return None


def _is_picture(body: bytes, headers: Mapping[str, str]) -> bool:
    # Another client may have stored a file of another type as an image. Anything that begins like a page or like JSON
    # is refused, whatever its content type.
    return picture_type(body) is not None or (
        headers.get("content-type", "").startswith("image/")
        and body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"", b"<", b"{")
    )


JSON = Content("JSON", _is_json)
ROWS = Content("a list", lambda body, _headers: body.lstrip(_SPACE).startswith(b"["))
NOTHING = Content('"204 No Content"', lambda _body, _headers: False, status=204)
"""PostgREST's reply for a function that returns ``void``, and GoTrue's to signing out."""
DONE = Content("an empty object", _is_done)
"""GoTrue's reply on success: ``{}``, or the id of the message that it sent."""
PAGE = Content("a page of Monogram's functions", _is_page)
NEWSLETTER = Content("the whole page of a newsletter", _is_newsletter)
FEED = Content("a feed of newsletters", _is_feed)
PDF = Content("a whole PDF", _is_pdf)
PICTURE = Content("a picture", _is_picture)
FILE = Content("a file", lambda _body, headers: not headers.get("content-type", "").startswith("text/html"))


def having(field: str) -> Content:
    """Return the content for a JSON object with a field of this name."""
    name = f'"{field}"'.encode()
    return Content(
        f'an object with "{field}"', lambda body, _headers: body.lstrip(_SPACE).startswith(b"{") and name in body
    )


_SCALARS: dict[object, Content] = {
    bool: Content("true or false", lambda body, _headers: body.strip(_SPACE) in (b"true", b"false")),
    int: Content("a number", lambda body, _headers: body.strip(_SPACE).lstrip(b"-").isdigit()),
}


def of(shape: object) -> Content:
    """Return the content for the JSON of a value of this type.

    Args:
        shape: A model, ``bool``, ``int``, a list, or another type, for which only the first byte is checked.
    """
    given: object = shape
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return _of_model(shape)
    if get_origin(shape) is list:
        return ROWS
    return _SCALARS.get(given, JSON)


@cache
def _of_model(model: type[BaseModel]) -> Content:
    required = next((name for name, field in model.model_fields.items() if field.is_required()), None)
    return JSON if required is None else having(required)
