"""A newsletter as a page, as a PDF and as it will look, by the client."""

from __future__ import annotations

import pytest

from monogram_sdk import errors

from .conftest import AsyncClub

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_a_newsletter_in_all_its_forms(club: AsyncClub) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="A <b>bold</b> book, read by the radiator.")
    await club.leader.responses.select(club.space.id, [response.id])
    draft = await club.leader.newsletters.generate(club.space.id)
    preview = await club.leader.newsletters.preview(draft.id)
    assert "read by the radiator." in preview.page and "radiator" in preview.mail.model_dump_json()
    newsletter = await club.leader.newsletters.publish(draft.id)
    page = (await club.member.newsletters.html(newsletter.id)).decode()
    assert page.startswith("<!") and "read by the radiator." in page
    assert (await club.member.newsletters.pdf(newsletter.id)).startswith(b"%PDF-")
    assert await club.member.newsletters.pdf(newsletter.id, size="LETTER") != await club.member.newsletters.pdf(
        newsletter.id
    )


async def test_newsletters_of_others_and_paper_that_does_not_exist(club: AsyncClub) -> None:
    draft = await club.leader.newsletters.generate(club.space.id)
    for call in (
        lambda: club.stranger.newsletters.html(draft.id),
        lambda: club.stranger.newsletters.pdf(draft.id),
        lambda: club.leader.newsletters.preview(UNKNOWN),
    ):
        with pytest.raises(errors.NewsletterNotFoundError):
            await call()
    with pytest.raises(errors.InvalidValueError, match="size must be one of A4, LETTER, not 'A3'"):
        await club.leader.newsletters.pdf(draft.id, size="A3")  # type: ignore[arg-type]
