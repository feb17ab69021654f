"""`client.notifications`: your notifications."""

from __future__ import annotations

from collections.abc import Sequence

from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._query import is_null
from monogram_sdk._values import Id, as_uuid
from monogram_sdk.models.notifications import Notification

from ._pages import AsyncPages
from ._resource import AsyncResource


class AsyncNotificationsAPI(AsyncResource):
    """Your notifications."""

    def list(
        self, *, unread: bool = False, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[Notification]:
        """List your notifications, newest first.

        Args:
            unread: Only those that you have not read.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = (is_null("read_at"),) if unread else ()
        listing = Listing(
            "notifications", Notification, ("created_at", "id"), descending=True, filters=filters, owner="user_id"
        )
        return self._pages(listing, after, page_size)

    @async_call
    async def mark_read(self, notification_ids: Sequence[Id] | None = None) -> int:
        """Mark notifications as read.

        Args:
            notification_ids: Which ones; by default all of yours.

        Returns:
            How many of them were unread.
        """
        ids = None if notification_ids is None else [as_uuid(one, "notification_ids") for one in notification_ids]
        return await self._rpc(int, "mark_notifications_read", {"notification_ids": ids})
