"""A space's first weeks, by the calls that the documentation shows."""

from __future__ import annotations

from pathlib import Path

from monogram_sdk.models import TransactionType
from tests.sdk.support import PNG

from .conftest import AsyncPeople


async def test_five_people_found_a_space_and_publish_a_newsletter(people: AsyncPeople, tmp_path: Path) -> None:
    cover = tmp_path / "cover.jpg"
    cover.write_bytes(PNG)
    ada = await people.sign_up("Ada")
    space = await ada.spaces.create(name="Test Book Club")
    invite = await ada.spaces.create_invite(space.id, max_uses=4)
    others = [await people.sign_up(name) for name in ("Boris", "Chloe", "Dmitri", "Eleni")]
    for person in others:
        membership = await person.spaces.join(invite_code=invite.code)
        assert membership.space_id == space.id
    names = [member.display_name for member in await ada.spaces.members(space.id).all()]
    assert names == ["Ada", "Boris", "Chloe", "Dmitri", "Eleni"]

    prompt = await ada.prompts.create(space.id, question="What did you read?", order=1)
    assert [published.id for published in await ada.prompts.publish(space.id)] == [prompt.id]
    music = "https://music.example/track/1"
    responses = [
        await person.responses.submit(prompt.id, content=f"Book {number}", image=cover, music=music)
        for number, person in enumerate(others)
    ]
    assert responses[0].music is not None and responses[0].music.url == music
    image_path = responses[0].image_path
    assert image_path is not None and image_path.endswith(".png"), "the contents count, not the file's name"
    assert await ada.responses.image_bytes(image_path) == PNG

    await ada.responses.select(space.id, [response.id for response in responses[:3]])
    newsletter = await ada.newsletters.generate(space.id)
    newsletter = await ada.newsletters.publish(newsletter.id)
    assert newsletter.is_published
    assert [entry.content for entry in newsletter.content.prompts[0].responses] == ["Book 0", "Book 1", "Book 2"]
    assert (await people.nobody().newsletters.get(newsletter.id)).id == newsletter.id, "it is public"

    week = await ada.spaces.week(space.id)
    assert week.week_number == 2 and week.is_open and week.curator is not None
    assert week.curator.display_name == "Boris", "who has waited longest holds the pen"
    first = await ada.spaces.week(space.id, week_number=1)
    assert not first.is_open
    assert [response.author.display_name for response in first.prompts[0].responses] == names[1:]
    assert first.newsletter is not None and first.newsletter.id == newsletter.id

    boris, chloe = others[0], others[1]
    boris_before, chloe_before = await boris.tokens.balance(), await chloe.tokens.balance()
    session = await chloe.auth.session()
    assert session is not None
    gift = await boris.tokens.gift(session.user.id, amount=20, message="thanks")
    assert await boris.tokens.balance() == boris_before - gift.amount
    assert await chloe.tokens.balance() == chloe_before + gift.amount
    assert [given.id for given in await boris.tokens.gifts_sent().all()] == [gift.id]
    assert [given.id for given in await chloe.tokens.gifts_received().all()] == [gift.id]

    item = await boris.store.items().first()
    assert item is not None
    purchase = await boris.store.purchase(item.id)
    assert purchase.price_paid == item.price
    statement = await boris.tokens.statement().all()
    assert [entry.type for entry in statement[:2]] == [TransactionType.SPEND_PURCHASE, TransactionType.SPEND_GIFT]
    assert statement[0].balance_after == await boris.tokens.balance() == sum(entry.amount for entry in statement)

    assert [earned.badge.code async for earned in boris.badges.earned()] == ["first_words"]
    board = await boris.tokens.leaderboard(space_id=space.id)
    assert {entry.display_name for entry in board} == set(names)
    assert board[0].rank == 1 and board[0].token_balance == max(entry.token_balance for entry in board)
