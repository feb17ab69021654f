"""Lists that are read page by page."""

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
    """A list that is read as it is used; nothing is asked before that.

    Iterating yields every row once, also while others insert and delete, and holds one page at a time:

        async for entry in client.tokens.statement():
            print(entry.amount)

    Args:
        engine: What sends.
        listing: What the list consists of.
        after: Where to begin: a cursor from `Page`.
        page_size: How many rows to ask for at once.
    """

    def __init__(
        self, engine: AsyncEngine, listing: Listing[M], *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> None:
        self._engine = engine
        self._listing = listing
        self._after = after
        self._page_size = checked_page_size(page_size)

    async def __aiter__(self) -> AsyncIterator[M]:
        async for page in self._pages(self._page_size, told=False):
            for item in page.items:
                yield item

    def pages(self) -> AsyncIterator[Page[M]]:
        """Yield the pages, for a program that wants to store their cursors."""
        return self._pages(self._page_size, told=True)

    async def first_page(self) -> Page[M]:
        """Return the first page (after the cursor, if one was given)."""
        return await self._page(self._after, self._page_size, 0, told=True)

    async def first(self) -> M | None:
        """Return the first row, or ``None`` when the list is empty."""
        page = await self._page(self._after, 1, 0, told=False)
        return page.items[0] if page.items else None

    async def all(self) -> list[M]:
        """Return all rows in a list. They are all in memory then; iterate over long lists instead."""
        rows: list[M] = []
        async for page in self._pages(MAX_PAGE_SIZE, told=False):
            rows += page.items
        return rows

    async def _pages(self, later: int, *, told: bool) -> AsyncIterator[Page[M]]:
        """Yield the pages that are not empty.

        Args:
            later: How many rows to ask for at once after the first page.
            told: Whether the program sees the cursors, so that the last one must be ``None``.
        """
        cursor, limit, most = self._after, self._page_size, 0
        while True:
            page = await self._page(cursor, limit, most, told=told)
            if page.items:
                yield page
            if page.cursor is None:
                return
            cursor, limit, most = page.cursor, later, max(most, len(page.items))

    async def _page(self, cursor: str | None, limit: int, most: int, *, told: bool) -> Page[M]:
        """Read a page.

        The server may cut its replies at a number of rows that it does not tell (`db-max-rows`). So a page that is
        shorter than what was asked for is the end only if it is also shorter than another page was: then it was not
        cut. Else only an empty one is.

        Args:
            cursor: Where to begin.
            limit: How many rows to ask for.
            most: The most rows that a page of this list has had.
            told: Whether the program sees the cursor, so that it must be ``None`` if nothing follows.
        """
        engine = self._engine
        with engine.call(f"{self._listing.source}.page"):
            try:
                me = await engine.sessions.require_user_id() if self._listing.owner else None
                rows = await self._read(cursor, limit, me)
                if not rows or len(rows) < min(limit, most):
                    return Page(tuple(rows), None)
                following = self._cursor(rows[-1], me)
                if told and len(rows) < limit and not await self._read(following, 1, me):
                    return Page(tuple(rows), None)
                return Page(tuple(rows), following)
            except APIError as error:
                await engine.sessions.explain(error)
                raise

    async def _read(self, cursor: str | None, limit: int, me: UUID | None) -> list[M]:
        return parse_rows(self._listing.model, await self._engine.send(self._listing.call(cursor, limit, me)))

    def _cursor(self, row: M, me: UUID | None) -> str:
        return self._listing.cursor(row, me)
