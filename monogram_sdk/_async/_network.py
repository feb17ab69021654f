"""Connections that keep a deadline however slowly the other side sends.

httpx has a timeout for each read. A server that sends its headers byte by byte never trips it, so the time that is left
is looked up before each read here.
"""

from __future__ import annotations

from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from monogram_sdk import _http
from monogram_sdk._retry import allowed

_SLICE = 64 * 1024


def async_punctual_transport(url: str) -> httpx.AsyncHTTPTransport:
    """Return httpx's transport, through the proxy that the environment names for a URL, on punctual connections."""
    # HTTP/2 stays off: on connections that are idle or old it fails in ways that only retries hide.
    transport = httpx.AsyncHTTPTransport(limits=_http.LIMITS, http2=False, proxy=_http.environment_proxy(url))
    # Its pool takes a network backend, but httpx has no argument for that.
    pool: Any = transport._pool  # pyright: ignore[reportPrivateUsage]
    pool._network_backend = AsyncPunctualBackend(pool._network_backend)
    return transport


class AsyncPunctualBackend(httpcore.AsyncNetworkBackend):
    """Makes connections that keep the deadline.

    Args:
        inner: What makes the connections.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server."""
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return AsyncPunctualStream(stream)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class AsyncPunctualStream(httpcore.AsyncNetworkStream):
    """A connection that keeps the deadline.

    Args:
        inner: The connection.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        wait = allowed(timeout)
        if wait is not None and wait <= 0:
            raise httpcore.ReadTimeout("the answer came too slowly")
        return await self._inner.read(max_bytes, wait)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        for start in range(0, len(buffer), _SLICE):
            wait = allowed(timeout)
            if wait is not None and wait <= 0:
                raise httpcore.WriteTimeout("the request was taken too slowly")
            await self._inner.write(buffer[start : start + _SLICE], wait)

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Go on encrypted."""
        return AsyncPunctualStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401
        """Return what is known about it."""
        return self._inner.get_extra_info(info)
