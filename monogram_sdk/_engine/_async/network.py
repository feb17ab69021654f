"""Send a request and read the reply: the only module that uses the network."""

from __future__ import annotations

import os
import ssl
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from monogram_sdk._config import Config, check_has, is_loopback
from monogram_sdk._engine import reply
from monogram_sdk._engine.backends import async_backend
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.certificates import certificates
from monogram_sdk._engine.process import AsyncCloser, async_connection_scope, async_with_timeout, is_closed_loop
from monogram_sdk._engine.proxies import Proxy, environment_proxy
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import ClientClosedError, ConfigError, InvalidValueError

from .backend import AsyncDeadlineBackend

_CONNECTIONS = 100
_IDLE_CONNECTIONS = 20
_IDLE_SECONDS = 30.0


class AsyncNetwork:
    """Sends requests to a project over connections that stay open.

    Args:
        config: The project's URL and key.
        transport: A transport to send with; whoever made it closes it. Without one, connections of our own, through the
            proxy that the environment names.

    Raises:
        ConfigError: The proxy or the certificates that the environment names cannot be used.
    """

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None) -> None:
        if transport is not None:
            check_has("transport", transport, ("handle_async_request",), "a transport of httpx for this kind of client")
        self._origin = config.origin
        self._prefix = config.prefix
        self._custom = None if transport is None else AsyncCustomTransport(transport, config.url)
        self._pools = None if transport is not None else AsyncPools(config)
        self._closed = False

    async def exchange(self, request: Request, headers: Mapping[str, str], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Raises:
            Exception: No reply came: one of `failures.FAILURES`.
            ClientClosedError: The client has been closed.
        """
        if self._closed:
            raise ClientClosedError
        try:
            target = self._prefix + request.path.encode("ascii")
            fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        except UnicodeEncodeError as exc:
            raise InvalidValueError("The URL or a header contains characters that are not allowed there.") from exc
        if self._custom is not None:
            return await self._custom.exchange(request, fields, call)
        assert self._pools is not None
        scheme, host, port = self._origin
        sent = httpcore.Request(
            request.method.encode(),
            httpcore.URL(scheme=scheme, host=host, port=port, target=target),
            headers=fields,
            content=request.body,
            # `backend` limits all other waits.
            extensions={"timeout": {"pool": call.longest_wait()}},
        )
        pool = await self._pools.get()
        response = await pool.handle_async_request(sent)
        try:
            body = await _whole(response.stream, call)
        finally:
            await response.aclose()
        return reply.read(response.status, response.headers, body, request)

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._pools is not None:
            await self._pools.aclose()


class AsyncPools:
    """The connection pools of a client: one for each event loop and process.

    Args:
        config: The project's URL and key.

    Raises:
        ConfigError: The proxy that the environment names cannot be used.
    """

    # With slots, the ResourceWarning shows where the object was allocated; Python 3.11 does so for no other object.
    __slots__ = ("__weakref__", "_abandoned", "_is_secure", "_latest", "_lock", "_pools", "_proxy", "_tls", "_url")

    def __init__(self, config: Config) -> None:
        self._url = config.url
        self._is_secure = config.url.startswith("https:")
        self._proxy = environment_proxy(config.url)
        if self._proxy is not None:
            _check_proxy(self._proxy, config)
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[object, AsyncPool] = {}
        self._latest: tuple[object, httpcore.AsyncConnectionPool] | None = None
        self._lock = threading.Lock()
        self._abandoned: object = None
        register_for_fork(self)

    def after_fork(self) -> None:
        """Start without pools: the connections are the parent's."""
        made, self._pools, self._latest = self._pools, {}, None
        self._lock = threading.Lock()
        for pool in made.values():
            pool.backend.abandon()
        # Kept alive: finalizers of the pools would close what belongs to the parent's event loops.
        self._abandoned = self._abandoned, made

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        """Close the open connections, and warn about them, as files and sockets do.

        This is here and not in the client because a resource, such as `client.spaces`, may outlive its client. It does
        not warn if no connection is open: the client was not used, its event loops have ended, or the process was
        forked and the connections are the parent's. It does not warn at the end of the program either, so that a short
        script need not close its client.
        """
        try:
            forgotten = [pool for pool in self._pools.values() if pool.is_open()]
            for pool in forgotten:
                pool.closer.abandon()
        except Exception:
            return  # `__init__` failed.
        if forgotten and not sys.is_finalizing():
            warn(
                f"AsyncMonogram(url={self._url!r}) was not closed. Use it in `async with`, or call its `aclose()`.",
                ResourceWarning,
                source=self,
            )

    async def get(self) -> httpcore.AsyncConnectionPool:
        """Return the pool for the running event loop, or for all threads.

        Raises:
            ConfigError: The certificates that the environment names cannot be read.
        """
        here = async_connection_scope()
        latest = self._latest
        if latest is not None and latest[0] is here:
            return latest[1]
        with self._lock:
            for ended in [one for one in self._pools if is_closed_loop(one)]:
                del self._pools[ended]
            pool = self._pools.get(here)
            is_new = pool is None
            if pool is None:
                pool = self._pools[here] = self._make()
            self._latest = here, pool.pool
        if is_new:
            await pool.closer.start()
        return pool.pool

    async def aclose(self) -> None:
        """Close the connections of this event loop. Those of other loops are closed when their loop ends."""
        self._latest = None
        pool = self._pools.pop(async_connection_scope(), None)
        if pool is not None:
            await pool.closer.aclose()
            await pool.pool.aclose()

    def _make(self) -> AsyncPool:
        if self._tls is None and self._is_secure:
            self._tls = certificates()
        deadline_backend = AsyncDeadlineBackend(async_backend())
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=None if self._proxy is None else self._proxy.for_pool(),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            # HTTP/2 stays off: on connections that are idle or old it fails in ways that only retries hide.
            http2=False,
            network_backend=deadline_backend,
        )
        return AsyncPool(pool, deadline_backend, AsyncCloser(pool.aclose))


@dataclass(frozen=True, slots=True)
class AsyncPool:
    """A connection pool, with its backend and what closes it when its event loop ends."""

    pool: httpcore.AsyncConnectionPool
    backend: AsyncDeadlineBackend
    closer: AsyncCloser

    def is_open(self) -> bool:
        """Return True if a connection is open."""
        return any(not one.is_closed() for one in self.pool.connections)


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
            Exception: No reply came: one of `failures.FAILURES`.
            ConfigError: The transport was used before in another process or event loop.
        """
        self._check()
        sent = httpx.Request(request.method, self._url + request.path, headers=fields, content=request.body)
        wait = call.longest_wait()
        sent.extensions["timeout"] = {"connect": min(wait, 5.0), "pool": wait, "read": wait, "write": wait}

        async def whole() -> Reply:
            response = await self._transport.handle_async_request(sent)
            stream = response.stream
            if not isinstance(stream, httpx.AsyncByteStream):
                raise TypeError(f"{type(self._transport).__name__} returned a stream for the other kind of client.")
            try:
                body = await _whole(stream, call)
            finally:
                await stream.aclose()
            return reply.read(response.status_code, response.headers.raw, body, request)

        return await async_with_timeout(call.remaining(), whole)

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


async def _whole(stream: Any, call: Call) -> bytes:  # noqa: ANN401
    """Read a whole body. The deadline is checked here too: a slow server never exceeds the timeout of a single read."""
    chunks: list[bytes] = []
    async for chunk in stream:
        chunks.append(chunk)
        if call.remaining() < 0:
            raise httpcore.ReadTimeout("the reply came too slowly")
    return b"".join(chunks)


def _check_proxy(proxy: Proxy, config: Config) -> None:
    proxy.check_installed("socksio")
    unencrypted = config.url.startswith("http:") and not is_loopback(proxy.host)
    if config.is_secret and unencrypted and not config.allow_secret_over_http:
        raise ConfigError(
            f"The secret key would be sent unencrypted to the proxy {proxy.host}, which the environment names.",
            hint="Add the project's host to NO_PROXY, or, if you trust the network, pass allow_secret_over_http=True.",
        )
