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
    """The picture in the bucket ``covers``; `spaces.cover_url` returns its URL."""
    leader_id: UUID
    """The leader."""
    current_curator_id: UUID | None
    """The curator of this week."""
    rotation_type: RotationType
    """How the curator changes."""
    current_week: int
    """The open week, counted from 1."""
    is_public: bool
    """Whether anybody may join without an invite."""
    newsletter_visibility: NewsletterVisibility
    """Who reads its published newsletters."""
    language: str | None
    """The language of its newsletters and emails for people who have not chosen one, as a BCP 47 tag such as ``de`` or
    ``pt-BR``; ``None`` for English."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""


class Membership(Model):
    """The membership of a person in a space."""

    id: UUID
    """The membership."""
    user_id: UUID
    """The person."""
    space_id: UUID
    """The space."""
    role: MembershipRole
    """What they may do."""
    weekly_streak: int
    """How many consecutive weeks of the space, up to the open one or the one before, have a published response."""
    total_submissions: int
    """How many published responses they have in the space."""
    joined_at: datetime
    """When they joined."""


class NewInvite(Model):
    """An invite that has just been created. Its code is returned only this time."""

    id: UUID
    """The invite, for `spaces.revoke_invite`."""
    space_id: UUID
    """The space."""
    code: str = Field(repr=False)
    """The code to give to people; everybody who has it can join."""
    max_uses: int | None
    """How often it works; ``None`` for no limit."""
    uses: int
    """How often it has been used."""
    expires_at: datetime | None
    """When it expires; ``None`` for never."""
    created_at: datetime
    """When it was created."""


class Invite(Model):
    """An invite, without its code."""

    id: UUID
    """The invite."""
    space_id: UUID
    """The space."""
    created_by: UUID | None
    """The person who created it; ``None`` if they have left Monogram."""
    max_uses: int | None
    """How often it works; ``None`` for no limit."""
    uses: int
    """How often it has been used."""
    expires_at: datetime | None
    """When it expires; ``None`` for never."""
    revoked_at: datetime | None
    """When it was withdrawn; ``None`` if it was not."""
    created_at: datetime
    """When it was created."""


class CuratorRotation(Model):
    """The curator of a week."""

    id: UUID
    """The entry."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week."""
    curator_id: UUID | None
    """The curator; ``None`` when they have left Monogram."""
    assigned_at: datetime
    """When they became the curator."""
    notification_status: DeliveryStatus
    """Whether they have been notified."""
    notified_at: datetime | None
    """When they were notified."""
    reminded_at: datetime | None
    """When members who had not responded were reminded; ``None`` before."""


class RotationPreview(Model):
    """The curator of a coming week, unless somebody joins or leaves, or the leader assigns another."""

    week_number: int
    """The week."""
    user_id: UUID | None
    """The curator; ``None`` if the choice will be random or the leader's."""
    display_name: str | None
    """Their name."""
