"""`client.auth`: sign up, sign in, and who is signed in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Literal, overload

from monogram_sdk import _query
from monogram_sdk._config import shown
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine._async.sessions import AuthListener
from monogram_sdk._engine.call import async_call
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._export import Archive, ExportedRow, Target, as_file
from monogram_sdk._parse import parse
from monogram_sdk._supabase import AsyncGoTrueClient, AuthSession, session_of, translated, user_of
from monogram_sdk._values import set_values
from monogram_sdk.errors import (
    AuthenticationError,
    InvalidReplyError,
    InvalidValueError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    SessionExpiredError,
)
from monogram_sdk.models.auth import AuthUser, NewSession, OAuthStart, Session, SignUp, Verified
from monogram_sdk.models.enums import AuthEvent

from ._files import AsyncFiles
from ._resource import AsyncResource

SignOutScope = Literal["global", "local", "others"]
# How many rows of an export are asked for at once.
_EXPORT_ROWS = 200

SignInCodeType = Literal["email", "recovery", "invite", "signup", "magiclink"]
EmailCodeType = Literal[SignInCodeType, "email_change"]


class AsyncAuthAPI(AsyncResource):
    """Accounts and sessions.

    The client keeps the session, sends its token with every call and refreshes it in time, once for all callers. A
    client with a secret key has no session: whatever signs in raises `SecretKeySessionError` there.
    """

    def __init__(self, engine: AsyncEngine, service: AsyncGoTrueClient) -> None:
        super().__init__(engine)
        self._service = service

    # Signing up and in ----------------------------------------------------------------------------------------------

    @async_call
    async def sign_up(
        self,
        *,
        email: str,
        password: str,
        display_name: str | None = None,
        redirect_to: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SignUp:
        """Make an account, and sign in where the project does not ask for the email address to be confirmed first.

        Args:
            email: The email address.
            password: The password.
            display_name: The name that others see, 1-80 characters; "New member" unless given.
            redirect_to: Where the link in the confirmation message leads.
            metadata: Further values for the account's ``user_metadata``.

        Raises:
            UserExistsError: There is an account with this address.
            WeakPasswordError: The password is not acceptable.
        """
        self._sessions.refuse_secret()
        data = dict(metadata or {})
        if display_name is not None:
            data["display_name"] = display_name
        options: dict[str, Any] = {"data": data}
        if redirect_to is not None:
            options["email_redirect_to"] = redirect_to
        credentials: Any = {"email": email, "password": password, "options": options}
        async with self._sessions.lock:
            with translated():
                answer = await self._service.sign_up(credentials)
            if answer.user is None:
                raise InvalidReplyError("The auth service made an account and did not say which.")
            user = user_of(answer.user)
            session = await self._sessions.adopt(session_of(answer.session)) if answer.session else None
        if session:
            self._sessions.announce(AuthEvent.SIGNED_IN, session)
        return SignUp(user=user, session=session)

    @async_call
    async def sign_in_with_password(self, *, email: str, password: str) -> Session:
        """Sign in with an email address and a password.

        Raises:
            InvalidCredentialsError: One of them is wrong.
            EmailNotConfirmedError: The address has to be confirmed first.
        """
        self._sessions.refuse_secret()
        async with self._sessions.lock:
            with translated():
                answer = await self._service.sign_in_with_password({"email": email, "password": password})
            session = await self._adopt(answer.session)
        self._sessions.announce(AuthEvent.SIGNED_IN, session)
        return session

    @async_call
    async def sign_in_with_otp(
        self, *, email: str, create_user: bool = True, display_name: str | None = None, redirect_to: str | None = None
    ) -> None:
        """Send a message with a one-time code and a magic link.

        The code goes to `verify_otp`. The link leads to `redirect_to` with ``?code=...``, which goes to `exchange_code`
        of this client, or of one with the same session storage.

        Args:
            email: Where to send it.
            create_user: Whether to make an account if there is none.
            display_name: The name for a new account, which others see; "New member" unless given.
            redirect_to: Where the magic link leads.

        Raises:
            RateLimitError: Too many messages were asked for.
        """
        self._sessions.refuse_secret()
        options: dict[str, Any] = {"should_create_user": create_user}
        if display_name is not None:
            options["data"] = {"display_name": display_name}
        if redirect_to is not None:
            options["email_redirect_to"] = redirect_to
        credentials: Any = {"email": email, "options": options}
        with translated():
            await self._service.sign_in_with_otp(credentials)

    @overload
    async def verify_otp(
        self,
        /,
        *,
        email: str | None = None,
        token: str | None = None,
        token_hash: str | None = None,
        type: SignInCodeType = "email",
    ) -> Session: ...

    @overload
    async def verify_otp(
        self,
        /,
        *,
        email: str | None = None,
        token: str | None = None,
        token_hash: str | None = None,
        type: EmailCodeType,
    ) -> Session | None: ...

    @async_call
    async def verify_otp(
        self,
        *,
        email: str | None = None,
        token: str | None = None,
        token_hash: str | None = None,
        type: EmailCodeType = "email",
    ) -> Session | None:
        """Sign in with what a message brought: the code (with the address), or the hash in its link.

        A change of address takes the codes of both messages, in any order, each with the address that it was sent to.
        The first of them is answered with ``None``, and nothing is changed yet.

        Args:
            email: The address that the code was sent to.
            token: The code.
            token_hash: The hash, instead of the two.
            type: What the message was for.

        Raises:
            OneTimeCodeError: The code is wrong or too old.
        """
        self._sessions.refuse_secret()
        if token_hash is None and (email is None or token is None):
            raise InvalidValueError("Give email and token, or token_hash.", detail="token")
        known = {"token_hash": token_hash} if token_hash is not None else {"email": email, "token": token}
        params: Any = {**known, "type": type}
        async with self._sessions.lock:
            if type == "email_change":
                # The library cannot read that the other message is to be answered first.
                request = Request("POST", "/auth/v1/verify", as_json(params), JSON, repeatable=False)
                reply = await self._engine.sender.send(request)
                if parse(Verified, reply).access_token is None:
                    return None
                session = await self._sessions.adopt(parse(NewSession, reply).begun())
            else:
                with translated():
                    answer = await self._service.verify_otp(params)
                session = await self._adopt(answer.session)
        self._sessions.announce(_event_of(type), session)
        return session

    @async_call
    async def sign_in_with_oauth(
        self, *, provider: str, redirect_to: str | None = None, scopes: str | None = None
    ) -> OAuthStart:
        """Begin to sign in with another service; `exchange_code` completes it with the code that comes back.

        Args:
            provider: The service, such as ``google`` or ``github``.
            redirect_to: Where it sends the person, with ``?code=...``.
            scopes: What else to ask the service for, separated by blanks.
        """
        self._sessions.refuse_secret()
        if not provider:
            raise InvalidValueError("There is no service without a name.", detail="provider")
        options: dict[str, Any] = {}
        if redirect_to is not None:
            options["redirect_to"] = redirect_to
        if scopes is not None:
            options["scopes"] = scopes
        credentials: Any = {"provider": provider, "options": options}
        try:
            with translated(has_effect=False):
                answer = await self._service.sign_in_with_oauth(credentials)
        except InvalidReplyError as exc:  # Nothing is asked: the library knows the services by name.
            raise InvalidValueError(f"There is no service {shown(provider)}.", detail="provider") from exc
        return OAuthStart(url=answer.url, code_verifier=await self._sessions.code_verifier())

    @async_call
    async def exchange_code(self, code: str, *, code_verifier: str | None = None) -> Session:
        """Complete a sign-in with the code that came back from another service or a link in a message.

        Only who began can do so: this client, or one with the same session storage. A code works once, for five
        minutes.

        Args:
            code: The code: where the link or the service led to, ``?code=...``.
            code_verifier: `OAuthStart.code_verifier`, if another client began.

        Raises:
            OneTimeCodeError: The code or the verifier is wrong or too old.
            InvalidValueError: There is no verifier: neither given, nor kept by this client.
        """
        self._sessions.refuse_secret()
        if code_verifier == "":  # The library would take it for none, and use the one that this client keeps.
            raise InvalidValueError("code_verifier is empty.", detail="code_verifier")
        async with self._sessions.lock:
            event = AuthEvent.SIGNED_IN if code_verifier is not None else await self._sessions.event_of_code()
            with translated():
                answer = await self._service.exchange_code_for_session(
                    {"auth_code": code, "code_verifier": code_verifier or "", "redirect_to": ""}
                )
            session = await self._adopt(answer.session)
        self._sessions.announce(event, session)
        return session

    @async_call
    async def set_session(self, *, access_token: str, refresh_token: str) -> Session:
        """Take over a session that was made elsewhere, such as in a browser.

        Raises:
            AuthenticationError: The tokens are not valid.
        """
        self._sessions.refuse_secret()
        async with self._sessions.lock:
            with translated():
                answer = await self._service.set_session(access_token, refresh_token)
            session = await self._adopt(answer.session)
        self._sessions.announce(AuthEvent.SIGNED_IN, session)
        return session

    # While signed in ------------------------------------------------------------------------------------------------

    @async_call
    async def session(self) -> Session | None:
        """Return the session, refreshed if need be, or ``None`` when nobody is signed in.

        Raises:
            SessionExpiredError: The session has ended; sign in again, or sign out.
        """
        return await self._sessions.current()

    @async_call
    async def user(self) -> AuthUser:
        """Ask the auth service who is signed in. `session` knows it without asking, but not what changed elsewhere.

        Raises:
            NotSignedInError: Nobody is.
        """
        token = await self._sessions.token()
        if token is None:
            raise NotSignedInError
        with translated(has_effect=False):
            answer = await self._service.get_user(token)
        if answer is None:
            raise NotSignedInError
        return user_of(answer.user)

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
            email: A new address. It counts once it is confirmed, by the links or codes (`verify_otp`) in two messages,
                to the old and the new one.
            password: A new password.
            metadata: Values to put into ``user_metadata``.
            nonce: The code that `reauthenticate` sends. A new password takes one where the sign-in is older than a day.
            redirect_to: Where these links lead, with ``?code=...`` for `exchange_code`.

        Raises:
            NotSignedInError: Nobody is signed in.
            WeakPasswordError: The password is not acceptable.
            ReauthenticationRequiredError: The sign-in is too old for a new password, and there is no nonce.
            OneTimeCodeError: The nonce is wrong or too old.
        """
        attributes: Any = set_values(email=email, password=password, data=metadata, nonce=nonce)
        if not attributes:
            raise InvalidValueError("There is nothing to change.", hint="Give email, password or metadata.")
        async with self._sessions.lock:
            await self._sessions.ensure_fresh()
            with translated():
                answer = await self._service.update_user(attributes, _leading_to(redirect_to))
            user = user_of(answer.user)
            session = await self._sessions.adopt_user(user)
        self._sessions.announce(AuthEvent.USER_UPDATED, session)
        return user

    @async_call
    async def reauthenticate(self) -> None:
        """Send a message with a code to the account's address, to show that it is still the owner who is signed in.

        The code goes to `update_user`, with a new password, within an hour.

        Raises:
            NotSignedInError: Nobody is signed in.
            EmailNotConfirmedError: The address has to be confirmed first.
            RateLimitError: The last such message was sent a moment ago.
        """
        async with self._sessions.lock:
            if await self._sessions.ensure_fresh() is None:
                raise NotSignedInError
            with translated():
                await self._service.reauthenticate()

    @async_call
    async def sign_out(self, *, scope: SignOutScope = "global") -> None:
        """Sign out. Nothing happens when nobody is signed in.

        Args:
            scope: ``global`` ends the person's sessions everywhere, ``local`` this one, ``others`` all but this one.
        """
        async with self._sessions.lock:
            try:
                session = await self._sessions.ensure_fresh()
                if session is not None:
                    with translated():
                        await self._service.admin.sign_out(session.access_token, scope)
            except (SessionExpiredError, AuthenticationError, NotFoundError, PermissionDeniedError):
                # The server has no such session any more, which is what was asked for.
                session = None
            if scope == "others":
                return
            await self._sessions.clear()
        self._sessions.announce(AuthEvent.SIGNED_OUT, None)

    def on_auth_change(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function whenever the session changes: ``listener(event, session)``.

        Returns:
            A function that ends this.
        """
        return self._sessions.listen(listener)

    # Leaving --------------------------------------------------------------------------------------------------------

    @overload
    async def export(self, path: None = None) -> bytes: ...

    @overload
    async def export(self, path: str | os.PathLike[str]) -> Path: ...

    async def export(self, path: str | os.PathLike[str] | None = None) -> bytes | Path:
        """Take a copy of everything that is yours: one ZIP archive with rows as JSON, and your files.

        Each of its requests has a deadline of its own. What you change meanwhile may be in it or not.

        Args:
            path: The file to write, with no more in memory than a file or a page of rows; one that is there is replaced
                once the new one is complete, and nothing but a regular file is. Without a path the archive is returned.

        Returns:
            The path, or the archive's bytes.

        Raises:
            NotSignedInError: Nobody is signed in.
            InvalidValueError: The file cannot be written.
        """
        await self._sessions.require_user_id()
        target = Target(path)
        try:
            files = AsyncFiles(self._engine)
            with Archive(target.file) as archive:
                for part in await self._rpc(list[str], "export_parts", {}):
                    with archive.part(part) as rows:
                        async for row in self._export_rows(part):
                            rows.add(row)
                async for row in self._export_rows("files"):
                    file = as_file(row)
                    try:
                        data = b"" if file.is_empty else await files.download(file.bucket_id, file.name)
                    except NotFoundError:  # Removed since it was listed.
                        continue
                    archive.add_file(f"{file.bucket_id}/{file.name}", data)
        except OSError as exc:  # The disk is full, for example. What the network does has errors of its own.
            target.discard()
            if path is None:
                raise
            raise target.unwritable(exc) from exc
        except BaseException:
            target.discard()
            raise
        return target.complete()

    async def _export_rows(self, part: str) -> AsyncIterator[dict[str, Any]]:
        after = None
        while True:
            arguments = {"part": part, "after": after, "row_limit": _EXPORT_ROWS}
            rows = await self._rpc(list[ExportedRow], "export_account", arguments)
            for row in rows:
                yield row.data
            if not rows:
                return
            after = rows[-1].key

    @async_call
    async def delete_account(self, *, confirm: str) -> None:
        """Delete your own account, for good, and sign out.

        The guide "Leaving and deleting" says what goes and what stays.

        Args:
            confirm: The email address of the account that is signed in. Ask the person to type it.

        Raises:
            NotSignedInError: Nobody is signed in.
            ConfirmationRequiredError: This is another address.
            SignInTooOldError: The sign-in is older than an hour: sign in again first. Or the account got a new password
                within the last day (`detail` is ``new_password``): sign in by mail, with `sign_in_with_otp` and
                `verify_otp`.
        """
        self._sessions.refuse_secret()
        await self._sessions.require_user_id()
        await self._engine.send(_query.rpc("delete_account", {"confirm": confirm}, answers=False))
        async with self._sessions.lock:
            await self._sessions.clear()
        self._sessions.announce(AuthEvent.SIGNED_OUT, None)

    # Messages -------------------------------------------------------------------------------------------------------

    @async_call
    async def reset_password(self, *, email: str, redirect_to: str | None = None) -> None:
        """Send a message to somebody who has forgotten the password.

        Its code signs them in (``verify_otp(..., type="recovery")``, or `exchange_code`); then `update_user` sets a
        new one. Nothing tells whether there is such an account.

        Args:
            email: Where to send it.
            redirect_to: Where its link leads.
        """
        with translated():
            await self._service.reset_password_for_email(email, {"redirect_to": redirect_to} if redirect_to else None)

    @async_call
    async def resend(
        self, *, email: str, type: Literal["signup", "email_change"] = "signup", redirect_to: str | None = None
    ) -> None:
        """Send a confirmation message again.

        Its code goes to `verify_otp`; its link brings tokens rather than a code, for `set_session`. Nothing tells
        whether there is something to confirm.

        Args:
            email: The account's address. If that is to change, both addresses get a message.
            type: What it is to confirm.
            redirect_to: Where its link leads.

        Raises:
            RateLimitError: The last such message was sent a moment ago.
        """
        credentials: Any = {"type": type, "email": email, "options": _leading_to(redirect_to)}
        with translated():
            await self._service.resend(credentials)

    async def _adopt(self, session: AuthSession | None) -> Session:
        if session is None:
            raise InvalidReplyError("The auth service accepted the sign-in and answered no session.")
        return await self._sessions.adopt(session_of(session))


def _leading_to(redirect_to: str | None) -> Any:  # noqa: ANN401
    """Return the options of a request whose message has a link."""
    return {} if redirect_to is None else {"email_redirect_to": redirect_to}


def _event_of(type: EmailCodeType) -> AuthEvent:
    match type:
        case "recovery":
            return AuthEvent.PASSWORD_RECOVERY
        case "email_change":
            return AuthEvent.USER_UPDATED
        case _:
            return AuthEvent.SIGNED_IN
