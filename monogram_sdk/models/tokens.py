"""Tokens: the ledger, gifts, and what earns how much."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Literal
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
    """A few words for people, such as what was bought; ``None`` for gifts: see the `TokenGift` for its message."""
    idempotency_key: str
    """What makes the command unique."""
    limit_reached: bool
    """Whether this was the last that its reward rule pays you in this calendar week; see `tokens.weekly_earnings`."""
    created_at: datetime
    """When."""


class TokenGift(Model):
    """Tokens that went from one person to another."""

    id: UUID
    """The gift."""
    sender_id: UUID | None
    """Who gave; ``None`` once their account is gone."""
    recipient_id: UUID | None
    """Who received; ``None`` once their account is gone."""
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
    weekly_limit: int | None
    """How often it pays a person in a calendar week, over all spaces; ``None`` for no limit."""
    description: str
    """A few words for people."""
    updated_at: datetime
    """When the rule last changed."""


class WeeklyEarnings(Model):
    """What a kind of earning has paid you in this calendar week, and how much more it pays."""

    code: str
    """What earns: ``response`` or ``curation``."""
    amount: int
    """How many tokens, each time."""
    weekly_limit: int | None
    """How often at most; ``None`` for no limit."""
    paid: int
    """How often it has paid this week."""
    withheld: int
    """How often it did not, because the limit was reached."""
    limit_reached: bool
    """Whether what comes now earns nothing, until the week is over."""


class ProofStep(Model):
    """A neighbour on the way from a leaf of a Merkle tree to its root."""

    side: Literal["LEFT", "RIGHT"]
    """On which side it stands."""
    hash: str
    """SHA-256, in hexadecimal digits."""


class LedgerProof(Model):
    """That your ledger, as it was when a newsletter was published, is part of what the newsletter's `code` stands for.

    It can be checked without asking anybody: `root()` is computed from your own entry and the hashes beside the way up.
    """

    newsletter_id: UUID
    """The newsletter."""
    code: str
    """What its page and its PDF print."""
    ledger_root: str
    """The root over the ledgers of all members, in hexadecimal digits."""
    user_id: UUID
    """You."""
    entries: int
    """How many transactions you had then."""
    last_seq: int | None
    """The newest of them; ``None`` without any."""
    hash: str
    """Its hash, in hexadecimal digits; empty without any."""
    salt: UUID
    """What keeps others from guessing your leaf."""
    path: tuple[ProofStep, ...]
    """The hashes beside the way from your leaf to the root, the lowest first."""

    def root(self) -> str:
        """Return the root that follows from your entry, in hexadecimal digits."""
        own = [str(self.newsletter_id), str(self.user_id), self.entries, self.last_seq, self.hash]
        # Spelled as Postgres spells a JSON array.
        node = hashlib.sha256(b"\0" + self.salt.bytes + json.dumps(own).encode()).digest()
        for step in self.path:
            neighbour = bytes.fromhex(step.hash)
            pair = neighbour + node if step.side == "LEFT" else node + neighbour
            node = hashlib.sha256(b"\1" + pair).digest()
        return node.hex()

    def is_valid(self) -> bool:
        """Return True if your entry leads to the newsletter's root."""
        return self.root() == self.ledger_root
