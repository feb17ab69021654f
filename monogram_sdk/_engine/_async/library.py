"""What the libraries of supabase-py see of this client: a way to send requests, and a view of the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from monogram_sdk import _supabase
from monogram_sdk._engine import retrying
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request, check_body
from monogram_sdk._supabase import AsyncSupportedStorage, Nature
from monogram_sdk.errors import InvalidValueError

from .engine import AsyncEngine
from .sessions import AsyncSessions


class AsyncLibraryHTTP:
    """Stands where a library of supabase-py wants an httpx client.

    So its requests get the deadline, the retries, the log and the errors of all other calls, over the same connections.

    Args:
        engine: What sends.
        as_person: Whether requests go out as the person who is signed in.
        nature: What is to be known of a request with this method and address.
    """

    def __init__(self, engine: AsyncEngine, *, as_person: bool, nature: Callable[[str, httpx.URL], Nature]) -> None:
        self._engine = engine
        self._base = engine.config.url
        self._as_person = as_person
        self._nature = nature

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: httpx.QueryParams | None = None,
        json: object = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request of the library.

        Raises:
            MonogramError: It failed; the libraries let this pass.
        """
        try:
            encoded = httpx.Request(
                method, url, headers=headers, params=params, json=json, files=files or None, data=data or None
            )
        except (ValueError, TypeError, RecursionError, httpx.InvalidURL) as exc:
            raise InvalidValueError(
                "A value cannot be sent.",
                hint="Text must be valid Unicode without lone surrogates; all else must be plain values that JSON has.",
            ) from exc
        content = encoded.read()
        if not files:
            check_body(content)
        own = {name: value for name, value in encoded.headers.items() if name not in ("host", "content-length")}
        nature = self._nature(method, encoded.url)
        request = Request(
            method,
            str(encoded.url).removeprefix(self._base),
            content or None,
            own,
            repeatable=nature.repeatable,
            has_effect=nature.has_effect,
            extra_seconds=retrying.seconds_for(len(content)) if files else 0.0,
            content=nature.content,
        )
        reply = await self._send(request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.content, request=encoded)

    async def _send(self, request: Request) -> Reply:
        if self._as_person:
            return await self._engine.send(request)
        return await self._engine.sender.send(request)


class AsyncSessionView(AsyncSupportedStorage):
    """Stands where the auth service's client wants storage: it reads the session here, but `AsyncSessions` writes it.

    What else it stores, the secret of a sign-in with another service that is under way, goes to the real storage.
    """

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions

    async def get_item(self, key: str) -> str | None:
        """Return what is stored."""
        if key == self._sessions.storage_key:
            session = self._sessions.present
            return None if session is None else _supabase.session_text(session)
        return await self._sessions.items.get(key)

    async def set_item(self, key: str, value: str) -> None:
        """Store a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.items.set(key, value)

    async def remove_item(self, key: str) -> None:
        """Forget a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.items.remove(key)
