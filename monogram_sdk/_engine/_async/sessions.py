"""Who is signed in: the session, kept, refreshed once for everybody, and told about."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk._engine.items import AsyncItems
from monogram_sdk._engine.process import AsyncLock
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._engine.telemetry import logger
from monogram_sdk._parse import parse
from monogram_sdk.errors import (
    AccountGoneError,
    APIError,
    AuthenticationError,
    InvalidValueError,
    MonogramError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    SecretKeySessionError,
    SessionExpiredError,
)
from monogram_sdk.models.auth import AuthUser, NewSession, Session
from monogram_sdk.models.enums import AuthEvent
from monogram_sdk.session_storage import AnySessionStorage

from .sender import AsyncSender

# A token is renewed this long before its end, so that none ends on its way to the server.
_MARGIN_SECONDS = 30.0

_USER = "/auth/v1/user"

# What the auth service says of a token that is valid in itself.
_GONE: dict[str, type[AuthenticationError]] = {
    "session_not_found": SessionExpiredError,
    "user_not_found": AccountGoneError,
}

# For so long nobody asks again whether an account is there.
_CONFIRMED_SECONDS = 10.0

AuthListener = Callable[[AuthEvent, Session | None], None]


@dataclass(frozen=True, slots=True)
class Known:
    """What a client knows about who is signed in. It is replaced as a whole, so nobody ever sees half of it.

    Attributes:
        session: The session; ``None`` when nobody is signed in.
        is_loaded: Whether the storage has been looked into.
        ended: Why the session that there was has ended by itself, if there was one.
    """

    session: Session | None = None
    is_loaded: bool = True
    ended: type[AuthenticationError] | None = None

    @property
    def is_due(self) -> bool:
        """Whether the session is to be renewed before it is used."""
        return self.session is not None and _is_due(self.session)


class AsyncSessions:
    """The session of a client.

    Whoever changes it holds `lock` meanwhile; so a refresh that is under way never overwrites a newer sign-in, and
    however many callers find the session expired, one of them refreshes it and the others wait for that.

    Args:
        sender: What sends the refresh.
        storage: Where the session outlives the program.
        storage_key: Its name there.
    """

    def __init__(self, sender: AsyncSender, storage: AnySessionStorage, storage_key: str) -> None:
        self.items = AsyncItems(storage)
        self.storage_key = storage_key
        self.secret = sender.config.is_secret
        """Whether the client's key is secret; then there is no session, ever."""
        self.lock = AsyncLock()
        self._sender = sender
        self._verifier_key = f"{storage_key}-code-verifier"
        self._known = Known(is_loaded=self.secret)
        self._confirmed_until = 0.0
        # What happened while the lock was held: listeners may call the client, so they are told afterwards.
        self._pending: deque[tuple[AuthEvent, Session | None]] = deque()
        self._listeners: list[AuthListener] = []

    @property
    def present(self) -> Session | None:
        """The session as it is known now, without asking anybody."""
        return self._known.session

    async def token(self) -> str | None:
        """Return the access token to send, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended. Going on without one would be acting as a stranger.
        """
        known = self._known
        if known.is_loaded and known.ended is None and not known.is_due:
            return known.session.access_token if known.session else None
        session = await self.current()
        return session.access_token if session else None

    async def current(self) -> Session | None:
        """Return the session, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended.
        """
        try:
            async with self.lock:
                return await self.ensure_fresh()
        finally:
            self._announce_pending()

    async def ensure_fresh(self) -> Session | None:
        """Return the session, refreshed if need be. The caller holds the lock, then calls `announce`.

        Raises:
            SessionExpiredError: The session has ended.
        """
        await self._load()
        known = self._known
        if known.ended is not None:
            raise known.ended
        if known.session is not None and known.is_due:
            await self._refresh(known.session)
        return self._known.session

    async def renew(self, refused: str) -> bool:
        """Get another session because the server refused this token; return True if there is another now."""
        try:
            async with self.lock:
                session = self._known.session
                if session is None:
                    return False
                if session.access_token == refused:
                    await self._refresh(session)
                return True
        finally:
            self._announce_pending()

    async def explain(self, error: APIError) -> None:
        """Find out whether a refusal means that the account or the session is gone, which the auth service knows.

        The Data API takes a token until it ends: for it, somebody whose account is gone is a person with no rows.

        Args:
            error: The refusal.

        Raises:
            AccountGoneError: There is no such account any more.
            SessionExpiredError: The session has been ended elsewhere.
        """
        session = self._known.session
        if session is None or not _may_be_gone(error):
            return
        if isinstance(error, AccountGoneError):
            await self._end_all(session, AccountGoneError)
            return
        found: MonogramError | None = error
        if error.path != _USER:
            if time.monotonic() < self._confirmed_until:
                return
            headers = {"authorization": f"Bearer {session.access_token}"}
            try:
                await self._sender.send(Request("GET", _USER, headers=headers))
                found = None
            except MonogramError as exc:
                found = exc
        kind = None if found is None or found.status not in (403, 404) else _GONE.get(found.code or "")
        if kind is None:
            if found is None:
                self._confirmed_until = time.monotonic() + _CONFIRMED_SECONDS
            return
        await self._end_all(session, kind)
        raise kind(
            detail=error.message,
            status=error.status,
            method=error.method,
            path=error.path,
            request_id=error.request_id,
            uncertain=error.uncertain,
        ) from error

    async def require_user(self) -> AuthUser:
        """Return who is signed in.

        Raises:
            NotSignedInError: Nobody is.
            SessionExpiredError: The session has ended.
        """
        known = self._known
        session = known.session if known.is_loaded and known.ended is None else await self.current()
        if session is None:
            raise NotSignedInError(
                "This call is about the person who is signed in, and a client with a secret key is nobody."
                if self.secret
                else None
            )
        return session.user

    async def require_user_id(self) -> UUID:
        """Return the id of who is signed in.

        Raises:
            NotSignedInError: Nobody is.
            SessionExpiredError: The session has ended.
        """
        return (await self.require_user()).id

    def refuse_secret(self) -> None:
        """Refuse to sign in on a client with a secret key.

        Raises:
            SecretKeySessionError: This is one.
        """
        if self.secret:
            raise SecretKeySessionError

    async def adopt(self, session: Session) -> Session:
        """Make this, which came of signing in, the session. The caller holds the lock, then calls `announce`."""
        # The auth service's client leaves this behind when signing in needs no second step.
        await self.items.remove(self._verifier_key)
        return await self._set(session)

    async def adopt_user(self, user: AuthUser) -> Session:
        """Put the changed account into the session. The caller holds the lock, and calls `announce` after it."""
        session = self._known.session
        if session is None:
            raise NotSignedInError
        return await self._set(session.model_copy(update={"user": user}))

    async def code_verifier(self) -> str | None:
        """Return the secret of the sign-in with another service that is under way."""
        stored = await self.items.get(self._verifier_key)
        return stored.partition("/")[0] if stored else None

    async def event_of_code(self) -> AuthEvent:
        """Return what it is called when a code completes what this client began.

        Raises:
            InvalidValueError: It began nothing, so it has no secret to exchange a code with.
        """
        stored = await self.items.get(self._verifier_key)
        if not stored:
            raise InvalidValueError(
                "This client did not ask for a code, or it was exchanged already.",
                detail="code_verifier",
                hint="Use the client, or the session storage, that began to sign in, or give code_verifier.",
            )
        _, _, purpose = stored.partition("/")
        return AuthEvent.PASSWORD_RECOVERY if purpose == AuthEvent.PASSWORD_RECOVERY else AuthEvent.SIGNED_IN

    async def clear(self) -> None:
        """Forget the session. The caller holds the lock, and calls `announce` after it."""
        self._known = Known()
        self._pending.clear()
        await self.items.remove(self.storage_key)
        await self.items.remove(self._verifier_key)

    def listen(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function with every change from now on; return a function that ends this."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def announce(self, event: AuthEvent, session: Session | None) -> None:
        """Tell the listeners. What the first of them raises is raised when all have been told."""
        self._pending.append((event, session))
        self._announce_pending()

    def _announce_pending(self) -> None:
        failures: list[Exception] = []
        while True:
            try:
                happened = self._pending.popleft()
            except IndexError:  # this caller or another one has told everything
                break
            for listener in tuple(self._listeners):
                try:
                    listener(*happened)
                except Exception as exc:
                    failures.append(exc)
        if failures:
            raise failures[0]

    async def _end_all(self, session: Session, kind: type[AuthenticationError]) -> None:
        """End a session, unless there is another by now, and tell of it."""
        try:
            async with self.lock:
                if self._known.session is session and await self._take_newer(session) is None:
                    await self._end(kind)
        finally:
            self._announce_pending()

    async def _end(self, kind: type[AuthenticationError]) -> None:
        await self.clear()
        self._known = Known(ended=kind)
        self._pending.append((AuthEvent.SIGNED_OUT, None))

    async def _set(self, session: Session) -> Session:
        self._known = Known(session)
        await self.items.set(self.storage_key, session.model_dump_json())
        return session

    async def _load(self) -> None:
        """Take over the session that an earlier run of the program left."""
        if not self._known.is_loaded:
            text = await self.items.get(self.storage_key)
            self._known = Known(None if text is None else _read(text))

    async def _refresh(self, session: Session) -> None:
        # A refresh token works once. Another program with the same storage may be faster.
        async with self.items.alone(self.storage_key):
            newer = await self._take_newer(session)
            if newer is None or _is_due(newer):
                await self._refresh_alone(newer or session)

    async def _refresh_alone(self, session: Session) -> None:
        body = as_json({"refresh_token": session.refresh_token})
        request = Request("POST", "/auth/v1/token?grant_type=refresh_token", body, JSON)
        try:
            reply = await self._sender.send(request)
        except (AuthenticationError, InvalidValueError) as exc:
            if await self._take_newer(session) is not None:  # There is storage that has no lock.
                return
            await self._end(SessionExpiredError)
            raise SessionExpiredError(
                code=exc.code, status=exc.status, detail=exc.message, method=exc.method, path=exc.path
            ) from exc
        new = await self._set(parse(NewSession, reply).begun())
        self._pending.append((AuthEvent.TOKEN_REFRESHED, new))
        if new.user.id == session.user.id and new.user.email != session.user.email:
            # It was confirmed elsewhere: by a link in a browser, or by another program.
            self._pending.append((AuthEvent.USER_UPDATED, new))

    async def _take_newer(self, session: Session) -> Session | None:
        """Take over the session that another program with the same storage has got instead, and return it."""
        text = await self.items.get(self.storage_key)
        stored = _read(text) if text else None
        if stored is None or stored.refresh_token == session.refresh_token:
            return None
        self._known = Known(stored)
        return stored


def _may_be_gone(error: APIError) -> bool:
    """Return True if a refusal is what somebody gets whose account is gone, among others."""
    kinds = NotFoundError | PermissionDeniedError | SessionExpiredError | AccountGoneError
    return isinstance(error, kinds) or error.code == "23503"


def _is_due(session: Session) -> bool:
    return time.time() >= session.expires_at.timestamp() - _MARGIN_SECONDS


def _read(text: str) -> Session | None:
    try:
        return Session.model_validate_json(text)
    except ValidationError:
        logger.warning("The stored session cannot be read, perhaps it is from another version: sign in again.")
        return None
