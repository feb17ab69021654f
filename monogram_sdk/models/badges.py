"""Badges."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from ._base import Model


class BadgeCriteria(Model):
    """What earns a badge."""

    metric: str
    """What is counted, such as ``current_streak``."""
    at_least: int
    """How much of it is needed."""


class Badge(Model):
    """A badge that can be earned."""

    id: UUID
    """The badge."""
    code: str
    """Its stable name."""
    name: str
    """Its title."""
    description: str
    """What it is for."""
    icon: str
    """Its picture: an emoji or the name of an icon."""
    criteria: BadgeCriteria
    """What earns it."""
    token_reward: int
    """The tokens that come with it."""
    created_at: datetime
    """When it was introduced."""


class UserBadge(Model):
    """A badge that you have earned."""

    id: UUID
    """The entry."""
    user_id: UUID
    """You."""
    badge_id: UUID
    """The badge."""
    earned_at: datetime
    """When."""
    is_displayed: bool
    """Whether others see it on your profile."""
    display_order: int
    """Its place there, small numbers first."""


class EarnedBadge(UserBadge):
    """A badge that you have earned, with its description."""

    embedded: ClassVar[dict[str, str]] = {"badge": f"badge:badges({Badge.columns()})"}

    badge: Badge
    """What you earned."""


class BadgeProgress(Model):
    """How far you are with a badge."""

    badge_id: UUID
    """The badge."""
    code: str
    """Its stable name."""
    name: str
    """Its title."""
    description: str
    """What it is for."""
    icon: str
    """Its picture."""
    metric: str
    """What is counted."""
    current_value: int
    """How much of it you have."""
    target: int
    """How much is needed."""
    token_reward: int
    """The tokens that come with it."""
    earned_at: datetime | None
    """When you earned it; ``None`` if not yet."""
