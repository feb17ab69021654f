"""A network that can be told to fail."""

from __future__ import annotations

from collections.abc import Iterable

import httpx


class AsyncFaults(httpx.AsyncBaseTransport):
    """Sends over a real connection, and does to the next requests what its script says.

    - ``"ok"``: let it pass.
    - ``"unsent"``: the connection cannot be made.
    - ``"lost"``: the server gets the request and acts, and its answer is lost.
    - a number: a gateway answers with this status, and the server does not get the request.
    """

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._script: list[str | int] = []
        self.paths: list[str] = []
        """The paths of all requests, in order."""
        self.retry_after: str | None = None
        """The header of answers that the gateway gives."""

    def then(self, *script: str | int) -> None:
        """Set what happens to the next requests, and forget those of before."""
        self._script = list(script)
        self.paths.clear()

    def count(self, path: str) -> int:
        """Return how many requests had this path."""
        return self.paths.count(path)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, or not."""
        self.paths.append(request.url.path)
        step = self._script.pop(0) if self._script else "ok"
        if step == "unsent":
            raise httpx.ConnectError("connection refused", request=request)
        if isinstance(step, int):
            headers: Iterable[tuple[str, str]] = [("retry-after", self.retry_after)] if self.retry_after else []
            return httpx.Response(step, headers=dict(headers), text="<html>a proxy's page</html>")
        response = await self._inner.handle_async_request(request)
        if step == "lost":
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("connection reset by peer", request=request)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
