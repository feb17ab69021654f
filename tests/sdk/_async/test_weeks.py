"""Prompts, responses and newsletters."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monogram_sdk import Music, errors
from tests.sdk.support import PNG

from .conftest import AsyncClub, AsyncPeople
from .faults import AsyncFaults


async def test_the_curator_writes_orders_and_publishes(club: AsyncClub) -> None:
    second, third = await club.leader.prompts.create_many(club.space.id, ["And then?", "And now?"])
    assert (second.order, third.order, second.is_published) == (2, 3, False)
    with pytest.raises(errors.OrderTakenError):
        await club.leader.prompts.create(club.space.id, question="Me too", order=2)
    with pytest.raises(errors.InvalidValueError, match="question"):
        await club.leader.prompts.create(club.space.id, question=" ")
    with pytest.raises(errors.InvalidValueError, match="must be a list"):
        await club.leader.prompts.create_many(club.space.id, "One")
    assert (await club.leader.prompts.update(second.id, question="And after that?")).question == "And after that?"
    reordered = await club.leader.prompts.reorder(club.space.id, [third.id, club.prompt.id, second.id])
    assert [prompt.id for prompt in reordered] == [third.id, club.prompt.id, second.id]
    assert [prompt.id for prompt in await club.member.prompts.list(club.space.id).all()] == [club.prompt.id]
    with pytest.raises(errors.PromptNotFoundError):
        await club.member.prompts.get(second.id)
    assert (await club.leader.prompts.publish_one(second.id)).is_published
    assert (await club.member.prompts.get(second.id)).id == second.id
    await club.leader.prompts.delete(third.id)
    with pytest.raises(errors.PromptNotFoundError):
        await club.leader.prompts.delete(third.id)
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.prompts.create(club.space.id, question="May I?")
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.prompts.delete(second.id)
    with pytest.raises(errors.WeekFullError):
        await club.leader.prompts.create_many(club.space.id, ["Another"] * 9)


async def test_a_draft_is_its_authors_alone_until_it_is_published(club: AsyncClub) -> None:
    draft = await club.member.responses.draft(club.prompt.id)
    assert await club.leader.responses.list(club.space.id).all() == []
    mine_alone = club.member.responses.list(
        club.space.id, week_number=1, prompt_id=club.prompt.id, user_id=draft.user_id, selected=False
    )
    assert [response.id for response in await mine_alone.all()] == [draft.id]
    assert await club.member.responses.list(club.space.id, selected=True).all() == []
    with pytest.raises(errors.ResponseEmptyError):
        await club.member.responses.publish(draft.id)
    edited = await club.member.responses.edit(
        draft.id, content="Dune", music=Music(url="https://m.example/1", title="T")
    )
    assert edited.music is not None and edited.music.title == "T"
    published = await club.member.responses.publish(draft.id)
    assert published.is_published and published.published_at is not None
    assert [response.id for response in await club.leader.responses.list(club.space.id).all()] == [draft.id]
    mine = await club.member.responses.mine(club.prompt.id)
    assert mine is not None and mine.id == draft.id
    assert await club.leader.responses.mine(club.prompt.id) is None
    with pytest.raises(errors.ResponseExistsError):
        await club.member.responses.submit(club.prompt.id, content="Again")
    with pytest.raises(errors.PermissionDeniedError):
        await club.leader.responses.edit(draft.id, content="Mine now")
    with pytest.raises(errors.PromptAnsweredError):
        await club.leader.prompts.delete(club.prompt.id)


async def test_images_come_and_go_with_their_response(club: AsyncClub) -> None:
    with pytest.raises(errors.CaptionWithoutImageError):
        await club.member.responses.submit(club.prompt.id, content="Words", image_caption="A cat")
    response = await club.member.responses.submit(club.prompt.id, image=PNG, image_caption="A cat")
    first = response.image_path
    assert first is not None
    url = await club.leader.responses.image_url(first)
    assert first.rsplit("/", 1)[1] in url
    with pytest.raises(errors.NotFoundError):
        await club.stranger.responses.image_url(first)
    assert await club.leader.responses.image_urls([]) == {}
    changed = await club.member.responses.edit(response.id, image=PNG)
    second = changed.image_path
    assert changed.image_caption == "A cat", "it stays with what takes the image's place"
    assert (await club.member.responses.edit(response.id, image_caption="Her cat")).image_caption == "Her cat"
    with pytest.raises(errors.CaptionWithoutImageError):
        await club.member.responses.edit(response.id, image=None, content="Words", image_caption="No cat")
    assert second is not None and second != first
    assert set(await club.leader.responses.image_urls([first, second])) == {second}
    with pytest.raises(errors.ResponseEmptyError):
        await club.member.responses.edit(response.id, image=None)
    changed = await club.member.responses.edit(response.id, image=None, content="Words")
    assert (changed.image_path, changed.image_caption) == (None, None)
    await club.member.responses.edit(response.id, image=PNG)
    await club.member.responses.delete(response.id)
    with pytest.raises(errors.ResponseNotFoundError):
        await club.member.responses.delete(response.id)


async def test_many_images_get_their_addresses_in_few_requests(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    club = await people.club(faults=faults)
    response = await club.member.responses.submit(club.prompt.id, image=PNG)
    assert response.image_path is not None
    faults.then()
    paths = [f"{club.space.id}/{number}.png" for number in range(1000)]
    assert set(await club.member.responses.image_urls([*paths, response.image_path])) == {response.image_path}
    assert faults.paths == ["/storage/v1/object/sign/responses"] * 2
    with pytest.raises(errors.InvalidValueError, match="seconds"):
        await club.member.responses.image_urls(paths, seconds=0)


async def test_a_refused_response_leaves_no_file_behind(club: AsyncClub, people: AsyncPeople) -> None:
    await club.member.responses.submit(club.prompt.id, content="First")
    with pytest.raises(errors.ResponseExistsError):
        await club.member.responses.submit(club.prompt.id, content="Second", image=PNG)
    me = (await club.member.profiles.get()).id
    storage = people.service().responses._files._storage
    assert await storage.from_("responses").list(f"{club.space.id}/{me}") == []


async def test_a_file_that_cannot_be_deleted_again_is_named(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    club = await people.club(faults=faults)
    await club.member.responses.submit(club.prompt.id, content="First")
    # Reading the prompt, uploading the image, inserting the response, checking whether it is ours, deleting the image.
    faults.then("ok", "ok", "ok", "ok", *["unsent"] * 4)
    with pytest.raises(errors.ResponseExistsError) as caught:
        await club.member.responses.submit(club.prompt.id, content="Second", image=PNG)
    assert [note.split(":")[0].split(".")[-1] for note in caught.value.__notes__] == ["png could not be deleted"]


async def test_images_are_looked_at_before_anything_is_sent(club: AsyncClub) -> None:
    with pytest.raises(errors.InvalidImageError):
        await club.member.responses.submit(club.prompt.id, image=b"%PDF-1.7")
    with pytest.raises(errors.FileTooLargeError, match="10 MB"):
        await club.member.responses.submit(club.prompt.id, image=PNG[:8] + bytes(10 * 1024 * 1024))
    with pytest.raises(errors.InvalidValueError, match="cannot be read"):
        await club.member.responses.submit(club.prompt.id, image="/no/such/file.png")
    with pytest.raises(errors.InvalidValueError, match="URL of the music"):
        await club.member.responses.submit(club.prompt.id, music="javascript:alert(1)")
    assert await club.member.responses.mine(club.prompt.id) is None


async def test_a_newsletter_is_made_changed_and_published_once(club: AsyncClub, people: AsyncPeople) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="Dune")
    with pytest.raises(errors.NothingSelectedError):
        await club.leader.newsletters.generate(club.space.id)
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.responses.select(club.space.id, [response.id])
    with pytest.raises(errors.MonogramError):
        await club.leader.responses.select(club.space.id, [uuid4()])
    chosen = await club.leader.responses.select(club.space.id, [response.id], week_number=1)
    assert [one.id for one in chosen] == [response.id] and chosen[0].is_selected
    draft = await club.leader.newsletters.generate(club.space.id)
    draft = await club.leader.newsletters.update(draft.id, title="Our week", intro="Hello")
    assert (draft.title, draft.intro) == ("Our week", "Hello")
    assert await people.nobody().newsletters.for_week(club.space.id, 1) is None
    with pytest.raises(errors.NewsletterNotFoundError):
        await club.member.newsletters.publish(draft.id)
    first = await club.leader.newsletters.publish(draft.id)
    again = await club.leader.newsletters.publish(draft.id)
    assert first == again
    assert (await club.leader.spaces.get(club.space.id)).current_week == 2
    found = await people.nobody().newsletters.for_week(club.space.id, 1)
    assert found is not None and found.title == "Our week"
    assert [one.id for one in await club.member.newsletters.list(club.space.id, published=True).all()] == [draft.id]
    with pytest.raises(errors.NewsletterPublishedError):
        await club.leader.newsletters.update(draft.id, title="Too late")
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.newsletters.delete(draft.id)
    with pytest.raises(errors.WeekClosedError):
        await club.member.responses.edit(response.id, content="Too late")


async def test_a_draft_newsletter_can_be_deleted(club: AsyncClub) -> None:
    draft = await club.leader.newsletters.generate(club.space.id)
    await club.leader.newsletters.delete(draft.id)
    with pytest.raises(errors.NewsletterNotFoundError):
        await club.leader.newsletters.get(draft.id)


async def test_images_tell_nothing_but_the_picture(club: AsyncClub) -> None:
    private = PNG[:33] + bytes.fromhex("0000000e74455874") + b"Comment\0Lisbon" + bytes(4) + PNG[33:]
    response = await club.member.responses.submit(club.prompt.id, image=private)
    assert response.image_path is not None
    assert await club.leader.responses.image_bytes(response.image_path) == PNG


async def test_a_file_stays_if_an_attempt_without_a_reply_may_have_used_it(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    club = await people.club(faults=faults)
    response = await club.member.responses.submit(club.prompt.id, content="Here")
    # Reading the response, uploading the image, changing the response; then a proxy refuses.
    faults.then("ok", "ok", "lost", 403)
    with pytest.raises(errors.PermissionDeniedError) as caught:
        await club.member.responses.edit(response.id, image=PNG)
    assert caught.value.uncertain
    changed = await club.member.responses.get(response.id)
    assert changed.image_path is not None
    assert await club.leader.responses.image_bytes(changed.image_path) == PNG
