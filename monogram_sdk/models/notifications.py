"""Notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ._base import Model
from .enums import NotificationKind


class Notification(Model):
    """A notification to a person."""

    id: UUID
    """The notification."""
    user_id: UUID
    """The person."""
    kind: NotificationKind
    """The kind of notification."""
    space_id: UUID | None
    """The space that it is about."""
    payload: dict[str, Any]
    """Details that depend on the kind."""
    read_at: datetime | None
    """When it was read; ``None`` if it was not."""
    created_at: datetime
    """When it was created."""
