"""What those see who run a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ._base import Model
from .enums import MailFault


class OutboxState(Model):
    """How many jobs of a kind are in a state."""

    kind: str
    """What the jobs are for, such as an email."""
    state: str
    """Where they stand."""
    jobs: int
    """How many there are."""
    oldest_run_at: datetime | None
    """When the oldest of them is, or was, due."""


class Job(Model):
    """A job that a worker has claimed and must finish, or report as failed, before its lease ends."""

    id: int
    """The job."""
    kind: str
    """What it is for."""
    key: str
    """What makes it unique among its kind, and what is sent to others as an idempotency key."""
    payload: dict[str, Any]
    """Details that depend on the kind."""
    attempts: int
    """How often it has been claimed, this time included."""
    leased_until: datetime
    """When somebody else may claim it."""


class DeadLetter(Model):
    """A job or an email that is not tried again by itself."""

    key: str
    """What `replay_dead_letters` takes."""
    kind: str
    """What it is for: ``newsletter.mail``, ``newsletter.render`` and ``newsletter.pdf`` (making email, page and PDF),
    ``newsletter.email``, ``notification.email`` (sending one), ``picture.derive``, ``storage.remove``."""
    attempts: int
    """How often it was tried."""
    last_error: str | None
    """What went wrong the last time."""
    gave_up: bool
    """Whether no attempt helped; otherwise the email was refused or bounced."""
    created_at: datetime
    """When it was queued."""


class MailProviderState(Model):
    """How a provider of email is."""

    provider: str
    """The provider, such as ``smtp``."""
    fault: MailFault | None
    """``SENDER``: it refuses all email until somebody mends what `reason` says. ``RATE``: it wants us to wait.
    ``None``: email goes out."""
    reason: str | None
    """What it said, without addresses."""
    since: datetime | None
    """Since when; ``None`` while email goes out."""
    paused_until: datetime
    """When it is tried again by itself. `admin.resume_mail` does so at once."""
    refusals: int
    """How many domains of recipients it has refused for the sender's sake since it last took an email."""


class EmailSuppression(Model):
    """An address that gets no mail."""

    address: str
    """The address, in lower case."""
    reason: str
    """``BOUNCED``, ``COMPLAINED`` or ``MANUAL``."""
    detail: str | None
    """What the provider, or whoever entered it, said."""
    created_at: datetime
    """Since when."""


class LedgerFault(Model):
    """Something that is wrong in the ledger."""

    user_id: UUID | None
    """Whose ledger it is; ``None`` where that cannot be told any more."""
    token_balance: int | None
    """The balance that their row has; ``None`` without an account."""
    ledger_sum: int | None
    """The sum of their transactions; ``None`` without any."""
    newest_balance: int | None
    """The balance after the newest of them; ``None`` without any."""
    problem: str
    """What is wrong: ``balance``, ``running_balance``, ``chain``, ``head``, ``checkpoint``, ``gift``, ``purchase`` or
    ``no_account``; the explanation of the ledger says what each means."""
    subject_id: UUID | None
    """The transaction, gift or purchase; ``None`` where it is the whole ledger of the person."""
    fault: str
    """All of this as one text, unique."""


NewsletterStatus = Literal["INTACT", "ACCOUNT_CLOSED", "REDACTED", "DELETED", "CHANGED", "LEDGER_CHANGED", "UNKNOWN"]
"""What became of a newsletter that somebody kept a copy of."""


class NewsletterVerification(Model):
    """How a copy of a newsletter that somebody kept compares with the database."""

    status: NewsletterStatus
    """``INTACT``; ``ACCOUNT_CLOSED`` (intact, and members have deleted their accounts since); ``REDACTED`` (words were
    taken out on purpose since); ``DELETED`` (the newsletter is gone); ``CHANGED`` (it is not what was published);
    ``LEDGER_CHANGED`` (a member's ledger up to then was written anew); ``UNKNOWN`` (there is none of this code)."""
    code: str
    """What the copy prints."""
    newsletter_id: UUID | None
    """The newsletter."""
    title: str | None
    """Its title."""
    week_number: int | None
    """Its week."""
    published_at: datetime | None
    """When it was published."""
    redacted_at: datetime | None
    """When words were taken out of it: ``REDACTED`` says that it was after this copy, else it was before."""
    deleted_at: datetime | None
    """When it was deleted."""
    members: int
    """How many ledgers its root stands for."""
    closed_accounts: int
    """How many of them went with their accounts."""
    changed_ledgers: int
    """How many of them are not what they were."""

    @property
    def is_trustworthy(self) -> bool:
        """Whether everything is what it was, or was changed on purpose and says so."""
        return self.status in ("INTACT", "ACCOUNT_CLOSED", "REDACTED", "DELETED")
