"""Spaces, their members, invites and rotation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ._base import Model
from .enums import DeliveryStatus, MembershipRole, NewsletterVisibility, RotationType


class Space(Model):
    """A group of people who write a weekly newsletter together."""

    id: UUID
    """The space."""
    name: str
    """Its name, 1-80 characters."""
    description: str | None
    """What it is about, up to 1,000 characters."""
    cover_path: str | None
    """The picture in the bucket ``covers``; `spaces.cover_url` makes an address of it."""
    leader_id: UUID
    """Who leads it."""
    current_curator_id: UUID | None
    """Who holds the pen this week."""
    rotation_type: RotationType
    """How the pen travels."""
    current_week: int
    """The open week, counted from 1."""
    is_public: bool
    """Whether anybody may join without an invite."""
    newsletter_visibility: NewsletterVisibility
    """Who reads its published newsletters."""
    language: str | None
    """In what its newsletters and emails speak to people who have not chosen, as a BCP 47 tag such as ``de`` or
    ``pt-BR``; ``None`` for English."""
    created_at: datetime
    """When it was founded."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Counts its changes. Pass it back as `if_version` to change nothing that somebody else has changed meanwhile."""


class Membership(Model):
    """A person's place in a space."""

    id: UUID
    """The membership."""
    user_id: UUID
    """The person."""
    space_id: UUID
    """The space."""
    role: MembershipRole
    """What they may do."""
    weekly_streak: int
    """Weeks of the space in a row with a published response, up to the open week or the one before."""
    total_submissions: int
    """Published responses in this space, ever."""
    joined_at: datetime
    """Since when."""


class NewInvite(Model):
    """An invite that has just been made. This is the only time that its code is shown."""

    id: UUID
    """The invite, for `spaces.revoke_invite`."""
    space_id: UUID
    """Where it leads."""
    code: str = Field(repr=False)
    """What to give to people; whoever has it can join."""
    max_uses: int | None
    """How often it works; ``None`` for no limit."""
    uses: int
    """How often it has been used."""
    expires_at: datetime | None
    """When it ends; ``None`` for never."""
    created_at: datetime
    """When it was made."""


class Invite(Model):
    """An invite, without its code."""

    id: UUID
    """The invite."""
    space_id: UUID
    """Where it leads."""
    created_by: UUID | None
    """Who made it; ``None`` when they have left Monogram."""
    max_uses: int | None
    """How often it works; ``None`` for no limit."""
    uses: int
    """How often it has been used."""
    expires_at: datetime | None
    """When it ends; ``None`` for never."""
    revoked_at: datetime | None
    """When it was withdrawn; ``None`` if it was not."""
    created_at: datetime
    """When it was made."""


class CuratorRotation(Model):
    """Who held the pen in a week."""

    id: UUID
    """The entry."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week."""
    curator_id: UUID | None
    """The curator; ``None`` when they have left Monogram."""
    assigned_at: datetime
    """When the pen was handed to them."""
    notification_status: DeliveryStatus
    """Whether they have been told."""
    notified_at: datetime | None
    """When they were told."""
    reminded_at: datetime | None
    """When those who had not answered were reminded; ``None`` before."""


class RotationPreview(Model):
    """Who would hold the pen in a coming week, if nobody joins, leaves or swaps."""

    week_number: int
    """The week."""
    user_id: UUID | None
    """The curator; ``None`` where that is left to chance or to the leader."""
    display_name: str | None
    """Their name."""
