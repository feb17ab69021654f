"""Answers to prompts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from ._base import Model


class Music(Model):
    """A piece of music that goes with an answer."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://\S+$", max_length=2000)]
    """Where it plays (http or https)."""
    provider: str | None = None
    """Who plays it, such as ``spotify``."""
    title: str | None = None
    """The piece."""
    artist: str | None = None
    """The performer."""


class Response(Model):
    """A member's answer to a prompt: text, an image, a piece of music, or all of them."""

    id: UUID
    """The response."""
    prompt_id: UUID
    """What it answers."""
    user_id: UUID
    """Who wrote it."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week of the prompt."""
    content: str | None
    """The text, up to 10,000 characters."""
    image_path: str | None
    """The image in the bucket ``responses``; `responses.image_url` makes a temporary address of it."""
    music: Music | None
    """The piece of music."""
    is_published: bool
    """Whether members see it; a draft is its author's alone."""
    published_at: datetime | None
    """Since when."""
    is_selected: bool
    """Whether the leader chose it for the newsletter."""
    created_at: datetime
    """When it was begun."""
    updated_at: datetime
    """When it last changed."""
