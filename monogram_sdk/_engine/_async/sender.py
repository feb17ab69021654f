"""Send a request, and send it again until there is a reply, or until trying again is pointless or too late."""

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


class AsyncTokenSource(Protocol):
    """Where the access token of a request comes from."""

    async def token(self) -> str | None:
        """Return the access token to send; ``None`` if nobody is signed in."""
        ...

    async def renew(self, refused: str) -> bool:
        """Replace a token that the server refused; return True if there is another one now."""
        ...


class AsyncSender:
    """Makes the attempts of a request, within the deadline of the call in progress.

    Args:
        network: Makes an exchange.
        config: The project's URL and key.
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
        # An older key is also a token. A new one is not, and must not be sent in `Authorization`.
        self._key_token = config.key if config.key_is_jwt else None

    def with_options(self, options: Options) -> AsyncSender:
        """Return a sender with other options that shares everything else."""
        return AsyncSender(self.network, self.config, options)

    def call(self, name: str | None, epoch: int | None = None) -> Call:
        """Return a call that begins now, for `AsyncEngine.call`."""
        return Call(name, self.options, self.network, epoch)

    async def send(self, request: Request, source: AsyncTokenSource | None = None) -> Reply:
        """Send a request as part of the call in progress, or as a call of its own.

        Args:
            request: The request.
            source: Where its token comes from; without one, from the request's own headers, if they have one.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        call = calls.current(self.network)
        if call is not None:
            return await self._send(request, source, call)
        with self.call(None) as call:
            return await self._send(request, source, call)

    async def _send(self, request: Request, source: AsyncTokenSource | None, call: Call) -> Reply:
        call.start_span()
        if request.extra_seconds:
            call.extend(request.extra_seconds)
        attempt = 0
        uncertain = renewed = False
        try:
            while True:
                attempt += 1
                token = None if source is None else await source.token()
                if call.remaining() <= 0:  # No time is left to wait for a reply.
                    raise call.deadline_error(method=request.method, path=request.bare_path())
                error: MonogramError
                cause: Exception | None = None
                sent = outcome_open = True
                headers = self._headers_of(request, token)
                record = telemetry.Attempt(request.method, request.bare_path(), self.config.url, attempt, headers)
                try:
                    reply = await self.network.exchange(request, headers, call)
                except BaseException as exc:
                    record.failed(exc)
                    if not isinstance(exc, Exception) or not failures.is_failure(exc):
                        raise
                    cause, sent = exc, failures.was_sent(exc)
                    error = failures.failure(exc, call, request)
                else:
                    record.replied(reply.status, reply.headers)
                    if 200 <= reply.status < 300:
                        if not reply.is_unusable_for(request):
                            reply.uncertain = uncertain
                            return reply
                        error = failures.unusable_reply(reply, request)
                    else:
                        error = refusals.refusal(
                            reply,
                            request,
                            signed_in=token is not None or self.config.is_secret,
                            secrets=secrets_of(request, headers),
                            key_source=self.config.key_source,
                        )
                        outcome_open = retrying.leaves_outcome_open(reply, request)
                uncertain = uncertain or (request.changes and sent and outcome_open)
                if source is not None and token is not None and error.status == 401 and not (renewed or outcome_open):
                    # The clocks differ, or the signing key has changed. Nothing was done: try with a new token.
                    renewed = True
                    if await source.renew(token):
                        continue
                if attempt > call.options.retries or not retrying.may_repeat(
                    error, repeatable=request.repeatable, sent=sent, outcome_open=outcome_open
                ):
                    raise error from cause
                pause = retrying.pause(attempt, error.retry_after if isinstance(error, RateLimitError) else None)
                if pause >= call.remaining():
                    raise error from cause
                await async_sleep(pause)
        except MonogramError as exc:
            # Also for errors of other requests: a refresh that failed says nothing about the attempts before it.
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
