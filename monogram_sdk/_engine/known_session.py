"""What a client knows about its session, and whom it tells of changes."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn
from uuid import UUID

from monogram_sdk._engine import call as calls
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.listening import check_listener
from monogram_sdk._engine.stored import Stored, Version
from monogram_sdk._engine.telemetry import logger
from monogram_sdk.errors import AuthenticationError, NotSignedInError, SessionReplacedError
from monogram_sdk.models.auth import Session
from monogram_sdk.models.enums import AuthEvent

# A token is refreshed this long before it expires, so that none expires on its way to the server.
_MARGIN_SECONDS = 30.0

AuthListener = Callable[[AuthEvent, Session | None], None]


@dataclass(frozen=True, slots=True)
class SessionState:
    """The session. It is immutable and replaced as a whole, so every reader sees one state.

    Attributes:
        session: The session; ``None`` when nobody is signed in.
        version: The version of the session; ``None`` if something other than this SDK stored it.
        is_loaded: Whether the storage has been read.
        ended: The error for a session that has ended without `sign_out`, until somebody signs in again.
        epoch: Changes when somebody signs out, and when somebody else signs in. What a person has begun in one epoch
            does not go on in the next.
    """

    session: Session | None = None
    version: Version | None = None
    is_loaded: bool = True
    ended: type[AuthenticationError] | None = None
    epoch: int = 0

    @property
    def is_due(self) -> bool:
        """Whether the session must be refreshed before it is used."""
        return self.session is not None and is_due(self.session)

    def raise_if_ended(self) -> None:
        """Raise the error for a session that has ended."""
        if self.ended is not None:
            raise self.ended

    def check(self, epoch: int | None) -> None:
        """Check that what a person began in an epoch may go on. ``None`` stands for nobody, whose lists anybody reads.

        Raises:
            SessionExpiredError: The session has ended.
            NotSignedInError: The person has signed out.
        """
        if epoch is not None and epoch != self.epoch:
            self._raise_left()

    def pin(self, call: Call) -> None:
        """Let the call in progress go on only as the person who began it.

        Raises:
            SessionExpiredError: The session has ended.
            NotSignedInError: The person has signed out.
        """
        if call.epoch is None and self.session is not None:
            call.epoch = self.epoch
        self.check(call.epoch)

    def _raise_left(self) -> NoReturn:
        self.raise_if_ended()
        if self.session is None:
            raise NotSignedInError
        raise NotSignedInError(
            "The person who began this has signed out, and somebody else is signed in.",
            hint="Begin it again as the person who is signed in now.",
        )


class KnownSession:
    """The session as a client knows it. Changes are made while holding the lock of `AsyncSessions`.

    Args:
        is_loaded: Whether there is nothing to read in the storage.
    """

    def __init__(self, *, is_loaded: bool) -> None:
        self.state = SessionState(is_loaded=is_loaded)
        self._pending: deque[tuple[AuthEvent, Session | None]] = deque()
        self._listeners: list[AuthListener] = []
        self._watchers: list[weakref.WeakMethod[Callable[[], None]]] = []

    # Changes --------------------------------------------------------------------------------------------------------

    def nothing_stored(self) -> None:
        """Note that the storage has been read, and has no session."""
        self.state = replace(self.state, is_loaded=True)

    def become(
        self, session: Session | None, version: Version | None = None, ended: type[AuthenticationError] | None = None
    ) -> None:
        """Replace the session. If that changes who is signed in, call those who watch for it."""
        before = self.state
        is_same_person = _person(before.session) == _person(session)
        epoch = before.epoch if is_same_person else before.epoch + 1
        self.state = SessionState(session, version, ended=ended, epoch=epoch)
        if not is_same_person:
            for reference in self._watchers:
                method = reference()
                if method is not None:
                    method()

    def go_on(self, new: Session, version: Version | None) -> None:
        """Go on with a newer session of the same person."""
        before = self.state.session
        self.become(new, version)
        self.tell(AuthEvent.TOKEN_REFRESHED, new)
        if before is not None and new.user.email != before.user.email:
            # The change was confirmed elsewhere: by a link in a browser, or by another program.
            self.tell(AuthEvent.USER_UPDATED, new)

    def end(self, kind: type[AuthenticationError]) -> None:
        """End the session."""
        self.become(None, ended=kind)
        self.tell(AuthEvent.SIGNED_OUT, None)

    def follow(self, stored: Stored, *, even_older: bool = False) -> None:
        """Follow what another program has stored. There is a session; afterwards it may have ended.

        Args:
            stored: What is stored.
            even_older: Whether to take it over even if its version is older, because the present one is of no use.
        """
        session, version = self.state.session, self.state.version
        assert session is not None
        if stored.session.user.id != session.user.id:
            self.end(SessionReplacedError)
        elif stored.session.refresh_token == session.refresh_token:
            if stored.session.user != session.user:
                changed = session.model_copy(update={"user": stored.session.user})
                self.become(changed, version)
                self.tell(AuthEvent.USER_UPDATED, changed)
        elif even_older or stored.is_newer_than(version):
            self.go_on(*stored)

    # Who is told ----------------------------------------------------------------------------------------------------

    def watch(self, method: Callable[[], None]) -> None:
        """Call a method whenever the epoch changes, as long as its object exists. It must be quick."""
        self._watchers.append(weakref.WeakMethod(method))

    def listen(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function on every change from now on; return a function that ends this.

        Raises:
            TypeError: It is a coroutine function.
        """
        check_listener(listener)
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def tell(self, event: AuthEvent, session: Session | None) -> None:
        """Call the listeners at the next `deliver`."""
        self._pending.append((event, session))

    def deliver(self) -> None:
        """Call the listeners. They may call the client, so the lock is not held."""
        while True:
            try:
                event, session = self._pending.popleft()
            except IndexError:  # this caller or another one has delivered all events
                break
            for listener in tuple(self._listeners):
                try:
                    # What a listener calls is not part of the call in progress, which goes on as who began it.
                    with calls.none():
                        listener(event, session)
                except Exception:
                    # What has happened cannot be undone, and the caller may have had nothing to do with it.
                    logger.exception("A listener of auth.on_auth_change raised an error on %s.", event)


def is_due(session: Session) -> bool:
    """Return True if a session must be refreshed before it is used."""
    return time.time() >= session.expires_at.timestamp() - _MARGIN_SECONDS


def _person(session: Session | None) -> UUID | None:
    return None if session is None else session.user.id
