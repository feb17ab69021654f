"""Accounts and sessions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from ._base import Model


class AuthUser(Model):
    """An account of the auth service. What others see of the person is a `Profile`."""

    id: UUID
    """The account, and the person: the same as `Profile.id`."""
    email: str | None = None
    """The email address."""
    phone: str | None = None
    """The phone number."""
    role: str | None = None
    """The database role, ``authenticated`` for people."""
    created_at: datetime
    """When the account was made."""
    updated_at: datetime | None = None
    """When it last changed."""
    email_confirmed_at: datetime | None = None
    """When the address was confirmed; ``None`` until it is."""
    last_sign_in_at: datetime | None = None
    """When somebody last signed in."""
    is_anonymous: bool = False
    """Whether the account has no address or provider yet."""
    banned_until: datetime | None = None
    """Until when the account is banned."""
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    """Values set by the person, such as ``display_name``. Do not use them for access control."""
    app_metadata: dict[str, Any] = Field(default_factory=dict)
    """Values that only services can set, such as ``role``."""


class Session(Model):
    """The session of a person who is signed in. Its tokens are secrets, which ``repr`` does not show."""

    access_token: str = Field(repr=False)
    """The token that is sent with requests (a JWT)."""
    refresh_token: str = Field(repr=False)
    """The token for the next session. It works once."""
    token_type: str = "bearer"
    """The type of the access token."""
    expires_at: datetime
    """When the access token expires, by this machine's clock. The client refreshes it before that."""
    user: AuthUser
    """Who signed in."""


class NewSession(Model):
    """A session as the auth service sends it, which expires a number of seconds from now."""

    access_token: str = Field(repr=False)
    """The token that is sent with requests (a JWT)."""
    refresh_token: str = Field(repr=False)
    """The token for the next session. It works once."""
    token_type: str = "bearer"
    """The type of the access token."""
    expires_in: int
    """In how many seconds the access token expires."""
    user: AuthUser
    """Who signed in."""

    def begun(self) -> Session:
        """Return the session, with its expiry by this machine's clock, so that a wrong clock does no harm."""
        return Session(
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            token_type=self.token_type,
            expires_at=datetime.fromtimestamp(int(time.time()) + self.expires_in, UTC),
            user=self.user,
        )


class Verified(Model):
    """The reply to a code. The first of the two codes for a change of address returns no session."""

    access_token: str | None = Field(default=None, repr=False)
    """The token that is sent with requests; ``None`` without a session."""


class SignUp(Model):
    """The result of signing up."""

    user: AuthUser
    """The new account."""
    session: Session | None = None
    """The session; ``None`` if the project requires the email address to be confirmed first."""


class OAuthStart(Model):
    """The beginning of signing in with another service."""

    url: str
    """The page to open in the person's browser."""
    code_verifier: str | None = Field(default=None, repr=False)
    """The secret that belongs to the code which comes back (PKCE, RFC 7636). This client stores it; store it yourself
    if another process is to exchange the code."""
