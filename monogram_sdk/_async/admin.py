"""`client.admin`: what only a service may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse_optional
from monogram_sdk._supabase import AsyncGoTrueClient, translated, user_of
from monogram_sdk._values import Id, as_uuid, check_worker, set_values
from monogram_sdk.errors import NotFoundError
from monogram_sdk.models.auth import AuthUser
from monogram_sdk.models.operations import (
    DeadLetter,
    EmailSuppression,
    Job,
    LedgerFault,
    MailProviderState,
    NewsletterVerification,
    OutboxState,
)

from ._pages import AsyncPages
from ._resource import AsyncResource

USERS_A_PAGE = 200
SUPPRESSIONS_A_PAGE = 500


class AsyncAdminAPI(AsyncResource):
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
        """Make an account.

        Args:
            email: The email address.
            password: The password; without one the person signs in by a message.
            display_name: The name that others see, 1-80 characters; "New member" unless given.
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

    @async_call
    async def get_user(self, user_id: Id) -> AuthUser:
        """Return an account.

        Raises:
            NotFoundError: There is none.
        """
        self._require_secret()
        with translated(has_effect=False):
            answer = await self._service.admin.get_user_by_id(_text(user_id))
        return user_of(answer.user)

    async def users(self) -> AsyncIterator[AuthUser]:
        """Yield all accounts. The auth service pages by number: accounts that come or go meanwhile shift the pages."""
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

    @async_call
    async def delete_user(self, user_id: Id) -> None:
        """Delete an account and the person with it. Spaces that they lead are handed on.

        Raises:
            NotFoundError: There is none.
        """
        self._require_secret()
        with translated():
            await self._service.admin.delete_user(_text(user_id))

    @async_call
    async def erase_user(self, user_id: Id, *, redact: bool = True) -> int:
        """Delete an account, and take the person out of all newsletters: name, picture and words.

        Newsletters say at once that somebody left and that their answer was taken out, in their readers' language; in
        the snapshot the ``id`` is ``None``, the name "Somebody who left". The function ``deliver`` makes their pages,
        PDFs and emails anew.
        What the person wrote with gifts goes as well. Questions they asked, and titles and introductions of newsletters
        stay: those are the space's.
        It also works for an account that is gone already. Once there is nothing left to do it raises `NotFoundError`,
        which a program that calls again may take for "done".

        Args:
            user_id: The person.
            redact: Whether to take them out of newsletters; ``False`` only deletes the account, as `delete_user` does.

        Returns:
            How many newsletters changed.

        Raises:
            NotFoundError: There is no such account, no newsletter names such a person, and no gift has words of theirs.
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

    # Clockwork and health. On the platform cron does the first two by itself. ----------------------------------------

    @async_call
    async def refresh_streaks(self, *, at: datetime | None = None) -> int:
        """Compute everybody's streaks, pay for milestones and award badges. Doing so again changes nothing.

        Args:
            at: As of when (a time with a zone); now unless given.

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
        """List everything that is wrong in the ledger: nothing, unless something is badly wrong.

        Balances, running balances, the chain of hashes, gifts and purchases with their entries, also where accounts
        are gone.

        Args:
            complete: Whether to read all of the ledger; otherwise what was posted since the check that runs daily.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000. Each page is a check of its own.
        """
        self._require_secret()
        listing = Listing("verify_ledger", LedgerFault, ("fault",), arguments={"complete": complete})
        return self._pages(listing, after, page_size)

    @async_call
    async def verify_newsletter(
        self, code: str, *, newsletter_id: Id | None = None, ledger_root: str | None = None
    ) -> NewsletterVerification:
        """Hold the code of a newsletter that somebody kept against the database. Words of the copy are not compared.

        The command ``monogram verify FILE`` compares them, too.

        Args:
            code: What the copy prints at its end, such as ``7QK2M-0ZV4C-9T3XR-B8WNE``.
            newsletter_id: The newsletter that its file names; without it a newsletter whose code was changed as well
                is ``UNKNOWN`` instead of ``CHANGED``.
            ledger_root: The root that its file holds; with it a ledger that was written anew is found also where
                somebody changed the newsletter to fit.

        Raises:
            InvalidValueError: This is no code.
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

    @async_call
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

    @async_call
    async def mail_state(self) -> list[MailProviderState]:
        """Return how the providers of email are that ever paused: what stops email, and until when.

        While a provider refuses email for the sender's sake (a wrong key, no right to relay, a blocklist), all email
        waits, none fails, and it is tried again ever more seldom, once an hour at least.
        """
        self._require_secret()
        return await self._rpc_rows(MailProviderState, "mail_state", {})

    @async_call
    async def resume_mail(self, provider: str) -> bool:
        """Send by a provider again at once, when what stopped it is mended.

        Args:
            provider: `MailProviderState.provider`.

        Returns:
            Whether it was stopped.
        """
        self._require_secret()
        return await self._rpc(bool, "resume_mail", {"provider": provider}, repeatable=False)

    async def suppressions(self) -> AsyncIterator[EmailSuppression]:
        """Yield the addresses that get no mail, by address."""
        self._require_secret()
        after = ""
        while True:
            arguments = {"after": after, "suppression_limit": SUPPRESSIONS_A_PAGE}
            rows = await self._rpc_rows(EmailSuppression, "email_suppressions", arguments, may_be_cut=True)
            for row in rows:
                yield row
            if not rows:  # A shorter page may have been cut by the server.
                return
            after = rows[-1].address

    @async_call
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

    @async_call
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

    @async_call
    async def claim_jobs(self, worker: str, *, limit: int = 10, lease_seconds: int = 60) -> list[Job]:
        """Take jobs that are due; nobody else gets them before the lease ends.

        Args:
            worker: The worker's name, the same for `finish_job` and `fail_job`.
            limit: How many at most, up to 1,000.
            lease_seconds: For how long, up to a day.
        """
        self._require_secret()
        check_worker(worker, lease_seconds, limit)
        arguments = {"worker": worker, "job_limit": limit, "lease_seconds": lease_seconds}
        # A second attempt would take others; those of a lost answer come back when their lease ends.
        return await self._rpc_rows(Job, "claim_jobs", arguments, repeatable=False)

    @async_call
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

    @async_call
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
        reply = await self._engine.send(_query.rpc("fail_job", arguments, repeatable=False))
        return parse_optional(str, reply)


def _text(user_id: Id) -> str:
    value: UUID = as_uuid(user_id, "user_id")
    return str(value)
