"""The store."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ._base import Model
from .enums import StoreItemKind
from .themes import Theme


class StoreItem(Model):
    """Something that tokens can buy."""

    id: UUID
    """The item."""
    code: str
    """Its stable name."""
    name: str
    """Its title."""
    description: str
    """What it is."""
    kind: StoreItemKind
    """The kind of item."""
    price: int
    """The price in tokens."""
    stock: int | None
    """How many are left; ``None`` for no limit."""
    is_available: bool
    """Whether it can be bought."""
    metadata: dict[str, Any]
    """What a program needs to show it, such as a theme's colours."""
    created_at: datetime
    """When it was added."""
    updated_at: datetime
    """When it last changed."""

    @property
    def theme(self) -> Theme | None:
        """The theme; ``None`` if it is another kind of item, or a theme without colours of its own."""
        return Theme.model_validate(self.metadata) if self.kind == StoreItemKind.THEME and self.metadata else None


class Purchase(Model):
    """Something that you bought."""

    id: UUID
    """The purchase."""
    user_id: UUID | None
    """You; ``None`` for a deleted account, for those who see everybody's purchases."""
    item_id: UUID
    """What you bought."""
    price_paid: int
    """What you paid, in tokens."""
    is_active: bool
    """Whether it is in use."""
    idempotency_key: str
    """The idempotency key of the purchase."""
    purchased_at: datetime
    """When you bought it."""
