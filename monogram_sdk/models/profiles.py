"""People."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ._base import Model
from .enums import MembershipRole


class Profile(Model):
    """A person, as they see themselves."""

    id: UUID
    """The person; the same as the account's id."""
    display_name: str
    """The name that others see, 1-80 characters."""
    username: str | None
    """An optional handle: 3-30 letters, digits and underscores, unique whatever the case."""
    avatar_path: str | None
    """The picture in the bucket ``avatars``; `profiles.avatar_url` makes an address of it."""
    bio: str | None
    """A few words, up to 500 characters."""
    token_balance: int
    """Tokens."""
    current_streak: int
    """Calendar weeks in a row (ISO weeks, UTC) with a published response, up to this week or the last."""
    longest_streak: int
    """The longest that `current_streak` has been."""
    last_active_date: date | None
    """The UTC day of the newest published response."""
    created_at: datetime
    """When the person joined."""
    updated_at: datetime
    """When the row last changed."""
    version: int
    """Counts its changes. Pass it back as `if_version` to change nothing that somebody else has changed meanwhile."""


class Person(Model):
    """A person, as a screen shows them."""

    user_id: UUID
    """The person."""
    display_name: str
    """Their name."""
    username: str | None
    """Their handle."""
    avatar_path: str | None
    """Their picture."""


class PublicBadge(Model):
    """A badge that somebody shows."""

    code: str
    """The badge's stable name."""
    name: str
    """Its title."""
    icon: str
    """Its picture: an emoji or the name of an icon."""
    earned_at: datetime
    """When they earned it."""


class MemberProfile(Person):
    """A member, as the other members of a space see them."""

    bio: str | None
    """A few words."""
    role: MembershipRole
    """What they may do."""
    weekly_streak: int
    """Weeks of the space in a row with a published response."""
    total_submissions: int
    """Published responses in the space."""
    joined_at: datetime
    """Since when they are a member."""
    token_balance: int | None
    """Their tokens, ``None`` if they keep that to themselves."""
    badges: tuple[PublicBadge, ...]
    """The badges that they show, in their order."""


class LeaderboardEntry(Person):
    """A place on the leaderboard. People who do not want to be on it are not."""

    rank: int
    """The place; equal balances share one."""
    token_balance: int
    """Their tokens."""
    badges: tuple[PublicBadge, ...]
    """The badges that they show."""
