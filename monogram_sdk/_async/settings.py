"""`client.settings`: how you want things to be."""

from __future__ import annotations

from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_uuid, changes
from monogram_sdk.errors import NotFoundError
from monogram_sdk.models.settings import Settings

from ._resource import AsyncResource

TABLE = "settings"


class AsyncSettingsAPI(AsyncResource):
    """Your settings. They are made together with your account."""

    async def get(self) -> Settings:
        """Return your settings.

        Raises:
            NotSignedInError: Nobody is signed in.
            NotFoundError: You have deleted them; `update` makes them anew.
        """
        me = await self._sessions.require_user_id()
        return await self._get(Settings, TABLE, NotFoundError, equals("user_id", me))

    async def update(
        self,
        *,
        active_theme_id: Id | NotGiven | None = NOT_GIVEN,
        email_newsletters: bool | NotGiven = NOT_GIVEN,
        email_notifications: bool | NotGiven = NOT_GIVEN,
        email_reminders: bool | NotGiven = NOT_GIVEN,
        in_app_notifications: bool | NotGiven = NOT_GIVEN,
        show_on_leaderboard: bool | NotGiven = NOT_GIVEN,
        timezone: str | NotGiven = NOT_GIVEN,
    ) -> Settings:
        """Change your settings. What is not given stays.

        Args:
            active_theme_id: A theme that you own, by its item's id; ``None`` for the standard one.
            email_newsletters: Whether newsletters come by email.
            email_notifications: Whether notifications come by email.
            email_reminders: Whether they include reminders to answer a week's prompts.
            in_app_notifications: Whether notifications are listed in the app.
            show_on_leaderboard: Whether others see your balance.
            timezone: Your time zone by its IANA name, such as ``Europe/Lisbon``.

        Raises:
            ThemeNotOwnedError: The theme is not yours.
            InvalidValueError: There is no such time zone.
        """
        if isinstance(active_theme_id, str):
            active_theme_id = as_uuid(active_theme_id, "active_theme_id")
        values = changes(
            active_theme_id=active_theme_id,
            email_newsletters=email_newsletters,
            email_notifications=email_notifications,
            email_reminders=email_reminders,
            in_app_notifications=in_app_notifications,
            show_on_leaderboard=show_on_leaderboard,
            timezone=timezone,
        )
        me = await self._sessions.require_user_id()
        own = equals("user_id", me)
        try:
            return await self._update(Settings, TABLE, NotFoundError, values, own)
        except NotFoundError:
            return await self._insert(Settings, TABLE, {"user_id": me, **values}, own)

    async def space_emails(self, space_id: Id) -> bool:
        """Return whether you get emails from a space: newsletters and news alike.

        Args:
            space_id: A space that you are in.

        Raises:
            SpaceNotFoundError: You are not in such a space.
        """
        return await self._rpc(bool, "space_emails", {"space_id": as_uuid(space_id, "space_id")})

    async def set_space_emails(self, space_id: Id, *, is_on: bool) -> bool:
        """Switch the emails from a space on or off. What `email_newsletters` and `email_notifications` say counts too.

        Args:
            space_id: A space that you are in.
            is_on: Whether you want them.

        Returns:
            What is set now.

        Raises:
            SpaceNotFoundError: You are not in such a space.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "is_on": is_on}
        return await self._rpc(bool, "set_space_emails", arguments)

    async def delete(self) -> None:
        """Delete your settings. Until you `update` them, the defaults count.

        Raises:
            NotFoundError: There are none.
        """
        me = await self._sessions.require_user_id()
        await self._delete(Settings, TABLE, NotFoundError, equals("user_id", me))
