"""Send a request and read the reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monogram_sdk._config import Config, check_has
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._forks import importing
from monogram_sdk.errors import ClientClosedError, InvalidValueError

from .pools import AsyncPools

if TYPE_CHECKING:
    import httpx

    from .transport import AsyncCustomTransport


class AsyncNetwork:
    """Sends requests to a project over connections that stay open.

    Args:
        config: The project's URL and key.
        transport: A transport to send with; whoever made it closes it. Without one, connections of our own, through the
            proxy that the environment names.

    Raises:
        ConfigError: The proxy or the certificates that the environment names cannot be used.
    """

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None) -> None:
        if transport is not None:
            check_has("transport", transport, ("handle_async_request",), "a transport of httpx for this kind of client")
        self._prefix = config.prefix
        self._custom = None if transport is None else _custom(transport, config)
        self._pools = None if transport is not None else AsyncPools(config)
        self._closed = False

    async def exchange(self, request: Request, headers: Mapping[str, str], call: Call) -> Reply:
        """Send a request and read the whole reply.

        Raises:
            Exception: No reply came: `failures.is_failure` knows which exceptions say so.
            ClientClosedError: The client has been closed.
        """
        if self._closed:
            raise ClientClosedError
        try:
            target = self._prefix + request.path.encode("ascii")
            fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        except UnicodeEncodeError as exc:
            raise InvalidValueError("The URL or a header contains characters that are not allowed there.") from exc
        if self._custom is not None:
            return await self._custom.exchange(request, fields, call)
        assert self._pools is not None
        return await self._pools.exchange(request, target, fields, call)

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._pools is not None:
            await self._pools.aclose()


def _custom(transport: httpx.AsyncBaseTransport, config: Config) -> AsyncCustomTransport:
    with importing():  # httpx, which most programs do not need
        from .transport import AsyncCustomTransport

    return AsyncCustomTransport(transport, config.url)
