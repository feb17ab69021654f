"""A reply from the server."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from monogram_sdk._engine.request import Request


class Reply:
    """A reply, with its complete and decompressed body.

    Attributes:
        status: The HTTP status.
        headers: The headers; their names are in lower case.
        content: The body.
        request: The request that it is for.
        uncertain: Whether an earlier attempt at the request may have been carried out as well.
    """

    __slots__ = ("content", "headers", "request", "status", "uncertain")

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes, request: Request | None = None) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.request = request
        self.uncertain = False

    def is_unusable_for(self, request: Request) -> bool:
        """Return True if this cannot be the server's reply to a request, but is empty or a login page, for example."""
        return not request.content.is_in(self.status, self.content, self.headers)


def read(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, request: Request) -> Reply:
    """Return a reply, given its complete body as it was received.

    Raises:
        zlib.error: The body cannot be decompressed as its headers say.
    """
    texts: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        texts[name] = f"{texts[name]}, {text}" if name in texts else text
    encoding = texts.pop("content-encoding", None)
    if encoding and body:
        body = _decompressed(body, encoding)
    return Reply(status, texts, body, request)


def _decompressed(body: bytes, encodings: str) -> bytes:
    for encoding in reversed(encodings.lower().split(",")):
        match encoding.strip():
            case "gzip" | "x-gzip":
                body = zlib.decompress(body, zlib.MAX_WBITS | 16)
            case "deflate":
                try:
                    body = zlib.decompress(body)
                except zlib.error:  # Some servers leave out the zlib header.
                    body = zlib.decompress(body, -zlib.MAX_WBITS)
            case "identity":
                pass
            case other:
                raise zlib.error(f"it is compressed with {other[:20]!r}, which was not requested")
    return body
