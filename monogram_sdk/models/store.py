"""The store."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ._base import Model
from .enums import StoreItemKind
from .themes import Theme


class StoreItem(Model):
    """Something that tokens buy."""

    id: UUID
    """The item."""
    code: str
    """Its stable name."""
    name: str
    """Its title."""
    description: str
    """What it is."""
    kind: StoreItemKind
    """What kind of thing it is."""
    price: int
    """The price in tokens."""
    stock: int | None
    """How many are left; ``None`` for no limit."""
    is_available: bool
    """Whether it can be bought."""
    metadata: dict[str, Any]
    """What a program needs to show it, such as a theme's colours."""
    created_at: datetime
    """When it was introduced."""
    updated_at: datetime
    """When it last changed."""

    @property
    def theme(self) -> Theme | None:
        """The theme that it is; ``None`` if it is something else, or one without colours of its own."""
        return Theme.model_validate(self.metadata) if self.kind == StoreItemKind.THEME and self.metadata else None


class Purchase(Model):
    """Something that you bought."""

    id: UUID
    """The purchase."""
    user_id: UUID | None
    """You; ``None`` once the account is gone, for those who see the purchases of everybody."""
    item_id: UUID
    """What you bought."""
    price_paid: int
    """What it cost then, in tokens."""
    is_active: bool
    """Whether it is in use."""
    idempotency_key: str
    """What makes the command unique."""
    purchased_at: datetime
    """When."""
