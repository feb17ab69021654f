"""All that the SDK takes from supabase-py, in one place: its packages change more often than our callers like.

Importing them takes as long as importing all the rest, so this module is loaded when the first client is made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import httpx
from pydantic import ValidationError
from storage3 import AsyncStorageClient, SyncStorageClient
from storage3.utils import StorageException
from supabase_auth import AsyncGoTrueClient, AsyncSupportedStorage, SyncGoTrueClient, SyncSupportedStorage
from supabase_auth.errors import AuthError, AuthInvalidJwtError, AuthSessionMissingError
from supabase_auth.types import Session as AuthSession
from supabase_auth.types import User as GoTrueUser

from monogram_sdk.errors import APIError, AuthenticationError, InvalidResponseError, NotSignedInError
from monogram_sdk.models.auth import AuthUser, Session

__all__ = [
    "AsyncGoTrueClient",
    "AsyncStorageClient",
    "AsyncSupportedStorage",
    "AuthSession",
    "GoTrueUser",
    "SyncGoTrueClient",
    "SyncStorageClient",
    "SyncSupportedStorage",
    "async_auth_client",
    "async_storage_client",
    "auth_client",
    "storage_client",
    "stored_session",
    "translated",
    "user_of",
]


def async_auth_client(
    url: str, headers: dict[str, str], http: object, storage: AsyncSupportedStorage, storage_key: str
) -> AsyncGoTrueClient:
    """Make the client of the auth service. It neither keeps nor refreshes sessions; `AsyncSessions` does."""
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
    """Make the client of the auth service. It neither keeps nor refreshes sessions; `Sessions` does."""
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
    """Make the client of the storage service."""
    return AsyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.AsyncClient", http))


def storage_client(url: str, http: object) -> SyncStorageClient:
    """Make the client of the storage service."""
    return SyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.Client", http))


def stored_session(session: AuthSession) -> tuple[str, Session]:
    """Return a session from the auth service as text to store, and as the SDK's model.

    Its end is counted from now by this machine's clock, so that a clock that is wrong does no harm.
    """
    fields = session.model_dump(mode="json")
    fields["expires_at"] = int(time.time()) + session.expires_in
    text = json.dumps(fields)
    return text, Session.model_validate_json(text)


def user_of(user: GoTrueUser) -> AuthUser:
    """Return an account as the SDK's model."""
    return AuthUser.model_validate(user.model_dump())


@contextmanager
def translated() -> Generator[None]:
    """Turn what supabase-py itself refuses into the SDK's errors.

    What the servers refuse is translated before these libraries see it (`_refusals`); this is for their own checks.
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
        raise APIError(str(details or "The storage service refused.")) from exc
    except (json.JSONDecodeError, KeyError) as exc:
        raise InvalidResponseError(
            "The server's answer is not what it should be.", hint="Update the SDK, or the server.", uncertain=True
        ) from exc
    except ValidationError as exc:
        # Without the original, which shows the answer, and that may be a session.
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors()[:3])
        raise InvalidResponseError(
            f"The server's answer does not fit {exc.title}: {problems}.",
            hint="Update the SDK, or the server.",
            uncertain=True,
        ) from None
