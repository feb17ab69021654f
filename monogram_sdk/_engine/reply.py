"""A reply of the server."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from monogram_sdk._engine.request import Request


class Reply:
    """A reply, its body complete and decoded.

    Attributes:
        status: The HTTP status.
        headers: The headers, their names in small letters.
        content: The body.
        request: What it is the reply to.
        uncertain: Whether an earlier attempt of the request may have been carried out as well.
    """

    __slots__ = ("content", "headers", "request", "status", "uncertain")

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes, request: Request | None = None) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.request = request
        self.uncertain = False

    def is_garbled(self, request: Request) -> bool:
        """Return True if this cannot be the reply to a request: the page of a hotel's network, or nothing."""
        return not request.content.is_in(self.status, self.content, self.headers)


def read(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, request: Request) -> Reply:
    """Return a reply whose body, as it was sent, is complete.

    Raises:
        zlib.error: The body is not what the headers say.
    """
    texts: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        texts[name] = f"{texts[name]}, {text}" if name in texts else text
    encoding = texts.pop("content-encoding", None)
    if encoding and body:
        body = _unpacked(body, encoding)
    return Reply(status, texts, body, request)


def _unpacked(body: bytes, encodings: str) -> bytes:
    for encoding in reversed(encodings.lower().split(",")):
        match encoding.strip():
            case "gzip" | "x-gzip":
                body = zlib.decompress(body, zlib.MAX_WBITS | 16)
            case "deflate":
                try:
                    body = zlib.decompress(body)
                except zlib.error:  # Some servers leave the frame of zlib away.
                    body = zlib.decompress(body, -zlib.MAX_WBITS)
            case "identity":
                pass
            case other:
                raise zlib.error(f"packed by {other[:20]!r}, which was not asked for")
    return body
