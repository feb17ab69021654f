"""Send calls: the only place of the client that talks to the network."""

from __future__ import annotations

import time

import httpx

from monogram_sdk import _http, _refusals, _retry
from monogram_sdk._config import Config, Options
from monogram_sdk._http import Outgoing, Reply
from monogram_sdk._query import Call
from monogram_sdk._runtime import async_sleep
from monogram_sdk.errors import MonogramError, RateLimitError

from ._connections import AsyncConnections
from ._sessions import AsyncSessions


class AsyncTransport:
    """Sends over one pool of connections, as the person who is signed in, within a deadline, again if need be.

    Args:
        connections: The pool.
        config: Where to send, and with which key.
        options: The deadline and the retries.
        sessions: Who is signed in.
    """

    def __init__(
        self, connections: AsyncConnections, config: Config, options: Options, sessions: AsyncSessions
    ) -> None:
        self.connections = connections
        self.config = config
        self.options = options
        self.sessions = sessions
        self._headers = {
            "apikey": config.key,
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": _http.client_info(),
            "x-client-info": _http.client_info(),
            "host": httpx.URL(config.url).netloc.decode("ascii"),
        }
        # A new key is no token and does not belong into `Authorization`; an older one is both.
        self._key_token = config.key if config.key_is_jwt else None

    def with_options(self, options: Options) -> AsyncTransport:
        """Return a transport that shares all but the options."""
        return AsyncTransport(self.connections, self.config, options, self.sessions)

    def service_headers(self) -> dict[str, str]:
        """Return the headers for the auth service's client, which sets a person's token itself."""
        return {"authorization": f"Bearer {self._key_token}"} if self._key_token else {}

    async def send(self, call: Call) -> Reply:
        """Send a call to the Data API.

        Raises:
            MonogramError: The call failed; the class says how.
        """
        headers: dict[str, str] = {}
        if call.prefer is not None:
            headers["prefer"] = call.prefer
        if call.body is not None:
            headers["content-type"] = "application/json"
        return await self.run(Outgoing(call.method, self.config.url + call.path, headers, call.body, call.repeatable))

    async def run(self, outgoing: Outgoing) -> Reply:
        """Send a request until there is an answer, or no more sense or time in trying.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        options = self.options
        deadline = _retry.Deadline(options.timeout + outgoing.extra_seconds, retries=options.retries)
        attempt = 0
        uncertain = renewed = False
        while True:
            attempt += 1
            token = await self.sessions.token() if outgoing.as_person else None
            started = time.perf_counter()
            cause: httpx.TransportError | None = None
            sent = True
            try:
                reply = await self.connections.exchange(self._request(outgoing, token), deadline)
            except httpx.TransportError as exc:
                _http.log_attempt(outgoing, type(exc).__name__, started, attempt)
                cause, sent = exc, _http.was_sent(exc)
                error: MonogramError = _http.transport_error(
                    exc, deadline.seconds, method=outgoing.method, path=outgoing.path()
                )
                uncertain = uncertain or sent
            else:
                _http.log_attempt(outgoing, str(reply.status), started, attempt, reply.headers)
                if 200 <= reply.status < 300:
                    reply.uncertain = uncertain
                    return reply
                error = self._refusal(outgoing, token, reply)
                uncertain = uncertain or _retry.is_unanswered(reply.status)
            error.uncertain = uncertain
            if token is not None and error.status == 401 and not renewed:
                # The clocks disagree, or the signing key has changed. Nothing was done, so ask again with a new token.
                renewed = True
                if await self.sessions.renew(token):
                    continue
            if attempt > options.retries or not _retry.may_repeat(error, repeatable=outgoing.repeatable, sent=sent):
                raise error from cause
            pause = _retry.delay(attempt, error.retry_after if isinstance(error, RateLimitError) else None)
            if pause >= deadline.left():
                raise error from cause
            await async_sleep(pause)

    def _request(self, outgoing: Outgoing, token: str | None) -> httpx.Request:
        headers = {**self._headers, **outgoing.headers}
        bearer = token or self._key_token
        if bearer is not None and outgoing.as_person:
            headers["authorization"] = f"Bearer {bearer}"
        return httpx.Request(outgoing.method, outgoing.url, headers=headers, content=outgoing.content)

    def _refusal(self, outgoing: Outgoing, token: str | None, reply: Reply) -> MonogramError:
        return _refusals.refusal(
            reply.status,
            reply.headers,
            reply.content,
            method=outgoing.method,
            path=outgoing.path(),
            signed_in=token is not None or self.config.is_secret,
        )
