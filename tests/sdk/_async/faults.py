"""A network that can be told to fail."""

from __future__ import annotations

import json
from collections.abc import Iterable

import httpx

_SAID = {
    401: {"code": "PGRST301", "message": "No suitable key or wrong key type"},
    403: {"code": "42501", "message": "permission denied"},
}


class AsyncFaults(httpx.AsyncBaseTransport):
    """Sends over a real connection, and does to the next requests what its script says.

    - ``"ok"``: let it pass.
    - ``"unsent"``: the connection cannot be made.
    - ``"lost"``: the server carries out the request, and its reply is lost.
    - a number: a gateway replies with this status, and the server does not get the request. 401 and 403 are said as
      the Data API says them, the others with a page.
    """

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._script: list[str | int] = []
        self.paths: list[str] = []
        """The paths of all requests, in order."""
        self.retry_after: str | None = None
        """The header of the gateway's replies."""

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
            if step in _SAID:
                return httpx.Response(step, json=_SAID[step])
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


class AsyncNarrow(AsyncFaults):
    """Returns at most so many rows at once, like a server with this `db-max-rows`."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request with the lower one of its own limit and the server's, or cut the reply."""
        if not request.url.path.startswith("/rest/v1/"):
            return await super().handle_async_request(request)
        if request.method == "GET" or "limit" in request.url.params:
            wanted = int(request.url.params.get("limit", self.rows))
            request.url = request.url.copy_set_param("limit", str(min(wanted, self.rows)))
            return await super().handle_async_request(request)
        # PostgREST counts all rows that a function returns, if it is asked to; the local stack, with a limit of a
        # function that may write, does not.
        response = await super().handle_async_request(request)
        answer = json.loads(await response.aread() or "null")
        await response.aclose()
        if not isinstance(answer, list) or len(answer) <= self.rows:
            return httpx.Response(response.status_code, json=answer)
        total = len(answer) if "count=exact" in request.headers.get("prefer", "") else "*"
        cut = {"content-range": f"0-{self.rows - 1}/{total}"}
        return httpx.Response(response.status_code, headers=cut, json=answer[: self.rows])
