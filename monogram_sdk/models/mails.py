"""Emails, for programs that send them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ._base import Model
from .enums import MailFault, MailOutcome, MailState, NotificationKind

UnsubscribeScope = Literal["space", "reminders", "everything"]
"""What a person unsubscribes from: emails of a space, reminders, or all emails."""


class QueuedMail(Model):
    """An email of a batch that a worker has claimed."""

    id: UUID
    """The email. It never changes, so that it can be used for the Message-ID."""
    position: int
    """Its place in the batch, from 1."""
    state: MailState
    """``QUEUED``; or ``UNCERTAIN`` if an earlier attempt may have sent it: find that out first."""
    kind: NotificationKind
    """What it is about."""
    newsletter_id: UUID | None
    """The newsletter that it contains; ``None`` for notifications."""
    space_id: UUID | None
    """The space that it is about, if it is about one."""
    space_name: str | None
    """The space's name."""
    display_name: str | None
    """The name of the recipient; ``None`` once the account has been deleted."""
    payload: dict[str, Any]
    """Details that depend on the kind, such as ``week_number``."""
    attempts: int
    """How often a worker began to send it."""
    email: str | None
    """The address of an uncertain attempt; ``None`` before. `mails.begin` returns the addresses."""
    content: dict[str, Any] | None
    """The content of an uncertain attempt; ``None`` before, and for newsletters."""
    token: str | None
    """The token for its unsubscribe links; ``None`` before the person's first email from this space."""
    link: str | None = None
    """The token for the recipient's own links to the newsletter, as ``?link=...``; ``None`` for notifications."""
    languages: list[str] = Field(default_factory=list)
    """The languages that the recipient prefers, as BCP 47 tags, best first; empty for English."""


class MailBatch(Model):
    """Emails that a worker has claimed together."""

    id: UUID
    """The batch. Use it as the idempotency key, if the provider has such keys."""
    provider: str
    """The provider through which it was first to be sent."""
    attempts: int
    """How many attempts left an email uncertain."""
    tried_at: datetime | None
    """When its first request may have been sent; ``None`` before."""
    mails: list[QueuedMail]
    """The emails."""


class MailToSend(Model):
    """An email that is to be sent now."""

    id: UUID
    """The email."""
    position: int
    """Its place in the batch."""
    email: str
    """The address."""
    token: str
    """The token for its unsubscribe links."""
    link: str | None = None
    """The token for the recipient's own links to the newsletter, as ``?link=...``, with which page, PDF and pictures
    open without signing in; ``None`` for notifications."""


class MailResult(Model):
    """The result of an email. Programs make it, for `mails.settle`."""

    id: UUID
    """The email."""
    outcome: MailOutcome
    """The result."""
    provider_id: str | None = None
    """The provider's id of the email, by which `mails.record_event` finds it."""
    error: str | None = None
    """The error message, for operators; up to 2,000 characters are stored, without addresses."""
    fault: MailFault | None = None
    """Why it was not accepted. When three domains in a row refuse the ``SENDER``, the provider is paused."""
    suppress: bool = False
    """With ``REJECTED``: the mailbox does not exist, and the address gets no more email."""
    uncounted: bool = False
    """With ``RETRY``: the email was not the reason, so this does not count as one of its attempts."""


class EmailSubscription(Model):
    """The subscription that the token in an email's links belongs to."""

    space_id: UUID | None
    """The space; ``None`` for emails that are not about a space."""
    space_name: str | None
    """Its name; ``None`` once it has been deleted."""
    space_emails: bool
    """Whether the person gets emails from the space."""
    email_newsletters: bool
    """Whether they get newsletters by email."""
    email_notifications: bool
    """Whether they get notifications by email."""
    email_reminders: bool
    """Whether they get reminders of questions; without notifications, they get none."""
    can_undo: bool
    """Whether `mails.resubscribe` would undo something."""
    languages: list[str] = Field(default_factory=list)
    """The languages that the person prefers, as BCP 47 tags, best first; empty for English."""
