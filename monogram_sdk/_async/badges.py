"""`client.badges`: what can be earned, and what you have."""

from __future__ import annotations

from monogram_sdk import _query
from monogram_sdk._parse import Rows, parse_all_rows
from monogram_sdk._query import equals
from monogram_sdk._values import Id, as_uuid, set_values
from monogram_sdk.models.badges import Badge, BadgeProgress, EarnedBadge, UserBadge

from ._resource import AsyncResource


class AsyncBadgesAPI(AsyncResource):
    """Badges. There are few of them, so these calls answer whole lists."""

    async def list(self) -> Rows[Badge]:
        """Return all badges that can be earned. Works without signing in."""
        reply = await self._transport.send(_query.select("badges", Badge.columns(), order="created_at.asc,code.asc"))
        return parse_all_rows(Badge, reply.content)

    async def earned(self) -> Rows[EarnedBadge]:
        """Return your badges, in the order in which your profile shows them.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        me = await self._sessions.require_user_id()
        order = "display_order.asc,earned_at.asc,id.asc"
        call = _query.select("user_badges", EarnedBadge.columns(), [equals("user_id", me)], order=order)
        return parse_all_rows(EarnedBadge, (await self._transport.send(call)).content)

    async def progress(self) -> Rows[BadgeProgress]:
        """Return how far you are with each badge.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        return await self._rpc_rows(BadgeProgress, "badge_progress", {})

    async def check(self) -> Rows[UserBadge]:
        """Award what you have earned and do not have yet. It happens by itself, too; this is for not having to wait.

        Returns:
            The badges that are new.
        """
        return await self._rpc_rows(UserBadge, "check_badges", {})

    async def set_display(self, badge_id: Id, *, is_displayed: bool, order: int | None = None) -> UserBadge:
        """Show a badge of yours to others, or hide it.

        Args:
            badge_id: The badge (`Badge.id`).
            is_displayed: Whether others see it.
            order: Its place on your profile, small numbers first; stays unless given.

        Raises:
            BadgeNotEarnedError: You do not have it.
        """
        arguments = set_values(badge_id=as_uuid(badge_id, "badge_id"), is_displayed=is_displayed, display_order=order)
        return await self._rpc(UserBadge, "set_badge_display", arguments)
