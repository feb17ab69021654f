"""Files in the storage buckets."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from monogram_sdk import _supabase
from monogram_sdk._images import Image
from monogram_sdk.errors import ConflictError, InvalidResponseError

from ._library import AsyncLibraryHTTP
from ._transport import AsyncTransport

AVATARS = "avatars"
COVERS = "covers"
RESPONSES = "responses"

# Names are never reused, so browsers and the CDN may keep files for a year.
_CACHE_SECONDS = "31536000"

# How many files the storage service signs in one request.
_BATCH = 1000


_IMAGES = (AVATARS, COVERS, RESPONSES)

_TAKEN = ("Duplicate", "KeyAlreadyExists", "ResourceAlreadyExists")


class AsyncFiles:
    """The files of Monogram's buckets.

    Args:
        transport: What sends.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._url = transport.config.url
        http = AsyncLibraryHTTP(transport, as_person=True, repeatable=lambda _method, _url: True)
        self._storage = _supabase.async_storage_client(self._url, http)

    async def upload(self, bucket: str, path: str, image: Image) -> None:
        """Store an image under a name that is new."""
        try:
            with _supabase.translated():
                await self._storage.from_(bucket).upload(
                    path, image.data, {"content-type": image.content_type, "cache-control": _CACHE_SECONDS}
                )
        except ConflictError as error:
            # The name is ours alone and new, so what is there already is this file: an earlier attempt went unanswered,
            # or something on the way sent the request twice.
            if not error.uncertain and error.code not in _TAKEN:
                raise

    async def remove(self, bucket: str, *paths: str) -> None:
        """Delete files; those that are gone already do no harm."""
        with _supabase.translated():
            await self._storage.from_(bucket).remove(list(paths))

    async def download(self, bucket: str, path: str) -> bytes:
        """Return a file's contents."""
        with _supabase.translated():
            data = await self._storage.from_(bucket).download(path)
        if bucket in _IMAGES and data.lstrip().startswith(b"<"):
            raise InvalidResponseError(
                "A page came instead of an image.", hint="A proxy, or a network's login page, answers for the server."
            )
        return data

    async def sign(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """Return an address for each file that is there, which works for some time without signing in."""
        urls: dict[str, str] = {}
        for start in range(0, len(paths), _BATCH):
            with _supabase.translated():
                signed = await self._storage.from_(bucket).create_signed_urls(
                    list(paths[start : start + _BATCH]), seconds
                )
            urls |= {entry["path"]: url for entry in signed if (url := entry["signedURL"])}
        return urls

    def public_url(self, bucket: str, path: str) -> str:
        """Return the address of a file in a public bucket."""
        return f"{self._url}/storage/v1/object/public/{bucket}/{quote(path)}"
