"""Lists that are read page by page, as they are used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from monogram_sdk._paging import MAX_PAGE_SIZE, PAGE_SIZE, AsyncUnread, Listing, Page, checked_page_size
from monogram_sdk._parse import parse_rows
from monogram_sdk.errors import APIError
from monogram_sdk.models._base import Model

if TYPE_CHECKING:
    from monogram_sdk._engine._async.engine import AsyncEngine

M = TypeVar("M", bound=Model)


class AsyncPages(AsyncUnread, Generic[M]):
    """A list that is read as it is used; making it sends nothing.

    Iterating yields every row once, even while others insert and delete, and keeps one page in memory:

        async for entry in client.tokens.statement():
            print(entry.amount)

    Args:
        engine: Sends requests.
        listing: What the list consists of.
        after: Where to begin: a cursor from `Page`.
        page_size: How many rows to read at once.
    """

    def __init__(
        self, engine: AsyncEngine, listing: Listing[M], *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> None:
        self._engine = engine
        self._listing = listing
        self._after = after
        self._page_size = checked_page_size(page_size)

    async def __aiter__(self) -> AsyncIterator[M]:
        async for page in self._pages(self._page_size, exact_end=False):
            for item in page.items:
                yield item

    def pages(self) -> AsyncIterator[Page[M]]:
        """Yield the pages, for a program that stores their cursors."""
        return self._pages(self._page_size, exact_end=True)

    async def first_page(self) -> Page[M]:
        """Return the first page (after the cursor, if one was given)."""
        page, _ = await self._page(self._after, self._page_size, 0, None, exact_end=True)
        return page

    async def first(self) -> M | None:
        """Return the first row, or ``None`` when the list is empty."""
        page, _ = await self._page(self._after, 1, 0, None, exact_end=False)
        return page.items[0] if page.items else None

    async def all(self) -> list[M]:
        """Return all rows. They are all in memory then: iterate over long lists instead."""
        rows: list[M] = []
        async for page in self._pages(MAX_PAGE_SIZE, exact_end=False):
            rows += page.items
        return rows

    async def _pages(self, later: int, *, exact_end: bool) -> AsyncIterator[Page[M]]:
        """Yield the pages that are not empty.

        Args:
            later: How many rows to read at once after the first page.
            exact_end: Whether the last page must have the cursor ``None``, because the program sees the cursors.
        """
        cursor, limit, most, epoch = self._after, self._page_size, 0, None
        while True:
            page, epoch = await self._page(cursor, limit, most, epoch, exact_end=exact_end)
            if page.items:
                yield page
            if page.cursor is None:
                return
            cursor, limit, most = page.cursor, later, max(most, len(page.items))

    async def _page(
        self, cursor: str | None, limit: int, most: int, epoch: int | None, *, exact_end: bool
    ) -> tuple[Page[M], int | None]:
        """Read a page, and return it with the epoch of the session in which the list began.

        The server may cut its replies at a number of rows that it does not announce (`db-max-rows`). So a page with
        fewer rows than requested is known to be the last one only if an earlier page had more rows than it. Otherwise
        only an empty page is.

        Args:
            cursor: Where to begin.
            limit: How many rows to read.
            most: The most rows that a page of this list has had.
            epoch: The epoch of the session at the first page. Who signs in later does not read the rest of the list.
            exact_end: Whether the cursor must be ``None`` if nothing follows, because the program sees it.
        """
        engine = self._engine
        with engine.call(f"{self._listing.source}.page", epoch) as call:
            try:
                needs_me = self._listing.owner is not None or self._listing.personal
                me = await engine.sessions.require_user_id() if needs_me else None
                rows = await self._read(cursor, limit, me)
                if not rows or len(rows) < min(limit, most):
                    return Page(tuple(rows), None), call.epoch
                following = self._cursor(rows[-1], me)
                if exact_end and len(rows) < limit and not await self._read(following, 1, me):
                    return Page(tuple(rows), None), call.epoch
                return Page(tuple(rows), following), call.epoch
            except APIError as error:
                await engine.sessions.raise_if_ended(error)
                raise

    async def _read(self, cursor: str | None, limit: int, me: UUID | None) -> list[M]:
        return parse_rows(self._listing.model, await self._engine.send(self._listing.call(cursor, limit, me)))

    def _cursor(self, row: M, me: UUID | None) -> str:
        return self._listing.cursor(row, me)
