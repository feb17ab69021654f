"""`client.store`: what tokens can buy, and what you bought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_uuid, changes, own_key, set_values
from monogram_sdk.errors import ItemNotFoundError, PurchaseNotFoundError
from monogram_sdk.models.enums import StoreItemKind
from monogram_sdk.models.store import Purchase, StoreItem

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

TABLE = "store_items"


class AsyncStoreAPI(AsyncResource):
    """The store, and what you bought there."""

    def items(
        self, *, kind: StoreItemKind | None = None, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[StoreItem]:
        """List what is for sale and what you own, cheapest first. Works without signing in.

        Args:
            kind: Only one kind of thing.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = () if kind is None else (equals("kind", kind),)
        return self._pages(Listing(TABLE, StoreItem, ("price", "id"), filters=filters), after, page_size)

    @async_call
    async def get(self, item_id: Id) -> StoreItem:
        """Return an item.

        Raises:
            ItemNotFoundError: No such item, or it is neither for sale nor yours.
        """
        return await self._get(StoreItem, TABLE, ItemNotFoundError, by_id(as_uuid(item_id, "item_id")))

    @async_call
    async def purchase(self, item_id: Id, *, idempotency_key: str | None = None) -> Purchase:
        """Buy an item.

        Args:
            item_id: The item.
            idempotency_key: A second call with the same key returns the same purchase and pays nothing. Unless given,
                each call makes its own, so that retries by the SDK never pay twice.

        Raises:
            InsufficientTokensError: It costs more than you have.
            OutOfStockError: It is sold out.
            AlreadyOwnedError: You have bought it already.
            ItemNotFoundError: No such item for sale.
        """
        arguments = {"item_id": as_uuid(item_id, "item_id"), "idempotency_key": own_key(idempotency_key)}
        return await self._rpc(Purchase, "purchase_item", arguments)

    def purchases(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Purchase]:
        """List what you bought, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        listing = Listing("purchases", Purchase, ("purchased_at", "id"), descending=True, owner="user_id")
        return self._pages(listing, after, page_size)

    @async_call
    async def get_purchase(self, purchase_id: Id) -> Purchase:
        """Return something that you bought.

        Raises:
            PurchaseNotFoundError: No such purchase of yours.
        """
        own = by_id(as_uuid(purchase_id, "purchase_id"))
        return await self._get(Purchase, "purchases", PurchaseNotFoundError, own)

    @async_call
    async def activate(self, purchase_id: Id, *, active: bool = True) -> Purchase:
        """Use something that you bought, or stop using it. A theme in use becomes the active theme of your settings.

        Args:
            purchase_id: The purchase.
            active: Whether to use it.

        Raises:
            PurchaseNotFoundError: No such purchase of yours.
        """
        arguments = {"purchase_id": as_uuid(purchase_id, "purchase_id"), "active": active}
        return await self._rpc(Purchase, "activate_purchase", arguments)

    # For platform admins --------------------------------------------------------------------------------------------

    @async_call
    async def create_item(
        self,
        *,
        code: str,
        name: str,
        kind: StoreItemKind,
        price: int,
        description: str | None = None,
        stock: int | None = None,
        is_available: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> StoreItem:
        """Add an item to the store. For platform admins and clients with a secret key.

        Args:
            code: Its stable name, unique.
            name: Its title.
            kind: The kind of item.
            price: The price in tokens, 1 or more.
            description: What it is.
            stock: How many there are; unlimited unless given.
            is_available: Whether it can be bought.
            metadata: What a program needs to show it.

        Raises:
            ConflictError: An item with this code exists.
            PermissionDeniedError: You are not a platform admin.
        """
        item_id = uuid4()
        row = set_values(
            id=item_id,
            code=code,
            name=name,
            kind=kind,
            price=price,
            description=description,
            stock=stock,
            is_available=is_available,
            metadata=metadata,
        )
        return await self._insert(StoreItem, TABLE, row, by_id(item_id))

    @async_call
    async def update_item(
        self,
        item_id: Id,
        *,
        name: str | NotGiven = NOT_GIVEN,
        description: str | NotGiven = NOT_GIVEN,
        price: int | NotGiven = NOT_GIVEN,
        stock: int | NotGiven | None = NOT_GIVEN,
        is_available: bool | NotGiven = NOT_GIVEN,
        metadata: Mapping[str, Any] | NotGiven = NOT_GIVEN,
    ) -> StoreItem:
        """Change an item. For platform admins and clients with a secret key. What is not given stays.

        Args:
            item_id: The item.
            name: Its title.
            description: What it is.
            price: The price from now on.
            stock: How many are left; ``None`` for unlimited.
            is_available: Whether it can be bought.
            metadata: What a program needs to show it.

        Raises:
            ItemNotFoundError: No such item, or you cannot see it.
            PermissionDeniedError: You are not a platform admin.
        """
        values = changes(
            name=name,
            description=description,
            price=price,
            stock=stock,
            is_available=is_available,
            metadata=metadata,
        )
        return await self._update(StoreItem, TABLE, ItemNotFoundError, values, by_id(as_uuid(item_id, "item_id")))

    @async_call
    async def delete_item(self, item_id: Id) -> None:
        """Delete an item that nobody has bought. For platform admins and clients with a secret key.

        Raises:
            ConflictError: Somebody has bought it: make it unavailable instead.
            ItemNotFoundError: No such item, or you cannot see it.
            PermissionDeniedError: You are not a platform admin.
        """
        await self._delete(StoreItem, TABLE, ItemNotFoundError, by_id(as_uuid(item_id, "item_id")))
