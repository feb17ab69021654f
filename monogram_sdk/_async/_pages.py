"""Lists that are read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar

from monogram_sdk import _calls
from monogram_sdk._paging import MAX_PAGE_SIZE, PAGE_SIZE, Listing, Page, checked_page_size
from monogram_sdk._parse import parse_rows
from monogram_sdk.models._base import Model

from ._row_cap import async_row_cap

if TYPE_CHECKING:
    from ._transport import AsyncTransport

M = TypeVar("M", bound=Model)


class AsyncPages(Generic[M]):
    """A list that is read as it is used; nothing is asked before that.

    Iterating yields every row once, also while others insert and delete, and holds one page at a time:

        async for entry in client.tokens.statement():
            print(entry.amount)

    Args:
        transport: What sends.
        listing: What the list consists of.
        after: Where to begin: a cursor from `Page`.
        page_size: How many rows to ask for at once.
    """

    def __init__(
        self, transport: AsyncTransport, listing: Listing[M], *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> None:
        self._transport = transport
        self._listing = listing
        self._after = after
        self._page_size = checked_page_size(page_size)

    async def __aiter__(self) -> AsyncIterator[M]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[M]]:
        """Yield the pages, for a program that wants to store their cursors."""
        cursor = self._after
        while True:
            page = await self._page(cursor, self._page_size)
            if page.items:
                yield page
            if page.cursor is None:
                return
            cursor = page.cursor

    async def first_page(self) -> Page[M]:
        """Return the first page (after the cursor, if one was given)."""
        return await self._page(self._after, self._page_size)

    async def first(self) -> M | None:
        """Return the first row, or ``None`` when the list is empty."""
        page = await self._page(self._after, 1)
        return page.items[0] if page.items else None

    async def all(self) -> list[M]:
        """Return all rows in a list. They are all in memory then; iterate over long lists instead."""
        rows: list[M] = []
        cursor = self._after
        while True:
            page = await self._page(cursor, MAX_PAGE_SIZE if rows else self._page_size)
            rows += page.items
            if page.cursor is None:
                return rows
            cursor = page.cursor

    async def _page(self, cursor: str | None, limit: int) -> Page[M]:
        transport = self._transport
        with _calls.Call(f"{self._listing.source}.page", transport.options, transport.connections):
            me = await transport.sessions.require_user_id() if self._listing.owner else None
            reply = await transport.send(self._listing.call(cursor, limit, me))
            rows = parse_rows(self._listing.model, reply)
            return Page(tuple(rows), None if await self._is_end(len(rows), limit) else self._listing.cursor(rows[-1]))

    async def _is_end(self, count: int, limit: int) -> bool:
        """Whether a page is the last one: it is shorter than what was asked for, and not because the server cut it."""
        if count == 0 or count >= limit:
            return count == 0
        return count < await async_row_cap(self._transport)
