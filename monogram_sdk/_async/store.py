"""`client.store`: what tokens buy."""

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
            page_size: How many to ask for at once, 1-1,000.
        """
        filters = () if kind is None else (equals("kind", kind),)
        return self._pages(Listing(TABLE, StoreItem, ("price", "id"), filters=filters), after, page_size)

    @async_call
    async def get(self, item_id: Id) -> StoreItem:
        """Return an item.

        Raises:
            ItemNotFoundError: There is no such item that is for sale or yours.
        """
        return await self._get(StoreItem, TABLE, ItemNotFoundError, by_id(as_uuid(item_id, "item_id")))

    @async_call
    async def purchase(self, item_id: Id, *, idempotency_key: str | None = None) -> Purchase:
        """Buy an item.

        Args:
            item_id: The item.
            idempotency_key: The same key again answers the same purchase and pays nothing twice. One is made for each
                call unless given, so the SDK's own retries never pay twice.

        Raises:
            InsufficientTokensError: It costs more than you have.
            OutOfStockError: It is sold out.
            AlreadyOwnedError: You have it.
            ItemNotFoundError: There is no such item for sale.
        """
        arguments = {"item_id": as_uuid(item_id, "item_id"), "idempotency_key": own_key(idempotency_key)}
        return await self._rpc(Purchase, "purchase_item", arguments)

    def purchases(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Purchase]:
        """List what you bought, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        listing = Listing("purchases", Purchase, ("purchased_at", "id"), descending=True, owner="user_id")
        return self._pages(listing, after, page_size)

    @async_call
    async def get_purchase(self, purchase_id: Id) -> Purchase:
        """Return something that you bought.

        Raises:
            PurchaseNotFoundError: There is no such purchase of yours.
        """
        own = by_id(as_uuid(purchase_id, "purchase_id"))
        return await self._get(Purchase, "purchases", PurchaseNotFoundError, own)

    @async_call
    async def activate(self, purchase_id: Id, *, active: bool = True) -> Purchase:
        """Use something that you bought, or put it away. A theme in use becomes the active theme of your settings.

        Args:
            purchase_id: The purchase.
            active: Whether to use it.

        Raises:
            PurchaseNotFoundError: There is no such purchase of yours.
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
        """Put an item into the store. For platform admins, and for secret keys.

        Args:
            code: Its stable name, unique.
            name: Its title.
            kind: What kind of thing it is.
            price: The price in tokens, 1 or more.
            description: What it is.
            stock: How many there are; any number unless given.
            is_available: Whether it can be bought.
            metadata: What a program needs to show it.

        Raises:
            ConflictError: There is an item with this code.
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
        """Change an item. For platform admins, and for secret keys. What is not given stays.

        Args:
            item_id: The item.
            name: Its title.
            description: What it is.
            price: The price for those who buy it from now on.
            stock: How many are left; ``None`` for any number.
            is_available: Whether it can be bought.
            metadata: What a program needs to show it.

        Raises:
            ItemNotFoundError: There is no such item, or you cannot see it.
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
        """Delete an item that nobody has bought. For platform admins, and for secret keys.

        Raises:
            ConflictError: Somebody owns it: make it unavailable instead.
            ItemNotFoundError: There is no such item, or you cannot see it.
            PermissionDeniedError: You are not a platform admin.
        """
        await self._delete(StoreItem, TABLE, ItemNotFoundError, by_id(as_uuid(item_id, "item_id")))
