"""Operations in `client.admin`: emails that were not delivered, suppressed addresses, and jobs for custom workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from monogram_sdk import _query
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse_optional
from monogram_sdk._values import check_worker, set_values
from monogram_sdk.models.operations import DeadLetter, EmailSuppression, Job, MailProviderState

from ._pages import AsyncPages
from ._resource import AsyncResource

SUPPRESSIONS_A_PAGE = 500


class AsyncOperations(AsyncResource):
    """The part of `AsyncAdminAPI` about emails and jobs."""

    # Emails that were not delivered, and addresses that get none. ----------------------------------------------------

    def dead_letters(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[DeadLetter]:
        """List jobs and emails that are not retried any more, the oldest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        self._require_secret()
        everything = {"letter_limit": 2**31 - 1}
        listing = Listing("dead_letters", DeadLetter, ("created_at", "key"), arguments=everything)
        return self._pages(listing, after, page_size)

    @async_call
    async def replay_dead_letters(self, keys: Sequence[str] | None = None) -> int:
        """Queue jobs and emails from `dead_letters` again, as if for the first time.

        Args:
            keys: Which ones, by `DeadLetter.key`; by default all that were given up. Emails that a provider refused are
                queued again only by their key.

        Returns:
            How many were queued.
        """
        self._require_secret()
        arguments = set_values(keys=None if keys is None else list(keys))
        return await self._rpc(int, "replay_dead_letters", arguments)

    @async_call
    async def mail_state(self) -> list[MailProviderState]:
        """Return the state of each email provider that ever was paused: why, and until when.

        While a provider refuses email because of the sender (a wrong key, no right to relay, a blocklist), all email
        waits and none fails. It is tried again at growing intervals of up to an hour.
        """
        self._require_secret()
        return await self._rpc_rows(MailProviderState, "mail_state", {})

    @async_call
    async def resume_mail(self, provider: str) -> bool:
        """Send through a provider again at once, after fixing what paused it.

        Args:
            provider: `MailProviderState.provider`.

        Returns:
            Whether it was paused.
        """
        self._require_secret()
        return await self._rpc(bool, "resume_mail", {"provider": provider}, repeatable=False)

    async def suppressions(self) -> AsyncIterator[EmailSuppression]:
        """Yield the addresses that get no email, sorted by address."""
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
        """Send no more email to an address.

        Args:
            address: The address.
            detail: Why, up to 500 characters.

        Returns:
            Whether it was added to the list; ``False`` if it was on it already.

        Raises:
            InvalidValueError: This is not an email address.
        """
        self._require_secret()
        return await self._rpc(bool, "suppress_email", set_values(address=address, detail=detail))

    @async_call
    async def allow_email(self, address: str) -> bool:
        """Remove an address from the list of those that get no email.

        Args:
            address: The address.

        Returns:
            Whether it was on the list.
        """
        self._require_secret()
        return await self._rpc(bool, "allow_email", {"address": address}, repeatable=False)

    # For custom workers, in place of the edge function `deliver`. ---------------------------------------------------

    @async_call
    async def claim_jobs(self, worker: str, *, limit: int = 10, lease_seconds: int = 60) -> list[Job]:
        """Claim jobs that are due; no other worker gets them before the lease ends.

        Args:
            worker: The worker's name, the same for `finish_job` and `fail_job`.
            limit: How many at most, up to 1,000.
            lease_seconds: How long the lease is, up to a day.
        """
        self._require_secret()
        check_worker(worker, lease_seconds, limit)
        arguments = {"worker": worker, "job_limit": limit, "lease_seconds": lease_seconds}
        # A second attempt would claim other jobs; those of a lost reply become due again when their lease ends.
        return await self._rpc_rows(Job, "claim_jobs", arguments, repeatable=False)

    @async_call
    async def finish_job(self, job_id: int, worker: str) -> bool:
        """Report that a job is done.

        Args:
            job_id: The job.
            worker: The worker that claimed it.

        Returns:
            Whether the worker still had it; otherwise its lease has ended, and another worker may have it.
        """
        self._require_secret()
        return await self._rpc(bool, "finish_job", {"job_id": job_id, "worker": worker}, repeatable=False)

    @async_call
    async def fail_job(self, job_id: int, worker: str, error: str) -> str | None:
        """Report that a job failed; it is tried again later, or given up after too many attempts.

        Args:
            job_id: The job.
            worker: The worker that claimed it.
            error: What went wrong.

        Returns:
            The job's state now; ``None`` if the worker did not have it any more.
        """
        self._require_secret()
        arguments = {"job_id": job_id, "worker": worker, "error": error}
        reply = await self._engine.send(_query.rpc("fail_job", arguments, repeatable=False))
        return parse_optional(str, reply)
