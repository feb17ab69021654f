"""Send calls: the only place of the client that talks to the network."""

from __future__ import annotations

import httpx

from monogram_sdk import _calls, _http, _query, _refusals, _retry, _telemetry
from monogram_sdk._config import Config, Options
from monogram_sdk._http import Outgoing, Reply
from monogram_sdk._query import Call
from monogram_sdk._runtime import async_sleep
from monogram_sdk.errors import MonogramError, RateLimitError

from ._connections import AsyncConnections
from ._sessions import AsyncSessions

_FUNCTIONS = f"{_query.REST}/rpc/"


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
        outgoing = Outgoing(
            call.method, self.config.url + call.path, headers, call.body, call.repeatable, wants_json=True
        )
        under_way = _calls.current(self.connections)
        try:
            reply = await self.run(outgoing)
        except MonogramError as error:
            if under_way is not None and error.uncertain:
                under_way.acted = True
            raise
        # What the call may still do, such as deleting a file, can fail; this is done. Functions may be mere reads.
        if under_way is not None and call.method != "GET" and not call.path.startswith(_FUNCTIONS):
            under_way.acted = True
        return reply

    async def run(self, outgoing: Outgoing) -> Reply:
        """Send a request until there is an answer, or no more sense or time in trying.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        call = _calls.current(self.connections)
        options = self.options if call is None else call.options
        deadline = _retry.Deadline(options.timeout, retries=options.retries) if call is None else call.deadline
        if call is not None:
            call.sends()
        if outgoing.extra_seconds:
            deadline.extend(outgoing.extra_seconds)
        changes = outgoing.method not in ("GET", "HEAD")
        attempt = 0
        uncertain = renewed = False
        try:
            while True:
                attempt += 1
                token = await self.sessions.token() if outgoing.as_person else None
                if deadline.left() <= 0:  # Sending now would be asking without waiting for the answer.
                    raise _http.too_late(deadline.seconds, method=outgoing.method, path=outgoing.path())
                error: MonogramError
                cause: httpx.RequestError | None = None
                sent = True
                request, watched = self._request(outgoing, token, attempt)
                try:
                    reply = await self.connections.exchange(request, deadline)
                except httpx.RequestError as exc:
                    watched.failed(exc)
                    cause, sent = exc, _http.was_sent(exc)
                    error = _http.transport_error(exc, deadline.seconds, method=outgoing.method, path=outgoing.path())
                    uncertain = uncertain or (sent and changes)
                except BaseException as exc:
                    watched.failed(exc)
                    raise
                else:
                    watched.answered(reply.status, reply.headers)
                    if 200 <= reply.status < 300:
                        if not (outgoing.wants_json and _http.is_garbled(reply)):
                            reply.request, reply.uncertain = outgoing, uncertain
                            return reply
                        error = _http.garbled(reply, method=outgoing.method, path=outgoing.path())
                        uncertain = uncertain or changes
                    else:
                        error = self._refusal(outgoing, token, reply)
                        uncertain = uncertain or (changes and _retry.is_unanswered(reply.status))
                if token is not None and error.status == 401 and not renewed:
                    # The clocks disagree, or the signing key has changed. Nothing was done: ask with a new token.
                    renewed = True
                    if await self.sessions.renew(token):
                        continue
                if attempt > options.retries or not _retry.may_repeat(error, repeatable=outgoing.repeatable, sent=sent):
                    raise error from cause
                pause = _retry.delay(attempt, error.retry_after if isinstance(error, RateLimitError) else None)
                if pause >= deadline.left():
                    raise error from cause
                await async_sleep(pause)
        except MonogramError as exc:
            # Whatever ended it: a refresh that failed, for example, says nothing of the attempts before it.
            exc.uncertain = uncertain
            raise

    def _request(self, outgoing: Outgoing, token: str | None, attempt: int) -> tuple[httpx.Request, _telemetry.Attempt]:
        headers = {**self._headers, **outgoing.headers}
        bearer = token or self._key_token
        if bearer is not None and outgoing.as_person:
            headers["authorization"] = f"Bearer {bearer}"
        watched = _telemetry.Attempt(outgoing.method, outgoing.path(), self.config.url, attempt, headers)
        return httpx.Request(outgoing.method, outgoing.url, headers=headers, content=outgoing.content), watched

    def _refusal(self, outgoing: Outgoing, token: str | None, reply: Reply) -> MonogramError:
        return _refusals.refusal(
            reply.status,
            reply.headers,
            reply.content,
            method=outgoing.method,
            path=outgoing.path(),
            signed_in=token is not None or self.config.is_secret,
            secrets=_http.secrets_of(outgoing, self.config.key, token),
        )
