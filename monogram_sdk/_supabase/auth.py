"""What the SDK uses of supabase-py for accounts: the client of the auth service, and its values."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import httpx
from supabase_auth import AsyncGoTrueClient, AsyncSupportedStorage, SyncGoTrueClient, SyncSupportedStorage
from supabase_auth.errors import (
    AuthError,
    AuthInvalidCredentialsError,
    AuthInvalidJwtError,
    AuthSessionMissingError,
)
from supabase_auth.types import Session as AuthSession
from supabase_auth.types import User as GoTrueUser

from monogram_sdk import _contents as contents
from monogram_sdk._supabase import requests
from monogram_sdk._supabase.requests import RequestTraits
from monogram_sdk.errors import APIError, AuthenticationError, InvalidValueError, NotSignedInError
from monogram_sdk.models.auth import AuthUser, NewSession, Session

_FRESH_SECONDS = 3600

__all__ = [
    "AsyncGoTrueClient",
    "AsyncSupportedStorage",
    "AuthSession",
    "GoTrueUser",
    "SyncGoTrueClient",
    "SyncSupportedStorage",
    "async_auth_client",
    "auth_client",
    "session_of",
    "session_text",
    "traits_of_auth_request",
    "translated",
    "user_of",
]


def async_auth_client(
    url: str, headers: dict[str, str], http: object, storage: AsyncSupportedStorage, storage_key: str
) -> AsyncGoTrueClient:
    """Make the client for the auth service. It does not keep or refresh the session; `AsyncSessions` does."""
    return AsyncGoTrueClient(
        url=f"{url}/auth/v1",
        headers=headers,
        storage_key=storage_key,
        storage=storage,
        auto_refresh_token=False,
        persist_session=True,
        flow_type="pkce",
        http_client=cast("httpx.AsyncClient", http),
    )


def auth_client(
    url: str, headers: dict[str, str], http: object, storage: SyncSupportedStorage, storage_key: str
) -> SyncGoTrueClient:
    """Make the client for the auth service. It does not keep or refresh the session; `Sessions` does."""
    return SyncGoTrueClient(
        url=f"{url}/auth/v1",
        headers=headers,
        storage_key=storage_key,
        storage=storage,
        auto_refresh_token=False,
        persist_session=True,
        flow_type="pkce",
        http_client=cast("httpx.Client", http),
    )


_SESSION = contents.having("access_token")
_ACCOUNT = contents.having("id")
_ACCOUNTS = contents.having("users")
# The end of a path, and the content of GoTrue's reply.
_REPLIES = {
    "/invite": _ACCOUNT,
    "/logout": contents.NOTHING,
    "/otp": contents.DONE,
    "/recover": contents.DONE,
    "/resend": contents.DONE,
    "/signup": _ACCOUNT,
    "/user": _ACCOUNT,
    "/users": _ACCOUNT,
    "/verify": _SESSION,
}


def traits_of_auth_request(method: str, url: httpx.URL) -> RequestTraits:
    """Return how to treat a request to the auth service.

    Signing in with a password may be repeated. One-time codes work once, and messages should be sent once.
    """
    if url.path.endswith("/reauthenticate"):  # This GET sends a message.
        return RequestTraits(repeatable=False, has_effect=True, content=contents.DONE)
    if method == "GET":  # It reads accounts.
        content = _ACCOUNTS if url.path.endswith("/users") else _ACCOUNT
        return RequestTraits(repeatable=True, has_effect=False, content=content)
    if url.path.endswith("/token"):
        once = url.params.get("grant_type") not in ("password", "refresh_token")
        return RequestTraits(repeatable=not once, has_effect=True, content=_SESSION)
    end = url.path[url.path.rindex("/") :]
    if "/admin/users/" in url.path:
        content = contents.DONE if method == "DELETE" else _ACCOUNT
    else:
        content = _REPLIES.get(end, contents.JSON)
    return RequestTraits(repeatable=end == "/logout", has_effect=True, content=content)


def session_of(session: AuthSession) -> Session:
    """Return a session from the auth service as the SDK's model."""
    return NewSession.model_validate(session.model_dump()).begun()


def session_text(session: Session) -> str:
    """Return a session in the format of supabase-py, never expired: `AsyncSessions` refreshes it, not supabase-py."""
    fields = session.model_dump(mode="json")
    fields |= {"expires_in": _FRESH_SECONDS, "expires_at": int(time.time()) + _FRESH_SECONDS}
    fields["user"] = {"aud": "authenticated", **fields["user"]}
    return json.dumps(fields)


def user_of(user: GoTrueUser) -> AuthUser:
    """Return an account as the SDK's model."""
    return AuthUser.model_validate(user.model_dump())


@contextmanager
def translated(*, has_effect: bool = True) -> Generator[None]:
    """Turn errors of the library's own checks into the SDK's errors.

    Errors from the server are translated before the library sees them (`_engine.refusals`).

    Args:
        has_effect: Whether the request changes something, so that it is uncertain if the reply cannot be read.
    """
    try:
        with requests.translated(has_effect=has_effect):
            yield
    except AuthSessionMissingError as exc:
        raise NotSignedInError from exc
    except AuthInvalidJwtError as exc:
        raise AuthenticationError(exc.message, code=exc.code) from exc
    except AuthInvalidCredentialsError as exc:
        raise InvalidValueError(exc.message) from exc
    except AuthError as exc:
        raise APIError(exc.message, code=exc.code) from exc
