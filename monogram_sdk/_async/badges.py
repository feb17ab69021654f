"""`client.badges`: badges that can be earned, and those that you have."""

from __future__ import annotations

from monogram_sdk._config import shown
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import Rows
from monogram_sdk._values import Id, as_uuid, set_values
from monogram_sdk.errors import InvalidValueError
from monogram_sdk.models.badges import Badge, BadgeProgress, EarnedBadge, UserBadge

from ._pages import AsyncPages
from ._resource import AsyncResource


class AsyncBadgesAPI(AsyncResource):
    """Badges."""

    def list(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Badge]:
        """List all badges that can be earned, oldest first. Works without signing in.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        return self._pages(Listing("badges", Badge, ("created_at", "code")), after, page_size)

    def earned(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[EarnedBadge]:
        """List your badges, in the order in which your profile shows them.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        keys = ("display_order", "earned_at", "id")
        return self._pages(Listing("user_badges", EarnedBadge, keys, owner="user_id"), after, page_size)

    @async_call
    async def progress(self) -> Rows[BadgeProgress]:
        """Return how far you are with each badge.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        return await self._rpc_rows(BadgeProgress, "badge_progress", {})

    @async_call
    async def check(self) -> Rows[UserBadge]:
        """Award the badges that you have earned and do not have yet, without waiting for the daily check.

        Returns:
            The badges that are new.
        """
        return await self._rpc_rows(UserBadge, "check_badges", {})

    @async_call
    async def set_display(self, badge_id: Id, *, is_displayed: bool, order: int | None = None) -> UserBadge:
        """Show a badge of yours to others, or hide it.

        Args:
            badge_id: The badge (`Badge.id`).
            is_displayed: Whether others see it.
            order: Its place on your profile, 0 or more, small numbers first; unchanged unless given.

        Raises:
            InvalidValueError: `order` is below 0.
            BadgeNotEarnedError: You do not have it.
        """
        if order is not None and order < 0:
            raise InvalidValueError(f"order must be 0 or more, not {shown(order)}.", detail="order")
        arguments = set_values(badge_id=as_uuid(badge_id, "badge_id"), is_displayed=is_displayed, display_order=order)
        return await self._rpc(UserBadge, "set_badge_display", arguments)
