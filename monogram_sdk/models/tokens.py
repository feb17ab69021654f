"""Tokens: the ledger, gifts, and what earns how much."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ._base import Model
from .enums import TransactionType


class Transaction(Model):
    """A line of the ledger. Lines are never changed or deleted."""

    id: UUID
    """The line."""
    seq: int
    """Its place in the ledger; greater is later."""
    user_id: UUID
    """Whose balance changed."""
    type: TransactionType
    """What for."""
    amount: int
    """By how many tokens: above 0 earned, below 0 spent."""
    balance_after: int
    """The balance after this line."""
    reference_type: str
    """What kind of thing `reference_id` names."""
    reference_id: UUID | None
    """The response, purchase, gift and so on."""
    description: str | None
    """A few words for people."""
    idempotency_key: str
    """What makes the command unique."""
    created_at: datetime
    """When."""


class TokenGift(Model):
    """Tokens that went from one person to another."""

    id: UUID
    """The gift."""
    sender_id: UUID
    """Who gave."""
    recipient_id: UUID
    """Who received."""
    amount: int
    """How many tokens."""
    message: str | None
    """The words that go with it, up to 280 characters."""
    idempotency_key: str
    """What makes the command unique."""
    created_at: datetime
    """When."""


class RewardRule(Model):
    """How much a kind of earning pays."""

    code: str
    """What earns: ``response``, ``curation`` or ``streak``."""
    amount: int
    """How many tokens; for ``streak``, tokens for each week of it."""
    milestones: tuple[int, ...] | None
    """For ``streak``, the lengths in weeks that pay."""
    description: str
    """A few words for people."""
    updated_at: datetime
    """When the rule last changed."""
