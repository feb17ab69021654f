"""The network backends of httpcore: for asyncio, and for threads."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import httpcore

from monogram_sdk._engine.process import with_timeout


def async_backend() -> httpcore.AsyncNetworkBackend:
    """Return the backend for asyncio."""
    return httpcore.AnyIOBackend()  # pyright: ignore[reportReturnType]


def backend() -> httpcore.NetworkBackend:
    """Return the backend for threads."""
    return _Backend()


class _Backend(httpcore.SyncBackend):
    """Opens connections, with a timeout for looking up the host too: the system's resolver has none."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a server."""

        def connect() -> httpcore.NetworkStream:
            return super(_Backend, self).connect_tcp(host, port, timeout, local_address, socket_options)

        if timeout is None or _is_address(host):
            return connect()
        try:
            return with_timeout(timeout, connect, late=lambda stream: stream.close())
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc)) from exc


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
