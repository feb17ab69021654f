"""The events of a space, read page by page from a cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._cursor import Cursor
from monogram_sdk._paging import Listing
from monogram_sdk._parse import parse_rows
from monogram_sdk.models.events import SpaceEvent

from ._pages import AsyncPages

if TYPE_CHECKING:
    from monogram_sdk._engine._async.engine import AsyncEngine


class AsyncEventPages(AsyncPages[SpaceEvent]):
    """The events after a cursor. The first page checks that the event of the cursor is still there.

    Args:
        engine: Sends requests.
        listing: The events from the event of the cursor on.
        place: The cursor.
        page_size: How many events to read at once.
    """

    def __init__(self, engine: AsyncEngine, listing: Listing[SpaceEvent], place: Cursor, page_size: int) -> None:
        self._place = place
        super().__init__(engine, listing, page_size=page_size)

    async def _read(self, cursor: str | None, limit: int, me: UUID | None) -> list[SpaceEvent]:
        own, _ = self._listing.filters
        if cursor is not None:
            following = replace(self._listing, filters=(own, f"seq=gt.{Cursor.parse(cursor).seq}"))
            return parse_rows(SpaceEvent, await self._engine.send(following.call(None, limit, me)))
        place = self._place
        if place.seq == 0:
            return await super()._read(None, limit, me)
        # The event of the cursor comes first, and is not yielded.
        rows = await super()._read(None, limit + 1, me)
        if not rows or rows[0].seq != place.seq or place.id not in (None, rows[0].id):
            newest = _query.select(self._listing.source, SpaceEvent.columns(), (own,), order="seq.desc", limit=1)
            for event in parse_rows(SpaceEvent, await self._engine.send(newest)):
                raise place.replaced(event)
            return []  # Only members see events.
        return rows[1:]

    def _cursor(self, row: SpaceEvent, me: UUID | None) -> str:  # noqa: ARG002
        return row.cursor
