"""A transport that the program passed. This module imports httpx, which other programs do not need."""

from __future__ import annotations

import os
import weakref

import httpx

from monogram_sdk._engine import reply
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.process import async_connection_scope, async_with_timeout
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import ConfigError

from .body import async_whole


class AsyncCustomTransport:
    """A transport of httpx that the program passed. It keeps to the deadline even if it ignores timeouts.

    Args:
        transport: The transport.
        url: The project's URL.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, url: str) -> None:
        self._transport = transport
        self._url = url
        self._scope: weakref.ref[object] | None = None
        self._process: int | None = None

    async def exchange(self, request: Request, fields: list[tuple[bytes, bytes]], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Raises:
            Exception: No reply came: `failures.is_failure` knows which exceptions say so.
            ConfigError: The transport was used before in another process or event loop.
        """
        self._check()
        sent = httpx.Request(request.method, self._url + request.path, headers=fields, content=request.body)
        wait = call.longest_wait()
        sent.extensions["timeout"] = {"connect": min(wait, 5.0), "pool": wait, "read": wait, "write": wait}

        async def in_time() -> Reply:
            response = await self._transport.handle_async_request(sent)
            stream = response.stream
            if not isinstance(stream, httpx.AsyncByteStream):
                raise TypeError(f"{type(self._transport).__name__} returned a stream for the other kind of client.")
            try:
                body = await async_whole(stream, call)
            finally:
                await stream.aclose()
            return reply.read(response.status_code, response.headers.raw, body, request)

        return await async_with_timeout(call.remaining(), in_time)

    def _check(self) -> None:
        """Raise an error if the transport was used before in another process or event loop."""
        here = async_connection_scope()
        if self._scope is None or self._process is None:
            self._scope, self._process = weakref.ref(here), os.getpid()
        elif self._process != os.getpid():
            raise ConfigError(
                "The transport of this client was used before the process was forked, so its connections belong to the"
                " parent process.",
                hint="Make the transport and the client in each process, after the fork.",
            )
        elif self._scope() is not here:
            raise ConfigError(
                "The transport of this client was used before in another event loop, to which its connections belong.",
                hint="Make the transport and the client in each event loop, or leave `transport` out.",
            )
