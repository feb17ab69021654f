"""Exchange a request for a reply: the only place that talks to the network."""

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
from monogram_sdk._engine.process import AsyncKeeper, async_home, async_within, is_gone
from monogram_sdk._engine.proxies import Proxy, environment_proxy
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._forks import tell_of_forks
from monogram_sdk.errors import ClientClosedError, ConfigError, InvalidValueError

from .backend import AsyncPunctualBackend

_CONNECTIONS = 100
_IDLE_CONNECTIONS = 20
_IDLE_SECONDS = 30.0


class AsyncNetwork:
    """Sends requests to a project over connections that stay open.

    Args:
        config: Where the project is.
        transport: What to send with; connections of our own, through the proxy that the environment names, unless
            given. It is closed by whoever made it.

    Raises:
        ConfigError: The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None) -> None:
        if transport is not None:
            check_has("transport", transport, ("handle_async_request",), "a transport of httpx for this kind of client")
        self._origin = config.origin
        self._prefix = config.prefix
        self._given = None if transport is None else AsyncGivenTransport(transport, config.url)
        self._pools = None if transport is not None else AsyncPools(config)
        self._closed = False

    async def exchange(self, request: Request, headers: Mapping[str, str], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Raises:
            Exception: There is none: one of `failures.FAILURES`.
            ClientClosedError: The client has been closed.
        """
        if self._closed:
            raise ClientClosedError
        try:
            target = self._prefix + request.path.encode("ascii")
            fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        except UnicodeEncodeError as exc:
            raise InvalidValueError("The address or a header holds characters that it cannot hold.") from exc
        if self._given is not None:
            return await self._given.exchange(request, fields, call)
        assert self._pools is not None
        scheme, host, port = self._origin
        sent = httpcore.Request(
            request.method.encode(),
            httpcore.URL(scheme=scheme, host=host, port=port, target=target),
            headers=fields,
            content=request.body,
            # All other waits are cut where they happen, see `backend`.
            extensions={"timeout": {"pool": call.wait()}},
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
    """The connections of a client: a pool for each event loop, and others in a process that is forked off.

    Args:
        config: Where the project is.

    Raises:
        ConfigError: The environment names a proxy that cannot be used.
    """

    # Python 3.11 tells where an object was made only if it has no `__dict__`.
    __slots__ = ("__weakref__", "_abandoned", "_is_secure", "_lock", "_made", "_now", "_proxy", "_tls", "_url")

    def __init__(self, config: Config) -> None:
        self._url = config.url
        self._is_secure = config.url.startswith("https:")
        self._proxy = environment_proxy(config.url)
        if self._proxy is not None:
            _check_proxy(self._proxy, config)
        self._tls: ssl.SSLContext | None = None
        self._made: dict[object, AsyncPool] = {}
        self._now: tuple[object, httpcore.AsyncConnectionPool] | None = None
        self._lock = threading.Lock()
        self._abandoned: object = None
        tell_of_forks(self)

    def forked(self) -> None:
        """Leave the parent's connections to it."""
        made, self._made, self._now = self._made, {}, None
        self._lock = threading.Lock()
        for pool in made.values():
            pool.backend.abandon()
        # What still refers to the parent's event loops must not tell them that it ends.
        self._abandoned = self._abandoned, made

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        """Close what is open, and warn of it as files and sockets do.

        A resource, such as `client.spaces`, may outlive its client, so the connections say it and not the client. Where
        none is open nothing is lost: the client was not used, its event loops have ended, or the connections are those
        of the parent of a process that was forked off. At the end of a program they are closed without a word: a short
        script need not do it.
        """
        try:
            forgotten = [pool for pool in self._made.values() if pool.is_open()]
            for pool in forgotten:
                pool.keeper.let_go()
        except Exception:
            return  # It was never quite made.
        if forgotten and not sys.is_finalizing():
            warn(
                f"AsyncMonogram(url={self._url!r}) was not closed. Use it in `async with`, or call its `aclose()`.",
                ResourceWarning,
                source=self,
            )

    async def get(self) -> httpcore.AsyncConnectionPool:
        """Return the pool for where this is called.

        Raises:
            ConfigError: The environment names certificates that cannot be read.
        """
        here = async_home()
        now = self._now
        if now is not None and now[0] is here:
            return now[1]
        with self._lock:
            for ended in [one for one in self._made if is_gone(one)]:
                del self._made[ended]
            pool = self._made.get(here)
            is_new = pool is None
            if pool is None:
                pool = self._made[here] = self._make()
            self._now = here, pool.pool
        if is_new:
            await pool.keeper.begin()
        return pool.pool

    async def aclose(self) -> None:
        """Close the connections that were made here; those of other loops end with their loops."""
        self._now = None
        pool = self._made.pop(async_home(), None)
        if pool is not None:
            await pool.keeper.aclose()
            await pool.pool.aclose()

    def _make(self) -> AsyncPool:
        if self._tls is None and self._is_secure:
            self._tls = certificates()
        punctual = AsyncPunctualBackend(async_backend())
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=None if self._proxy is None else self._proxy.for_pool(),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            # HTTP/2 stays off: on connections that are idle or old it fails in ways that only retries hide.
            http2=False,
            network_backend=punctual,
        )
        return AsyncPool(pool, punctual, AsyncKeeper(pool.aclose))


@dataclass(frozen=True, slots=True)
class AsyncPool:
    """The connections of one process and one event loop, what makes them, and what closes them when the loop ends."""

    pool: httpcore.AsyncConnectionPool
    backend: AsyncPunctualBackend
    keeper: AsyncKeeper

    def is_open(self) -> bool:
        """Return True if there are connections."""
        return any(not one.is_closed() for one in self.pool.connections)


class AsyncGivenTransport:
    """A transport of httpx that the program gave. Whether or not it knows of timeouts, the deadline holds.

    Args:
        transport: It.
        url: The project's URL.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, url: str) -> None:
        self._transport = transport
        self._url = url
        self._home: weakref.ref[object] | None = None
        self._process: int | None = None

    async def exchange(self, request: Request, fields: list[tuple[bytes, bytes]], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Raises:
            Exception: There is none: one of `failures.FAILURES`.
            ConfigError: The transport was used in another process, or in another event loop, before.
        """
        self._check()
        sent = httpx.Request(request.method, self._url + request.path, headers=fields, content=request.body)
        wait = call.wait()
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

        return await async_within(call.left(), whole)

    def _check(self) -> None:
        """Refuse to share the transport's connections with another process or event loop."""
        here = async_home()
        if self._home is None or self._process is None:
            self._home, self._process = weakref.ref(here), os.getpid()
        elif self._process != os.getpid():
            raise ConfigError(
                "This client's transport was used before the process was forked off, and its connections are the"
                " parent's.",
                hint="Make the transport and the client in each process, after the fork.",
            )
        elif self._home() is not here:
            raise ConfigError(
                "This client's transport was used in another event loop before, and its connections belong there.",
                hint="Make the transport and the client in each event loop, or leave `transport` out.",
            )


async def _whole(stream: Any, call: Call) -> bytes:  # noqa: ANN401
    """Read all of a body. A server that drips never trips a timeout of the reads."""
    chunks: list[bytes] = []
    async for chunk in stream:
        chunks.append(chunk)
        if call.left() < 0:
            raise httpcore.ReadTimeout("the reply came too slowly")
    return b"".join(chunks)


def _check_proxy(proxy: Proxy, config: Config) -> None:
    proxy.check_installed("socksio")
    unencrypted = config.url.startswith("http:") and not is_loopback(proxy.host)
    if config.is_secret and unencrypted and not config.allow_secret_over_http:
        raise ConfigError(
            f"A secret key would travel unencrypted to the proxy {proxy.host}, which the environment names.",
            hint="Except the host in NO_PROXY, or, if you trust the network, pass allow_secret_over_http=True.",
        )
