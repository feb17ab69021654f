"""Who gets the newsletter by email, who does not, and what a service does about email."""

from __future__ import annotations

import pytest

from monogram_sdk import errors
from monogram_sdk.models import MailState

from .conftest import AsyncPeople


async def test_a_leader_sees_how_far_the_emails_are(people: AsyncPeople) -> None:
    club = await people.club()
    member = club.member
    me = (await member.profiles.get()).id
    assert await member.settings.space_emails(club.space.id) is True
    assert await member.settings.set_space_emails(club.space.id, is_on=False) is False
    assert await member.settings.space_emails(club.space.id) is False
    draft = await club.leader.newsletters.generate(club.space.id)
    published = await club.leader.newsletters.publish(draft.id)
    recipients = {entry.user_id: entry async for entry in club.leader.newsletters.delivery(published.id)}
    assert recipients.pop(me).state is MailState.UNSUBSCRIBED
    assert recipients and {entry.state for entry in recipients.values()} == {MailState.QUEUED}
    with pytest.raises(errors.NewsletterNotFoundError):
        await member.newsletters.delivery(published.id).all()


async def test_reminders_have_a_switch(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    assert (await ada.settings.get()).email_reminders is True
    assert (await ada.settings.update(email_reminders=False)).email_reminders is False


async def test_a_service_keeps_the_list_of_addresses_that_get_no_mail(people: AsyncPeople) -> None:
    service, ada = people.service(), await people.sign_up("Ada")
    address = f"Gone.{(await ada.profiles.get()).id}@example.test"
    assert await service.admin.suppress_email(address, detail="Asked by phone") is True
    assert await service.admin.suppress_email(address) is False
    (entry,) = [entry async for entry in service.admin.suppressions() if entry.address == address.lower()]
    assert (entry.reason, entry.detail) == ("MANUAL", "Asked by phone")
    assert await service.admin.allow_email(address) is True
    assert await service.admin.allow_email(address) is False
    with pytest.raises(errors.InvalidValueError):
        await service.admin.suppress_email("")
    for call in (ada.admin.tick, ada.admin.replay_dead_letters):
        with pytest.raises(errors.SecretKeyRequiredError):
            await call()
    with pytest.raises(errors.SecretKeyRequiredError):
        ada.admin.dead_letters()


async def test_a_service_ticks_and_replays(people: AsyncPeople) -> None:
    service = people.service()
    assert set(await service.admin.tick()) <= {"badges", "ledger", "reminders", "streaks", "sweep"}
    assert await service.admin.replay_dead_letters(["no such key"]) == 0
    assert [letter async for letter in service.admin.dead_letters() if letter.key == "no such key"] == []
