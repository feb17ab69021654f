"""Who is signed in: the session, kept, refreshed once for everybody, and told about."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk._runtime import AsyncItems, AsyncLock
from monogram_sdk._supabase import AsyncGoTrueClient, AuthSession, stored_session, translated
from monogram_sdk._telemetry import logger
from monogram_sdk.errors import (
    AuthenticationError,
    InvalidValueError,
    NotSignedInError,
    SecretKeySessionError,
    SessionExpiredError,
)
from monogram_sdk.models.auth import AuthUser, Session
from monogram_sdk.models.enums import AuthEvent
from monogram_sdk.session_storage import AnySessionStorage

# A token is renewed this long before its end, so that none ends on its way to the server.
_MARGIN_SECONDS = 30.0

AuthListener = Callable[[AuthEvent, Session | None], None]


class AsyncSessions:
    """The session of a client.

    Whoever changes it holds `lock` meanwhile; so a refresh that is under way never overwrites a newer sign-in, and
    however many callers find the session expired, one of them refreshes it and the others wait for that.

    Args:
        storage: Where the session outlives the program.
        storage_key: Its name there.
        secret: Whether the client's key is secret; then there is no session, ever.
    """

    def __init__(self, storage: AnySessionStorage, storage_key: str, *, secret: bool) -> None:
        self.items = AsyncItems(storage)
        self.storage_key = storage_key
        self._verifier_key = f"{storage_key}-code-verifier"
        self.secret = secret
        self.lock = AsyncLock()
        self.text: str | None = None
        """The session as the auth service's client reads it."""
        self.auth: AsyncGoTrueClient | None = None
        """The auth service's client; set when the client is put together."""
        self._session: Session | None = None
        self._renew_at = 0.0
        self._loaded = secret
        self._ended = False
        # What happened while the lock was held: listeners may call the client, so they are told afterwards.
        self._pending: deque[tuple[AuthEvent, Session | None]] = deque()
        self._listeners: list[AuthListener] = []

    async def token(self) -> str | None:
        """Return the access token to send, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended. Going on without one would be acting as a stranger.
        """
        if self._loaded and not self._ended:
            if self._session is None:
                return None
            if time.time() < self._renew_at:
                return self._session.access_token
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
        if self._ended:
            raise SessionExpiredError
        if self._session is not None and time.time() >= self._renew_at:
            await self._refresh(self._session)
        return self._session

    async def renew(self, refused: str) -> bool:
        """Get another session because the server refused this token; answer whether there is another now."""
        try:
            async with self.lock:
                if self._session is None:
                    return False
                if self._session.access_token == refused:
                    await self._refresh(self._session)
                return True
        finally:
            self._announce_pending()

    async def require_user(self) -> AuthUser:
        """Return who is signed in.

        Raises:
            NotSignedInError: Nobody is.
            SessionExpiredError: The session has ended.
        """
        session = self._session if self._loaded and not self._ended else await self.current()
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

    async def adopt(self, session: AuthSession) -> Session:
        """Make this, which came of signing in, the session. The caller holds the lock, then calls `announce`."""
        # The auth service's client leaves this behind when signing in needs no second step.
        await self.items.remove(self._verifier_key)
        return await self._set(*stored_session(session))

    async def adopt_user(self, user: AuthUser) -> Session:
        """Put the changed account into the session. The caller holds the lock, and calls `announce` after it."""
        if self._session is None or self.text is None:
            raise NotSignedInError
        fields = json.loads(self.text)
        fields["user"] = {**fields["user"], **user.model_dump(mode="json")}
        return await self._set(json.dumps(fields), self._session.model_copy(update={"user": user}))

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
        self.text = self._session = None
        self._pending.clear()
        self._loaded, self._ended = True, False
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

    async def _set(self, text: str, session: Session) -> Session:
        self._hold(text, session)
        await self.items.set(self.storage_key, text)
        return session

    def _hold(self, text: str, session: Session) -> None:
        self.text, self._session = text, session
        self._renew_at = _renewal(session.expires_at)
        self._loaded, self._ended = True, False

    async def _load(self) -> None:
        """Take over the session that an earlier run of the program left."""
        if self._loaded:
            return
        text = await self.items.get(self.storage_key)
        if text is not None:
            session = _read(text)
            if session is not None:
                self._hold(text, session)
        self._loaded = True

    async def _refresh(self, session: Session) -> None:
        if self.auth is None:
            raise NotSignedInError
        if await self._take_newer(session):
            return
        try:
            with translated():
                answer = await self.auth.refresh_session(session.refresh_token)
        except (AuthenticationError, InvalidValueError) as exc:
            # A refresh token works once. Another program with the same storage may have been faster.
            if await self._take_newer(session):
                return
            await self.clear()
            self._ended = True
            self._pending.append((AuthEvent.SIGNED_OUT, None))
            raise SessionExpiredError(
                code=exc.code, status=exc.status, detail=exc.message, method=exc.method, path=exc.path
            ) from exc
        if answer.session is None:
            raise SessionExpiredError
        await self._set(*stored_session(answer.session))
        self._pending.append((AuthEvent.TOKEN_REFRESHED, self._session))

    async def _take_newer(self, session: Session) -> bool:
        """Take over the session that another program with the same storage has got instead; answer whether it has."""
        text = await self.items.get(self.storage_key)
        stored = _read(text) if text else None
        if not text or stored is None or stored.refresh_token == session.refresh_token:
            return False
        if time.time() >= _renewal(stored.expires_at):
            return False
        self._hold(text, stored)
        return True


def _renewal(expires_at: datetime) -> float:
    return expires_at.timestamp() - _MARGIN_SECONDS


def _read(text: str) -> Session | None:
    try:
        return Session.model_validate_json(text)
    except ValidationError:
        logger.warning("The stored session cannot be read, perhaps it is from another version: sign in again.")
        return None
