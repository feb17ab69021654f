"""Assemble a client. This module imports pydantic, so it is loaded when the first client is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monogram_sdk._config import Config, Options
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine._async.network import AsyncNetwork
from monogram_sdk._engine._async.sender import AsyncSender
from monogram_sdk._engine._async.sessions import AsyncSessions
from monogram_sdk._lazy import late
from monogram_sdk.session_storage import AnySessionStorage, MemorySessionStorage

from ._socket import AsyncSocket

if TYPE_CHECKING:
    import httpx

    from monogram_sdk._supabase.auth import AsyncGoTrueClient

    from ._files import AsyncFiles


class AsyncCore:
    """The parts of a client that clients with other options share.

    Args:
        engine: Sends requests.
        socket: The connection to Realtime.
        owns_connections: Whether closing the client closes the connections.
    """

    def __init__(self, engine: AsyncEngine, socket: AsyncSocket, *, owns_connections: bool) -> None:
        self.engine = engine
        self.socket = socket
        self.owns_connections = owns_connections

    def with_options(self, options: Options) -> AsyncCore:
        """Return the same with other options."""
        return AsyncCore(self.engine.with_options(options), self.socket, owns_connections=False)

    @late
    def service(self) -> AsyncGoTrueClient:
        """The client of the auth service."""
        from monogram_sdk._engine._async.auth_service import async_auth_service

        return async_auth_service(self.engine)

    @late
    def files(self) -> AsyncFiles:
        """The files in the storage buckets."""
        from ._files import AsyncFiles

        return AsyncFiles(self.engine)


def connect(
    config: Config, options: Options, storage: AnySessionStorage | None, transport: httpx.AsyncBaseTransport | None
) -> AsyncCore:
    """Assemble the parts of a client; nothing is sent."""
    sender = AsyncSender(AsyncNetwork(config, transport), config, options)
    sessions = AsyncSessions(
        sender, MemorySessionStorage() if storage is None else storage, f"monogram-{config.netloc}-session"
    )
    engine = AsyncEngine(sender, sessions)
    return AsyncCore(engine, AsyncSocket(engine), owns_connections=True)
