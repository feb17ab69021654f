"""The session: who is signed in. Load it, store it, refresh it, and notify listeners of changes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk._engine.process import AsyncLock
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._engine.storage import AsyncStorageAdapter
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

# A token is refreshed this long before it expires, so that none expires on its way to the server.
_MARGIN_SECONDS = 30.0

_USER = "/auth/v1/user"

# The auth service's codes for a valid token whose session or account is gone.
_ENDED_BY_CODE: dict[str, type[AuthenticationError]] = {
    "session_not_found": SessionExpiredError,
    "user_not_found": AccountGoneError,
}

# How long not to ask again whether the account exists.
_CONFIRMED_SECONDS = 10.0

AuthListener = Callable[[AuthEvent, Session | None], None]


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a client knows about the session. It is immutable and replaced as a whole, so every reader sees one state.

    Attributes:
        session: The session; ``None`` when nobody is signed in.
        is_loaded: Whether the storage has been read.
        ended: The error for a session that has ended without `sign_out`, until somebody signs in again.
    """

    session: Session | None = None
    is_loaded: bool = True
    ended: type[AuthenticationError] | None = None

    @property
    def is_due(self) -> bool:
        """Whether the session must be refreshed before it is used."""
        return self.session is not None and _is_due(self.session)


class AsyncSessions:
    """The session of a client.

    Every change is made while holding `lock`: so a refresh in progress never overwrites a newer sign-in, and when many
    callers find the session expired, one of them refreshes it and the others wait.

    Args:
        sender: Sends the refresh.
        storage: Where the session is stored.
        storage_key: Its key there.
    """

    def __init__(self, sender: AsyncSender, storage: AnySessionStorage, storage_key: str) -> None:
        self.storage = AsyncStorageAdapter(storage)
        self.storage_key = storage_key
        self.is_secret = sender.config.is_secret
        """Whether the client has a secret key. Such a client never has a session."""
        self.lock = AsyncLock()
        self._sender = sender
        self._verifier_key = f"{storage_key}-code-verifier"
        self._state = SessionState(is_loaded=self.is_secret)
        self._confirmed_until = 0.0
        # Events while the lock was held. Listeners may call the client, so they are called after it is released.
        self._pending: deque[tuple[AuthEvent, Session | None]] = deque()
        self._listeners: list[AuthListener] = []

    @property
    def cached(self) -> Session | None:
        """The session as known now, without I/O."""
        return self._state.session

    async def token(self) -> str | None:
        """Return the access token to send, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended. The request must not be sent anonymously instead.
        """
        state = self._state
        if state.is_loaded and state.ended is None and not state.is_due:
            return state.session.access_token if state.session else None
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
            self._notify_pending()

    async def ensure_fresh(self) -> Session | None:
        """Return the session, refreshed if need be. The caller holds the lock, and calls `notify` after it.

        Raises:
            SessionExpiredError: The session has ended.
        """
        await self._load()
        state = self._state
        if state.ended is not None:
            raise state.ended
        if state.session is not None and state.is_due:
            await self._refresh(state.session)
        return self._state.session

    async def renew(self, refused: str) -> bool:
        """Replace a token that the server refused; return True if there is another one now."""
        try:
            async with self.lock:
                session = self._state.session
                if session is None:
                    return False
                if session.access_token == refused:
                    await self._refresh(session)
                return True
        finally:
            self._notify_pending()

    async def raise_if_ended(self, error: APIError) -> None:
        """Ask the auth service whether the server refused a request because the account or the session is gone.

        The Data API accepts a token until it expires, and treats a deleted account like a person without any rows.

        Args:
            error: The error that the request got.

        Raises:
            AccountGoneError: The account does not exist any more.
            SessionExpiredError: The session has been ended elsewhere.
        """
        session = self._state.session
        if session is None or not _may_be_gone(error):
            return
        if isinstance(error, AccountGoneError):
            await self._end_if_current(session, AccountGoneError)
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
        kind = None if found is None or found.status not in (403, 404) else _ENDED_BY_CODE.get(found.code or "")
        if kind is None:
            if found is None:
                self._confirmed_until = time.monotonic() + _CONFIRMED_SECONDS
            return
        await self._end_if_current(session, kind)
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
        state = self._state
        session = state.session if state.is_loaded and state.ended is None else await self.current()
        if session is None:
            raise NotSignedInError(
                "This call needs a person who is signed in, and nobody can sign in on a client with a secret key."
                if self.is_secret
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
        """Check that somebody can sign in on this client.

        Raises:
            SecretKeySessionError: The client has a secret key.
        """
        if self.is_secret:
            raise SecretKeySessionError

    async def adopt(self, session: Session) -> Session:
        """Store the session of a sign-in. The caller holds the lock, and calls `notify` after it."""
        # supabase-py leaves this behind when a sign-in needs no second step.
        await self.storage.remove(self._verifier_key)
        return await self._set(session)

    async def adopt_user(self, user: AuthUser) -> Session:
        """Store a changed account in the session. The caller holds the lock, and calls `notify` after it."""
        session = self._state.session
        if session is None:
            raise NotSignedInError
        return await self._set(session.model_copy(update={"user": user}))

    async def code_verifier(self) -> str | None:
        """Return the code verifier of the sign-in in progress (RFC 7636)."""
        stored = await self.storage.get(self._verifier_key)
        return stored.partition("/")[0] if stored else None

    async def event_for_code(self) -> AuthEvent:
        """Return the event for exchanging a code: a sign-in, or the recovery of a password.

        Raises:
            InvalidValueError: This client has no code verifier, because it has not begun a sign-in.
        """
        stored = await self.storage.get(self._verifier_key)
        if not stored:
            raise InvalidValueError(
                "This client did not begin a sign-in, or its code has been exchanged already.",
                detail="code_verifier",
                hint="Use the client or the session storage that began the sign-in, or pass code_verifier.",
            )
        _, _, purpose = stored.partition("/")
        return AuthEvent.PASSWORD_RECOVERY if purpose == AuthEvent.PASSWORD_RECOVERY else AuthEvent.SIGNED_IN

    async def clear(self) -> None:
        """Delete the session. The caller holds the lock, and calls `notify` after it."""
        self._state = SessionState()
        self._pending.clear()
        await self.storage.remove(self.storage_key)
        await self.storage.remove(self._verifier_key)

    def listen(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function on every change from now on; return a function that ends this."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def notify(self, event: AuthEvent, session: Session | None) -> None:
        """Call the listeners. When all have been called, raise the first error that one of them raised."""
        self._pending.append((event, session))
        self._notify_pending()

    def _notify_pending(self) -> None:
        failures: list[Exception] = []
        while True:
            try:
                happened = self._pending.popleft()
            except IndexError:  # this caller or another one has delivered all events
                break
            for listener in tuple(self._listeners):
                try:
                    listener(*happened)
                except Exception as exc:
                    failures.append(exc)
        if failures:
            raise failures[0]

    async def _end_if_current(self, session: Session, kind: type[AuthenticationError]) -> None:
        """End a session, unless it has been replaced meanwhile, and notify the listeners."""
        try:
            async with self.lock:
                if self._state.session is session and await self._adopt_newer(session) is None:
                    await self._end(kind)
        finally:
            self._notify_pending()

    async def _end(self, kind: type[AuthenticationError]) -> None:
        await self.clear()
        self._state = SessionState(ended=kind)
        self._pending.append((AuthEvent.SIGNED_OUT, None))

    async def _set(self, session: Session) -> Session:
        self._state = SessionState(session)
        await self.storage.set(self.storage_key, session.model_dump_json())
        return session

    async def _load(self) -> None:
        """Load the session that an earlier run of the program stored."""
        if not self._state.is_loaded:
            text = await self.storage.get(self.storage_key)
            self._state = SessionState(None if text is None else _read(text))

    async def _refresh(self, session: Session) -> None:
        # A refresh token works once, and another program with the same storage may have used it.
        async with self.storage.exclusive(self.storage_key):
            newer = await self._adopt_newer(session)
            if newer is None or _is_due(newer):
                await self._send_refresh(newer or session)

    async def _send_refresh(self, session: Session) -> None:
        body = as_json({"refresh_token": session.refresh_token})
        request = Request("POST", "/auth/v1/token?grant_type=refresh_token", body, JSON)
        try:
            reply = await self._sender.send(request)
        except (AuthenticationError, InvalidValueError) as exc:
            if await self._adopt_newer(session) is not None:  # Not every storage has a lock.
                return
            await self._end(SessionExpiredError)
            raise SessionExpiredError(
                code=exc.code, status=exc.status, detail=exc.message, method=exc.method, path=exc.path
            ) from exc
        new = await self._set(parse(NewSession, reply).begun())
        self._pending.append((AuthEvent.TOKEN_REFRESHED, new))
        if new.user.id == session.user.id and new.user.email != session.user.email:
            # The change was confirmed elsewhere: by a link in a browser, or by another program.
            self._pending.append((AuthEvent.USER_UPDATED, new))

    async def _adopt_newer(self, session: Session) -> Session | None:
        """Take over and return the session, if another program has stored a newer one."""
        text = await self.storage.get(self.storage_key)
        stored = _read(text) if text else None
        if stored is None or stored.refresh_token == session.refresh_token:
            return None
        self._state = SessionState(stored)
        return stored


def _may_be_gone(error: APIError) -> bool:
    """Return True if a deleted account or an ended session could be the reason for this error."""
    kinds = NotFoundError | PermissionDeniedError | SessionExpiredError | AccountGoneError
    return isinstance(error, kinds) or error.code == "23503"


def _is_due(session: Session) -> bool:
    return time.time() >= session.expires_at.timestamp() - _MARGIN_SECONDS


def _read(text: str) -> Session | None:
    try:
        return Session.model_validate_json(text)
    except ValidationError:
        logger.warning("The stored session cannot be read; it may be from another version. Sign in again.")
        return None
