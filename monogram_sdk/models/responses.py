"""Responses to prompts."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from pydantic import ValidationInfo, field_validator

from ._base import Model

_SCHEME = re.compile(r"(?i:https?)://")
_SPACE = re.compile(r"\s")
_LONGEST_ADDRESS = 2000


class Music(Model):
    """A piece of music that goes with a response."""

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
        """Check a URL that a program passes. URLs from the server, as JSON, have been checked by the database."""
        value = value.strip()
        if info.mode != "python":
            return value
        scheme = _SCHEME.match(value)
        if scheme is None:
            raise ValueError("must begin with http:// or https://")
        if scheme[0] == value:
            raise ValueError("must name a site after http:// or https://")
        if len(value) > _LONGEST_ADDRESS:
            raise ValueError(f"must have at most 2,000 characters, and has {len(value):,}")
        if _SPACE.search(value):
            raise ValueError("must not contain a space; write %20 in its place")
        return value


class Response(Model):
    """A member's response to a prompt: text, an image, a piece of music, or all of them."""

    id: UUID
    """The response."""
    prompt_id: UUID
    """The prompt that it responds to."""
    user_id: UUID
    """Who wrote it."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week of the prompt."""
    content: str | None
    """The text, up to 10,000 characters."""
    image_path: str | None
    """The image in the bucket ``responses``; `responses.image_url` returns a temporary URL for it."""
    image_caption: str | None
    """What its author says about the image, in one line of up to 300 characters; ``None`` if nothing."""
    music: Music | None
    """The piece of music."""
    is_published: bool
    """Whether members see it; only its author sees a draft."""
    published_at: datetime | None
    """When it was published."""
    calendar_week: int | None
    """The calendar week in which it was published, in its author's time zone then, counted from 5 January 1970;
    ``None`` for a draft."""
    is_selected: bool
    """Whether the leader chose it for the newsletter."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""
