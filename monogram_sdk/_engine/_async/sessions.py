"""The session: who is signed in. Load it, store it, refresh it, and notify listeners of changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from uuid import UUID

from monogram_sdk._engine import call as calls
from monogram_sdk._engine.known_session import AuthListener, KnownSession, SessionState
from monogram_sdk._engine.process import AsyncLock
from monogram_sdk._engine.request import Request
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
from monogram_sdk.models.auth import AuthUser, Session
from monogram_sdk.models.enums import AuthEvent
from monogram_sdk.session_storage import AnySessionStorage

from .sender import AsyncSender
from .session_store import AsyncSessionStore

_USER = "/auth/v1/user"

# The auth service's codes for a valid token whose session or account is gone.
_ENDED_BY_CODE: dict[str, type[AuthenticationError]] = {
    "session_not_found": SessionExpiredError,
    "user_not_found": AccountGoneError,
}

# How long not to ask again whether the account exists.
_CONFIRMED_SECONDS = 10.0


class AsyncChange:
    """A block that may change the session, one at a time. After it, the listeners are told what happened in it.

    Listeners may call the client, so they are called when the lock has been released.
    """

    def __init__(self, lock: AsyncLock, deliver: Callable[[], None]) -> None:
        self._lock = lock
        self._deliver = deliver

    async def __aenter__(self) -> None:
        await self._lock.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._lock.__aexit__(kind, error, traceback)
        self._deliver()


class AsyncSessions:
    """The session of a client.

    Every change is made in a block of `changing`: so a refresh in progress never overwrites a newer sign-in, and when
    many callers find the session expired, one of them refreshes it and the others wait.

    Args:
        sender: Sends the refresh.
        storage: Where the session is stored.
        storage_key: Its key there.
    """

    def __init__(self, sender: AsyncSender, storage: AnySessionStorage, storage_key: str) -> None:
        self.is_secret = sender.config.is_secret
        """Whether the client has a secret key. Such a client never has a session."""
        self.lock = AsyncLock()
        self._known = KnownSession(is_loaded=self.is_secret)
        self._store = AsyncSessionStore(self._known, sender, storage, storage_key)
        self._sender = sender
        self._confirmed_until = 0.0
        self.storage = self._store.storage
        self.storage_key = storage_key

    @property
    def cached(self) -> Session | None:
        """The session as known now, without I/O."""
        return self._known.state.session

    def changing(self) -> AsyncChange:
        """Return a block in which the session may be changed."""
        return AsyncChange(self.lock, self._known.deliver)

    async def token(self) -> str | None:
        """Return the access token to send, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended. The request must not be sent anonymously instead.
            NotSignedInError: The person who began the call in progress is not signed in any more.
        """
        session = (await self._settled()).session
        return session.access_token if session else None

    async def current(self) -> Session | None:
        """Return the session as it is stored now, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended.
        """
        async with self.changing():
            return await self.ensure_fresh()

    async def ensure_fresh(self) -> Session | None:
        """Return the session as it is stored now, refreshed if need be. The caller is in a block of `changing`.

        Raises:
            SessionExpiredError: The session has ended.
        """
        known, store = self._known, self._store
        is_stored = await store.load() or known.state.session is None or await store.follow()
        known.state.raise_if_ended()
        session = known.state.session
        # If the storage has lost it, another program may have signed out: the auth service knows.
        if session is not None and (known.state.is_due or (store.is_kept and not is_stored)):
            await store.refresh(session)
        return known.state.session

    async def renew(self, refused: str) -> bool:
        """Replace a token that the server refused; return True if there is another one now."""
        async with self.changing():
            session = self._known.state.session
            if session is None:
                return False
            if session.access_token == refused:
                await self._store.refresh(session)
            return True

    # What has begun -------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch; see `SessionState`."""
        return self._known.state.epoch

    def check(self, epoch: int | None) -> None:
        """Check that what a person began in an epoch may go on; see `SessionState.check`."""
        self._known.state.check(epoch)

    def watch(self, method: Callable[[], None]) -> None:
        """Call a method whenever the epoch changes, as long as its object exists. It must be quick."""
        self._known.watch(method)

    async def _settled(self) -> SessionState:
        """Return the state, refreshed if need be, for a request of the call in progress."""
        state = self._known.state
        if not state.is_loaded or state.ended is not None or state.is_due:
            await self.current()
            state = self._known.state
        call = calls.current(self._sender.network)
        if call is not None:
            state.pin(call)
        state.raise_if_ended()
        return state

    async def raise_if_ended(self, error: APIError) -> None:
        """Ask the auth service whether the server refused a request because the account or the session is gone.

        The Data API accepts a token until it expires, and treats a deleted account like a person without any rows.

        Args:
            error: The error that the request got.

        Raises:
            AccountGoneError: The account does not exist any more.
            SessionExpiredError: The session has been ended elsewhere.
        """
        session = self._known.state.session
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
        raise (self._known.state.ended or kind)(
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
        session = (await self._settled()).session
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

    async def adopt(self, session: Session, event: AuthEvent) -> Session:
        """Store the session of a sign-in. The caller is in a block of `changing`."""
        await self._store.sign_in(session, event)
        return session

    async def adopt_user(self, user: AuthUser) -> None:
        """Store a changed account in the session. The caller is in a block of `changing`, after `ensure_fresh`.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        session = self._known.state.session
        if session is None:
            raise NotSignedInError
        self._known.tell(AuthEvent.USER_UPDATED, session.model_copy(update={"user": user}))
        await self._store.change_user(user)

    async def code_verifier(self) -> str | None:
        """Return the code verifier of the sign-in in progress (RFC 7636)."""
        stored = await self.storage.get(self._store.verifier_key)
        return stored.partition("/")[0] if stored else None

    async def event_for_code(self) -> AuthEvent:
        """Return the event for exchanging a code: a sign-in, or the recovery of a password.

        Raises:
            InvalidValueError: This client has no code verifier, because it has not begun a sign-in.
        """
        stored = await self.storage.get(self._store.verifier_key)
        if not stored:
            raise InvalidValueError(
                "This client did not begin a sign-in, or its code has been exchanged already.",
                detail="code_verifier",
                hint="Use the client or the session storage that began the sign-in, or pass code_verifier.",
            )
        _, _, purpose = stored.partition("/")
        return AuthEvent.PASSWORD_RECOVERY if purpose == AuthEvent.PASSWORD_RECOVERY else AuthEvent.SIGNED_IN

    async def leaving(self) -> Session | None:
        """Return this client's own session, refreshed if need be, to end it; ``None`` when nobody is signed in.

        A session that another program got by another sign-in is not used for that. The caller is in a block of
        `changing`.

        Raises:
            SessionExpiredError: The session has ended.
        """
        await self._store.load()
        self._known.state.raise_if_ended()
        await self._store.refresh_own()
        return self._known.state.session

    async def clear(self, *, all_sign_ins: bool = False) -> None:
        """Delete the session. The caller is in a block of `changing`.

        Args:
            all_sign_ins: Whether all sessions of the person have ended: then also one that another program stored.
        """
        await self._store.remove(all_sign_ins=all_sign_ins)
        self._known.become(None)
        self._known.tell(AuthEvent.SIGNED_OUT, None)

    def listen(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function on every change from now on; return a function that ends this.

        Raises:
            TypeError: It is a coroutine function.
        """
        return self._known.listen(listener)

    async def _end_if_current(self, session: Session, kind: type[AuthenticationError]) -> None:
        """End a session, unless it has been replaced meanwhile, and notify the listeners."""
        async with self.changing():
            if self._known.state.session is session:
                await self._store.end_if_current(session, kind)


def _may_be_gone(error: APIError) -> bool:
    """Return True if a deleted account or an ended session could be the reason for this error."""
    kinds = NotFoundError | PermissionDeniedError | SessionExpiredError | AccountGoneError
    return isinstance(error, kinds) or error.code == "23503"
