"""`client.admin`: what only a service may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from monogram_sdk._supabase import AsyncGoTrueClient, translated, user_of
from monogram_sdk._values import Id, as_uuid, set_values
from monogram_sdk.errors import SecretKeyRequiredError
from monogram_sdk.models.auth import AuthUser

from ._resource import AsyncResource
from ._transport import AsyncTransport

USERS_A_PAGE = 200


class AsyncAdminAPI(AsyncResource):
    """Accounts. Every call needs a client with a secret key, as `admin_client()` makes, and belongs on a server."""

    def __init__(self, transport: AsyncTransport, service: AsyncGoTrueClient) -> None:
        super().__init__(transport)
        self._service = service

    async def create_user(
        self,
        *,
        email: str,
        password: str | None = None,
        display_name: str | None = None,
        email_confirmed: bool = False,
        app_metadata: Mapping[str, Any] | None = None,
    ) -> AuthUser:
        """Make an account.

        Args:
            email: The email address.
            password: The password; without one the person signs in by a message.
            display_name: The name that others see, 1-80 characters.
            email_confirmed: Whether to count the address as confirmed; no message is sent either way.
            app_metadata: What only services set; ``{"role": "admin"}`` makes a platform admin.

        Raises:
            UserExistsError: There is an account with this address.
        """
        self._require_secret()
        attributes: Any = set_values(
            email=email,
            password=password,
            email_confirm=email_confirmed,
            user_metadata=None if display_name is None else {"display_name": display_name},
            app_metadata=app_metadata,
        )
        with translated():
            answer = await self._service.admin.create_user(attributes)
        return user_of(answer.user)

    async def get_user(self, user_id: Id) -> AuthUser:
        """Return an account.

        Raises:
            NotFoundError: There is none.
        """
        self._require_secret()
        with translated():
            answer = await self._service.admin.get_user_by_id(_text(user_id))
        return user_of(answer.user)

    async def users(self) -> AsyncIterator[AuthUser]:
        """Yield all accounts. The auth service pages by number: accounts that come or go meanwhile shift the pages."""
        self._require_secret()
        page = 0
        while True:
            page += 1
            with translated():
                users = await self._service.admin.list_users(page=page, per_page=USERS_A_PAGE)
            for user in users:
                yield user_of(user)
            if not users:
                return

    async def update_user(
        self,
        user_id: Id,
        *,
        email: str | None = None,
        password: str | None = None,
        app_metadata: Mapping[str, Any] | None = None,
        email_confirmed: bool | None = None,
    ) -> AuthUser:
        """Change an account. What is not given stays.

        Args:
            user_id: The account.
            email: A new address.
            password: A new password.
            app_metadata: Values to put into ``app_metadata``.
            email_confirmed: Whether to count the address as confirmed.

        Raises:
            NotFoundError: There is none.
        """
        self._require_secret()
        attributes: Any = set_values(
            email=email, password=password, app_metadata=app_metadata, email_confirm=email_confirmed
        )
        with translated():
            answer = await self._service.admin.update_user_by_id(_text(user_id), attributes)
        return user_of(answer.user)

    async def delete_user(self, user_id: Id) -> None:
        """Delete an account and the person with it. Spaces that they lead are handed on.

        Raises:
            NotFoundError: There is none.
        """
        self._require_secret()
        with translated():
            await self._service.admin.delete_user(_text(user_id))

    def _require_secret(self) -> None:
        if not self._sessions.secret:
            raise SecretKeyRequiredError


def _text(user_id: Id) -> str:
    value: UUID = as_uuid(user_id, "user_id")
    return str(value)
