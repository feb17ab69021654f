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
    """An optional handle: 3-30 characters (a-z, digits, underscores), unique regardless of case."""
    avatar_path: str | None
    """The picture in the bucket ``avatars``; `profiles.avatar_url` returns its URL."""
    bio: str | None
    """A few words, up to 500 characters."""
    token_balance: int
    """The balance, in tokens."""
    current_streak: int
    """How many consecutive calendar weeks (ISO weeks, UTC), up to this or the last one, have a published response."""
    longest_streak: int
    """The highest value that `current_streak` has had."""
    last_active_date: date | None
    """The UTC day of the newest published response."""
    created_at: datetime
    """When the person joined."""
    updated_at: datetime
    """When the row last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""


class Person(Model):
    """A person, with what a screen shows of them."""

    user_id: UUID
    """The person."""
    display_name: str
    """Their name."""
    username: str | None
    """Their handle."""
    avatar_path: str | None
    """Their picture."""


class PublicBadge(Model):
    """A badge that somebody displays."""

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
    """How many consecutive weeks of the space have a published response of theirs."""
    total_submissions: int
    """How many published responses they have in the space."""
    joined_at: datetime
    """When they joined."""
    token_balance: int | None
    """Their balance, in tokens; ``None`` if they do not show it."""
    badges: tuple[PublicBadge, ...]
    """The badges that they display, in their order."""


class LeaderboardEntry(Person):
    """A place on the leaderboard. People who do not want to be on it are not."""

    rank: int
    """The rank; equal balances have the same rank."""
    token_balance: int
    """Their balance, in tokens."""
    badges: tuple[PublicBadge, ...]
    """The badges that they display."""
