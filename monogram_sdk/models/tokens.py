"""Tokens: the ledger, gifts, and reward rules."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Literal
from uuid import UUID

from ._base import Model
from .enums import TransactionType


class Transaction(Model):
    """An entry of the ledger. Entries are never changed or deleted."""

    id: UUID
    """The entry."""
    seq: int
    """Its place in the ledger; greater is later."""
    user_id: UUID
    """The person whose balance changed."""
    type: TransactionType
    """The reason."""
    amount: int
    """By how many tokens the balance changed: above 0 earned, below 0 spent."""
    balance_after: int
    """The balance after this entry."""
    reference_type: str
    """The kind of object that `reference_id` refers to."""
    reference_id: UUID | None
    """The response, purchase, gift and so on."""
    description: str | None
    """A short description, such as what was bought; ``None`` for gifts, whose message is in the `TokenGift`."""
    idempotency_key: str
    """The idempotency key of the transaction."""
    limit_reached: bool
    """Whether this entry reached the weekly limit of its reward rule; see `tokens.weekly_earnings`."""
    created_at: datetime
    """When it was posted."""


class TokenGift(Model):
    """Tokens that one person gave to another."""

    id: UUID
    """The gift."""
    sender_id: UUID | None
    """The giver; ``None`` once their account has been deleted."""
    recipient_id: UUID | None
    """The recipient; ``None`` once their account has been deleted."""
    amount: int
    """How many tokens."""
    message: str | None
    """The message that goes with it, up to 280 characters."""
    idempotency_key: str
    """The idempotency key of the gift."""
    created_at: datetime
    """When it was given."""


class RewardRule(Model):
    """How many tokens something earns."""

    code: str
    """What earns tokens: ``response``, ``curation`` or ``streak``."""
    amount: int
    """How many tokens; for ``streak``, for each week of the streak."""
    milestones: tuple[int, ...] | None
    """For ``streak``, the lengths in weeks that earn tokens."""
    weekly_limit: int | None
    """How often a person can earn it in a calendar week, over all spaces; ``None`` for no limit."""
    description: str
    """A short description."""
    updated_at: datetime
    """When the rule last changed."""


class WeeklyEarnings(Model):
    """What a reward rule has paid you in this calendar week, and whether it still pays."""

    code: str
    """What earns tokens: ``response`` or ``curation``."""
    amount: int
    """How many tokens each time."""
    weekly_limit: int | None
    """How often at most; ``None`` for no limit."""
    paid: int
    """How often it has paid this week."""
    withheld: int
    """How often it has not paid, because the limit was reached."""
    limit_reached: bool
    """Whether it pays nothing more until the week is over."""


class ProofStep(Model):
    """A sibling on the path from a leaf of a Merkle tree to its root."""

    side: Literal["LEFT", "RIGHT"]
    """The side of the sibling."""
    hash: str
    """Its SHA-256, in hexadecimal digits."""


class LedgerProof(Model):
    """The proof that the `code` of a newsletter covers your ledger as it was when the newsletter was published.

    It can be checked offline: `root()` is computed from your own entry and the hashes of the siblings.
    """

    newsletter_id: UUID
    """The newsletter."""
    code: str
    """The code that its page and its PDF print."""
    ledger_root: str
    """The root over the ledgers of all members, in hexadecimal digits."""
    user_id: UUID
    """You."""
    entries: int
    """How many transactions you had then."""
    last_seq: int | None
    """The newest transaction; ``None`` without any."""
    hash: str
    """The hash of the newest transaction, in hexadecimal digits; empty without any."""
    salt: UUID
    """A random value that keeps others from guessing your leaf."""
    path: tuple[ProofStep, ...]
    """The siblings on the path from your leaf to the root, the lowest first."""

    def root(self) -> str:
        """Compute the root from your entry, in hexadecimal digits."""
        own = [str(self.newsletter_id), str(self.user_id), self.entries, self.last_seq, self.hash]
        # In the same format as a JSON array in Postgres.
        node = hashlib.sha256(b"\0" + self.salt.bytes + json.dumps(own).encode()).digest()
        for step in self.path:
            neighbour = bytes.fromhex(step.hash)
            pair = neighbour + node if step.side == "LEFT" else node + neighbour
            node = hashlib.sha256(b"\1" + pair).digest()
        return node.hex()

    def is_valid(self) -> bool:
        """Return True if your entry leads to the newsletter's root."""
        return self.root() == self.ledger_root
