"""The pool of connections of a client."""

from __future__ import annotations

import httpx

from monogram_sdk import _http
from monogram_sdk._http import Reply
from monogram_sdk._retry import Deadline
from monogram_sdk.errors import ClientClosedError

from ._network import async_punctual_transport


class AsyncConnections:
    """Sends requests over connections that stay open.

    It works with a transport of httpx rather than with a client: following redirects, keeping cookies and the like are
    of no use here, and cost as much as all the rest of a call.

    Args:
        url: The project's URL.
        transport: What to send with; ours, through the proxy that the environment names, unless given. It is closed by
            whoever made it.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None) -> None:
        self._owned = transport is None
        self._transport = transport or async_punctual_transport(url)
        self._closed = False
        self.row_cap: int | None = None
        """How many rows the server answers at once, once somebody has found out."""

    async def exchange(self, request: httpx.Request, deadline: Deadline) -> Reply:
        """Send a request and read the whole answer.

        Raises:
            httpx.TransportError: There is none.
            ClientClosedError: The client has been closed.
        """
        if self._closed:
            raise ClientClosedError
        request.extensions["timeout"] = deadline.timeouts()
        response = await self._transport.handle_async_request(request)
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError(f"{type(self._transport).__name__} answered a stream for the other kind of client.")
        try:
            chunks: list[bytes] = []
            async for chunk in stream:
                chunks.append(chunk)
                # A server that drips never trips the read timeout.
                if deadline.left() < 0:
                    raise httpx.ReadTimeout("the answer came too slowly", request=request)
        finally:
            await stream.aclose()
        return _http.reply(response, b"".join(chunks))

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._owned:
            await self._transport.aclose()
