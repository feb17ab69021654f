"""Everything that the SDK uses of supabase-py, in one place, because its packages change often.

Importing them takes as long as everything else, so this module is loaded only when the first client is made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from pydantic import ValidationError
from storage3 import AsyncStorageClient, SyncStorageClient
from storage3.utils import StorageException
from supabase_auth import AsyncGoTrueClient, AsyncSupportedStorage, SyncGoTrueClient, SyncSupportedStorage
from supabase_auth.errors import AuthError, AuthInvalidJwtError, AuthSessionMissingError
from supabase_auth.types import Session as AuthSession
from supabase_auth.types import User as GoTrueUser

from monogram_sdk import _contents as contents
from monogram_sdk._contents import Content
from monogram_sdk.errors import APIError, AuthenticationError, InvalidReplyError, InvalidValueError, NotSignedInError
from monogram_sdk.models.auth import AuthUser, NewSession, Session

_FRESH_SECONDS = 3600

__all__ = [
    "AsyncGoTrueClient",
    "AsyncStorageClient",
    "AsyncSupportedStorage",
    "AuthSession",
    "GoTrueUser",
    "RequestTraits",
    "SyncGoTrueClient",
    "SyncStorageClient",
    "SyncSupportedStorage",
    "async_auth_client",
    "async_storage_client",
    "auth_client",
    "session_of",
    "session_text",
    "storage_client",
    "traits_of_auth_request",
    "traits_of_storage_request",
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


def async_storage_client(url: str, http: object) -> AsyncStorageClient:
    """Make the client for the storage service."""
    return AsyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.AsyncClient", http))


def storage_client(url: str, http: object) -> SyncStorageClient:
    """Make the client for the storage service."""
    return SyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.Client", http))


@dataclass(frozen=True, slots=True)
class RequestTraits:
    """How the engine treats a request of one of the libraries.

    Attributes:
        repeatable: Whether it may be sent twice.
        has_effect: Whether it changes something, or sends a message.
        content: The content that the reply must have.
    """

    repeatable: bool
    has_effect: bool
    content: Content = contents.JSON


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


_OBJECTS = "/storage/v1/object/"


def traits_of_storage_request(method: str, url: httpx.URL) -> RequestTraits:
    """Return how to treat a request to the storage service. Each may be sent twice."""
    _, _, path = url.path.partition(_OBJECTS)
    if method == "GET":
        content = contents.FILE if path.startswith("typefaces/") else contents.PICTURE
        return RequestTraits(repeatable=True, has_effect=False, content=content)
    if path.startswith(("sign/", "list/")):
        return RequestTraits(repeatable=True, has_effect=False, content=contents.ROWS)
    content = contents.ROWS if method == "DELETE" else contents.having("Key")
    return RequestTraits(repeatable=True, has_effect=True, content=content)


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
    """Turn errors of supabase-py's own checks into the SDK's errors.

    Errors from the servers are translated before supabase-py sees them (`_engine.refusals`).

    Args:
        has_effect: Whether the request changes something, so that it is uncertain if the reply cannot be read.
    """
    try:
        yield
    except AuthSessionMissingError as exc:
        raise NotSignedInError from exc
    except AuthInvalidJwtError as exc:
        raise AuthenticationError(exc.message, code=exc.code) from exc
    except AuthError as exc:
        raise APIError(exc.message, code=exc.code) from exc
    except StorageException as exc:
        details: Any = exc.args[0] if exc.args else None
        raise APIError(str(details or "The storage service refused the request.")) from exc
    except (json.JSONDecodeError, KeyError) as exc:
        raise InvalidReplyError(
            "The server's reply cannot be read.", hint="Update the SDK, or the server.", uncertain=has_effect
        ) from exc
    except ValidationError as exc:
        # Without the original error, which shows the reply; that may be a session.
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors()[:3])
        raise InvalidReplyError(
            f"The server's reply does not fit {exc.title}: {problems}.",
            hint="Update the SDK, or the server.",
            uncertain=has_effect,
        ) from None
    except (ValueError, RecursionError) as exc:  # For example, text that is not valid Unicode.
        raise InvalidValueError(
            "A value cannot be sent.", hint="Use text in valid Unicode, without lone surrogates."
        ) from exc
