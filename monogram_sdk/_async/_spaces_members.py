"""Members and invites in `client.spaces`."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._query import equals
from monogram_sdk._values import Id, as_uuid, own_key, set_values
from monogram_sdk.errors import (
    AlreadyMemberError,
    ConflictError,
    InvalidValueError,
    NotAMemberError,
    NotFoundError,
    SpaceNotFoundError,
)
from monogram_sdk.models.enums import MembershipRole
from monogram_sdk.models.profiles import MemberProfile
from monogram_sdk.models.spaces import Invite, Membership, NewInvite

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id, is_own_uncertain

BY_AGE = ("created_at", "id")


class AsyncMembers(AsyncResource):
    """The part of `AsyncSpacesAPI` about members and invites."""

    # Joining and leaving --------------------------------------------------------------------------------------------

    @async_call
    async def join(self, space_id: Id | None = None, *, invite_code: str | None = None) -> Membership:
        """Join a public space by its id, or any space by an invite code.

        Args:
            space_id: The space, if it is public.
            invite_code: The code of an invite. Case, spaces and dashes do not matter.

        Raises:
            InviteRequiredError: The space is not public.
            InviteInvalidError: No such code.
            InviteExpiredError: The invite has expired.
            InviteUsedUpError: The invite has reached its maximum number of uses.
            AlreadyMemberError: You are a member already.
        """
        me = await self._sessions.require_user_id()
        if invite_code is not None and space_id is None:
            return await self._join_by_code(invite_code, me)
        if space_id is None:
            raise InvalidValueError(
                "Neither space_id nor invite_code was given.",
                hint="Pass space_id for a public space, or invite_code.",
            )
        space = as_uuid(space_id, "space_id")
        row = set_values(space_id=space, user_id=me, invite_code=invite_code)
        return await self._insert(Membership, "memberships", row, equals("space_id", space), equals("user_id", me))

    @async_call
    async def leave(self, space_id: Id) -> None:
        """Leave a space. What you wrote stays. If you are the curator, somebody else becomes curator.

        Raises:
            SpaceNotFoundError: You are not a member.
            LeaderMustStayError: You lead it.
        """
        call = _query.rpc("leave_space", {"space_id": as_uuid(space_id, "space_id")}, has_result=False)
        try:
            await self._engine.send(call)
        except NotFoundError as error:
            if not is_own_uncertain(error, SpaceNotFoundError, NotAMemberError):
                raise

    def members(
        self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[MemberProfile]:
        """List the members with their profiles, roles and displayed badges, in the order in which they joined.

        Args:
            space_id: A space that you are a member of; others raise `SpaceNotFoundError` when the list is read.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id")}
        keys = ("joined_at", "user_id")
        listing = Listing("member_profiles", MemberProfile, keys, arguments=arguments, pages_itself=True)
        return self._pages(listing, after, page_size)

    @async_call
    async def membership(self, space_id: Id, *, user_id: Id | None = None) -> Membership:
        """Return the membership of a person in a space that you are a member of.

        Args:
            space_id: The space.
            user_id: The person; you unless given.

        Raises:
            NotAMemberError: They are not a member, or you are not.
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
        """Create an invite to a space that you are an admin of. Its code is returned only here.

        Args:
            space_id: The space.
            max_uses: How often it works; any number of times unless given.
            expires_at: When it expires, with a time zone; never unless given.
            idempotency_key: A second call with the same key returns the same invite, with its code. Unless given, each
                call makes its own, so that retries by the SDK never create an invite whose code is lost.

        Raises:
            PermissionDeniedError: You are not an admin.
            IdempotencyConflictError: The key was used for another invite.
            InviteWithdrawnError: The invite that was created with the key has been withdrawn.
            InviteExpiredError: That invite has expired.
            InviteUsedUpError: That invite has reached its maximum number of uses.
            InvalidValueError: `max_uses` is below 1, or `expires_at` is in the past.
        """
        arguments = set_values(
            space_id=as_uuid(space_id, "space_id"),
            max_uses=max_uses,
            expires_at=expires_at,
            idempotency_key=own_key(idempotency_key),
        )
        return await self._rpc(NewInvite, "create_invite", arguments)

    def invites(self, space_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Invite]:
        """List the invites to a space that you are an admin of, newest first. For others the list is empty.

        Args:
            space_id: The space.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = (equals("space_id", as_uuid(space_id, "space_id")),)
        return self._pages(Listing("space_invites", Invite, BY_AGE, descending=True, filters=filters), after, page_size)

    @async_call
    async def revoke_invite(self, invite_id: Id) -> Invite:
        """Withdraw an invite. Members who joined with it stay.

        Raises:
            NotFoundError: No such invite, or you are not an admin of its space.
        """
        values = {"revoked_at": datetime.now(UTC)}
        return await self._update(
            Invite, "space_invites", NotFoundError, values, by_id(as_uuid(invite_id, "invite_id"))
        )

    @async_call
    async def remove_member(self, space_id: Id, user_id: Id) -> None:
        """Remove a member from a space that you lead, and ban them from it. What they wrote stays.

        Other accounts of the same person (with the same address, apart from what follows a plus sign) are removed, too,
        but never your own. This also bans people who have left already or deleted their account, and applies to public
        spaces as well. They can come back only with an invite that you or an admin creates afterwards. Doing so again
        changes nothing.

        Raises:
            NotAMemberError: They never were a member.
            LeaderMustStayError: They are the leader.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id")}
        await self._engine.send(_query.rpc("remove_member", arguments, has_result=False))

    @async_call
    async def set_member_role(self, space_id: Id, user_id: Id, role: MembershipRole) -> Membership:
        """Change the role of a member of a space that you lead.

        Args:
            space_id: The space.
            user_id: The member.
            role: The role. ``CURATOR`` makes them the curator of this week, as `assign_curator` does.

        Raises:
            NotAMemberError: They are not a member.
            LeaderRoleFixedError: They are the leader.
            PenHolderRoleError: They are the curator.
            PermissionDeniedError: You do not lead it.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "user_id": as_uuid(user_id, "user_id"), "role": role}
        return await self._rpc(Membership, "set_member_role", arguments)

    async def _join_by_code(self, invite_code: str, me: UUID) -> Membership:
        try:
            return await self._rpc(Membership, "join_space", {"invite_code": invite_code})
        except ConflictError as error:
            # An earlier attempt may have succeeded without a reply; the detail names the space.
            if is_own_uncertain(error, AlreadyMemberError) and error.detail:
                space = as_uuid(error.detail, "detail")
                return await self.membership(space, user_id=me)
            raise
