"""The session and the account of the person who is signed in, in `client.auth`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, overload

from monogram_sdk import _query
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._export import Archive, ExportedRow, Target, as_file
from monogram_sdk._supabase.auth import AsyncGoTrueClient, translated, user_of
from monogram_sdk._values import set_values
from monogram_sdk.errors import InvalidValueError, NotFoundError, NotSignedInError
from monogram_sdk.models.auth import AuthUser, Session

from ._files import AsyncFiles
from ._resource import AsyncResource

# How many rows of an export are read at once.
_EXPORT_ROWS = 200


class AsyncAccount(AsyncResource):
    """The part of `AsyncAuthAPI` about the session and the account."""

    def __init__(self, engine: AsyncEngine, service: AsyncGoTrueClient) -> None:
        super().__init__(engine)
        self._service = service

    @async_call
    async def session(self) -> Session | None:
        """Return the session, refreshed if need be, or ``None`` when nobody is signed in.

        It is read from the storage, which other programs may share.

        Raises:
            SessionExpiredError: The session has ended; sign in again, or sign out.
            SessionReplacedError: Somebody else has signed in, in a storage that this client shares.
        """
        return await self._sessions.current()

    @async_call
    async def user(self) -> AuthUser:
        """Ask the auth service who is signed in. `session` needs no request, but misses changes made elsewhere.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        session = await self._sessions.current()
        if session is None:
            raise NotSignedInError
        with translated(has_effect=False):
            found = await self._service.get_user(session.access_token)
        if found is None:
            raise NotSignedInError
        return user_of(found.user)

    @async_call
    async def refresh(self) -> Session:
        """Refresh the session now, for example after a service changed the account's rights.

        Raises:
            NotSignedInError: Nobody is signed in.
            SessionExpiredError: The session has ended.
        """
        token = await self._sessions.token()
        if token is None or not await self._sessions.renew(token):
            raise NotSignedInError
        session = await self._sessions.current()
        if session is None:
            raise NotSignedInError
        return session

    @async_call
    async def update_user(
        self,
        *,
        email: str | None = None,
        password: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        nonce: str | None = None,
        redirect_to: str | None = None,
    ) -> AuthUser:
        """Change the account. What is not given stays.

        Args:
            email: A new address. It takes effect once it is confirmed, by the links or codes (`verify_otp`) in two
                messages, to the old and the new address.
            password: A new password.
            metadata: Values to set in ``user_metadata``.
            nonce: The code that `reauthenticate` sends. A new password needs one if the sign-in is older than a day.
            redirect_to: Where the links lead, with ``?code=...`` for `exchange_code`.

        Raises:
            NotSignedInError: Nobody is signed in.
            WeakPasswordError: The password is not acceptable.
            ReauthenticationRequiredError: The sign-in is too old for a new password without a nonce.
            OneTimeCodeError: The nonce is wrong or too old.
        """
        attributes: Any = set_values(email=email, password=password, data=metadata, nonce=nonce)
        if not attributes:
            raise InvalidValueError("There is nothing to change.", hint="Give email, password or metadata.")
        async with self._sessions.changing():
            await self._sessions.ensure_fresh()
            with translated():
                updated = await self._service.update_user(attributes, link_options(redirect_to))
            user = user_of(updated.user)
            await self._sessions.adopt_user(user)
        return user

    @async_call
    async def reauthenticate(self) -> None:
        """Send a code to the account's address, to prove that its owner is the one who is signed in.

        Pass the code to `update_user`, with a new password, within an hour.

        Raises:
            NotSignedInError: Nobody is signed in.
            EmailNotConfirmedError: The address has to be confirmed first.
            RateLimitError: Such a message was sent a moment ago.
        """
        async with self._sessions.changing():
            if await self._sessions.ensure_fresh() is None:
                raise NotSignedInError
            with translated():
                await self._service.reauthenticate()

    # Leaving --------------------------------------------------------------------------------------------------------

    @overload
    async def export(self, path: None = None) -> bytes: ...

    @overload
    async def export(self, path: str | os.PathLike[str]) -> Path: ...

    async def export(self, path: str | os.PathLike[str] | None = None) -> bytes | Path:
        """Export everything that is yours: one ZIP archive with rows as JSON, and your files.

        Each request has a deadline of its own. Changes that you make meanwhile may be in it or not.

        Args:
            path: The file to write, with at most one file or one page of rows in memory at a time. A regular file there
                is replaced once the new one is complete; anything else is refused. Without a path the archive is
                returned.

        Returns:
            The path, or the archive's bytes.

        Raises:
            NotSignedInError: Nobody is signed in, or the person has signed out before the archive was complete.
            InvalidValueError: The file cannot be written.
        """
        with self._engine.call(None) as call:
            await self._sessions.require_user_id()
            epoch = call.epoch
        target = Target(path)
        try:
            files = AsyncFiles(self._engine)
            with Archive(target.file) as archive:
                with self._engine.call(None, epoch):
                    parts = await self._rpc(list[str], "export_parts", {})
                for part in parts:
                    with archive.part(part) as rows:
                        async for row in self._export_rows(part, epoch):
                            rows.add(row)
                async for row in self._export_rows("files", epoch):
                    file = as_file(row)
                    try:
                        with self._engine.call(None, epoch):
                            data = b"" if file.is_empty else await files.download(file.bucket_id, file.name)
                    except NotFoundError:  # Removed since it was listed.
                        continue
                    archive.add_file(f"{file.bucket_id}/{file.name}", data)
        except OSError as exc:  # The disk is full, for example. Network failures are MonogramErrors.
            target.discard()
            if path is None:
                raise
            raise target.unwritable(exc) from exc
        except BaseException:
            target.discard()
            raise
        return target.complete()

    async def _export_rows(self, part: str, epoch: int | None) -> AsyncIterator[dict[str, Any]]:
        after = None
        while True:
            arguments = {"part": part, "after": after, "row_limit": _EXPORT_ROWS}
            with self._engine.call(None, epoch):
                rows = await self._rpc(list[ExportedRow], "export_account", arguments)
            for row in rows:
                yield row.data
            if not rows:
                return
            after = rows[-1].key

    @async_call
    async def delete_account(self, *, confirm: str) -> None:
        """Delete your own account, for good, and sign out.

        The guide "Leaving and deleting" says what is deleted and what stays.

        Args:
            confirm: The email address of the account that is signed in. Ask the person to type it.

        Raises:
            NotSignedInError: Nobody is signed in.
            ConfirmationRequiredError: This is another address.
            SignInTooOldError: The sign-in is older than an hour: sign in again first. Or the account got a new password
                within the last day (`detail` is ``new_password``): sign in by email, with `sign_in_with_otp` and
                `verify_otp`.
        """
        self._sessions.refuse_secret()
        await self._sessions.require_user_id()
        await self._engine.send(_query.rpc("delete_account", {"confirm": confirm}, has_result=False))
        async with self._sessions.changing():
            await self._sessions.clear(all_sign_ins=True)


def link_options(redirect_to: str | None) -> Any:  # noqa: ANN401
    """Return the options of a request for a message with a link."""
    return {} if redirect_to is None else {"email_redirect_to": redirect_to}
