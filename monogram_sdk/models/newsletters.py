"""Newsletters and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ._base import Model
from .enums import MailState, NewsletterVisibility, PictureRefusal, PreviewWarningKind
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
    image_caption: str | None = None
    """What its author says about the image."""
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
    language: str | None = None
    """The language of the newsletter's frame, a BCP 47 tag; None for English."""


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
    redacted_at: datetime | None
    """When somebody was last taken out of it, at their wish; ``None`` before."""
    ledger_root: str | None
    """The root over the ledgers of its members when it was published; ``None`` before. See `tokens.proof`."""
    code: str | None
    """What page and PDF print, over all that is in it; ``None`` for a draft. See `admin.verify_newsletter`."""
    created_at: datetime
    """When it was first generated."""
    updated_at: datetime
    """When it last changed."""
    version: int
    """Counts its changes. Pass it back as `if_version` to change nothing that somebody else has changed meanwhile."""


PageSize = Literal["A4", "LETTER"]

"""The paper of a PDF: DIN A4, or US Letter."""

Paper = Literal["print", "screen"]
"""The colours of a PDF: on white paper, or those of the page."""


class MailPreview(Model):
    """A newsletter as an email, without the links at its end that are each recipient's own."""

    subject: str
    """The subject."""
    html: str
    """The part for programs that show HTML."""
    text: str
    """The same as plain text."""
    size: int = 0
    """How large the HTML is with a reader's own links, in bytes. Gmail clips what is above 104,448 (102 kB)."""


class PreviewWarning(Model):
    """Something that will not look as it was written. Which of the fields are set depends on the kind."""

    kind: PreviewWarningKind
    """What it is."""
    characters: str = ""
    """The characters that the PDF has boxes for, each once."""
    typeface: str | None = None
    """The typeface that would show them, such as ``"Noto Serif SC"``: ``monogram typefaces push`` stores it."""
    picture: str | None = None
    """The path of a picture that is not shown, as the snapshot names it."""
    reason: PictureRefusal | None = None
    """Why it is not."""
    author: str | None = None
    """Whose response is shortened in the email or in the PDF, or left out of the email; ``None`` for the intro."""
    length: int | None = None
    """How many characters the response has, or the intro, as readers count them."""
    kept: int | None = None
    """How many of them are in the email, or in the PDF."""
    size: int | None = None
    """How large the email is, in bytes."""


class NewsletterPreview(Model):
    """How a newsletter looks."""

    page: str
    """The web page: a whole HTML document."""
    mail: MailPreview
    """The email."""
    warnings: tuple[PreviewWarning, ...] = ()
    """What will not look as it was written, in page, PDF or email."""
    pending: tuple[str, ...] = ()
    """The pictures that are still being made ready, by their paths: a moment later they are in it."""


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
