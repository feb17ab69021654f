"""`client.settings`: your settings."""

from __future__ import annotations

from monogram_sdk._engine.call import async_call
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_language, as_uuid, changes, versioned
from monogram_sdk.errors import ConflictError, NotFoundError
from monogram_sdk.models.enums import BalanceVisibility
from monogram_sdk.models.settings import Settings

from ._resource import AsyncResource

TABLE = "settings"


class AsyncSettingsAPI(AsyncResource):
    """Your settings. They are created together with your account."""

    @async_call
    async def get(self) -> Settings:
        """Return your settings.

        Raises:
            NotSignedInError: Nobody is signed in.
            NotFoundError: You have deleted them; `update` creates them again.
        """
        me = await self._sessions.require_user_id()
        found = await self._find(Settings, TABLE, equals("user_id", me))
        if found is None:
            raise _deleted()
        return found

    @async_call
    async def update(
        self,
        *,
        active_theme_id: Id | NotGiven | None = NOT_GIVEN,
        email_newsletters: bool | NotGiven = NOT_GIVEN,
        email_notifications: bool | NotGiven = NOT_GIVEN,
        email_reminders: bool | NotGiven = NOT_GIVEN,
        in_app_notifications: bool | NotGiven = NOT_GIVEN,
        show_on_leaderboard: BalanceVisibility | bool | NotGiven = NOT_GIVEN,
        timezone: str | NotGiven = NOT_GIVEN,
        language: str | NotGiven | None = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Settings:
        """Change your settings. What is not given stays.

        Args:
            active_theme_id: A theme that you own, by its item's id; ``None`` for the standard one.
            email_newsletters: Whether newsletters come by email.
            email_notifications: Whether notifications come by email.
            email_reminders: Whether they include reminders to respond to a week's prompts.
            in_app_notifications: Whether notifications are listed in the app.
            show_on_leaderboard: Who sees your balance: nobody, people of the same spaces, or everybody. ``False`` and
                ``True`` are the first and the last.
            timezone: Your time zone by its IANA name, such as ``Europe/Lisbon``.
            language: Your language, as a BCP 47 tag such as ``de`` or ``pt-BR``; ``None`` for the language of each
                space. Monogram writes English, German, French, Spanish and Arabic; in place of any other language it
                uses the space's, or else English.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            NotFoundError: You have deleted your settings since `if_version`; without it they are created again.
            ThemeNotOwnedError: The theme is not yours.
            InvalidValueError: No such time zone, or the language is not a valid tag.
        """
        if isinstance(active_theme_id, str):
            active_theme_id = as_uuid(active_theme_id, "active_theme_id")
        if isinstance(show_on_leaderboard, bool):
            show_on_leaderboard = BalanceVisibility.EVERYBODY if show_on_leaderboard else BalanceVisibility.NOBODY
        values = changes(
            active_theme_id=active_theme_id,
            email_newsletters=email_newsletters,
            email_notifications=email_notifications,
            email_reminders=email_reminders,
            in_app_notifications=in_app_notifications,
            show_on_leaderboard=show_on_leaderboard,
            timezone=timezone,
            language=as_language(language),
        )
        me = await self._sessions.require_user_id()
        own = equals("user_id", me)
        try:
            return await self._update(Settings, TABLE, NotFoundError, versioned(values, if_version), own)
        except NotFoundError as error:
            if if_version is not None:
                raise _deleted() from error
            try:
                return await self._insert(Settings, TABLE, {"user_id": me, **values}, own)
            except ConflictError:  # Another device has created them meanwhile.
                return await self._update(Settings, TABLE, NotFoundError, values, own)

    @async_call
    async def space_emails(self, space_id: Id) -> bool:
        """Return True if you get emails from a space, newsletters and notifications alike.

        Args:
            space_id: A space that you are in.

        Raises:
            SpaceNotFoundError: You are not in such a space.
        """
        return await self._rpc(bool, "space_emails", {"space_id": as_uuid(space_id, "space_id")})

    @async_call
    async def set_space_emails(self, space_id: Id, *, is_on: bool) -> bool:
        """Switch the emails from a space on or off. `email_newsletters` and `email_notifications` apply as well.

        Args:
            space_id: A space that you are in.
            is_on: Whether you want them.

        Returns:
            The new setting.

        Raises:
            SpaceNotFoundError: You are not in such a space.
        """
        arguments = {"space_id": as_uuid(space_id, "space_id"), "is_on": is_on}
        return await self._rpc(bool, "set_space_emails", arguments)

    @async_call
    async def delete(self) -> None:
        """Delete your settings. Until you `update` them, the defaults apply.

        Raises:
            NotFoundError: You have deleted them already.
        """
        me = await self._sessions.require_user_id()
        try:
            await self._delete(Settings, TABLE, NotFoundError, equals("user_id", me))
        except NotFoundError as error:
            raise _deleted() from error


def _deleted() -> NotFoundError:
    return NotFoundError(
        "You have deleted your settings, so the defaults apply.",
        hint="Call `settings.update` without `if_version` to create them again.",
    )
