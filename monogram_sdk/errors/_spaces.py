"""Errors about spaces, their members and invites."""

from __future__ import annotations

from ._api import ConflictError, NotFoundError, PermissionDeniedError


class SpaceNotFoundError(NotFoundError, code="MG101"):
    """No such space, or you are not a member of it."""


class NotAMemberError(NotFoundError, code="MG102"):
    """This person is not a member of the space."""


class InviteInvalidError(NotFoundError, code="MG103"):
    """This invite code is not valid: check it, or ask an admin of the space for a new invite."""


class InviteExpiredError(ConflictError, code="MG104"):
    """This invite has expired: ask an admin of the space for a new one."""


class InviteUsedUpError(ConflictError, code="MG105"):
    """This invite has reached its maximum number of uses: ask an admin of the space for a new one."""


class AlreadyMemberError(ConflictError, code="MG106"):
    """This person is already a member of the space."""


class LeaderMustStayError(ConflictError, code="MG107"):
    """The leader cannot leave the space: hand it over with `spaces.transfer_leadership`, or delete it."""


class LeaderRoleFixedError(ConflictError, code="MG108"):
    """The leader of a space always has the role ADMIN: hand the space over with `spaces.transfer_leadership` first."""


class MembershipEndedError(PermissionDeniedError):
    """You are not a member of this space any more, or it has been deleted, so the feed or room has ended."""


class InviteRequiredError(PermissionDeniedError, code="MG109"):
    """No public space has this id: join with an invite code."""


class PenHolderRoleError(ConflictError, code="MG110"):
    """This member is the curator, whose role is fixed: assign another curator with `spaces.assign_curator` first."""


class RemovedFromSpaceError(PermissionDeniedError, code="MG111"):
    """You were removed from this space: ask its leader or an admin for a new invite."""


class InviteWithdrawnError(ConflictError, code="MG112"):
    """A withdrawn invite cannot be used again: create a new one with `spaces.create_invite`."""
