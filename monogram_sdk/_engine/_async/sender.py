"""Send a request until there is a reply, or no more sense or time in trying."""

from __future__ import annotations

from typing import Protocol

from monogram_sdk._config import Config, Options
from monogram_sdk._engine import call as calls
from monogram_sdk._engine import failures, refusals, retrying, telemetry
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.info import client_info
from monogram_sdk._engine.process import async_sleep
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.secrets import secrets_of
from monogram_sdk.errors import MonogramError, RateLimitError

from .network import AsyncNetwork


class AsyncBearer(Protocol):
    """Who a request is from."""

    async def token(self) -> str | None:
        """Return the access token to send; ``None`` for a stranger."""
        ...

    async def renew(self, refused: str) -> bool:
        """Get another token because the server refused this one; return True if there is another now."""
        ...


class AsyncSender:
    """Makes the attempts of a request, within the deadline of the call under way.

    Args:
        network: What makes an exchange.
        config: Where the project is, and which key opens it.
        options: The deadline and the retries of calls that begin here.
    """

    def __init__(self, network: AsyncNetwork, config: Config, options: Options) -> None:
        self.network = network
        self.config = config
        self.options = options
        self._headers = {
            "host": config.netloc,
            "apikey": config.key,
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": client_info(),
            "x-client-info": client_info(),
        }
        # A new key is no token and does not belong into `Authorization`; an older one is both.
        self._key_token = config.key if config.key_is_jwt else None

    def with_options(self, options: Options) -> AsyncSender:
        """Return a sender that shares all but the options."""
        return AsyncSender(self.network, self.config, options)

    def call(self, name: str | None) -> Call:
        """Return a call that begins now, of this name; without one it gets no span."""
        return Call(name, self.options, self.network)

    async def send(self, request: Request, who: AsyncBearer | None = None) -> Reply:
        """Send a request as part of the call under way, or as a call of its own.

        Args:
            request: What to send.
            who: Who it is from; by default whoever the request's own headers name, or a stranger.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        call = calls.current(self.network)
        if call is not None:
            return await self._send(request, who, call)
        with self.call(None) as call:
            return await self._send(request, who, call)

    async def _send(self, request: Request, who: AsyncBearer | None, call: Call) -> Reply:
        call.sends()
        if request.extra_seconds:
            call.extend(request.extra_seconds)
        attempt = 0
        uncertain = renewed = False
        try:
            while True:
                attempt += 1
                token = None if who is None else await who.token()
                if call.left() <= 0:  # Sending now would be asking without waiting for the reply.
                    raise call.too_late(method=request.method, path=request.bare_path())
                error: MonogramError
                cause: Exception | None = None
                sent = unanswered = True
                headers = self._headers_of(request, token)
                watched = telemetry.Attempt(request.method, request.bare_path(), self.config.url, attempt, headers)
                try:
                    reply = await self.network.exchange(request, headers, call)
                except failures.FAILURES as exc:
                    watched.failed(exc)
                    cause, sent = exc, failures.was_sent(exc)
                    error = failures.failure(exc, call, request)
                except BaseException as exc:
                    watched.failed(exc)
                    raise
                else:
                    watched.answered(reply.status, reply.headers)
                    if 200 <= reply.status < 300:
                        if not reply.is_garbled(request):
                            reply.uncertain = uncertain
                            return reply
                        error = failures.garbled(reply, request)
                    else:
                        error = refusals.refusal(
                            reply,
                            request,
                            signed_in=token is not None or self.config.is_secret,
                            secrets=secrets_of(request, headers),
                            key_source=self.config.key_source,
                        )
                        unanswered = retrying.is_unanswered(reply, request)
                uncertain = uncertain or (request.changes and sent and unanswered)
                if who is not None and token is not None and error.status == 401 and not (renewed or unanswered):
                    # The clocks disagree, or the signing key has changed. Nothing was done: ask with a new token.
                    renewed = True
                    if await who.renew(token):
                        continue
                if attempt > call.options.retries or not retrying.may_repeat(
                    error, repeatable=request.repeatable, sent=sent, unanswered=unanswered
                ):
                    raise error from cause
                pause = retrying.pause(attempt, error.retry_after if isinstance(error, RateLimitError) else None)
                if pause >= call.left():
                    raise error from cause
                await async_sleep(pause)
        except MonogramError as exc:
            # Whatever ended it: a refresh that failed, for example, says nothing of the attempts before it.
            exc.uncertain = uncertain
            raise

    def _headers_of(self, request: Request, token: str | None) -> dict[str, str]:
        headers = {**self._headers, **request.headers}
        bearer = token or self._key_token
        if bearer is not None and "authorization" not in headers:
            headers["authorization"] = f"Bearer {bearer}"
        if request.body is not None:
            headers["content-length"] = str(len(request.body))
        elif request.method not in ("GET", "HEAD"):
            headers["content-length"] = "0"
        return headers
