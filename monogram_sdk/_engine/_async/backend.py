"""Connections that keep the deadline of the call that uses them, however slowly the other side sends.

httpcore has a timeout for each wait, and a server that sends its headers byte by byte never trips it. So how long to
wait is looked up before each wait here, and nowhere else.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore

from monogram_sdk._engine.call import allowed, allowed_to_connect

_SLICE = 64 * 1024


class AsyncPunctualBackend(httpcore.AsyncNetworkBackend):
    """Makes connections that keep the deadline.

    Args:
        inner: What makes the connections.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._made: weakref.WeakSet[AsyncPunctualStream] = weakref.WeakSet()

    def abandon(self) -> None:
        """Close this process's copies of the connections' sockets, saying goodbye to nobody: they are the parent's."""
        for stream in tuple(self._made):
            stream.abandon()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server."""
        wait = allowed_to_connect()
        if wait is not None and wait <= 0:
            raise httpcore.ConnectTimeout("no time is left to connect")
        inner = await self._inner.connect_tcp(host, port, wait, local_address, socket_options)
        stream = AsyncPunctualStream(inner, self._made)
        self._made.add(stream)
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class AsyncPunctualStream(httpcore.AsyncNetworkStream):
    """A connection that keeps the deadline.

    Args:
        inner: The connection.
        made: All connections, to which one that goes on encrypted is added.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream, made: weakref.WeakSet[AsyncPunctualStream]) -> None:
        self._inner = inner
        self._made = made

    def abandon(self) -> None:
        """Close this process's copy of the socket."""
        # One that belongs to an event loop has no such method; it is closed when nobody refers to it any more.
        close = getattr(self._inner.get_extra_info("socket"), "close", None)
        if close is not None:
            close()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        wait = allowed(timeout)
        if wait is not None and wait <= 0:
            raise httpcore.ReadTimeout("the reply came too slowly")
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
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Go on encrypted."""
        wait = allowed_to_connect()
        if wait is not None and wait <= 0:
            raise httpcore.ConnectTimeout("no time is left to connect")
        stream = AsyncPunctualStream(await self._inner.start_tls(ssl_context, server_hostname, wait), self._made)
        self._made.add(stream)
        return stream

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401
        """Return what is known about it."""
        return self._inner.get_extra_info(info)
