"""The session in the storage, which other programs may share, and how it is refreshed."""

from __future__ import annotations

from monogram_sdk._engine.known_session import KnownSession, is_due
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._engine.storage import AsyncStorageAdapter
from monogram_sdk._engine.stored import Stored, Version, from_text, new_version, to_text
from monogram_sdk._parse import parse
from monogram_sdk.errors import AuthenticationError, InvalidValueError, SessionExpiredError
from monogram_sdk.models.auth import AuthUser, NewSession, Session
from monogram_sdk.models.enums import AuthEvent
from monogram_sdk.session_storage import AnySessionStorage

from .sender import AsyncSender


class AsyncSessionStore:
    """Reads, stores and refreshes the session of a client.

    What is stored counts, and the client follows it: a newer session of the same person replaces its own, and that of
    another person ends it. Each write looks at what is stored first, while holding the lock of the storage. So nobody
    stores an older session over a newer one, and nobody deletes a session that is not their own.

    Args:
        known: What the client knows. Its callers hold the lock of `AsyncSessions`.
        sender: Sends the refresh.
        storage: Where the session is stored.
        key: Its key there.
    """

    def __init__(self, known: KnownSession, sender: AsyncSender, storage: AnySessionStorage, key: str) -> None:
        self.storage = AsyncStorageAdapter(storage)
        self.key = key
        self.verifier_key = f"{key}-code-verifier"
        self.is_kept = False
        """Whether the storage had the session when it was last read. Some storages keep nothing."""
        self._known = known
        self._sender = sender

    async def load(self) -> bool:
        """Load the session that an earlier run of the program stored; return True if there was one to load."""
        if self._known.state.is_loaded:
            return False
        stored = await self._stored()
        self.is_kept = stored is not None
        if stored is None:
            self._known.nothing_stored()
            return False
        self._known.become(*stored)
        return True

    async def follow(self) -> bool:
        """Follow what another program has stored; return True if a session is stored.

        There is a session; afterwards it may have ended.
        """
        stored = await self._stored()
        if stored is None:
            return False
        self.is_kept = True
        self._known.follow(stored)
        return True

    # Writing --------------------------------------------------------------------------------------------------------

    async def sign_in(self, session: Session, event: AuthEvent) -> None:
        """Store the session of a sign-in."""
        async with self.storage.exclusive(self.key):
            # supabase-py leaves this behind when a sign-in needs no second step.
            await self.storage.remove(self.verifier_key)
            stored = await self._stored()
            version = new_version(self._known.state.version, stored.version if stored else None)
            self._known.become(session, version)
            self._known.tell(event, session)
            await self._write(session, version)

    async def change_user(self, user: AuthUser) -> None:
        """Store a changed account in the session, if there is one still."""
        async with self.storage.exclusive(self.key):
            is_stored = await self.follow()
            session, version = self._known.state.session, self._known.state.version
            if session is None:  # Somebody else has signed in meanwhile.
                return
            session = session.model_copy(update={"user": user})
            version = version or new_version()
            self._known.become(session, version)
            if is_stored:  # Otherwise another program has signed out.
                await self._write(session, version)

    async def remove(self, *, all_sign_ins: bool) -> None:
        """Delete the session from the storage, if it is the client's own."""
        async with self.storage.exclusive(self.key):
            await self._remove(all_sign_ins=all_sign_ins)

    async def end_if_current(self, session: Session, kind: type[AuthenticationError]) -> None:
        """End a session, unless another program has replaced it meanwhile."""
        async with self.storage.exclusive(self.key):
            await self.follow()
            now = self._known.state.session
            if now is not None and now.refresh_token == session.refresh_token:
                await self._end(kind)

    # Refreshing -----------------------------------------------------------------------------------------------------

    async def refresh(self, session: Session) -> None:
        """Replace a session by a newer one, unless another program has done so.

        Raises:
            SessionExpiredError: The session has ended.
        """
        # A refresh token works once, and another program with the same storage may have used it.
        async with self.storage.exclusive(self.key):
            await self.follow()
            self._known.state.raise_if_ended()
            now = self._known.state.session
            if now is not None and (now.refresh_token == session.refresh_token or is_due(now)):
                await self._refresh(now)

    async def refresh_own(self) -> None:
        """Refresh the session if need be, and take over none that comes from another sign-in.

        Raises:
            SessionExpiredError: The session has ended.
        """
        async with self.storage.exclusive(self.key):
            stored = await self._stored()
            session, version = self._known.state.session, self._known.state.version
            if session is None:
                return
            is_own = stored is None or stored.is_same_sign_in(session, version)
            if is_own and stored is not None and stored.is_newer_than(version):
                session = stored.session
                self._known.become(*stored)
            if not is_due(session):
                return
            if is_own:
                await self._refresh(session)
                return
            try:
                self._known.become(await self._exchange(session), version)
            except (AuthenticationError, InvalidValueError) as exc:
                raise SessionExpiredError from exc

    async def _refresh(self, session: Session) -> None:
        known = self._known
        try:
            new = await self._exchange(session)
        except (AuthenticationError, InvalidValueError) as exc:
            stored = await self._stored()
            if stored is not None and stored.session.refresh_token != session.refresh_token:
                # Not every storage has a lock, and not every clock is right.
                known.follow(stored, even_older=True)
                known.state.raise_if_ended()
                return
            await self._end(SessionExpiredError)
            raise SessionExpiredError(
                code=exc.code, status=exc.status, detail=exc.message, method=exc.method, path=exc.path
            ) from exc
        version = known.state.version
        version = version.refreshed() if version else new_version()
        known.go_on(new, version)
        stored = await self._stored()
        if stored is not None and stored.replaces(new, version):  # Not every storage has a lock.
            known.follow(stored)
            known.state.raise_if_ended()
        else:
            await self._write(new, version)

    async def _exchange(self, session: Session) -> Session:
        """Exchange a refresh token for a new session."""
        body = as_json({"refresh_token": session.refresh_token})
        request = Request("POST", "/auth/v1/token?grant_type=refresh_token", body, JSON)
        return parse(NewSession, await self._sender.send(request)).begun()

    # The storage ----------------------------------------------------------------------------------------------------

    async def _stored(self) -> Stored | None:
        text = await self.storage.get(self.key)
        return None if text is None else from_text(text)

    async def _write(self, session: Session, version: Version) -> None:
        await self.storage.set(self.key, to_text(session, version))
        self.is_kept = await self.storage.get(self.key) is not None

    async def _end(self, kind: type[AuthenticationError]) -> None:
        await self._remove(all_sign_ins=False)
        self._known.end(kind)

    async def _remove(self, *, all_sign_ins: bool) -> None:
        session, version = self._known.state.session, self._known.state.version
        if session is None:
            return
        stored = await self._stored()
        is_own = stored is None or stored.is_same_sign_in(session, version)
        if is_own or (all_sign_ins and stored is not None and stored.session.user.id == session.user.id):
            await self.storage.remove(self.key)
            await self.storage.remove(self.verifier_key)
