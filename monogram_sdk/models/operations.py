"""What those see who run a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ._base import Model


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
    """What it is for: ``newsletter.render``, ``newsletter.email``, ``notification.email``, ``storage.remove``."""
    attempts: int
    """How often it was tried."""
    last_error: str | None
    """What went wrong the last time."""
    gave_up: bool
    """Whether no attempt helped; otherwise the email was refused or bounced."""
    created_at: datetime
    """When it was queued."""


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
    """A person whose balance is not what the ledger says."""

    user_id: UUID
    """The person."""
    token_balance: int
    """The balance that their row has."""
    ledger_sum: int | None
    """The sum of their transactions; ``None`` without any."""
    newest_balance: int | None
    """The balance after the newest of them; ``None`` without any."""
