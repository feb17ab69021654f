"""Emails, as a program sees them that sends them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ._base import Model
from .enums import MailFault, MailOutcome, MailState, NotificationKind

UnsubscribeScope = Literal["space", "reminders", "everything"]
"""Whether a person wants no more email from a space, or none at all."""


class QueuedMail(Model):
    """An email of a batch that a worker has claimed."""

    id: UUID
    """The email; the same for ever, so a Message-ID that is made of it is too."""
    position: int
    """Its place in the batch, from 1."""
    state: MailState
    """``QUEUED``; ``UNCERTAIN`` if an earlier attempt may have sent it, which has to be found out first."""
    kind: NotificationKind
    """What it is about."""
    newsletter_id: UUID | None
    """The newsletter that it brings; ``None`` for news."""
    space_id: UUID | None
    """The space that it is about, if it is about one."""
    space_name: str | None
    """The space's name."""
    display_name: str | None
    """The name of whom it is to; ``None`` once the account is gone."""
    payload: dict[str, Any]
    """Details that depend on the kind, such as ``week_number``."""
    attempts: int
    """How often somebody began to send it."""
    email: str | None
    """The address of the attempt whose fate is not known; ``None`` before. `mails.begin` tells addresses."""
    content: dict[str, Any] | None
    """What that attempt said; ``None`` before, and for newsletters."""
    token: str | None
    """What the links to unsubscribe carry; ``None`` before the person's first email from this space."""
    link: str | None = None
    """What makes the newsletter's addresses its reader's own, as ``?link=...``; ``None`` for news."""
    languages: list[str] = Field(default_factory=list)
    """What its reader wants to be written to in, as BCP 47 tags, best first; none is English."""


class MailBatch(Model):
    """Emails that a worker has taken together."""

    id: UUID
    """The batch: the idempotency key for a provider that knows such keys."""
    provider: str
    """Through whom it was first to be sent."""
    attempts: int
    """How often somebody has tried, and left something uncertain."""
    tried_at: datetime | None
    """When its first request may have gone out; ``None`` before."""
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
    """What its links to unsubscribe carry."""
    link: str | None = None
    """What makes the newsletter's addresses its reader's own, as ``?link=...``: with it page, PDF and pictures open
    without a sign-in. ``None`` for news."""


class MailResult(Model):
    """What became of an email. Programs make it, for `mails.settle`."""

    id: UUID
    """The email."""
    outcome: MailOutcome
    """What the provider did."""
    provider_id: str | None = None
    """What the provider calls it: `mails.record_event` finds it by that."""
    error: str | None = None
    """What was said, for operators; up to 2,000 characters are kept, without the addresses in it."""
    fault: MailFault | None = None
    """Why it was not taken. Refusals for the ``SENDER``'s sake by three domains in a row stop the provider."""
    suppress: bool = False
    """With ``REJECTED``: there is no such mailbox, and the address gets no more email."""
    uncounted: bool = False
    """With ``RETRY``: the fault was not the email's, so this was none of its attempts."""


class EmailSubscription(Model):
    """What the token in an email's links stands for."""

    space_id: UUID | None
    """The space; ``None`` for emails that are about none."""
    space_name: str | None
    """Its name; ``None`` once it is gone."""
    space_emails: bool
    """Whether its reader gets emails from the space."""
    email_newsletters: bool
    """Whether they get newsletters at all."""
    email_notifications: bool
    """Whether they get news at all."""
    email_reminders: bool
    """Whether they are reminded of questions; news that is off includes reminders."""
    can_undo: bool
    """Whether `mails.resubscribe` would undo something."""
    languages: list[str] = Field(default_factory=list)
    """What its reader wants to be written to in, as BCP 47 tags, best first; none is English."""
