"""What a member and an operator can check: earnings of the week, a proof of one's own, a newsletter somebody kept."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monogram_sdk import errors

from .conftest import AsyncPeople


async def test_what_the_week_has_paid(people: AsyncPeople) -> None:
    club = await people.club()
    prompt = await club.leader.prompts.create(club.space.id, question="What did you read?")
    await club.leader.prompts.publish(club.space.id)
    await club.leader.responses.submit(prompt.id, content="Middlemarch")
    earnings = {entry.code: entry for entry in await club.leader.tokens.weekly_earnings()}
    assert (earnings["response"].paid, earnings["response"].weekly_limit) == (1, 100)
    assert (earnings["curation"].paid, earnings["curation"].weekly_limit) == (1, 10)
    assert not any(entry.limit_reached or entry.withheld for entry in earnings.values())
    assert not any(line.limit_reached for line in await club.leader.tokens.statement().all())


async def test_a_newsletter_proves_the_ledger(people: AsyncPeople) -> None:
    club, service = await people.club(), people.service()
    draft = await club.leader.newsletters.generate(club.space.id)
    newsletter = await club.leader.newsletters.publish(draft.id)
    assert newsletter.code is not None and newsletter.ledger_root is not None
    proof = await club.leader.tokens.proof(newsletter.id)
    assert proof.is_valid() and (proof.code, proof.ledger_root) == (newsletter.code, newsletter.ledger_root)
    assert not proof.model_copy(update={"entries": proof.entries + 1}).is_valid()
    stranger = await people.sign_up("Sam")
    for newsletter_id in (newsletter.id, uuid4()):
        with pytest.raises(errors.ProofNotFoundError):
            await stranger.tokens.proof(newsletter_id)

    found = await service.admin.verify_newsletter(
        newsletter.code, newsletter_id=newsletter.id, ledger_root=newsletter.ledger_root
    )
    assert (found.status, found.newsletter_id, found.is_trustworthy) == ("INTACT", newsletter.id, True)
    unknown = await service.admin.verify_newsletter("00000-00000-00000-00000")
    assert (unknown.status, unknown.title, unknown.is_trustworthy) == ("UNKNOWN", None, False)
    with pytest.raises(errors.InvalidValueError):
        await service.admin.verify_newsletter("no code")
    with pytest.raises(errors.SecretKeyRequiredError):
        await club.leader.admin.verify_newsletter(newsletter.code)
    assert await service.admin.verify_ledger(complete=False).all() == []
