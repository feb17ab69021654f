"""Connections that keep to the deadline of the call that uses them, however slowly the server sends.

httpcore has a timeout for each single wait, which a server that sends its headers byte by byte never exceeds. So the
time left in the call is looked up before each wait here.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore

from monogram_sdk._engine.call import connect_timeout_within_call, timeout_within_call

_SLICE = 64 * 1024


class AsyncDeadlineBackend(httpcore.AsyncNetworkBackend):
    """A network backend whose connections keep to the deadline.

    Args:
        inner: The backend that opens them.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._streams: weakref.WeakSet[AsyncDeadlineStream] = weakref.WeakSet()

    def abandon(self) -> None:
        """Close this process's copies of the sockets, without a TLS shutdown: the connections are the parent's."""
        for stream in tuple(self._streams):
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
        wait = connect_timeout_within_call()
        if wait is not None and wait <= 0:
            raise httpcore.ConnectTimeout("no time is left to connect")
        inner = await self._inner.connect_tcp(host, port, wait, local_address, socket_options)
        stream = AsyncDeadlineStream(inner, self._streams)
        self._streams.add(stream)
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class AsyncDeadlineStream(httpcore.AsyncNetworkStream):
    """A connection that keeps to the deadline.

    Args:
        inner: The connection.
        streams: All open connections; `start_tls` adds one.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream, streams: weakref.WeakSet[AsyncDeadlineStream]) -> None:
        self._inner = inner
        self._streams = streams

    def abandon(self) -> None:
        """Close this process's copy of the socket."""
        # The socket of an event loop has no such method; it is closed when it is collected.
        close = getattr(self._inner.get_extra_info("socket"), "close", None)
        if close is not None:
            close()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived."""
        wait = timeout_within_call(timeout)
        if wait is not None and wait <= 0:
            raise httpcore.ReadTimeout("the reply came too slowly")
        return await self._inner.read(max_bytes, wait)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        for start in range(0, len(buffer), _SLICE):
            wait = timeout_within_call(timeout)
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
        """Encrypt the connection."""
        wait = connect_timeout_within_call()
        if wait is not None and wait <= 0:
            raise httpcore.ConnectTimeout("no time is left to connect")
        stream = AsyncDeadlineStream(await self._inner.start_tls(ssl_context, server_hostname, wait), self._streams)
        self._streams.add(stream)
        return stream

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401
        """Return information about the connection."""
        return self._inner.get_extra_info(info)
