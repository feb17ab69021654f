"""`client.spaces`: found a space, join it, lead it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from monogram_sdk import _images, _query
from monogram_sdk._cursor import Cursor
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._images import ImageSource
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import Rows
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_uuid, changes, own_key, set_values, versioned
from monogram_sdk.errors import (
    AlreadyMemberError,
    APIError,
    ConflictError,
    InvalidValueError,
    NotAMemberError,
    NotFoundError,
    PermissionDeniedError,
    SpaceNotFoundError,
)
from monogram_sdk.models.enums import MembershipRole, NewsletterVisibility, RotationType
from monogram_sdk.models.events import SpaceEvent
from monogram_sdk.models.profiles import MemberProfile
from monogram_sdk.models.spaces import (
    CuratorRotation,
    Invite,
    Membership,
    NewInvite,
    RotationPreview,
    Space,
)
from monogram_sdk.models.weeks import SpaceWeek

from ._event_pages import AsyncEventPages
from ._files import COVERS, AsyncFiles
from ._pages import AsyncPages
from ._resource import AsyncResource, by_id, is_own_uncertain

TABLE = "spaces"
BY_AGE = ("created_at", "id")


class AsyncSpacesAPI(AsyncResource):
    """Spaces, and who does what in them."""

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
        """Found a space. You lead it, and hold the pen of week 1.

        Args:
            name: Its name, 1-80 characters.
            description: What it is about, up to 1,000 characters.
            rotation_type: How the pen travels from week to week.
            is_public: Whether anybody may join without an invite.
            newsletter_visibility: Who reads its published newsletters.
            language: In what its newsletters and emails speak to people who have not chosen, as a BCP 47 tag such as
                ``de`` or ``pt-BR``; ``None`` for English.

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
            language=language,
        )
        return await self._insert(Space, TABLE, row, by_id(space_id))

    @async_call
    async def get(self, space_id: Id) -> Space:
        """Return a space that is public or that you are a member of.

        Raises:
            SpaceNotFoundError: There is none.
        """
        return await self._get(Space, TABLE, SpaceNotFoundError, by_id(as_uuid(space_id, "space_id")))

    def list(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Space]:
        """List the spaces that you are a member of, oldest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        # Access rules show one's own spaces and the public ones; the inner join leaves those that one is in.
        columns = f"{Space.columns()},memberships!inner(user_id)"
        listing = Listing(TABLE, Space, BY_AGE, owner="memberships.user_id", columns=columns)
        return self._pages(listing, after, page_size)

    def list_public(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Space]:
        """List the spaces that anybody may join, oldest first. Works without signing in.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
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
        """Change a space that you lead. What is not given stays; ``None`` takes the description or the language away.

        Args:
            space_id: The space.
            name: Its name, 1-80 characters.
            description: What it is about, up to 1,000 characters.
            rotation_type: How the pen travels from week to week.
            is_public: Whether anybody may join without an invite.
            newsletter_visibility: Who reads the space's newsletters. ``MEMBERS`` closes all of them, those that are
                published already included. ``PUBLIC`` applies to those that are published later; published ones
                stay as they are until `newsletters.set_visibility` opens them.
            language: In what its newsletters and emails speak to people who have not chosen, as a BCP 47 tag such as
                ``de`` or ``pt-BR``; ``None`` for English.
            if_version: The `version` that you changed. If there is another by now, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            SpaceNotFoundError: There is no such space, or you cannot see it.
            PermissionDeniedError: You do not lead it.
        """
        values = changes(
            name=name,
            description=description,
            rotation_type=rotation_type,
            is_public=is_public,
            newsletter_visibility=newsletter_visibility,
            language=language,
        )
        own = by_id(as_uuid(space_id, "space_id"))
        return await self._update(Space, TABLE, SpaceNotFoundError, versioned(values, if_version), own)

    @async_call
    async def delete(self, space_id: Id) -> None:
        """Delete a space that you lead, with everything in it.

        Raises:
            SpaceNotFoundError: There is no such space, or you cannot see it.
            PermissionDeniedError: You do not lead it.
        """
        await self._delete(Space, TABLE, SpaceNotFoundError, by_id(as_uuid(space_id, "space_id")))

    @async_call
    async def week(self, space_id: Id, *, week_number: int | None = None) -> SpaceWeek:
        """Return all that a week's screen shows, in one call.

        Args:
            space_id: The space.
            week_number: The week; the open one unless given.

        Raises:
            SpaceNotFoundError: There is no such space, or you are not a member.
        """
        arguments = set_values(space_id=as_uuid(space_id, "space_id"), week_number=week_number)
        return await self._rpc(SpaceWeek, "space_week", arguments)

    @async_call
    async def set_cover(self, space_id: Id, image: ImageSource) -> Space:
        """Set the picture of a space that you lead.

        Args:
            space_id: The space.
            image: A JPEG, PNG, WebP or GIF image of up to 10 MB: a path, bytes or an open file.
                What its file says about place, time and camera is left out.

        Raises:
            InvalidImageError: It is something else.
            FileTooLargeError: It is larger.
            PermissionDeniedError: You do not lead the space.
        """
        picture = _images.load(image, limit=_images.COVER_LIMIT)
        before = await self.get(space_id)
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
        """Take the picture of a space that you lead away."""
        before = await self.get(space_id)
        space = await self._change_cover(before.id, None)
        if before.cover_path is not None:
            await self._files.remove(COVERS, before.cover_path)
        return space

    def cover_url(self, cover_path: str) -> str:
        """Return the address of a space's picture. It works for everybody.

        Args:
            cover_path: The path from a `Space`.
        """
        return self._files.public_url(COVERS, cover_path)

    # Joining and leaving --------------------------------------------------------------------------------------------

    @async_call
    async def join(self, space_id: Id | None = None, *, invite_code: str | None = None) -> Membership:
        """Join a space: a public one by its id, any by an invite code.

        Args:
            space_id: The space, if it is public.
            invite_code: The code of an invite. Upper and lower case, blanks and dashes do not matter.

        Raises:
            InviteRequiredError: The space is not public.
            InviteInvalidError: There is no such code.
            InviteExpiredError: The invite has ended.
            InviteUsedUpError: The invite has been used as often as it allows.
            AlreadyMemberError: You are in already.
        """
        me = await self._sessions.require_user_id()
        if invite_code is not None and space_id is None:
            return await self._join_by_code(invite_code, me)
        if space_id is None:
            raise InvalidValueError("Name what to join.", hint="Give space_id for a public space, or invite_code.")
        space = as_uuid(space_id, "space_id")
        row = set_values(space_id=space, user_id=me, invite_code=invite_code)
        return await self._insert(Membership, "memberships", row, equals("space_id", space), equals("user_id", me))

    @async_call
    async def leave(self, space_id: Id) -> None:
        """Leave a space. What you wrote stays. If you hold the pen, it is handed on.

        Raises:
            SpaceNotFoundError: You are not in it.
            LeaderMustStayError: You lead it.
        """
        call = _query.rpc("leave_space", {"space_id": as_uuid(space_id, "space_id")}, answers=False)
        try:
            await self._engine.send(call)
        except NotFoundError as error:
            if not is_own_uncertain(error, SpaceNotFoundError, NotAMemberError):
                raise

    def members(
        self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[MemberProfile]:
        """List the members with profile, role and displayed badges, in the order in which they joined.

        Args:
            space_id: A space that you are a member of; others raise `SpaceNotFoundError` when the list is read.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id")}
        listing = Listing("member_profiles", MemberProfile, ("joined_at", "user_id"), arguments=arguments)
        return self._pages(listing, after, page_size)

    @async_call
    async def membership(self, space_id: Id, *, user_id: Id | None = None) -> Membership:
        """Return a person's place in a space that you are a member of.

        Args:
            space_id: The space.
            user_id: The person; you unless given.

        Raises:
            NotAMemberError: They are not in it, or you are not.
        """
        person = await self._sessions.require_user_id() if user_id is None else as_uuid(user_id, "user_id")
        space = as_uuid(space_id, "space_id")
        filters = equals("space_id", space), equals("user_id", person)
        return await self._get(Membership, "memberships", NotAMemberError, *filters)

    # For the leader and the admins ----------------------------------------------------------------------------------

    @async_call
    async def create_invite(
        self,
        space_id: Id,
        *,
        max_uses: int | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> NewInvite:
        """Make an invite to a space that you are an admin of. Its code is shown this once.

        Args:
            space_id: The space.
            max_uses: How often it works; any number of times unless given.
            expires_at: When it ends (a time with a zone); never unless given.
            idempotency_key: The same key again answers the same invite, with its code. One is made for each call unless
                given, so the SDK's own retries never leave an invite behind whose code nobody knows.

        Raises:
            PermissionDeniedError: You are not an admin.
            IdempotencyConflictError: The key was used for another invite.
            InviteWithdrawnError: The invite that the key made was withdrawn since.
            InviteExpiredError: It has expired.
            InviteUsedUpError: It is used up.
            InvalidValueError: A limit is below 1, or the end lies in the past.
        """
        arguments = set_values(
            space_id=as_uuid(space_id, "space_id"),
            max_uses=max_uses,
            expires_at=expires_at,
            idempotency_key=own_key(idempotency_key),
        )
        return await self._rpc(NewInvite, "create_invite", arguments)

    def invites(self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Invite]:
        """List the invites to a space that you are an admin of, newest first. Others see none.

        Args:
            space_id: The space.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        filters = (equals("space_id", as_uuid(space_id, "space_id")),)
        return self._pages(Listing("space_invites", Invite, BY_AGE, descending=True, filters=filters), after, page_size)

    @async_call
    async def revoke_invite(self, invite_id: Id) -> Invite:
        """Withdraw an invite. Who has joined by it stays.

        Raises:
            NotFoundError: There is no such invite, or you are not an admin of its space.
        """
        values = {"revoked_at": datetime.now(UTC)}
        return await self._update(
            Invite, "space_invites", NotFoundError, values, by_id(as_uuid(invite_id, "invite_id"))
        )

    @async_call
    async def remove_member(self, space_id: Id, user_id: Id) -> None:
        """Remove a member from a space that you lead, and keep them out. What they wrote stays.

        Other accounts of the same person (those that share an address, whatever is behind a plus sign) leave with the
        one that you name; your own does not. Who has left already, or deleted the account, is kept out as well, also
        of a public space. They come back only by an invite that you or an admin makes afterwards. Doing it again is no
        error.

        Raises:
            NotAMemberError: They never were in it.
            LeaderMustStayError: They are the leader.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id")}
        await self._engine.send(_query.rpc("remove_member", arguments, answers=False))

    @async_call
    async def set_member_role(self, space_id: Id, user_id: Id, role: MembershipRole) -> Membership:
        """Change the role of a member of a space that you lead.

        Args:
            space_id: The space.
            user_id: The member.
            role: The role. ``CURATOR`` hands them the pen, as `assign_curator` does.

        Raises:
            NotAMemberError: They are not in it.
            LeaderRoleFixedError: They are the leader.
            PenHolderRoleError: They hold the pen.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id"), "role": role}
        return await self._rpc(Membership, "set_member_role", arguments)

    @async_call
    async def transfer_leadership(self, space_id: Id, user_id: Id) -> Space:
        """Hand a space that you lead over to a member, who becomes an admin. You stay in it, without the rank.

        Raises:
            NotAMemberError: They are not in it.
            PermissionDeniedError: You do not lead it.
        """
        space, heir = as_uuid(space_id, "space_id"), as_uuid(user_id, "user_id")
        try:
            return await self._rpc(Space, "transfer_leadership", {"space_id": space, "user_id": heir})
        except PermissionDeniedError as error:
            # After an unanswered attempt that did its work, the caller is the leader no more.
            if error.uncertain:
                found = await self.get(space)
                if found.leader_id == heir:
                    return found
            raise

    # Rotation -------------------------------------------------------------------------------------------------------

    @async_call
    async def assign_curator(self, space_id: Id, user_id: Id) -> CuratorRotation:
        """Hand this week's pen of a space that you lead to a member, at once, whatever its rotation.

        Raises:
            NotAMemberError: They are not in it.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id")}
        return await self._rpc(CuratorRotation, "assign_curator", arguments)

    def rotations(
        self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[CuratorRotation]:
        """List who held the pen in which week, newest first.

        Args:
            space_id: A space that you are a member of.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        filters = (equals("space_id", as_uuid(space_id, "space_id")),)
        listing = Listing("curator_rotations", CuratorRotation, ("week_number",), descending=True, filters=filters)
        return self._pages(listing, after, page_size)

    @async_call
    async def preview_rotation(self, space_id: Id, *, weeks: int = 4) -> Rows[RotationPreview]:
        """Return who will hold the pen in the coming weeks, if nobody joins, leaves or swaps.

        Args:
            space_id: A space that you are a member of.
            weeks: How many weeks.

        Raises:
            SpaceNotFoundError: There is no such space, or you are not a member.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "weeks": weeks}
        return await self._rpc_rows(RotationPreview, "preview_rotation", arguments)

    def events(self, space_id: Id, *, after: int | str = 0, page_size: int = PAGE_SIZE) -> AsyncPages[SpaceEvent]:
        """List what happened in a space, in order and without a gap.

        Reading it raises `HistoryReplacedError` if `after` is the cursor of no event in the feed, because a backup was
        restored.

        Args:
            space_id: A space that you are a member of.
            after: The `SpaceEvent.cursor` (or the plain `seq`) after which to begin; 0 for everything.
            page_size: How many to ask for at once, 1-1,000.
        """
        place = Cursor.parse(after)
        # The event of the cursor is read again, to see that it is still there.
        filters = equals("space_id", as_uuid(space_id, "space_id")), f"seq=gte.{place.seq}"
        listing = Listing("space_events", SpaceEvent, ("seq",), filters=filters)
        return AsyncEventPages(self._engine, listing, place, page_size)

    async def _join_by_code(self, invite_code: str, me: UUID) -> Membership:
        try:
            return await self._rpc(Membership, "join_space", {"invite_code": invite_code})
        except ConflictError as error:
            # After an unanswered attempt that did its work: the detail names the space.
            if is_own_uncertain(error, AlreadyMemberError) and error.detail:
                space = as_uuid(error.detail, "detail")
                return await self.membership(space, user_id=me)
            raise

    async def _change_cover(self, space_id: UUID, path: str | None) -> Space:
        return await self._update(Space, TABLE, SpaceNotFoundError, {"cover_path": path}, by_id(space_id))
