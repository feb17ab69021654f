"""Accounts and sessions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from ._base import Model


class AuthUser(Model):
    """An account, as the auth service has it. The person's public side is a `Profile`."""

    id: UUID
    """The account, and the person: `Profile.id`."""
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
    """Until when the account is barred."""
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    """What the person set, such as ``display_name``. Never base a right on it."""
    app_metadata: dict[str, Any] = Field(default_factory=dict)
    """What only a service sets, such as ``role``."""


class Session(Model):
    """Proof of having signed in. Its tokens are secrets and stay out of its ``repr``."""

    access_token: str = Field(repr=False)
    """The token that requests carry (a JWT)."""
    refresh_token: str = Field(repr=False)
    """The token that buys the next session, once."""
    token_type: str = "bearer"
    """How the access token is presented."""
    expires_at: datetime
    """When the access token ends, by this machine's clock. The client refreshes before that."""
    user: AuthUser
    """Who signed in."""


class NewSession(Model):
    """A session as the auth service tells of it, whose end it counts from now."""

    access_token: str = Field(repr=False)
    """The token that requests carry (a JWT)."""
    refresh_token: str = Field(repr=False)
    """The token that buys the next session, once."""
    token_type: str = "bearer"
    """How the access token is presented."""
    expires_in: int
    """For how many seconds from now the access token is good."""
    user: AuthUser
    """Who signed in."""

    def begun(self) -> Session:
        """Return it as a session from now on, by this machine's clock: one that is wrong then does no harm."""
        return Session(
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            token_type=self.token_type,
            expires_at=datetime.fromtimestamp(int(time.time()) + self.expires_in, UTC),
            user=self.user,
        )


class Verified(Model):
    """The answer to a code. A change of address that another mailbox has yet to confirm brings no session."""

    access_token: str | None = Field(default=None, repr=False)
    """The token that requests carry, unless there is none yet."""


class SignUp(Model):
    """What came of signing up."""

    user: AuthUser
    """The new account."""
    session: Session | None = None
    """The session; ``None`` where the project wants the email address confirmed first."""


class OAuthStart(Model):
    """The beginning of signing in with another service."""

    url: str
    """The page to open in the person's browser."""
    code_verifier: str | None = Field(default=None, repr=False)
    """The secret that goes with the code which comes back (PKCE, RFC 7636). This client remembers it; keep it
    yourself when another process will exchange the code."""
