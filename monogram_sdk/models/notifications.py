"""Notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ._base import Model
from .enums import NotificationKind


class Notification(Model):
    """Something that a person is told."""

    id: UUID
    """The notification."""
    user_id: UUID
    """Who is told."""
    kind: NotificationKind
    """What about."""
    space_id: UUID | None
    """The space that it is about."""
    payload: dict[str, Any]
    """Details that depend on the kind."""
    read_at: datetime | None
    """When it was read; ``None`` if it was not."""
    created_at: datetime
    """When it was written."""
