"""The HTTP client that the libraries of supabase-py are given: it sends through the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from monogram_sdk._engine import retrying
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request, check_body
from monogram_sdk._supabase.requests import RequestTraits
from monogram_sdk.errors import InvalidValueError

from .engine import AsyncEngine


class AsyncLibraryHTTP:
    """Replaces the httpx client of a library of supabase-py.

    The library's requests thus get the same deadline, retries, log, errors and connections as all others.

    Args:
        engine: Sends the requests.
        as_person: Whether to send them as the person who is signed in.
        traits: Returns how to treat a request, by its method and URL.
    """

    def __init__(
        self, engine: AsyncEngine, *, as_person: bool, traits: Callable[[str, httpx.URL], RequestTraits]
    ) -> None:
        self._engine = engine
        self._base = engine.config.url
        self._as_person = as_person
        self._traits = traits

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
            MonogramError: It failed. The libraries do not catch this.
        """
        try:
            encoded = httpx.Request(
                method, url, headers=headers, params=params, json=json, files=files or None, data=data or None
            )
        except (ValueError, TypeError, RecursionError, httpx.InvalidURL) as exc:
            raise InvalidValueError(
                "A value cannot be sent.",
                hint="Use text in valid Unicode, without lone surrogates, and otherwise only values that JSON has.",
            ) from exc
        content = encoded.read()
        if not files:
            check_body(content)
        own = {name: value for name, value in encoded.headers.items() if name not in ("host", "content-length")}
        traits = self._traits(method, encoded.url)
        request = Request(
            method,
            str(encoded.url).removeprefix(self._base),
            content or None,
            own,
            repeatable=traits.repeatable,
            has_effect=traits.has_effect,
            extra_seconds=retrying.seconds_for(len(content)) if files else 0.0,
            content=traits.content,
        )
        reply = await self._send(request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.content, request=encoded)

    async def _send(self, request: Request) -> Reply:
        if self._as_person:
            return await self._engine.send(request)
        return await self._engine.sender.send(request)
