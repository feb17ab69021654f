"""What the libraries of supabase-py see of this client: a way to send requests, and a view of the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from monogram_sdk import _retry
from monogram_sdk._http import Outgoing
from monogram_sdk._supabase import AsyncSupportedStorage

from ._sessions import AsyncSessions
from ._transport import AsyncTransport


class AsyncLibraryHTTP:
    """Stands where a library of supabase-py wants an httpx client.

    So its requests get the deadline, the retries, the log and the errors of all other calls, over the same connections.

    Args:
        transport: What sends.
        as_person: Whether requests go out as the person who is signed in.
        repeatable: Whether a request with this method and address may be sent twice.
    """

    def __init__(
        self, transport: AsyncTransport, *, as_person: bool, repeatable: Callable[[str, httpx.URL], bool]
    ) -> None:
        self._transport = transport
        self._as_person = as_person
        self._repeatable = repeatable

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
        encoded = httpx.Request(
            method, url, headers=headers, params=params, json=json, files=files or None, data=data or None
        )
        content = encoded.read()
        sent = {name: value for name, value in encoded.headers.items() if name not in ("host", "content-length")}
        reply = await self._transport.run(
            Outgoing(
                method,
                str(encoded.url),
                sent,
                content,
                repeatable=self._repeatable(method, encoded.url),
                as_person=self._as_person,
                extra_seconds=_retry.seconds_for(len(content)) if files else 0.0,
                wants_json=method != "GET" or not self._as_person,  # All but downloads, that is.
            )
        )
        # The body is decoded, so the answer must not say that it is still encoded.
        kept = [(name, value) for name, value in reply.headers.multi_items() if name != "content-encoding"]
        return httpx.Response(reply.status, headers=kept, content=reply.content, request=encoded)


class AsyncSessionView(AsyncSupportedStorage):
    """Stands where the auth service's client wants storage: it reads the session here, but `AsyncSessions` writes it.

    What else it stores, the secret of a sign-in with another service that is under way, goes to the real storage.
    """

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions

    async def get_item(self, key: str) -> str | None:
        """Return what is stored."""
        if key == self._sessions.storage_key:
            return self._sessions.text
        return await self._sessions.items.get(key)

    async def set_item(self, key: str, value: str) -> None:
        """Store a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.items.set(key, value)

    async def remove_item(self, key: str) -> None:
        """Forget a text, unless it is the session."""
        if key != self._sessions.storage_key:
            await self._sessions.items.remove(key)
