"""Newsletters and their content."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ._base import Model
from .enums import MailState, NewsletterVisibility, PictureRefusal, PreviewWarningKind
from .responses import Music


class NewsletterAuthor(Model):
    """The author of a response, as they were when the newsletter was generated."""

    id: UUID | None
    """The person; ``None`` when they have left Monogram."""
    display_name: str
    """Their name."""
    username: str | None = None
    """Their handle."""
    avatar_path: str | None = None
    """Their picture."""


class NewsletterResponse(Model):
    """A selected response."""

    id: UUID
    """The response."""
    author: NewsletterAuthor
    """Who wrote it."""
    content: str | None
    """The text."""
    image_path: str | None
    """The image in the bucket ``responses``."""
    image_caption: str | None = None
    """What its author says about the image."""
    music: Music | None
    """The piece of music."""
    published_at: datetime | None
    """When it was published."""


class NewsletterPrompt(Model):
    """A question and the responses that were selected."""

    id: UUID
    """The prompt."""
    order: int
    """Its place."""
    question: str
    """The question."""
    responses: tuple[NewsletterResponse, ...]
    """The responses."""


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
    language: str | None = None
    """The language of the newsletter's frame, a BCP 47 tag; None for English."""


class NewsletterContent(Model):
    """A snapshot, which later changes to people, prompts and responses do not affect."""

    space: NewsletterSpace
    """The space."""
    week_number: int
    """The week."""
    curator: NewsletterAuthor | None
    """The curator."""
    prompts: tuple[NewsletterPrompt, ...]
    """The questions and the responses."""


class Newsletter(Model):
    """A week's newsletter."""

    id: UUID
    """The newsletter."""
    space_id: UUID
    """The space."""
    week_number: int
    """The week."""
    curator_id: UUID | None
    """The curator, who wrote the prompts."""
    title: str
    """The title."""
    intro: str | None
    """The leader's opening words."""
    content: NewsletterContent
    """Its content."""
    theme: dict[str, Any] | None
    """The leader's theme at the time of the snapshot; ``None`` for the standard one."""
    visibility: NewsletterVisibility
    """Who reads it once it is published."""
    html_path: str | None
    """The web page in the bucket ``newsletters``; ``None`` until it is rendered."""
    pdf_path: str | None
    """The PDF in the bucket ``newsletters``; ``None`` until it is rendered."""
    is_published: bool
    """Whether it is published; then it does not change any more."""
    published_at: datetime | None
    """When it was published."""
    redacted_at: datetime | None
    """When a person was last removed from it, at their request; ``None`` before."""
    ledger_root: str | None
    """The root over the ledgers of its members when it was published; ``None`` before. See `tokens.proof`."""
    code: str | None
    """The code that page and PDF print, a hash of the content; ``None`` for a draft. See `admin.verify_newsletter`."""
    created_at: datetime
    """When it was first generated."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Incremented with every change. Pass it as `if_version` so that you do not overwrite somebody else's change."""


PageSize = Literal["A4", "LETTER"]
"""The page size of a PDF: DIN A4, or US Letter."""

Paper = Literal["print", "screen"]
"""The colours of a PDF: on white paper, or those of the page."""


class MailPreview(Model):
    """A newsletter as an email, without each recipient's own links at its end."""

    subject: str
    """The subject."""
    html: str
    """The HTML part."""
    text: str
    """The plain text part."""
    size: int = 0
    """The size of the HTML with a recipient's own links, in bytes. Gmail clips emails above 104,448 bytes (102 kB)."""


class PreviewWarning(Model):
    """A part of a newsletter that will not look as it was written. Which fields are set depends on the kind."""

    kind: PreviewWarningKind
    """The kind of warning."""
    characters: str = ""
    """The characters for which the PDF has boxes, each once."""
    typeface: str | None = None
    """The typeface that they need, such as ``"Noto Serif SC"``: ``monogram typefaces push`` stores it."""
    picture: str | None = None
    """The path of a picture that is not shown, as in the snapshot."""
    reason: PictureRefusal | None = None
    """Why the picture is not shown."""
    author: str | None = None
    """The author of a response that is shortened in the email or the PDF, or left out of the email; ``None`` for the
    intro."""
    length: int | None = None
    """The length of the response or the intro, in characters as readers count them."""
    kept: int | None = None
    """How many of its characters are in the email or the PDF."""
    size: int | None = None
    """The size of the email, in bytes."""


class NewsletterPreview(Model):
    """How a newsletter looks."""

    page: str
    """The web page: a complete HTML document."""
    mail: MailPreview
    """The email. Its pictures are inside; in the email that is sent, they are links to the project."""
    warnings: tuple[PreviewWarning, ...] = ()
    """What will not look as it was written, in the page, the PDF or the email."""
    pending: tuple[str, ...] = ()
    """The paths of pictures that are still being processed. They will be included in a moment."""


class RecipientDelivery(Model):
    """The state of one member's email of a newsletter. It contains no address."""

    user_id: UUID
    """The member; those who have left Monogram are not listed."""
    display_name: str
    """Their name."""
    state: MailState
    """The state of the email, or the reason why the member gets none."""
    attempts: int
    """How often it was tried."""
    last_error: str | None
    """The error of the last attempt; ``None`` once it is sent, and if nothing went wrong."""
    queued_at: datetime
    """When the newsletter was published."""
    sent_at: datetime | None
    """When the provider accepted it; ``None`` before."""
