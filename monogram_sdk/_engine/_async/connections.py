"""A pool of connections. This module imports httpcore, so it is loaded when a client first sends something."""

from __future__ import annotations

import httpcore

from monogram_sdk._engine import reply
from monogram_sdk._engine.backends import async_backend
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.certificates import certificates
from monogram_sdk._engine.process import AsyncCloser
from monogram_sdk._engine.proxies import Proxy
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request

from .backend import AsyncDeadlineBackend
from .body import async_whole

_CONNECTIONS = 100
_IDLE_CONNECTIONS = 20
_IDLE_SECONDS = 30.0


class AsyncPool:
    """A connection pool, with its backend and what closes it when its event loop ends.

    Args:
        origin: Scheme, host and port of the project's URL.
        proxy: The proxy that the environment names.

    Raises:
        ConfigError: The certificates that the environment names cannot be read.
    """

    __slots__ = ("_origin", "_pool", "backend", "closer")

    def __init__(self, origin: tuple[bytes, bytes, int | None], proxy: Proxy | None) -> None:
        self._origin = origin
        self.backend = AsyncDeadlineBackend(async_backend())
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=certificates() if origin[0] == b"https" else None,
            proxy=None if proxy is None else proxy.for_pool(),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            # HTTP/2 stays off: on connections that are idle or old it fails in ways that only retries hide.
            http2=False,
            network_backend=self.backend,
        )
        self.closer = AsyncCloser(self._pool.aclose)

    async def exchange(self, request: Request, target: bytes, fields: list[tuple[bytes, bytes]], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Args:
            request: The request.
            target: Its path with the query, below the host.
            fields: Its headers.
            call: The call that it is a part of.
        """
        scheme, host, port = self._origin
        sent = httpcore.Request(
            request.method.encode(),
            httpcore.URL(scheme=scheme, host=host, port=port, target=target),
            headers=fields,
            content=request.body,
            # `backend` limits all other waits.
            extensions={"timeout": {"pool": call.longest_wait()}},
        )
        response = await self._pool.handle_async_request(sent)
        try:
            body = await async_whole(response.stream, call)
        finally:
            await response.aclose()
        return reply.read(response.status, response.headers, body, request)

    def is_open(self) -> bool:
        """Return True if a connection is open."""
        return any(not one.is_closed() for one in self._pool.connections)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.closer.aclose()
        await self._pool.aclose()
