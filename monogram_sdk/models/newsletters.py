"""Newsletters and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from ._base import Model
from .enums import MailState, NewsletterVisibility
from .responses import Music


class NewsletterAuthor(Model):
    """The author of an answer, as they were when the newsletter was generated."""

    id: UUID | None
    """The person; ``None`` when they have left Monogram."""
    display_name: str
    """Their name."""
    username: str | None = None
    """Their handle."""
    avatar_path: str | None = None
    """Their picture."""


class NewsletterResponse(Model):
    """A selected answer."""

    id: UUID
    """The response."""
    author: NewsletterAuthor
    """Who wrote it."""
    content: str | None
    """The text."""
    image_path: str | None
    """The image in the bucket ``responses``."""
    music: Music | None
    """The piece of music."""
    published_at: datetime | None
    """When it was published."""


class NewsletterPrompt(Model):
    """A question and the answers that were selected."""

    id: UUID
    """The prompt."""
    order: int
    """Its place."""
    question: str
    """The question."""
    responses: tuple[NewsletterResponse, ...]
    """The answers."""


class NewsletterSpace(Model):
    """The space, as it was when the newsletter was generated."""

    id: UUID
    """The space."""
    name: str
    """Its name."""
    description: str | None = None
    """What it is about."""
    cover_path: str | None = None
    """Its picture."""


class NewsletterContent(Model):
    """A snapshot: later changes to people, prompts and answers do not reach it."""

    space: NewsletterSpace
    """The space."""
    week_number: int
    """The week."""
    curator: NewsletterAuthor | None
    """Who asked."""
    prompts: tuple[NewsletterPrompt, ...]
    """What was asked and answered."""


class Newsletter(Model):
    """A week's newsletter."""

    id: UUID
    """The newsletter."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week."""
    curator_id: UUID | None
    """Who set the prompts."""
    title: str
    """The title."""
    intro: str | None
    """The leader's opening words."""
    content: NewsletterContent
    """What is in it."""
    theme: dict[str, Any] | None
    """What the leader's theme was made of when the snapshot was taken; ``None`` for the standard one."""
    visibility: NewsletterVisibility
    """Who reads it once it is published."""
    html_path: str | None
    """The web page in the bucket ``newsletters``; ``None`` until it is rendered."""
    pdf_path: str | None
    """The PDF in the bucket ``newsletters``; ``None`` until it is rendered."""
    is_published: bool
    """Whether it is out; then it stays as it is."""
    published_at: datetime | None
    """Since when."""
    created_at: datetime
    """When it was first generated."""
    updated_at: datetime
    """When it last changed."""


PageSize = Literal["A4", "LETTER"]
"""The paper of a PDF: DIN A4, or US Letter."""

PAGE_SIZES: tuple[PageSize, ...] = get_args(PageSize)


class MailPreview(Model):
    """A newsletter as an email, without the links at its end that are each recipient's own."""

    subject: str
    """The subject."""
    html: str
    """The part for programs that show HTML."""
    text: str
    """The same as plain text."""


class NewsletterPreview(Model):
    """How a newsletter looks."""

    page: str
    """The web page: a whole HTML document."""
    mail: MailPreview
    """The email."""


class RecipientDelivery(Model):
    """How far one member's email of a newsletter is. It shows no address."""

    user_id: UUID
    """The member; those who had left Monogram are not listed."""
    display_name: str
    """Their name."""
    state: MailState
    """Where the email stands, or why there is none."""
    attempts: int
    """How often it was tried."""
    last_error: str | None
    """What went wrong the last time; ``None`` once it is sent, and where nothing did."""
    queued_at: datetime
    """When the newsletter was published."""
    sent_at: datetime | None
    """When the provider took it; ``None`` before."""
