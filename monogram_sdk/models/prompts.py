"""Prompts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ._base import Model


class Prompt(Model):
    """A question that the curator asks."""

    id: UUID
    """The prompt."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week that it belongs to."""
    curator_id: UUID | None
    """Who wrote it; ``None`` when they have left Monogram."""
    question: str
    """The question, 1-500 characters."""
    order: int
    """Its place in the week, 1-10."""
    place: int
    """Which of the week's ten places it was written into, 1-10. It never changes; each pays a person once."""
    is_published: bool
    """Whether members see it and can answer."""
    published_at: datetime | None
    """Since when."""
    created_at: datetime
    """When it was written."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Counts its changes. Pass it back as `if_version` to change nothing that somebody else has changed meanwhile."""
