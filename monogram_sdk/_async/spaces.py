"""`client.spaces`: spaces, their members, invites and rotation."""

from __future__ import annotations

from uuid import UUID, uuid4

from monogram_sdk import _images
from monogram_sdk._cursor import Cursor
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._images import ImageSource
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import Rows
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_language, as_uuid, changes, set_values, versioned
from monogram_sdk.errors import (
    APIError,
    PermissionDeniedError,
    SpaceNotFoundError,
)
from monogram_sdk.models.enums import NewsletterVisibility, RotationType
from monogram_sdk.models.events import SpaceEvent
from monogram_sdk.models.spaces import (
    CuratorRotation,
    RotationPreview,
    Space,
)
from monogram_sdk.models.weeks import SpaceWeek

from ._event_pages import AsyncEventPages
from ._files import COVERS, AsyncFiles
from ._pages import AsyncPages
from ._resource import by_id
from ._spaces_members import BY_AGE, AsyncMembers

TABLE = "spaces"


class AsyncSpacesAPI(AsyncMembers):
    """Spaces, their members, invites and rotation."""

    def __init__(self, engine: AsyncEngine, files: AsyncFiles) -> None:
        super().__init__(engine)
        self._files = files

    @async_call
    async def create(
        self,
        *,
        name: str,
        description: str | None = None,
        rotation_type: RotationType = RotationType.ROUND_ROBIN,
        is_public: bool = False,
        newsletter_visibility: NewsletterVisibility = NewsletterVisibility.PUBLIC,
        language: str | None = None,
    ) -> Space:
        """Create a space. You lead it, and are the curator of week 1.

        Args:
            name: Its name, 1-80 characters.
            description: What it is about, up to 1,000 characters.
            rotation_type: How the curator changes from week to week.
            is_public: Whether anybody may join without an invite.
            newsletter_visibility: Who reads its published newsletters.
            language: The language of its newsletters and emails for people who have not chosen one, as a BCP 47 tag
                such as ``de`` or ``pt-BR``; ``None`` for English.

        Raises:
            NotSignedInError: Nobody is signed in.
            InvalidValueError: A value is not acceptable.
        """
        me = await self._sessions.require_user_id()
        space_id = uuid4()
        row = set_values(
            id=space_id,
            leader_id=me,
            name=name,
            description=description,
            rotation_type=rotation_type,
            is_public=is_public,
            newsletter_visibility=newsletter_visibility,
            language=as_language(language),
        )
        return await self._insert(Space, TABLE, row, by_id(space_id))

    @async_call
    async def get(self, space_id: Id) -> Space:
        """Return a space that is public or that you are a member of.

        Raises:
            SpaceNotFoundError: No such space, or you cannot see it.
        """
        return await self._get(Space, TABLE, SpaceNotFoundError, by_id(as_uuid(space_id, "space_id")))

    def list(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Space]:
        """List the spaces that you are a member of, oldest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        # A function, because access rules allow public spaces, too: a filter by membership would visit all of them.
        return self._pages(Listing("my_spaces", Space, BY_AGE, arguments={}, personal=True), after, page_size)

    def list_public(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Space]:
        """List the spaces that anybody may join, oldest first. Works without signing in.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        return self._pages(Listing(TABLE, Space, BY_AGE, filters=(equals("is_public", True),)), after, page_size)

    @async_call
    async def update(
        self,
        space_id: Id,
        *,
        name: str | NotGiven = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        rotation_type: RotationType | NotGiven = NOT_GIVEN,
        is_public: bool | NotGiven = NOT_GIVEN,
        newsletter_visibility: NewsletterVisibility | NotGiven = NOT_GIVEN,
        language: str | NotGiven | None = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Space:
        """Change a space that you lead. What is not given stays; ``None`` removes the description or the language.

        Args:
            space_id: The space.
            name: Its name, 1-80 characters.
            description: What it is about, up to 1,000 characters.
            rotation_type: How the curator changes from week to week.
            is_public: Whether anybody may join without an invite.
            newsletter_visibility: Who reads the space's newsletters. ``MEMBERS`` restricts all of them to members,
                including published ones. ``PUBLIC`` applies to newsletters that are published later; published ones
                stay as they are until `newsletters.set_visibility` opens them.
            language: The language of its newsletters and emails for people who have not chosen one, as a BCP 47 tag
                such as ``de`` or ``pt-BR``; ``None`` for English.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            SpaceNotFoundError: No such space, or you cannot see it.
            PermissionDeniedError: You do not lead it.
        """
        values = changes(
            name=name,
            description=description,
            rotation_type=rotation_type,
            is_public=is_public,
            newsletter_visibility=newsletter_visibility,
            language=as_language(language),
        )
        own = by_id(as_uuid(space_id, "space_id"))
        return await self._update(Space, TABLE, SpaceNotFoundError, versioned(values, if_version), own)

    @async_call
    async def delete(self, space_id: Id) -> None:
        """Delete a space that you lead, with everything in it.

        Raises:
            SpaceNotFoundError: No such space, or you cannot see it.
            PermissionDeniedError: You do not lead it.
        """
        await self._delete(Space, TABLE, SpaceNotFoundError, by_id(as_uuid(space_id, "space_id")))

    @async_call
    async def week(self, space_id: Id, *, week_number: int | None = None) -> SpaceWeek:
        """Return everything that the screen of a week shows, in one call.

        Args:
            space_id: The space.
            week_number: The week; the open one unless given.

        Raises:
            SpaceNotFoundError: No such space, or you are not a member.
        """
        arguments = set_values(space_id=as_uuid(space_id, "space_id"), week_number=week_number)
        return await self._rpc(SpaceWeek, "space_week", arguments)

    @async_call
    async def set_cover(self, space_id: Id, image: ImageSource) -> Space:
        """Set the picture of a space that you lead.

        Args:
            space_id: The space.
            image: A JPEG, PNG, WebP or GIF image of up to 10 MB: a path, bytes or an open file.
                Metadata about place, time and camera is removed.

        Raises:
            InvalidImageError: It is something else.
            FileTooLargeError: It is larger.
            PermissionDeniedError: You do not lead the space.
        """
        picture = _images.load(image, limit=_images.COVER_LIMIT)
        before = await self.get(space_id)
        if not self._sessions.is_secret and await self._sessions.require_user_id() != before.leader_id:
            raise PermissionDeniedError(
                "You do not lead this space, so you cannot set its picture.", hint="Ask the leader to set it."
            )
        path = f"{before.id}/{picture.new_name()}"
        await self._files.upload(COVERS, path, picture)
        try:
            space = await self._change_cover(before.id, path)
        except APIError as error:
            await self._discard(error, self._files, COVERS, path, Space, TABLE, "cover_path")
            raise
        if before.cover_path is not None:
            await self._files.remove(COVERS, before.cover_path)
        return space

    @async_call
    async def remove_cover(self, space_id: Id) -> Space:
        """Remove the picture of a space that you lead."""
        before = await self.get(space_id)
        space = await self._change_cover(before.id, None)
        if before.cover_path is not None:
            await self._files.remove(COVERS, before.cover_path)
        return space

    def cover_url(self, cover_path: str) -> str:
        """Return the URL of a space's picture. It works for everybody.

        Args:
            cover_path: The path from a `Space`.
        """
        return self._files.public_url(COVERS, cover_path)

    # The leader and the curator -------------------------------------------------------------------------------------

    @async_call
    async def transfer_leadership(self, space_id: Id, user_id: Id) -> Space:
        """Make a member the leader of a space that you lead. They become an admin; you stay a member.

        Raises:
            NotAMemberError: They are not a member.
            PermissionDeniedError: You do not lead it.
        """
        space, heir = as_uuid(space_id, "space_id"), as_uuid(user_id, "user_id")
        try:
            return await self._rpc(Space, "transfer_leadership", {"space_id": space, "user_id": heir})
        except PermissionDeniedError as error:
            # If an earlier attempt succeeded without a reply, the caller is not the leader any more.
            if error.uncertain:
                found = await self.get(space)
                if found.leader_id == heir:
                    return found
            raise

    @async_call
    async def assign_curator(self, space_id: Id, user_id: Id) -> CuratorRotation:
        """Make a member of a space that you lead the curator of this week, at once, whatever its rotation.

        Raises:
            NotAMemberError: They are not a member.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id")}
        return await self._rpc(CuratorRotation, "assign_curator", arguments)

    def rotations(
        self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[CuratorRotation]:
        """List the curators of all weeks, newest first.

        Args:
            space_id: A space that you are a member of.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = (equals("space_id", as_uuid(space_id, "space_id")),)
        listing = Listing("curator_rotations", CuratorRotation, ("week_number",), descending=True, filters=filters)
        return self._pages(listing, after, page_size)

    @async_call
    async def preview_rotation(self, space_id: Id, *, weeks: int = 4) -> Rows[RotationPreview]:
        """Return the curators of the coming weeks, unless somebody joins or leaves, or the leader assigns another.

        Args:
            space_id: A space that you are a member of.
            weeks: How many weeks.

        Raises:
            SpaceNotFoundError: No such space, or you are not a member.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "weeks": weeks}
        return await self._rpc_rows(RotationPreview, "preview_rotation", arguments)

    def events(self, space_id: Id, *, after: int | str = 0, page_size: int = PAGE_SIZE) -> AsyncPages[SpaceEvent]:
        """List what happened in a space, in order and without a gap.

        Reading it raises `HistoryReplacedError` if the feed has no event of the cursor `after`, because a backup was
        restored.

        Args:
            space_id: A space that you are a member of.
            after: The `SpaceEvent.cursor` (or the plain `seq`) after which to begin; 0 for all events.
            page_size: How many to read at once, 1-1,000.
        """
        place = Cursor.parse(after)
        # The event of the cursor is read again, to check that it is still there.
        filters = equals("space_id", as_uuid(space_id, "space_id")), f"seq=gte.{place.seq}"
        listing = Listing("space_events", SpaceEvent, ("seq",), filters=filters)
        return AsyncEventPages(self._engine, listing, place, page_size)

    async def _change_cover(self, space_id: UUID, path: str | None) -> Space:
        return await self._update(Space, TABLE, SpaceNotFoundError, {"cover_path": path}, by_id(space_id))
