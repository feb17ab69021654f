"""Keepsakes, and the PDF in the colours of the page: what they show, and to whom."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from monogram_sdk import AsyncMonogram, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, NewsletterVisibility
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.newsletter.test_newsletter import bearer
from tests.functions.newsletter.test_reading_links import link_of


def shown(newsletter: Newsletter) -> list[UUID]:
    return [response.id for prompt in newsletter.content.prompts for response in prompt.responses]


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def address(response_id: object) -> str:
    return f"/newsletter/keepsakes/{response_id}.pdf"


async def test_a_keepsake_has_one_response_with_its_question_and_its_picture(
    circle: Circle, pipeline: Pipeline, picture: Path, web: httpx.Client, stack: Stack
) -> None:
    newsletter = circle.publish(circle.draft(["Half of a very long novel.", "Nothing else."], image=picture))
    pipeline.render(newsletter)
    first, second = shown(newsletter)
    sheet = circle.member.newsletters.keepsake(first)
    pdf = PdfReader(io.BytesIO(sheet))
    assert [round(float(value)) for value in pdf.pages[0].mediabox] == [0, 0, 420, 595]
    text = text_of(sheet)
    assert "Half of a very long novel." in text and "Question 1?" in text and "Test Readers" in text
    assert "Nothing else." not in text and "Question 2?" not in text
    assert len(pdf.pages) == 1 and len(pdf.pages[0].images) == 1
    (original,) = [annotation.get_object()["/A"]["/URI"] for annotation in pdf.pages[0]["/Annots"]]
    found = httpx.get(original)
    assert (found.status_code, found.headers["content-type"].split("/")[0]) == (200, "image")
    assert "Nothing else." in text_of(circle.member.newsletters.keepsake(second))

    reply = web.get(address(str(first).upper()))
    assert reply.content == sheet
    assert reply.headers["content-disposition"] == 'inline; filename="test-readers-week-1-keepsake.pdf"'
    again = web.get(address(first), headers={"if-none-match": reply.headers["etag"]})
    assert again.status_code == 304
    assert web.get(address(second)).headers["etag"] != reply.headers["etag"]
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key) as client:
        assert await client.newsletters.keepsake(first) == sheet


def test_a_keepsake_is_for_whoever_reads_the_newsletter(
    circle: Circle, pipeline: Pipeline, stack: Stack, web: httpx.Client
) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Among us."]))
    pipeline.render(newsletter)
    (response,) = shown(newsletter)
    unknown = web.get(address("00000000-0000-4000-8000-000000000000"))
    token = link_of(stack, circle, newsletter)
    kept = web.get(address(response), headers=bearer(circle.member))
    assert (kept.status_code, kept.headers["cache-control"]) == (200, "private, no-cache")
    assert web.get(address(response), params={"link": token}).content == kept.content

    def is_refused(**asked: dict[str, str]) -> bool:
        reply = web.get(address(response), **asked)
        return (reply.status_code, reply.json()) == (404, unknown.json())

    # Anonymous, a member of another space, and a former member.
    assert unknown.status_code == 404
    assert is_refused()
    assert is_refused(headers=bearer(circle.outsider))
    assert is_refused(headers={**bearer(circle.outsider), "if-none-match": kept.headers["etag"]})
    assert is_refused(params={"link": "x" * 32})
    with pytest.raises(errors.NewsletterNotFoundError):
        circle.outsider.newsletters.keepsake(response)
    circle.leader.spaces.remove_member(circle.space.id, circle.member.profiles.get().id)
    assert is_refused(headers=bearer(circle.member))
    assert is_refused(params={"link": token})
    assert web.get(address(response), headers=bearer(circle.leader)).status_code == 200
    circle.leader.newsletters.delete(newsletter.id)
    assert is_refused(headers=bearer(circle.leader))


def test_there_is_no_keepsake_of_what_no_published_newsletter_shows(circle: Circle, web: httpx.Client) -> None:
    prompt = circle.leader.prompts.create(circle.space.id, question="And?")
    circle.leader.prompts.publish(circle.space.id)
    chosen = circle.member.responses.submit(prompt.id, content="Chosen.")
    passed_over = circle.leader.responses.submit(prompt.id, content="Passed over.")
    circle.leader.responses.select(circle.space.id, [chosen.id])
    draft = circle.leader.newsletters.generate(circle.space.id)
    for reader in (circle.leader, circle.member):
        assert web.get(address(chosen.id), headers=bearer(reader)).status_code == 404, "it is a draft"
    circle.publish(draft)
    assert "Chosen." in text_of(circle.member.newsletters.keepsake(chosen.id))
    for reader in (circle.leader, circle.member):
        assert web.get(address(passed_over.id), headers=bearer(reader)).status_code == 404
    for odd in ("x", f"{chosen.id}/..", "%2e%2e", f"{draft.id}"):
        assert web.get(address(odd), headers=bearer(circle.member)).status_code == 404
    with pytest.raises(errors.InvalidValueError):
        circle.member.newsletters.keepsake("x")


def test_a_pdf_in_the_colours_of_the_page_is_another_one(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    newsletter = circle.publish(circle.draft())
    pipeline.render(newsletter)
    white, cream = (circle.member.newsletters.pdf(newsletter.id, paper=paper) for paper in ("print", "screen"))
    assert white != cream and text_of(white) == text_of(cream)
    assert circle.member.newsletters.pdf(newsletter.id, paper="screen") == cream
    assert circle.member.newsletters.pdf(newsletter.id) == white
    assert web.get(f"/newsletter/{newsletter.id}.pdf", params={"paper": "gold"}).status_code == 400
    assert web.get(f"/newsletter/{newsletter.id}.PDF", params={"paper": "gold"}).status_code == 400
    assert web.get(f"/newsletter/{newsletter.id}.PDF", params={"size": "A4", "paper": "Screen"}).content == cream
    assert circle.member.newsletters.pdf(newsletter.id, size="a4", paper="PRINT") == white  # type: ignore[arg-type]
    page = web.get(f"/newsletter/{newsletter.id}.html").content
    assert web.get(f"/newsletter/{newsletter.id}.HTML").content == page


@pytest.mark.parametrize(("language", "name"), [("de", "woche-1-andenken"), ("ar", "1-a5")])
def test_the_file_of_a_keepsake_has_a_name_in_the_language_of_the_space(
    circle: Circle, web: httpx.Client, language: str, name: str
) -> None:
    circle.leader.spaces.update(circle.space.id, language=language)
    newsletter = circle.publish(circle.draft())
    reply = web.head(address(shown(newsletter)[0]))
    assert reply.headers["content-disposition"] == f'inline; filename="test-readers-{name}.pdf"'
