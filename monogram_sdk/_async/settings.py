"""`client.settings`: how you want things to be."""

from __future__ import annotations

from monogram_sdk._engine.call import async_call
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_uuid, changes, versioned
from monogram_sdk.errors import ConflictError, NotFoundError
from monogram_sdk.models.enums import BalanceVisibility
from monogram_sdk.models.settings import Settings

from ._resource import AsyncResource

TABLE = "settings"


class AsyncSettingsAPI(AsyncResource):
    """Your settings. They are made together with your account."""

    @async_call
    async def get(self) -> Settings:
        """Return your settings.

        Raises:
            NotSignedInError: Nobody is signed in.
            NotFoundError: You have deleted them; `update` makes them anew.
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
            email_reminders: Whether they include reminders to answer a week's prompts.
            in_app_notifications: Whether notifications are listed in the app.
            show_on_leaderboard: Who sees your balance: nobody, people of the same spaces, or everybody. ``False`` and
                ``True`` are the first and the last.
            timezone: Your time zone by its IANA name, such as ``Europe/Lisbon``.
            language: In what you want to be written to, as a BCP 47 tag such as ``de`` or ``pt-BR``; ``None`` for the
                language of each space. There are words in English, German, French, Spanish and Arabic; for any other
                language the space's counts, and at last English.
            if_version: The `version` that you changed. If there is another by now, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            NotFoundError: You have deleted the version that you changed; without `if_version` they are made anew.
            ThemeNotOwnedError: The theme is not yours.
            InvalidValueError: There is no such time zone, or the language is not a tag.
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
            language=language,
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
            except ConflictError:  # Another device has made them meanwhile.
                return await self._update(Settings, TABLE, NotFoundError, values, own)

    @async_call
    async def space_emails(self, space_id: Id) -> bool:
        """Return whether you get emails from a space: newsletters and news alike.

        Args:
            space_id: A space that you are in.

        Raises:
            SpaceNotFoundError: You are not in such a space.
        """
        return await self._rpc(bool, "space_emails", {"space_id": as_uuid(space_id, "space_id")})

    @async_call
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

    @async_call
    async def delete(self) -> None:
        """Delete your settings. Until you `update` them, the defaults count.

        Raises:
            NotFoundError: There are none.
        """
        me = await self._sessions.require_user_id()
        try:
            await self._delete(Settings, TABLE, NotFoundError, equals("user_id", me))
        except NotFoundError as error:
            raise _deleted() from error


def _deleted() -> NotFoundError:
    return NotFoundError(
        "You have deleted your settings, so the defaults count.",
        hint="`settings.update` without `if_version` makes them anew.",
    )
