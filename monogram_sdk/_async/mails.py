"""`client.mails`: send emails with a program of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._engine.call import async_call
from monogram_sdk._parse import parse, parse_optional
from monogram_sdk._values import Id, as_uuid, check_pause, check_worker
from monogram_sdk.errors import InvalidValueError, NewsletterNotFoundError
from monogram_sdk.models.enums import MailEvent
from monogram_sdk.models.mails import EmailSubscription, MailBatch, MailResult, MailToSend, UnsubscribeScope

from ._resource import AsyncResource


class AsyncMailsAPI(AsyncResource):
    """Emails, for a sender of your own in place of the edge function `deliver`. Needs a secret key.

    A worker claims a batch, begins it, sends it, and reports the results. Each step is committed before the next, so if
    the worker dies, the next one knows which emails may have been sent: it gets them as ``UNCERTAIN``, with the same
    batch, address and content. Ask the provider about those, or repeat the request with the batch's id.
    """

    @async_call
    async def claim(
        self, worker: str, *, provider: str, limit: int = 100, lease_seconds: int = 120
    ) -> MailBatch | None:
        """Claim emails that are due, or a batch that its worker did not settle. No other worker gets it for some time.

        Newsletters are due once `save_newsletter` has stored their content.

        Args:
            worker: The worker's name, one for each process; the same for `begin` and `settle`.
            provider: The provider to send them through, such as ``smtp``.
            limit: How many at most, up to 1,000.
            lease_seconds: How long the lease is, up to a day. Sending must be over by then.

        Returns:
            The batch; ``None`` if nothing is due, or the provider has asked to wait.
        """
        self._require_secret()
        check_worker(worker, lease_seconds, limit, provider)
        arguments = {"worker": worker, "provider": provider, "mail_limit": limit, "lease_seconds": lease_seconds}
        # A second attempt would claim others; those of a lost reply become due again when their lease ends.
        reply = await self._engine.send(_query.rpc("claim_mails", arguments, repeatable=False))
        return parse_optional(MailBatch, reply)

    @async_call
    async def begin(
        self,
        batch_id: Id,
        *,
        worker: str,
        contents: Mapping[UUID, Mapping[str, Any] | None] | Mapping[str, Mapping[str, Any] | None],
        lease_seconds: int = 120,
    ) -> list[MailToSend]:
        """Report that emails of a batch are about to be sent. Send only those that this returns.

        When it raises, send nothing: if the error is uncertain, the emails come back as ``UNCERTAIN``.

        Args:
            batch_id: `MailBatch.id`.
            worker: The worker that claimed it.
            contents: The content of each email, by its id, in a format of your own that suffices to repeat the request;
                ``None`` for newsletters, whose content is stored already.
            lease_seconds: How long the lease is from now on.

        Returns:
            The emails to send, in order, with their addresses. Those whose recipients have unsubscribed or left the
            space meanwhile are left out. Empty if the worker does not have the batch any more, or the provider is
            paused.
        """
        self._require_secret()
        check_worker(worker, lease_seconds)
        arguments = {
            "worker": worker,
            "batch_id": as_uuid(batch_id, "batch_id"),
            "contents": {str(as_uuid(mail, "contents")): content for mail, content in contents.items()},
            "lease_seconds": lease_seconds,
        }
        # A second attempt would find them begun, and return none of them.
        return await self._rpc_rows(MailToSend, "begin_mails", arguments, repeatable=False)

    @async_call
    async def settle(
        self,
        batch_id: Id,
        *,
        worker: str,
        results: Sequence[MailResult],
        pause_seconds: float = 0.0,
        is_end: bool = True,
        max_attempts: int = 12,
    ) -> bool | None:
        """Report the results of emails. Doing so again changes nothing.

        Args:
            batch_id: `MailBatch.id`.
            worker: The worker that claimed it.
            results: The result of each email that was begun.
            pause_seconds: How long no worker is to use the provider, because it asked for that: up to a day.
            is_end: Whether the worker has finished the batch. Emails that it did not begin can then be claimed by
                others, and uncertain ones come back after 90 seconds at the earliest.
            max_attempts: After how many attempts an email is given up, up to 1,000.

        Returns:
            Whether the worker still had the batch, so that the results count; otherwise its lease had ended and another
            worker had claimed it. ``None`` if no reply came to an earlier attempt, which may have settled it.

        Raises:
            InvalidValueError: The pause or the number of attempts is out of range; nothing is settled.
        """
        self._require_secret()
        check_pause(pause_seconds)
        arguments = {
            "worker": worker,
            "batch_id": as_uuid(batch_id, "batch_id"),
            "results": list(results),
            "pause_seconds": pause_seconds,
            "is_end": is_end,
            "max_attempts": max_attempts,
        }
        reply = await self._engine.send(_query.rpc("settle_mails", arguments))
        counted = parse(bool, reply)
        return None if reply.uncertain and not counted else counted

    @async_call
    async def newsletter(self, newsletter_id: Id) -> dict[str, Any] | None:
        """Return the stored content of a newsletter's emails; ``None`` before it is stored.

        Args:
            newsletter_id: The newsletter.
        """
        self._require_secret()
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        reply = await self._engine.send(_query.rpc("newsletter_mail", arguments))
        return parse_optional(dict[str, Any], reply)

    @async_call
    async def save_newsletter(self, newsletter_id: Id, content: Mapping[str, Any]) -> None:
        """Store the content of a published newsletter's emails; from then on they are due. It is stored only once.

        Args:
            newsletter_id: The newsletter.
            content: The content, in a format of your own. If `deliver` sends some of the emails, let `deliver` render
                it.

        Raises:
            InvalidValueError: The content is empty.
            NewsletterNotFoundError: No such published newsletter, or somebody was removed from it since it was rendered
                (``redacted_at`` in the content): render it again.
        """
        self._require_secret()
        newsletter = as_uuid(newsletter_id, "newsletter_id")
        if not content:
            raise InvalidValueError("content is empty.", detail="content", hint="Pass the content of the emails.")
        arguments = {"newsletter_id": newsletter, "content": dict(content)}
        await self._engine.send(_query.rpc("save_newsletter_mail", arguments, has_result=False))
        # The function ignores content that it cannot store, so that a sender goes on with other newsletters.
        if await self.newsletter(newsletter) is None:
            raise NewsletterNotFoundError(
                "No such published newsletter, or somebody was removed from it since it was rendered.",
                hint="If it is published, render it again.",
            )

    @async_call
    async def record_event(
        self, *, provider_id: str, event: MailEvent, address: str, detail: str | None = None
    ) -> None:
        """Record what a provider reported after it had accepted an email. Doing so again changes nothing.

        Args:
            provider_id: `MailResult.provider_id`.
            event: What happened. It decides whether the address gets more email, see `MailEvent`.
            address: The recipient's address.
            detail: The provider's message; up to 500 characters are stored, without addresses.
        """
        self._require_secret()
        arguments = {"provider_id": provider_id, "event": event, "address": address, "detail": detail}
        await self._engine.send(_query.rpc("record_mail_event", arguments, has_result=False))

    @async_call
    async def subscription(self, token: str) -> EmailSubscription | None:
        """Return the subscription that the token of an unsubscribe link belongs to; ``None`` if the token is unknown.

        Args:
            token: `MailToSend.token`.
        """
        self._require_secret()
        rows = await self._rpc_rows(EmailSubscription, "email_subscription", {"token": token})
        return rows[0] if rows else None

    @async_call
    async def unsubscribe(self, token: str, *, scope: UnsubscribeScope) -> bool:
        """Unsubscribe a person from emails. Doing so again changes nothing.

        Args:
            token: `MailToSend.token`, from a link in one of their emails.
            scope: ``space`` for those from the space of the email (all, if it was about no space), ``reminders`` for
                reminders of questions, ``everything`` for all.

        Returns:
            Whether the token is known.

        Raises:
            InvalidValueError: No such scope.
        """
        self._require_secret()
        return await self._rpc(bool, "unsubscribe", {"token": token, "scope": scope})

    @async_call
    async def resubscribe(self, token: str) -> bool:
        """Undo the last `unsubscribe` with the same token, within an hour.

        Later decisions of the person stay: in their settings, with another link, or by `settings.set_space_emails`.

        Args:
            token: `MailToSend.token`, from a link in one of their emails.

        Returns:
            Whether there was something to undo.
        """
        self._require_secret()
        return await self._rpc(bool, "resubscribe", {"token": token})
