"""Sending emails with a program of one's own: from the claim to what became of them."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monogram_sdk import AsyncMonogram, errors
from monogram_sdk.models import MailBatch, MailEvent, MailFault, MailOutcome, MailResult, MailState, QueuedMail
from tests.sdk.support import AsyncThunk

from .conftest import AsyncClub, AsyncPeople
from .faults import AsyncFaults

CONTENT = {"subject": "Week 1", "html": "<p>Dune</p>", "text": "Dune"}


async def publish(club: AsyncClub, service: AsyncMonogram) -> UUID:
    """Bring a newsletter out, and keep what its emails say."""
    draft = await club.leader.newsletters.generate(club.space.id)
    newsletter = await club.leader.newsletters.publish(draft.id)
    assert await service.mails.newsletter(newsletter.id) is None
    with pytest.raises(errors.NewsletterNotFoundError, match="No such published newsletter"):
        await service.mails.save_newsletter(uuid4(), CONTENT)
    await service.mails.save_newsletter(newsletter.id, CONTENT)
    assert await service.mails.newsletter(newsletter.id) == CONTENT
    return newsletter.id


async def claim(service: AsyncMonogram, worker: str, newsletter: UUID) -> MailBatch:
    """Take all that is due, until a newsletter's emails are among it: what other tests began comes first."""
    while True:
        batch = await service.mails.claim(worker, provider=f"provider of {worker}", limit=1000)
        assert batch is not None
        if of_letter(batch, newsletter):
            return batch


def of_letter(batch: MailBatch, newsletter: UUID) -> dict[str, QueuedMail]:
    """Return the emails of a newsletter, by name."""
    return {mail.display_name or "": mail for mail in batch.mails if mail.newsletter_id == newsletter}


async def states(club: AsyncClub, newsletter: UUID) -> dict[str, MailState]:
    """Return where the emails of a newsletter stand, by name."""
    return {row.display_name: row.state async for row in club.leader.newsletters.delivery(newsletter)}


async def test_from_the_claim_to_what_became_of_it(people: AsyncPeople) -> None:
    club, service, worker = await people.club(), people.service(), f"worker {uuid4()}"
    newsletter = await publish(club, service)
    batch = await claim(service, worker, newsletter)
    mails = of_letter(batch, newsletter)
    assert {mail.state for mail in mails.values()} == {MailState.QUEUED}
    assert {mail.space_name for mail in mails.values()} == {club.space.name}
    assert (batch.tried_at, mails["Ada"].email, mails["Ada"].attempts) == (None, None, 0)

    begun = await service.mails.begin(batch.id, worker=worker, contents={mails[name].id: None for name in mails})
    addresses = {mail.id: mail.email for mail in begun}
    leader, member = await club.leader.auth.user(), await club.member.auth.user()
    assert addresses == {mails["Ada"].id: leader.email, mails["Boris"].id: member.email}
    assert await states(club, newsletter) == {"Ada": MailState.SENDING, "Boris": MailState.SENDING}
    assert await service.mails.begin(batch.id, worker="somebody else", contents={mails["Ada"].id: None}) == []

    name = f"provider's {uuid4()}"
    results = [
        MailResult(id=mails["Ada"].id, outcome=MailOutcome.SENT, provider_id=name),
        MailResult(id=mails["Boris"].id, outcome=MailOutcome.REJECTED, error="no such mailbox", suppress=True),
    ]
    assert await service.mails.settle(batch.id, worker="somebody else", results=results) is False
    assert await service.mails.settle(batch.id, worker=worker, results=results) is True
    assert await states(club, newsletter) == {"Ada": MailState.SENT, "Boris": MailState.FAILED}
    suppressed = {entry.address: entry.detail async for entry in service.admin.suppressions()}
    assert suppressed[member.email or ""] == "no such mailbox" and leader.email not in suppressed

    for _ in range(2):
        await service.mails.record_event(
            provider_id=name, event=MailEvent.BOUNCED, address=leader.email or "", detail="mailbox full"
        )
    assert await states(club, newsletter) == {"Ada": MailState.FAILED, "Boris": MailState.FAILED}
    assert leader.email in {entry.address async for entry in service.admin.suppressions()}


async def test_whoever_takes_over_knows_what_may_be_out(people: AsyncPeople) -> None:
    club, service, dead, heir = await people.club(), people.service(), f"worker {uuid4()}", f"worker {uuid4()}"
    newsletter = await publish(club, service)
    batch = await claim(service, dead, newsletter)
    mails = of_letter(batch, newsletter)
    begun = await service.mails.begin(batch.id, worker=dead, contents={mails["Ada"].id: None}, lease_seconds=0)
    again = await claim(service, heir, newsletter)
    assert again.id == batch.id and again.provider == batch.provider and again.tried_at is not None
    taken = of_letter(again, newsletter)
    assert (taken["Ada"].state, taken["Boris"].state) == (MailState.UNCERTAIN, MailState.QUEUED)
    assert (taken["Ada"].email, taken["Ada"].token) == (begun[0].email, begun[0].token)
    late = [MailResult(id=mails["Ada"].id, outcome=MailOutcome.REJECTED)]
    assert await service.mails.settle(batch.id, worker=dead, results=late) is False
    found = [MailResult(id=mails["Ada"].id, outcome=MailOutcome.SENT)]
    assert await service.mails.settle(again.id, worker=heir, results=found) is True
    assert await states(club, newsletter) == {"Ada": MailState.SENT, "Boris": MailState.QUEUED}


async def test_what_the_operator_has_to_mend_stops_a_provider_until_it_is_mended(people: AsyncPeople) -> None:
    club, service, worker = await people.club(), people.service(), f"worker {uuid4()}"
    newsletter = await publish(club, service)
    batch = await claim(service, worker, newsletter)
    mails = of_letter(batch, newsletter)
    await service.mails.begin(batch.id, worker=worker, contents={mail.id: None for mail in mails.values()})
    results = [
        MailResult(
            id=mail.id, outcome=MailOutcome.RETRY, error=f"530 <{name}@example.test> sign in", uncounted=True,
            fault=MailFault.SENDER,
        )
        for name, mail in mails.items()
    ]  # fmt: skip
    assert await service.mails.settle(batch.id, worker=worker, results=results, pause_seconds=60) is True
    # Both addresses are of one domain, which counts once.
    (state,) = [one for one in await service.admin.mail_state() if one.provider == batch.provider]
    assert (state.fault, state.reason, state.refusals) == (MailFault.SENDER, "530 <address> sign in", 1)
    assert state.since is not None and state.paused_until > state.since
    assert await service.mails.claim(worker, provider=batch.provider) is None
    rows = [row async for row in club.leader.newsletters.delivery(newsletter)]
    assert {(row.state, row.last_error) for row in rows} == {
        (MailState.QUEUED, "Sending has stopped until the operator has fixed something. Nothing is lost.")
    }
    assert await service.admin.resume_mail(batch.provider) is True
    assert await service.admin.resume_mail(batch.provider) is False
    assert len(of_letter(await claim(service, worker, newsletter), newsletter)) == 2


async def test_a_provider_that_wants_a_pause_gets_it(people: AsyncPeople) -> None:
    club, service, worker = await people.club(), people.service(), f"worker {uuid4()}"
    newsletter = await publish(club, service)
    batch = await claim(service, worker, newsletter)
    mails = of_letter(batch, newsletter)
    contents = {str(mail.id): None for mail in mails.values()}
    await service.mails.begin(batch.id, worker=worker, contents=contents)
    results = [
        MailResult(id=mails["Ada"].id, outcome=MailOutcome.RETRY, error="429", uncounted=True),
        MailResult(id=mails["Boris"].id, outcome=MailOutcome.RETRY, error="421"),
    ]
    for pause in (-1.0, 86_401.0, float("nan"), float("inf")):
        with pytest.raises(errors.InvalidValueError, match="between 0 and 86400"):
            await service.mails.settle(batch.id, worker=worker, results=results, pause_seconds=pause)
    with pytest.raises(errors.InvalidValueError, match="max_attempts is 0 to 1000"):
        await service.mails.settle(batch.id, worker=worker, results=results, max_attempts=1001)
    held = await service.mails.settle(batch.id, worker=worker, results=results, pause_seconds=60, max_attempts=1)
    assert held is True
    assert await states(club, newsletter) == {"Ada": MailState.QUEUED, "Boris": MailState.FAILED}
    assert await service.mails.claim(worker, provider=batch.provider) is None


async def test_a_secret_key_says_whose_link_it_withdraws(people: AsyncPeople) -> None:
    club, service = await people.club(), people.service()
    newsletter = await publish(club, service)
    with pytest.raises(errors.InvalidValueError, match="user_id names whose link it is") as caught:
        await service.newsletters.withdraw_link(newsletter)
    assert caught.value.detail == "user_id"
    await service.newsletters.withdraw_link(newsletter, user_id=(await club.member.auth.user()).id)
    with pytest.raises(errors.NotAMemberError):
        await service.newsletters.withdraw_link(newsletter, user_id=uuid4())


async def test_its_reader_stops_it_by_the_token(people: AsyncPeople) -> None:
    club, service, worker = await people.club(), people.service(), f"worker {uuid4()}"
    newsletter = await publish(club, service)
    batch = await claim(service, worker, newsletter)
    boris = of_letter(batch, newsletter)["Boris"]
    (begun,) = await service.mails.begin(batch.id, worker=worker, contents={boris.id: None})
    await service.mails.settle(batch.id, worker=worker, results=[MailResult(id=boris.id, outcome=MailOutcome.SENT)])
    subscription = await service.mails.subscription(begun.token)
    assert subscription is not None
    assert (subscription.space_id, subscription.space_name) == (club.space.id, club.space.name)
    assert subscription.space_emails and subscription.email_newsletters
    for _ in range(2):
        assert await service.mails.unsubscribe(begun.token, scope="space") is True
    assert await club.member.settings.space_emails(club.space.id) is False
    assert (await club.member.settings.get()).email_newsletters is True
    assert await service.mails.unsubscribe(begun.token, scope="everything") is True
    assert (await club.member.settings.get()).email_newsletters is False
    assert await service.mails.resubscribe(begun.token) is True
    assert (await club.member.settings.get()).email_newsletters is True
    assert await service.mails.resubscribe(begun.token) is False
    assert await service.mails.subscription("nobody's") is None
    assert await service.mails.unsubscribe("nobody's", scope="space") is False
    with pytest.raises(errors.InvalidValueError, match="scope"):
        await service.mails.unsubscribe(begun.token, scope="one")  # type: ignore[arg-type]


async def test_lost_replies_send_nothing_twice_and_lose_nothing(people: AsyncPeople) -> None:
    club, plain, worker = await people.club(), people.service(), f"worker {uuid4()}"
    api, faults = people.api, AsyncFaults()
    async with AsyncMonogram.admin_client(url=api.url, key=api.secret_key, transport=faults) as service:
        draft = await club.leader.newsletters.generate(club.space.id)
        newsletter = (await club.leader.newsletters.publish(draft.id)).id
        faults.then("lost")
        await service.mails.save_newsletter(newsletter, CONTENT)
        await service.mails.save_newsletter(newsletter, {"subject": "Another"})
        assert await service.mails.newsletter(newsletter) == CONTENT

        faults.then("lost")
        with pytest.raises(errors.ConnectionFailedError) as claiming:
            await service.mails.claim(worker, provider="lost", limit=1000, lease_seconds=0)
        assert claiming.value.uncertain and len(faults.paths) == 1
        batch = await claim(plain, worker, newsletter)
        assert batch.provider == "lost", "the lease of the lost one is over"
        ada = of_letter(batch, newsletter)["Ada"]

        faults.then("lost")
        with pytest.raises(errors.ConnectionFailedError) as beginning:
            await service.mails.begin(batch.id, worker=worker, contents={ada.id: None})
        assert beginning.value.uncertain and len(faults.paths) == 1

        results = [MailResult(id=ada.id, outcome=MailOutcome.SENT)]
        faults.then("lost")
        assert await service.mails.settle(batch.id, worker=worker, results=results, is_end=False) is True
        faults.then("lost")
        assert await service.mails.settle(batch.id, worker=worker, results=results) is None, "it may have been this"
        assert await states(club, newsletter) == {"Ada": MailState.SENT, "Boris": MailState.QUEUED}
    await faults.aclose()


async def test_only_services_send(people: AsyncPeople) -> None:
    ada, some_id = await people.sign_up("Ada"), uuid4()
    calls: list[AsyncThunk[object]] = [
        lambda: ada.mails.claim("w", provider="smtp"),
        lambda: ada.mails.begin(some_id, worker="w", contents={}),
        lambda: ada.mails.settle(some_id, worker="w", results=[]),
        lambda: ada.mails.newsletter(some_id),
        lambda: ada.mails.save_newsletter(some_id, {}),
        lambda: ada.mails.record_event(provider_id="x", event=MailEvent.BOUNCED, address="a@example.com"),
        lambda: ada.mails.subscription("x"),
        lambda: ada.mails.unsubscribe("x", scope="space"),
        lambda: ada.mails.resubscribe("x"),
    ]
    for call in calls:
        with pytest.raises(errors.SecretKeyRequiredError):
            await call()
