"""Answers to prompts."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from pydantic import ValidationInfo, field_validator

from ._base import Model

_WEB_ADDRESS = re.compile(r"(?i:https?)://\S+")
_LONGEST_ADDRESS = 2000


class Music(Model):
    """A piece of music that goes with an answer."""

    url: str
    """Where it plays (http or https). The database keeps scheme and host in lower case."""
    provider: str | None = None
    """The name of the service that plays it, such as ``Spotify``."""
    title: str | None = None
    """The piece."""
    artist: str | None = None
    """The performer."""

    @field_validator("url")
    @classmethod
    def _plays_on_the_web(cls, value: str, info: ValidationInfo) -> str:
        """Check an address that a program gives. What comes from the server as JSON is for the database to judge."""
        value = value.strip()
        if info.mode == "python" and not (len(value) <= _LONGEST_ADDRESS and _WEB_ADDRESS.fullmatch(value)):
            raise ValueError("begins with http:// or https:// and has at most 2,000 characters")
        return value


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
    image_caption: str | None
    """What its author says about the image, in one line of up to 300 characters; ``None`` if nothing."""
    music: Music | None
    """The piece of music."""
    is_published: bool
    """Whether members see it; a draft is its author's alone."""
    published_at: datetime | None
    """Since when."""
    calendar_week: int | None
    """The calendar week in which it was published, by its author's own zone then, counted from 5 January 1970; ``None``
    for a draft."""
    is_selected: bool
    """Whether the leader chose it for the newsletter."""
    created_at: datetime
    """When it was begun."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Counts its changes. Pass it back as `if_version` to change nothing that somebody else has changed meanwhile."""
