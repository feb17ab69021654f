"""Put a client together. This loads what is heavy, so it is imported when the first client is made."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from monogram_sdk import _http, _supabase
from monogram_sdk._config import Config, Options
from monogram_sdk.session_storage import AnySessionStorage, MemorySessionStorage

from ._connections import AsyncConnections
from ._files import AsyncFiles
from ._library import AsyncLibraryHTTP, AsyncSessionView
from ._sessions import AsyncSessions
from ._socket import AsyncSocket
from ._transport import AsyncTransport
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

    transport: AsyncTransport
    service: _supabase.AsyncGoTrueClient
    socket: AsyncSocket
    owns_connections: bool

    def with_options(self, options: Options) -> AsyncCore:
        """Return the same with other options."""
        return AsyncCore(self.transport.with_options(options), self.service, self.socket, owns_connections=False)


class AsyncResources:
    """The resources of a client."""

    def __init__(self, core: AsyncCore) -> None:
        transport = core.transport
        files = AsyncFiles(transport)
        self.admin = AsyncAdminAPI(transport, core.service)
        self.auth = AsyncAuthAPI(transport, core.service)
        self.badges = AsyncBadgesAPI(transport)
        self.live = AsyncLiveAPI(transport, core.socket)
        self.mails = AsyncMailsAPI(transport)
        self.newsletters = AsyncNewslettersAPI(transport)
        self.notifications = AsyncNotificationsAPI(transport)
        self.profiles = AsyncProfilesAPI(transport, files)
        self.prompts = AsyncPromptsAPI(transport)
        self.responses = AsyncResponsesAPI(transport, files)
        self.settings = AsyncSettingsAPI(transport)
        self.spaces = AsyncSpacesAPI(transport, files)
        self.store = AsyncStoreAPI(transport)
        self.tokens = AsyncTokensAPI(transport)


def connect(
    config: Config, options: Options, storage: AnySessionStorage | None, transport: httpx.AsyncBaseTransport | None
) -> AsyncCore:
    """Put the parts together; nothing is sent."""
    sessions = AsyncSessions(
        MemorySessionStorage() if storage is None else storage,
        f"monogram-{urlsplit(config.url).netloc}-session",
        secret=config.is_secret,
    )
    sender = AsyncTransport(AsyncConnections(config.url, transport), config, options, sessions)
    service = _supabase.async_auth_client(
        config.url,
        sender.service_headers(),
        AsyncLibraryHTTP(sender, as_person=False, repeatable=_http.is_repeatable_auth_request),
        AsyncSessionView(sessions),
        sessions.storage_key,
    )
    sessions.auth = service
    return AsyncCore(sender, service, AsyncSocket(sender), owns_connections=True)
