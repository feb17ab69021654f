"""The client of the auth service, from supabase-py. It is loaded when a program first uses accounts."""

from __future__ import annotations

from monogram_sdk._supabase import auth
from monogram_sdk._supabase.auth import AsyncGoTrueClient, AsyncSupportedStorage

from .engine import AsyncEngine
from .library import AsyncLibraryHTTP
from .sessions import AsyncSessions


def async_auth_service(engine: AsyncEngine) -> AsyncGoTrueClient:
    """Make the client. It sends through the engine."""
    config, sessions = engine.config, engine.sessions
    return auth.async_auth_client(
        config.url,
        # supabase-py sets a person's token itself. An older key is a token, too.
        {"authorization": f"Bearer {config.key}"} if config.key_is_jwt else {},
        AsyncLibraryHTTP(engine, as_person=False, traits=auth.traits_of_auth_request),
        AsyncSessionView(sessions),
        sessions.storage_key,
    )


class AsyncSessionView(AsyncSupportedStorage):
    """The storage of supabase-py's auth client. It reads the session here; only `AsyncSessions` writes it.

    The other thing it stores, the code verifier of a sign-in in progress, goes to the real storage.
    """

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions

    async def get_item(self, key: str) -> str | None:
        """Return a stored text."""
        if key == self._sessions.storage_key:
            session = self._sessions.cached
            return None if session is None else auth.session_text(session)
        return await self._sessions.storage.get(key)

    async def set_item(self, key: str, value: str) -> None:
        """Store a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.storage.set(key, value)

    async def remove_item(self, key: str) -> None:
        """Delete a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.storage.remove(key)
