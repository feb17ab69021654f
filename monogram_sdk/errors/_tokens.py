"""Errors about tokens, the store and badges."""

from __future__ import annotations

from ._api import ConflictError, InvalidValueError, NotFoundError, PermissionDeniedError

# Tokens -------------------------------------------------------------------------------------------------------------


class InsufficientTokensError(ConflictError, code="MG501"):
    """You do not have enough tokens for this: `tokens.balance` returns how many you have."""


class IdempotencyConflictError(ConflictError, code="MG502"):
    """This idempotency key was used before for something else: use a new key for a new command."""


class GiftToSelfError(InvalidValueError, code="MG503"):
    """You cannot send a gift to yourself: choose another recipient."""


class RecipientNotFoundError(NotFoundError, code="MG504"):
    """The recipient of the gift does not exist."""


class LedgerAppendOnlyError(PermissionDeniedError, code="MG505"):
    """Transactions can never be changed or deleted."""


class AlreadyPostedError(ConflictError, code="MG506"):
    """The ledger already has an entry for this."""


class BalanceTooLargeError(ConflictError, code="MG507"):
    """The balance would exceed the largest possible one: use a smaller amount."""


class ProofNotFoundError(NotFoundError, code="MG508"):
    """This newsletter has no proof for you: you were not a member when it was published, or it does not exist."""


# The store and badges -----------------------------------------------------------------------------------------------


class ItemNotFoundError(NotFoundError, code="MG601"):
    """No such item for sale."""


class OutOfStockError(ConflictError, code="MG602"):
    """This item is sold out."""


class AlreadyOwnedError(ConflictError, code="MG603"):
    """You already own this item."""


class PurchaseNotFoundError(NotFoundError, code="MG604"):
    """You have no such purchase."""


class ThemeNotOwnedError(PermissionDeniedError, code="MG605"):
    """The active theme must be a theme that you own: buy it first."""


class BadgeNotEarnedError(ConflictError, code="MG701"):
    """You have not earned this badge: `badges.progress` shows how far you are."""
