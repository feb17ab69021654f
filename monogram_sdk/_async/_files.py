"""Files in the storage buckets."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from monogram_sdk._config import shown
from monogram_sdk._engine import call as calls
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.request import check_text
from monogram_sdk._lazy import late
from monogram_sdk.errors import ConflictError, InvalidValueError, PermissionDeniedError

if TYPE_CHECKING:
    from monogram_sdk._images import Image
    from monogram_sdk._supabase.storage import AsyncStorageClient

AVATARS = "avatars"
COVERS = "covers"
RESPONSES = "responses"
TYPEFACES = "typefaces"

# Names are never reused, so browsers and the CDN may keep files for a year.
_CACHE_SECONDS = "31536000"

# How many files the storage service signs in one request.
_BATCH = 1000


_TAKEN = ("Duplicate", "KeyAlreadyExists", "ResourceAlreadyExists")


class AsyncFiles:
    """The files of Monogram's buckets.

    Args:
        engine: Sends requests.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._url = engine.config.url

    async def upload(self, bucket: str, path: str, image: Image) -> None:
        """Store an image under a new name, before the row that will refer to it is written."""
        try:
            with self._service() as service, calls.side_effect(self._engine.network):
                await service.from_(bucket).upload(
                    path, image.data, {"content-type": image.content_type, "cache-control": _CACHE_SECONDS}
                )
        except PermissionDeniedError as error:
            # The platform reports every refusal by the database as "violates row-level security policy".
            if "row-level security" in error.message:
                error.message = "The picture was not stored: you may not upload it there, or not any more today."
                error.hint = (
                    "Check that you are still a member of the space. If you have uploaded very many pictures today, you"
                    " have reached the daily limit: try again tomorrow."
                )
            raise
        except ConflictError as error:
            # The name is random, so the file that is there already is this one: no reply came to an earlier attempt, or
            # a proxy sent the request twice.
            if not error.uncertain and error.code not in _TAKEN:
                raise

    async def put(self, bucket: str, path: str, data: bytes) -> None:
        """Store bytes, and replace the file of this name if there is one. Needs a secret key."""
        with self._service() as service:
            await service.from_(bucket).upload(
                path, data, {"content-type": "application/octet-stream", "upsert": "true"}
            )

    async def remove(self, bucket: str, *paths: str) -> None:
        """Delete files. Those that do not exist are ignored."""
        with self._service() as service:
            await service.from_(bucket).remove(list(paths))

    async def download(self, bucket: str, path: str) -> bytes:
        """Return a file's contents."""
        _check_path(path)
        with self._service(has_effect=False) as service:
            return await service.from_(bucket).download(path)

    async def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """Return a URL for each file that exists; it works for some time without signing in."""
        urls: dict[str, str] = {}
        for start in range(0, len(paths), _BATCH):
            with self._service(has_effect=False) as service:
                signed = await service.from_(bucket).create_signed_urls(list(paths[start : start + _BATCH]), seconds)
            urls |= {entry["path"]: url for entry in signed if (url := entry["signedURL"])}
        return urls

    def public_url(self, bucket: str, path: str) -> str:
        """Return the URL of a file in a public bucket.

        Raises:
            InvalidValueError: The path is empty, or leads out of the bucket.
        """
        _check_path(path)
        return f"{self._url}/storage/v1/object/public/{bucket}/{quote(path)}"

    @contextmanager
    def _service(self, *, has_effect: bool = True) -> Generator[AsyncStorageClient]:
        """Yield the client of the storage service, and turn its errors into the SDK's.

        Args:
            has_effect: Whether the block changes something.
        """
        service = self._storage
        from monogram_sdk._supabase.storage import translated

        with translated(has_effect=has_effect):
            yield service

    @late
    def _storage(self) -> AsyncStorageClient:
        """The client of the storage service, from supabase-py. It is loaded when a program first uses files."""
        from monogram_sdk._engine._async.library import AsyncLibraryHTTP
        from monogram_sdk._supabase.storage import async_storage_client, traits_of_storage_request

        http = AsyncLibraryHTTP(self._engine, as_person=True, traits=traits_of_storage_request)
        return async_storage_client(self._url, http)


def _check_path(path: str) -> None:
    """Check the path of a file in a bucket.

    Raises:
        InvalidValueError: It is empty, or leads out of the bucket, or is not valid text.
    """
    check_text(path)
    if not path:
        raise InvalidValueError(
            "The path of the picture is empty.", detail="path", hint="Pass the path of a model, if it has one."
        )
    if {".", ".."} & {*unquote(path).split("/")}:
        raise InvalidValueError(
            f"{shown(path)} is not the path of a picture.",
            detail="path",
            hint="Pass the path of a model, such as Response.image_path. It has no parts . and ..",
        )
