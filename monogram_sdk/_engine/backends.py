"""What makes connections, in each world."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import httpcore

from monogram_sdk._engine.process import within


def async_backend() -> httpcore.AsyncNetworkBackend:
    """Return what makes connections in an event loop of asyncio."""
    return httpcore.AnyIOBackend()  # pyright: ignore[reportReturnType]


def backend() -> httpcore.NetworkBackend:
    """Return what makes connections in threads."""
    return _Backend()


class _Backend(httpcore.SyncBackend):
    """Makes connections, and does not wait for ever for the address of a host: the system's resolver has no timeout."""

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
            return within(timeout, connect, late=lambda stream: stream.close())
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc)) from exc


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
