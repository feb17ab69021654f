"""The connection pools of a client."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from monogram_sdk._config import Config, is_loopback
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.process import async_connection_scope, is_closed_loop
from monogram_sdk._engine.proxies import Proxy, environment_proxy
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._forks import importing, register_for_fork
from monogram_sdk.errors import ConfigError

if TYPE_CHECKING:
    from .connections import AsyncPool


class AsyncPools:
    """The connection pools of a client: one for each event loop and process.

    Args:
        config: The project's URL and key.

    Raises:
        ConfigError: The proxy that the environment names cannot be used.
    """

    # With slots, the ResourceWarning shows where the object was allocated; Python 3.11 does so for no other object.
    __slots__ = ("__weakref__", "_abandoned", "_latest", "_lock", "_origin", "_pools", "_proxy", "_url")

    def __init__(self, config: Config) -> None:
        self._url = config.url
        self._origin = config.origin
        self._proxy = environment_proxy(config.url)
        if self._proxy is not None:
            _check_proxy(self._proxy, config)
        self._pools: dict[object, AsyncPool] = {}
        self._latest: tuple[object, AsyncPool] | None = None
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

    async def exchange(self, request: Request, target: bytes, fields: list[tuple[bytes, bytes]], call: Call) -> Reply:
        """Send a request over a connection of the pool for the running event loop, or for all threads."""
        return await (await self.get()).exchange(request, target, fields, call)

    async def get(self) -> AsyncPool:
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
            self._latest = here, pool
        if is_new:
            await pool.closer.start()
        return pool

    async def aclose(self) -> None:
        """Close the connections of this event loop. Those of other loops are closed when their loop ends."""
        self._latest = None
        pool = self._pools.pop(async_connection_scope(), None)
        if pool is not None:
            await pool.aclose()

    def _make(self) -> AsyncPool:
        with importing():  # httpcore, when something is sent
            from .connections import AsyncPool

        return AsyncPool(self._origin, self._proxy)


def _check_proxy(proxy: Proxy, config: Config) -> None:
    proxy.check_installed("socksio")
    unencrypted = config.url.startswith("http:") and not is_loopback(proxy.host)
    if config.is_secret and unencrypted and not config.allow_secret_over_http:
        raise ConfigError(
            f"The secret key would be sent unencrypted to the proxy {proxy.host}, which the environment names.",
            hint="Add the project's host to NO_PROXY, or, if you trust the network, pass allow_secret_over_http=True.",
        )
