"""`client.mails`: sending emails with a program of one's own."""

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
    """Emails, for a sender of one's own; the edge function `deliver` is the usual one. Needs a secret key.

    A worker claims a batch, begins it, sends, and settles what became of it. Each step is committed before the next, so
    whoever takes over from a worker that died knows which emails may be out: they come as ``UNCERTAIN``, with the same
    batch, address and content. Ask the provider about those, or repeat the request under the batch's id.
    """

    @async_call
    async def claim(
        self, worker: str, *, provider: str, limit: int = 100, lease_seconds: int = 120
    ) -> MailBatch | None:
        """Take emails that are due, or a batch whose worker did not settle it. Nobody else gets it during the lease.

        Newsletters are due once `save_newsletter` has kept what they say.

        Args:
            worker: The worker's name, one for each process; the same for `begin` and `settle`.
            provider: Through whom they are to be sent, such as ``smtp``.
            limit: How many at most, up to 1,000.
            lease_seconds: For how long, up to a day. Sending must be over by then.

        Returns:
            ``None`` where nothing is due, or the provider asked us to wait.
        """
        self._require_secret()
        check_worker(worker, lease_seconds, limit, provider)
        arguments = {"worker": worker, "provider": provider, "mail_limit": limit, "lease_seconds": lease_seconds}
        # A second attempt would take others; those of a lost answer come back when their lease ends.
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
        """Say that emails of a batch are about to be sent. Send only what this answers.

        When it raises, send nothing: if the error is uncertain, the emails come back as ``UNCERTAIN``.

        Args:
            batch_id: `MailBatch.id`.
            worker: Who claimed it.
            contents: What each email says, by its id, in a form of your own that holds all that a repeated request
                needs; ``None`` for newsletters, whose content is kept already.
            lease_seconds: For how long the batch stays this worker's from now on.

        Returns:
            The emails to send, in order, with their addresses: without those whose readers want none by now or have
            left the space, and none at all if the batch is not this worker's any more, or the provider is paused.
        """
        self._require_secret()
        check_worker(worker, lease_seconds)
        arguments = {
            "worker": worker,
            "batch_id": as_uuid(batch_id, "batch_id"),
            "contents": {str(as_uuid(mail, "contents")): content for mail, content in contents.items()},
            "lease_seconds": lease_seconds,
        }
        # A second attempt would find them begun, and answer none of them.
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
        """Say what became of emails. Saying so again changes nothing.

        Args:
            batch_id: `MailBatch.id`.
            worker: Who claimed it.
            results: What became of each that was begun.
            pause_seconds: For how long no worker is to use the provider, because it asked for that: up to a day.
            is_end: Whether the worker is through with the batch: what it did not begin becomes anybody's, and what is
                uncertain comes back after a minute and a half at the earliest.
            max_attempts: After how many attempts an email is given up, up to 1,000.

        Returns:
            Whether the batch was still this worker's, so that the results count; otherwise its lease had ended and
            somebody else had taken it. ``None`` if an earlier attempt went unanswered and may have settled it.

        Raises:
            InvalidValueError: The pause, or the number of attempts, is out of bounds: nothing is settled.
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
        held = parse(bool, reply)
        return None if reply.uncertain and not held else held

    @async_call
    async def newsletter(self, newsletter_id: Id) -> dict[str, Any] | None:
        """Return what the emails of a newsletter say, as it was saved; ``None`` before.

        Args:
            newsletter_id: The newsletter.
        """
        self._require_secret()
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        reply = await self._engine.send(_query.rpc("newsletter_mail", arguments))
        return parse_optional(dict[str, Any], reply)

    @async_call
    async def save_newsletter(self, newsletter_id: Id, content: Mapping[str, Any]) -> None:
        """Keep what the emails of a published newsletter say; from then on they are due. What was saved first stays.

        Args:
            newsletter_id: The newsletter.
            content: It, in a form of your own. If `deliver` is to send some of them too, let `deliver` render it.

        Raises:
            InvalidValueError: There is nothing in it: its emails would be due, and say nothing.
            NewsletterNotFoundError: There is no such published newsletter, or somebody was taken out of it since it was
                rendered (``redacted_at`` in the content): render it again.
        """
        self._require_secret()
        newsletter = as_uuid(newsletter_id, "newsletter_id")
        if not content:
            raise InvalidValueError("content is empty.", detail="content", hint="Give what the emails say.")
        arguments = {"newsletter_id": newsletter, "content": dict(content)}
        await self._engine.send(_query.rpc("save_newsletter_mail", arguments, answers=False))
        # What cannot be kept is passed over there, for a sender that goes on with other newsletters.
        if await self.newsletter(newsletter) is None:
            raise NewsletterNotFoundError(
                "There is no such published newsletter, or somebody was taken out of it since it was rendered."
            )

    @async_call
    async def record_event(
        self, *, provider_id: str, event: MailEvent, address: str, detail: str | None = None
    ) -> None:
        """Record what a provider told later. Doing so again changes nothing.

        Args:
            provider_id: `MailResult.provider_id`.
            event: What happened: whether the address gets more email depends on it, see `MailEvent`.
            address: Whose address it was.
            detail: What the provider said; up to 500 characters are kept, without addresses.
        """
        self._require_secret()
        arguments = {"provider_id": provider_id, "event": event, "address": address, "detail": detail}
        await self._engine.send(_query.rpc("record_mail_event", arguments, answers=False))

    @async_call
    async def subscription(self, token: str) -> EmailSubscription | None:
        """Return what the token of a link to unsubscribe stands for; ``None`` if nobody has it.

        Args:
            token: `MailToSend.token`.
        """
        self._require_secret()
        rows = await self._rpc_rows(EmailSubscription, "email_subscription", {"token": token})
        return rows[0] if rows else None

    @async_call
    async def unsubscribe(self, token: str, *, scope: UnsubscribeScope) -> bool:
        """Stop a person's emails. Doing so again changes nothing.

        Args:
            token: `MailToSend.token`, from a link in one of them.
            scope: ``space`` stops those from the space that the email was about (all, if it was about none),
                ``reminders`` those that remind of questions, ``everything`` all.

        Returns:
            Whether somebody has this token.

        Raises:
            InvalidValueError: There is no such scope.
        """
        self._require_secret()
        return await self._rpc(bool, "unsubscribe", {"token": token, "scope": scope})

    @async_call
    async def resubscribe(self, token: str) -> bool:
        """Undo what `unsubscribe` last did by the same token, for an hour.

        What the person decided since is not undone: in their settings, by another link, or by
        `settings.set_space_emails`.

        Args:
            token: `MailToSend.token`, from a link in one of their emails.

        Returns:
            Whether there was something to undo.
        """
        self._require_secret()
        return await self._rpc(bool, "resubscribe", {"token": token})
