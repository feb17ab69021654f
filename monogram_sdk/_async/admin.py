"""`client.admin`: what only a service may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse_optional
from monogram_sdk._supabase import AsyncGoTrueClient, translated, user_of
from monogram_sdk._values import Id, as_uuid, set_values
from monogram_sdk.models.auth import AuthUser
from monogram_sdk.models.operations import DeadLetter, EmailSuppression, Job, LedgerFault, OutboxState

from ._pages import AsyncPages
from ._resource import AsyncResource
from ._row_cap import async_row_cap
from ._transport import AsyncTransport

USERS_A_PAGE = 200
SUPPRESSIONS_A_PAGE = 500


class AsyncAdminAPI(AsyncResource):
    """Accounts and operations. Every call needs a secret key, as clients of `admin_client()` have: servers only."""

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

    # Clockwork and health. On the platform cron does the first two by itself. ----------------------------------------

    async def refresh_streaks(self, *, at: datetime | None = None) -> int:
        """Compute everybody's streaks, pay for milestones and award badges. Doing so again changes nothing.

        Args:
            at: As of when (a time with a zone); now unless given.

        Returns:
            How many people's streaks changed.
        """
        self._require_secret()
        return await self._rpc(int, "refresh_streaks", set_values(at=at))

    async def award_all_badges(self) -> int:
        """Award everybody the badges that they have earned by now.

        Returns:
            How many were awarded.
        """
        self._require_secret()
        return await self._rpc(int, "award_all_badges", {})

    def verify_ledger(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[LedgerFault]:
        """List everybody whose balance is not what the ledger says: nobody, unless something is badly wrong.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000. Each page reads all of the ledger.
        """
        self._require_secret()
        return self._pages(Listing("verify_ledger", LedgerFault, ("user_id",), arguments={}), after, page_size)

    async def outbox_state(self) -> list[OutboxState]:
        """Return how many jobs and emails of each kind are in which state."""
        self._require_secret()
        return await self._rpc_rows(OutboxState, "outbox_state", {})

    async def tick(self, *, at: datetime | None = None) -> list[str]:
        """Do the work of the clock that has come due: streaks, badges, reminders, sweeping. Cron does so every minute.

        Args:
            at: As of when (a time with a zone); now unless given.

        Returns:
            The names of what was done; each is done once in its stretch of time, however often you call.
        """
        self._require_secret()
        return await self._rpc(list[str], "tick", set_values(at=at))

    # Emails that did not go through, and addresses that get none. ----------------------------------------------------

    def dead_letters(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[DeadLetter]:
        """List jobs and emails that are not tried again by themselves, the oldest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        self._require_secret()
        everything = {"letter_limit": 2**31 - 1}
        listing = Listing("dead_letters", DeadLetter, ("created_at", "key"), arguments=everything)
        return self._pages(listing, after, page_size)

    async def replay_dead_letters(self, keys: Sequence[str] | None = None) -> int:
        """Try dead letters again, as if for the first time.

        Args:
            keys: Which, by `DeadLetter.key`; all that were given up unless given. What a provider refused is only tried
                again by its key.

        Returns:
            How many.
        """
        self._require_secret()
        arguments = set_values(keys=None if keys is None else list(keys))
        return await self._rpc(int, "replay_dead_letters", arguments)

    async def suppressions(self) -> AsyncIterator[EmailSuppression]:
        """Yield the addresses that get no mail, by address."""
        self._require_secret()
        size = min(SUPPRESSIONS_A_PAGE, await async_row_cap(self._transport))
        after = ""
        while True:
            arguments = {"after": after, "suppression_limit": size}
            rows = await self._rpc_rows(EmailSuppression, "email_suppressions", arguments)
            for row in rows:
                yield row
            if len(rows) < size:
                return
            after = rows[-1].address

    async def suppress_email(self, address: str, *, detail: str | None = None) -> bool:
        """Send no more mail to an address.

        Args:
            address: The address.
            detail: Why, up to 500 characters.

        Returns:
            Whether it was not on the list already.

        Raises:
            InvalidValueError: This is no address.
        """
        self._require_secret()
        return await self._rpc(bool, "suppress_email", set_values(address=address, detail=detail))

    async def allow_email(self, address: str) -> bool:
        """Take an address off the list of those that get no mail.

        Args:
            address: The address.

        Returns:
            Whether it was on the list.
        """
        self._require_secret()
        return await self._rpc(bool, "allow_email", {"address": address}, repeatable=False)

    # For workers of one's own; the edge function `deliver` is the usual one. ----------------------------------------

    async def claim_jobs(self, worker: str, *, limit: int = 10, lease_seconds: int = 60) -> list[Job]:
        """Take jobs that are due; nobody else gets them before the lease ends.

        Args:
            worker: The worker's name, the same for `finish_job` and `fail_job`.
            limit: How many at most.
            lease_seconds: For how long.
        """
        self._require_secret()
        arguments = {"worker": worker, "job_limit": limit, "lease_seconds": lease_seconds}
        # A second attempt would take others; those of a lost answer come back when their lease ends.
        return await self._rpc_rows(Job, "claim_jobs", arguments, repeatable=False)

    async def finish_job(self, job_id: int, worker: str) -> bool:
        """Say that a job is done.

        Args:
            job_id: The job.
            worker: Who claimed it.

        Returns:
            Whether it was still this worker's; otherwise its lease had ended, and somebody else may have it.
        """
        self._require_secret()
        return await self._rpc(bool, "finish_job", {"job_id": job_id, "worker": worker}, repeatable=False)

    async def fail_job(self, job_id: int, worker: str, error: str) -> str | None:
        """Say that a job failed; it is tried again later, or given up after too many attempts.

        Args:
            job_id: The job.
            worker: Who claimed it.
            error: What went wrong.

        Returns:
            The job's state now; ``None`` if it was not this worker's any more.
        """
        self._require_secret()
        arguments = {"job_id": job_id, "worker": worker, "error": error}
        reply = await self._transport.send(_query.rpc("fail_job", arguments, repeatable=False))
        return parse_optional(str, reply)


def _text(user_id: Id) -> str:
    value: UUID = as_uuid(user_id, "user_id")
    return str(value)
