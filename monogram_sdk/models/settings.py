"""Settings."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ._base import Model
from .enums import BalanceVisibility


class Settings(Model):
    """A person's settings."""

    user_id: UUID
    """The person."""
    active_theme_id: UUID | None
    """The theme in use, a store item that the person owns; ``None`` for the standard one."""
    email_newsletters: bool
    """Whether newsletters come by email."""
    email_notifications: bool
    """Whether notifications come by email."""
    email_reminders: bool
    """Whether they include reminders to respond to a week's prompts."""
    in_app_notifications: bool
    """Whether notifications are listed in the app."""
    show_on_leaderboard: BalanceVisibility
    """Who sees the person's balance, in leaderboards and member lists."""
    timezone: str
    """The person's time zone by its IANA name, such as ``Europe/Lisbon``."""
    language: str | None
    """The person's language, as a BCP 47 tag such as ``de`` or ``pt-BR``; ``None`` for the language of each space."""
    created_at: datetime
    """When the settings were created."""
    updated_at: datetime
    """When they last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""
