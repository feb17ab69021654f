"""Assemble a client. This module imports large packages, so it is loaded when the first client is made."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from monogram_sdk import _supabase
from monogram_sdk._config import Config, Options
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine._async.library import AsyncLibraryHTTP, AsyncSessionView
from monogram_sdk._engine._async.network import AsyncNetwork
from monogram_sdk._engine._async.sender import AsyncSender
from monogram_sdk._engine._async.sessions import AsyncSessions
from monogram_sdk.session_storage import AnySessionStorage, MemorySessionStorage

from ._files import AsyncFiles
from ._socket import AsyncSocket
from .admin import AsyncAdminAPI
from .auth import AsyncAuthAPI
from .badges import AsyncBadgesAPI
from .live import AsyncLiveAPI
from .mails import AsyncMailsAPI
from .newsletters import AsyncNewslettersAPI
from .notifications import AsyncNotificationsAPI
from .profiles import AsyncProfilesAPI
from .prompts import AsyncPromptsAPI
from .responses import AsyncResponsesAPI
from .settings import AsyncSettingsAPI
from .spaces import AsyncSpacesAPI
from .store import AsyncStoreAPI
from .tokens import AsyncTokensAPI


@dataclass(frozen=True, slots=True)
class AsyncCore:
    """The parts of a client that clients with other options share."""

    engine: AsyncEngine
    service: _supabase.AsyncGoTrueClient
    socket: AsyncSocket
    owns_connections: bool

    def with_options(self, options: Options) -> AsyncCore:
        """Return the same with other options."""
        return AsyncCore(self.engine.with_options(options), self.service, self.socket, owns_connections=False)


class AsyncResources:
    """The resources of a client."""

    def __init__(self, core: AsyncCore) -> None:
        engine = core.engine
        files = AsyncFiles(engine)
        self.admin = AsyncAdminAPI(engine, core.service)
        self.auth = AsyncAuthAPI(engine, core.service)
        self.badges = AsyncBadgesAPI(engine)
        self.live = AsyncLiveAPI(engine, core.socket)
        self.mails = AsyncMailsAPI(engine)
        self.newsletters = AsyncNewslettersAPI(engine)
        self.notifications = AsyncNotificationsAPI(engine)
        self.profiles = AsyncProfilesAPI(engine, files)
        self.prompts = AsyncPromptsAPI(engine)
        self.responses = AsyncResponsesAPI(engine, files)
        self.settings = AsyncSettingsAPI(engine)
        self.spaces = AsyncSpacesAPI(engine, files)
        self.store = AsyncStoreAPI(engine)
        self.tokens = AsyncTokensAPI(engine)


def connect(
    config: Config, options: Options, storage: AnySessionStorage | None, transport: httpx.AsyncBaseTransport | None
) -> AsyncCore:
    """Assemble the parts of a client; nothing is sent."""
    sender = AsyncSender(AsyncNetwork(config, transport), config, options)
    sessions = AsyncSessions(
        sender, MemorySessionStorage() if storage is None else storage, f"monogram-{config.netloc}-session"
    )
    engine = AsyncEngine(sender, sessions)
    service = _supabase.async_auth_client(
        config.url,
        # supabase-py sets a person's token itself. An older key is a token, too.
        {"authorization": f"Bearer {config.key}"} if config.key_is_jwt else {},
        AsyncLibraryHTTP(engine, as_person=False, traits=_supabase.traits_of_auth_request),
        AsyncSessionView(sessions),
        sessions.storage_key,
    )
    return AsyncCore(engine, service, AsyncSocket(engine), owns_connections=True)
