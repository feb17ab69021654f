"""Jobs, email and checks, for operators of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ._base import Model
from .enums import MailFault


class OutboxState(Model):
    """How many jobs of a kind are in a state."""

    kind: str
    """The kind of job, such as an email."""
    state: str
    """The state."""
    jobs: int
    """How many there are."""
    oldest_run_at: datetime | None
    """When the oldest of them is or was due."""


class Job(Model):
    """A job that a worker has claimed and must finish, or report as failed, before its lease ends."""

    id: int
    """The job."""
    kind: str
    """The kind of job."""
    key: str
    """Its key, unique among its kind, which can also be used as an idempotency key."""
    payload: dict[str, Any]
    """Details that depend on the kind."""
    attempts: int
    """How often it has been claimed, this time included."""
    leased_until: datetime
    """When the lease ends and another worker may claim it."""


class DeadLetter(Model):
    """A job or an email that is not retried any more."""

    key: str
    """Its key, for `replay_dead_letters`."""
    kind: str
    """Its kind: ``newsletter.mail``, ``newsletter.render`` and ``newsletter.pdf`` (making the email, the page and the
    PDF), ``newsletter.email`` and ``notification.email`` (sending an email), ``picture.derive``, ``storage.remove``."""
    attempts: int
    """How often it was tried."""
    last_error: str | None
    """The error of the last attempt."""
    gave_up: bool
    """Whether all attempts failed; otherwise the email was refused or bounced."""
    created_at: datetime
    """When it was queued."""


class MailProviderState(Model):
    """The state of an email provider."""

    provider: str
    """The provider, such as ``smtp``."""
    fault: MailFault | None
    """``SENDER``: it refuses all email until the problem in `reason` is fixed. ``RATE``: it has asked to wait.
    ``None``: email is sent."""
    reason: str | None
    """Its message, without addresses."""
    since: datetime | None
    """Since when; ``None`` while email is sent."""
    paused_until: datetime
    """When it is tried again. `admin.resume_mail` tries at once."""
    refusals: int
    """For how many recipient domains it has refused the sender since it last accepted an email."""


class EmailSuppression(Model):
    """An address that gets no email."""

    address: str
    """The address, in lower case."""
    reason: str
    """``BOUNCED``, ``COMPLAINED`` or ``MANUAL``."""
    detail: str | None
    """The message of the provider, or of the operator who entered it."""
    created_at: datetime
    """When it was entered."""


class LedgerFault(Model):
    """A fault in the ledger."""

    user_id: UUID | None
    """The person whose ledger it is; ``None`` if that is not known any more."""
    token_balance: int | None
    """The balance in their row; ``None`` without an account."""
    ledger_sum: int | None
    """The sum of their transactions; ``None`` without any."""
    newest_balance: int | None
    """The balance after the newest of them; ``None`` without any."""
    problem: str
    """What is wrong: ``balance``, ``running_balance``, ``chain``, ``head``, ``checkpoint``, ``gift``, ``purchase`` or
    ``no_account``; the guide to the ledger explains them."""
    subject_id: UUID | None
    """The transaction, gift or purchase; ``None`` for the whole ledger of the person."""
    fault: str
    """All of this as one unique text."""


NewsletterStatus = Literal["INTACT", "ACCOUNT_CLOSED", "REDACTED", "DELETED", "CHANGED", "LEDGER_CHANGED", "UNKNOWN"]
"""The state of a newsletter, compared with a copy."""


class NewsletterVerification(Model):
    """The result of comparing the code of a copy of a newsletter with the database."""

    status: NewsletterStatus
    """``INTACT``; ``ACCOUNT_CLOSED`` (intact, and members have deleted their accounts since); ``REDACTED`` (text was
    removed on purpose since); ``DELETED`` (the newsletter has been deleted); ``CHANGED`` (it is not what was
    published); ``LEDGER_CHANGED`` (a member's ledger up to then was rewritten); ``UNKNOWN`` (no newsletter has this
    code)."""
    code: str
    """The code in the copy."""
    newsletter_id: UUID | None
    """The newsletter."""
    title: str | None
    """Its title."""
    week_number: int | None
    """Its week."""
    published_at: datetime | None
    """When it was published."""
    redacted_at: datetime | None
    """When text was removed from it: with ``REDACTED`` after this copy was made, otherwise before."""
    deleted_at: datetime | None
    """When it was deleted."""
    members: int
    """How many ledgers its root covers."""
    closed_accounts: int
    """How many of them belong to deleted accounts."""
    changed_ledgers: int
    """How many of them have been rewritten."""

    @property
    def is_trustworthy(self) -> bool:
        """Whether everything is as it was published, or was changed on purpose and says so."""
        return self.status in ("INTACT", "ACCOUNT_CLOSED", "REDACTED", "DELETED")
