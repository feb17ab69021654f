"""`client.admin`: accounts and operations, for clients with a secret key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse_optional
from monogram_sdk._supabase.auth import AsyncGoTrueClient, translated, user_of
from monogram_sdk._values import Id, as_uuid, set_values
from monogram_sdk.errors import NotFoundError
from monogram_sdk.models.auth import AuthUser
from monogram_sdk.models.operations import (
    LedgerFault,
    NewsletterVerification,
    OutboxState,
)

from ._admin_operations import AsyncOperations
from ._pages import AsyncPages

USERS_A_PAGE = 200


class AsyncAdminAPI(AsyncOperations):
    """Accounts and operations. Every call needs a secret key, as clients of `admin_client()` have: servers only."""

    def __init__(self, engine: AsyncEngine, service: AsyncGoTrueClient) -> None:
        super().__init__(engine)
        self._service = service

    @async_call
    async def create_user(
        self,
        *,
        email: str,
        password: str | None = None,
        display_name: str | None = None,
        email_confirmed: bool = False,
        app_metadata: Mapping[str, Any] | None = None,
    ) -> AuthUser:
        """Create an account.

        Args:
            email: The email address.
            password: The password; without one the person signs in with a code or a magic link.
            display_name: The name that others see, 1-80 characters; "New member" unless given.
            email_confirmed: Whether to treat the address as confirmed; no message is sent either way.
            app_metadata: Values that only services set; ``{"role": "admin"}`` makes a platform admin.

        Raises:
            UserExistsError: An account with this address exists.
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
            created = await self._service.admin.create_user(attributes)
        return user_of(created.user)

    @async_call
    async def get_user(self, user_id: Id) -> AuthUser:
        """Return an account.

        Raises:
            NotFoundError: No such account.
        """
        self._require_secret()
        with translated(has_effect=False):
            found = await self._service.admin.get_user_by_id(_text(user_id))
        return user_of(found.user)

    async def users(self) -> AsyncIterator[AuthUser]:
        """Yield all accounts. The auth service pages by number: accounts that are added or deleted shift the pages."""
        self._require_secret()
        page = 0
        while True:
            page += 1
            with translated(has_effect=False):
                users = await self._service.admin.list_users(page=page, per_page=USERS_A_PAGE)
            for user in users:
                yield user_of(user)
            if not users:
                return

    @async_call
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
            app_metadata: Values to set in ``app_metadata``.
            email_confirmed: Whether to treat the address as confirmed.

        Raises:
            NotFoundError: No such account.
        """
        self._require_secret()
        attributes: Any = set_values(
            email=email, password=password, app_metadata=app_metadata, email_confirm=email_confirmed
        )
        with translated():
            updated = await self._service.admin.update_user_by_id(_text(user_id), attributes)
        return user_of(updated.user)

    @async_call
    async def delete_user(self, user_id: Id) -> None:
        """Delete an account and the person with it. Spaces that they lead get another leader.

        Raises:
            NotFoundError: No such account.
        """
        self._require_secret()
        with translated():
            await self._service.admin.delete_user(_text(user_id))

    @async_call
    async def erase_user(self, user_id: Id, *, redact: bool = True) -> int:
        """Delete an account, and remove the person from all newsletters: name, picture and text.

        Newsletters say at once that somebody left and that their response was removed, in their readers' language; in
        the snapshot the ``id`` is ``None`` and the name "Somebody who left". The function ``deliver`` makes the pages,
        PDFs and emails anew.
        The messages of the person's gifts are removed, too. Questions that they asked, and titles and introductions of
        newsletters, stay: they belong to the space.
        This also works if the account has been deleted already. When nothing is left to do it raises `NotFoundError`,
        which a program that calls again can treat as success.

        Args:
            user_id: The person.
            redact: Whether to remove them from newsletters; ``False`` only deletes the account, as `delete_user` does.

        Returns:
            How many newsletters changed.

        Raises:
            NotFoundError: No such account, no newsletter names the person, and no gift has a message of theirs.
        """
        self._require_secret()
        missing: NotFoundError | None = None
        try:
            with translated():
                await self._service.admin.delete_user(_text(user_id))
        except NotFoundError as exc:
            missing = exc
        if not redact:
            if missing is not None and not missing.uncertain:
                raise missing
            return 0
        reply = await self._engine.send(_query.rpc("redact_user", {"user_id": _text(user_id)}))
        changed = parse_optional(int, reply)
        if missing is not None and not missing.uncertain and changed is None and not reply.uncertain:
            raise missing
        return changed or 0

    # Scheduled work and checks. In a hosted project, cron does the first two. ----------------------------------------

    @async_call
    async def refresh_streaks(self, *, at: datetime | None = None) -> int:
        """Compute everybody's streaks, pay for milestones and award badges. Doing so again changes nothing.

        Args:
            at: The time to compute for, with a time zone; now unless given.

        Returns:
            How many people's streaks changed.
        """
        self._require_secret()
        return await self._rpc(int, "refresh_streaks", set_values(at=at))

    @async_call
    async def award_all_badges(self) -> int:
        """Award everybody the badges that they have earned by now.

        Returns:
            How many were awarded.
        """
        self._require_secret()
        return await self._rpc(int, "award_all_badges", {})

    def verify_ledger(
        self, *, complete: bool = True, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[LedgerFault]:
        """List all faults in the ledger. A sound ledger has none.

        This checks balances, running balances, the chain of hashes, and gifts and purchases with their entries,
        including those of deleted accounts.

        Args:
            complete: Whether to check the whole ledger; otherwise what was posted since the last daily check.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000. Each page is a check of its own.
        """
        self._require_secret()
        listing = Listing("verify_ledger", LedgerFault, ("fault",), arguments={"complete": complete})
        return self._pages(listing, after, page_size)

    @async_call
    async def verify_newsletter(
        self, code: str, *, newsletter_id: Id | None = None, ledger_root: str | None = None
    ) -> NewsletterVerification:
        """Compare the code of a copy of a newsletter with the database. The text of the copy is not compared.

        The command ``monogram verify FILE`` compares the text, too.

        Args:
            code: The code at the end of the copy, such as ``7QK2M-0ZV4C-9T3XR-B8WNE``.
            newsletter_id: The newsletter that the copy names. Without it, a newsletter whose code was changed as well
                is ``UNKNOWN`` instead of ``CHANGED``.
            ledger_root: The root in the copy. With it, a rewritten ledger is found even if the newsletter was changed
                to match.

        Raises:
            InvalidValueError: This is not the code of a newsletter.
        """
        self._require_secret()
        newsletter = None if newsletter_id is None else as_uuid(newsletter_id, "newsletter_id")
        arguments = set_values(code=code, newsletter_id=newsletter, ledger_root=ledger_root)
        return await self._rpc(NewsletterVerification, "verify_newsletter", arguments)

    @async_call
    async def outbox_state(self) -> list[OutboxState]:
        """Return how many jobs and emails of each kind are in which state."""
        self._require_secret()
        return await self._rpc_rows(OutboxState, "outbox_state", {})

    @async_call
    async def tick(self, *, at: datetime | None = None) -> list[str]:
        """Run the scheduled work that is due: streaks, badges, reminders, cleaning up. Cron does this every minute.

        Args:
            at: The time to run for, with a time zone; now unless given.

        Returns:
            The names of what was run. Each runs once in its interval, however often you call.
        """
        self._require_secret()
        done: set[str] = set()
        # What is done for everybody is done for a portion of people at each call.
        while names := await self._rpc(list[str], "tick", set_values(at=at)):
            done.update(names)
        return sorted(done)


def _text(user_id: Id) -> str:
    value: UUID = as_uuid(user_id, "user_id")
    return str(value)
