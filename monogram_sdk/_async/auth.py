"""`client.auth`: sign up, sign in, and manage the account and its session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, overload

from monogram_sdk._config import shown
from monogram_sdk._engine.call import async_call
from monogram_sdk._engine.known_session import AuthListener
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._parse import parse
from monogram_sdk._supabase.auth import AuthSession, session_of, translated, user_of
from monogram_sdk.errors import (
    AuthenticationError,
    InvalidReplyError,
    InvalidValueError,
    NotFoundError,
    PermissionDeniedError,
    SessionExpiredError,
)
from monogram_sdk.models.auth import NewSession, OAuthStart, Session, SignUp, Verified
from monogram_sdk.models.enums import AuthEvent

from ._auth_account import AsyncAccount, link_options

SignOutScope = Literal["global", "local", "others"]

SignInCodeType = Literal["email", "recovery", "invite", "signup", "magiclink"]
EmailCodeType = Literal[SignInCodeType, "email_change"]


class AsyncAuthAPI(AsyncAccount):
    """Accounts and sessions.

    The client keeps the session, sends its token with every call and refreshes it in time, once for all callers. A
    client with a secret key has no session: signing in raises `SecretKeySessionError`.
    """

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
        """Create an account, and sign in, unless the project requires the email address to be confirmed first.

        Args:
            email: The email address.
            password: The password.
            display_name: The name that others see, 1-80 characters; "New member" unless given.
            redirect_to: Where the link in the confirmation message leads.
            metadata: Further values for the account's ``user_metadata``.

        Raises:
            UserExistsError: An account with this address exists.
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
        async with self._sessions.changing():
            with translated():
                signed_up = await self._service.sign_up(credentials)
            if signed_up.user is None:
                raise InvalidReplyError("The auth service created an account and did not return it.")
            user = user_of(signed_up.user)
            session = await self._adopt(signed_up.session, AuthEvent.SIGNED_IN) if signed_up.session else None
        return SignUp(user=user, session=session)

    @async_call
    async def sign_in_with_password(self, *, email: str, password: str) -> Session:
        """Sign in with an email address and a password.

        Raises:
            InvalidCredentialsError: The address or the password is wrong.
            EmailNotConfirmedError: The address has to be confirmed first.
        """
        self._sessions.refuse_secret()
        async with self._sessions.changing():
            with translated():
                signed_in = await self._service.sign_in_with_password({"email": email, "password": password})
            return await self._adopt(signed_in.session, AuthEvent.SIGNED_IN)

    @async_call
    async def sign_in_with_otp(
        self, *, email: str, create_user: bool = True, display_name: str | None = None, redirect_to: str | None = None
    ) -> None:
        """Send a message with a one-time code and a magic link.

        Pass the code to `verify_otp`. The link leads to `redirect_to` with ``?code=...``: pass that code to
        `exchange_code` of this client, or of one with the same session storage.

        Args:
            email: The address to send it to.
            create_user: Whether to create an account if the address has none.
            display_name: The name for a new account, which others see; "New member" unless given.
            redirect_to: Where the magic link leads.

        Raises:
            InvalidValueError: Nobody has an account with this address, and `create_user` is False.
            RateLimitError: Too many messages were requested.
        """
        self._sessions.refuse_secret()
        options: dict[str, Any] = {"should_create_user": create_user}
        if display_name is not None:
            options["data"] = {"display_name": display_name}
        if redirect_to is not None:
            options["email_redirect_to"] = redirect_to
        credentials: Any = {"email": email, "options": options}
        try:
            with translated():
                await self._service.sign_in_with_otp(credentials)
        except InvalidValueError as error:
            if error.code == "otp_disabled" and not create_user:
                error.message = "Nobody has an account with this address."
                error.hint = "Check the address, or leave create_user out to make an account."
            raise

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
        """Sign in with the code in a message (and the address), or with the hash in its link.

        A change of address needs the codes of both messages, in any order, each with the address that it was sent to.
        The first one returns ``None``, and changes nothing yet.

        Args:
            email: The address that the code was sent to.
            token: The code.
            token_hash: The hash, in place of address and code.
            type: The purpose of the message.

        Raises:
            OneTimeCodeError: The code is wrong or too old.
        """
        self._sessions.refuse_secret()
        if token_hash is None and (email is None or token is None):
            raise InvalidValueError(
                "The code is missing, or the address that goes with it.",
                detail="token",
                hint="Pass email and token, or token_hash.",
            )
        known = {"token_hash": token_hash} if token_hash is not None else {"email": email, "token": token}
        params: Any = {**known, "type": type}
        async with self._sessions.changing():
            if type == "email_change":
                # supabase-py cannot read the reply to the first of the two codes.
                request = Request("POST", "/auth/v1/verify", as_json(params), JSON, repeatable=False)
                reply = await self._engine.sender.send(request)
                if parse(Verified, reply).access_token is None:
                    return None
                return await self._sessions.adopt(parse(NewSession, reply).begun(), AuthEvent.USER_UPDATED)
            with translated():
                signed_in = await self._service.verify_otp(params)
            return await self._adopt(signed_in.session, _event_of(type))

    @async_call
    async def sign_in_with_oauth(
        self, *, provider: str, redirect_to: str | None = None, scopes: str | None = None
    ) -> OAuthStart:
        """Begin to sign in with another service; complete it with `exchange_code` and the code that comes back.

        Args:
            provider: The service, such as ``google`` or ``github``.
            redirect_to: Where the service sends the person, with ``?code=...``.
            scopes: Further scopes to ask the service for, separated by spaces.
        """
        self._sessions.refuse_secret()
        if not provider:
            raise InvalidValueError(
                "provider is empty.", detail="provider", hint="Pass the name of a service, such as google."
            )
        options: dict[str, Any] = {}
        if redirect_to is not None:
            options["redirect_to"] = redirect_to
        if scopes is not None:
            options["scopes"] = scopes
        credentials: Any = {"provider": provider, "options": options}
        try:
            with translated(has_effect=False):
                started = await self._service.sign_in_with_oauth(credentials)
        except InvalidReplyError as exc:  # No request is sent: supabase-py has a list of the services.
            raise InvalidValueError(
                f"No service of the name {shown(provider)} is known.",
                detail="provider",
                hint="Pass the name of a service that the project allows, such as google or github.",
            ) from exc
        return OAuthStart(url=started.url, code_verifier=await self._sessions.code_verifier())

    @async_call
    async def exchange_code(self, code: str, *, code_verifier: str | None = None) -> Session:
        """Complete a sign-in with the code that came back from another service or from a link in a message.

        This needs the client that began the sign-in, or one with the same session storage, or the code verifier. A code
        works once, for five minutes.

        Args:
            code: The code: the value of ``?code=...`` at the URL to which the link or the service led.
            code_verifier: `OAuthStart.code_verifier`, if another client began the sign-in.

        Raises:
            OneTimeCodeError: The code or the verifier is wrong or too old.
            InvalidValueError: The verifier is missing: it was not passed, and this client has not stored it.
        """
        self._sessions.refuse_secret()
        if code_verifier == "":  # supabase-py would ignore it, and use the one that this client has stored.
            raise InvalidValueError(
                "code_verifier is empty.",
                detail="code_verifier",
                hint="Pass OAuthStart.code_verifier, or leave it out.",
            )
        async with self._sessions.changing():
            event = AuthEvent.SIGNED_IN if code_verifier is not None else await self._sessions.event_for_code()
            with translated():
                signed_in = await self._service.exchange_code_for_session(
                    {"auth_code": code, "code_verifier": code_verifier or "", "redirect_to": ""}
                )
            return await self._adopt(signed_in.session, event)

    @async_call
    async def set_session(self, *, access_token: str, refresh_token: str) -> Session:
        """Use a session that was made elsewhere, such as in a browser.

        Raises:
            AuthenticationError: The tokens are not valid.
        """
        self._sessions.refuse_secret()
        async with self._sessions.changing():
            with translated():
                signed_in = await self._service.set_session(access_token, refresh_token)
            return await self._adopt(signed_in.session, AuthEvent.SIGNED_IN)

    # Signing out, and changes of the session ------------------------------------------------------------------------

    @async_call
    async def sign_out(self, *, scope: SignOutScope = "global") -> None:
        """Sign out. Nothing happens when nobody is signed in.

        In a shared storage, the session that another person or another sign-in has stored stays. What was begun ends:
        feeds and rooms, and lists that are being read.

        Args:
            scope: ``global`` ends the person's sessions everywhere, ``local`` this one, ``others`` all but this one.
        """
        async with self._sessions.changing():
            try:
                sessions = self._sessions
                session = await (sessions.ensure_fresh() if scope == "others" else sessions.leaving())
                if session is not None:
                    with translated():
                        await self._service.admin.sign_out(session.access_token, scope)
            except (SessionExpiredError, AuthenticationError, NotFoundError, PermissionDeniedError):
                pass  # The session does not exist any more on the server, so it is signed out there.
            if scope != "others":
                await self._sessions.clear(all_sign_ins=scope == "global")

    def on_auth_change(self, listener: AuthListener) -> Callable[[], None]:
        """Call a function whenever the session changes: ``listener(event, session)``.

        What the listener raises is logged, by the logger ``monogram_sdk``, and raised nowhere: the change has happened.

        Args:
            listener: A plain function. It may call the client.

        Returns:
            A function that unsubscribes it.

        Raises:
            TypeError: The listener is a coroutine function.
        """
        return self._sessions.listen(listener)

    # Messages -------------------------------------------------------------------------------------------------------

    @async_call
    async def reset_password(self, *, email: str, redirect_to: str | None = None) -> None:
        """Send a message to somebody who has forgotten their password.

        Its code signs them in (``verify_otp(..., type="recovery")``, or `exchange_code`); then `update_user` sets a
        new password. The call does not reveal whether the account exists.

        Args:
            email: The address to send it to.
            redirect_to: Where its link leads.
        """
        with translated():
            await self._service.reset_password_for_email(email, {"redirect_to": redirect_to} if redirect_to else None)

    @async_call
    async def resend(
        self, *, email: str, type: Literal["signup", "email_change"] = "signup", redirect_to: str | None = None
    ) -> None:
        """Send a confirmation message again.

        Pass its code to `verify_otp`; its link has tokens in place of a code, for `set_session`. The call does not
        reveal whether there is something to confirm.

        Args:
            email: The account's address. For a change of address, both addresses get a message.
            type: What to confirm.
            redirect_to: Where its link leads.

        Raises:
            RateLimitError: Such a message was sent a moment ago.
        """
        credentials: Any = {"type": type, "email": email, "options": link_options(redirect_to)}
        with translated():
            await self._service.resend(credentials)

    async def _adopt(self, session: AuthSession | None, event: AuthEvent) -> Session:
        if session is None:
            raise InvalidReplyError("The auth service accepted the sign-in and did not return a session.")
        return await self._sessions.adopt(session_of(session), event)


def _event_of(type: SignInCodeType) -> AuthEvent:
    return AuthEvent.PASSWORD_RECOVERY if type == "recovery" else AuthEvent.SIGNED_IN
