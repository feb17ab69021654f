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
    """The place in the week at which it was written, 1-10. It never changes; each place earns a person tokens once."""
    is_published: bool
    """Whether members see it and can respond."""
    published_at: datetime | None
    """When it was published."""
    created_at: datetime
    """When it was written."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""
