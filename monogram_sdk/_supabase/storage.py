"""What the SDK uses of supabase-py for files: the client of the storage service."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import httpx
from storage3 import AsyncStorageClient, SyncStorageClient
from storage3.utils import StorageException

from monogram_sdk import _contents as contents
from monogram_sdk._supabase import requests
from monogram_sdk._supabase.requests import RequestTraits
from monogram_sdk.errors import APIError

__all__ = [
    "AsyncStorageClient",
    "SyncStorageClient",
    "async_storage_client",
    "storage_client",
    "traits_of_storage_request",
    "translated",
]


def async_storage_client(url: str, http: object) -> AsyncStorageClient:
    """Make the client for the storage service."""
    return AsyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.AsyncClient", http))


def storage_client(url: str, http: object) -> SyncStorageClient:
    """Make the client for the storage service."""
    return SyncStorageClient(f"{url}/storage/v1/", {}, http_client=cast("httpx.Client", http))


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
    except StorageException as exc:
        details: Any = exc.args[0] if exc.args else None
        raise APIError(str(details or "The storage service refused the request.")) from exc
