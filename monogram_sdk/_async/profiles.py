"""`client.profiles`: your own profile."""

from __future__ import annotations

from uuid import UUID

from monogram_sdk import _images, _query
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._images import ImageSource
from monogram_sdk._values import NOT_GIVEN, NotGiven, changes, versioned
from monogram_sdk.errors import APIError, NotFoundError
from monogram_sdk.models.profiles import Profile

from ._files import AVATARS, AsyncFiles
from ._resource import AsyncResource, by_id

TABLE = "users"


class AsyncProfilesAPI(AsyncResource):
    """Your own profile. Other people's are in `spaces.members` and `tokens.leaderboard`."""

    def __init__(self, engine: AsyncEngine, files: AsyncFiles) -> None:
        super().__init__(engine)
        self._files = files

    @async_call
    async def get(self) -> Profile:
        """Return your profile.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        me = await self._sessions.require_user_id()
        return await self._get(Profile, TABLE, NotFoundError, by_id(me))

    @async_call
    async def update(
        self,
        *,
        display_name: str | NotGiven = NOT_GIVEN,
        username: str | NotGiven | None = NOT_GIVEN,
        bio: str | NotGiven | None = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Profile:
        """Change your profile. What is not given stays; ``None`` removes the username or the bio.

        Args:
            display_name: The name that others see, 1-80 characters.
            username: A handle of 3-30 characters: a-z, digits and underscores.
            bio: A few words, up to 500 characters.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            UsernameTakenError: Somebody else has this handle.
            InvalidValueError: A value is not acceptable.
        """
        values = changes(display_name=display_name, username=username, bio=bio)
        return await self._change(**versioned(values, if_version))

    @async_call
    async def set_avatar(self, image: ImageSource) -> Profile:
        """Set your picture.

        Args:
            image: A JPEG, PNG, WebP or GIF image of up to 10 MB: a path, bytes or an open file.
                Metadata about place, time and camera is removed.

        Raises:
            InvalidImageError: It is something else.
            FileTooLargeError: It is larger.
        """
        picture = _images.load(image, limit=_images.AVATAR_LIMIT)
        before = await self.get()
        path = f"{before.id}/{picture.new_name()}"
        await self._files.upload(AVATARS, path, picture)
        try:
            profile = await self._change(avatar_path=path)
        except APIError as error:
            await self._discard(error, self._files, AVATARS, path, Profile, TABLE, "avatar_path")
            raise
        await self._remove_file(before.avatar_path)
        return profile

    @async_call
    async def remove_avatar(self) -> Profile:
        """Remove your picture."""
        before = await self.get()
        profile = await self._change(avatar_path=None)
        await self._remove_file(before.avatar_path)
        return profile

    def avatar_url(self, avatar_path: str) -> str:
        """Return the URL of a person's picture. It works for everybody.

        Args:
            avatar_path: The path from a `Profile`, `Person` or `MemberProfile`.
        """
        return self._files.public_url(AVATARS, avatar_path)

    async def _change(self, **values: object) -> Profile:
        me: UUID = await self._sessions.require_user_id()
        return await self._update(Profile, TABLE, NotFoundError, values, _query.equals("id", me))

    async def _remove_file(self, path: str | None) -> None:
        if path is not None:
            await self._files.remove(AVATARS, path)
