"""The function `newsletter`: what it shows, to whom, and for how long anybody may keep it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader

from monogram_sdk import Monogram, errors
from monogram_sdk.local.stack import Stack
from monogram_sdk.models import Newsletter, NewsletterVisibility
from tests.functions.newsletter.conftest import Circle, Pipeline

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def bearer(client: Monogram) -> dict[str, str]:
    session = client.auth.session()
    assert session is not None
    return {"authorization": f"Bearer {session.access_token}"}


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def test_anybody_reads_a_public_newsletter(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    newsletter = circle.publish(circle.draft(["Half of a very long novel."]))
    # Before it is stored it is rendered for whoever asks, and the same afterwards.
    assert httpx.get(circle.leader.newsletters.page_url(newsletter.id)).status_code == 200
    early = web.get(f"/newsletter/{newsletter.id}")
    assert "error" not in pipeline.render(newsletter)
    stored = web.get(f"/newsletter/{newsletter.id}")
    assert stored.status_code == 200
    assert stored.text == early.text
    assert "Half of a very long novel." in stored.text
    assert stored.headers["content-type"] == "text/html; charset=utf-8"
    assert stored.headers["cache-control"] == "public, max-age=300"

    pdf = web.get(f"/newsletter/{newsletter.id}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'inline; filename="test-readers-week-1.pdf"'
    assert "Half of a very long novel." in text_of(pdf.content)


def test_paper_comes_in_two_sizes_and_the_second_is_made_once(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, stack: Stack
) -> None:
    newsletter = circle.publish(circle.draft())
    pipeline.render(newsletter)
    widths = {}
    for size in ("a4", "letter"):
        answer = web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size})
        widths[size] = round(float(PdfReader(io.BytesIO(answer.content)).pages[0].mediabox.width))
        assert web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size}).content == answer.content
    assert widths == {"a4": 595, "letter": 612}
    assert web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": "a5"}).status_code == 404
    kept = f"{stack.api_url}/storage/v1/object/newsletters/{newsletter.space_id}/{newsletter.id}/newsletter-letter.pdf"
    assert httpx.get(kept, headers={"apikey": stack.publishable_key}).status_code == 200


def test_the_page_may_do_nothing_and_says_nothing(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    newsletter = circle.publish(circle.draft())
    pipeline.render(newsletter)
    headers = web.get(f"/newsletter/{newsletter.id}").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_what_a_browser_has_is_not_sent_again(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    newsletter = circle.publish(circle.draft())
    pipeline.render(newsletter)
    tags = set()
    for path in (f"/newsletter/{newsletter.id}", f"/newsletter/{newsletter.id}.pdf"):
        first = web.get(path)
        tags.add(first.headers["etag"])
        again = web.get(path, headers={"if-none-match": f'W/"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert web.get(path, headers={"if-none-match": '"other"'}).status_code == 200
        head = web.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == first.headers["etag"]
        assert head.headers["content-type"] == first.headers["content-type"]
    assert len(tags) == 2


def test_a_draft_is_for_members_and_never_kept(circle: Circle, web: httpx.Client) -> None:
    draft = circle.draft(["Not yet."])
    for reader in (circle.leader, circle.member):
        answer = web.get(f"/newsletter/{draft.id}", headers=bearer(reader))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "Not yet." in answer.text
        assert "Draft" in answer.text
    assert web.get(f"/newsletter/{draft.id}", headers=bearer(circle.stranger)).status_code == 404
    assert web.get(f"/newsletter/{draft.id}").status_code == 404


def test_letters_for_members_are_for_members(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Among us."]))
    pipeline.render(newsletter)
    for path in (f"/newsletter/{newsletter.id}", f"/newsletter/{newsletter.id}.pdf"):
        answer = web.get(path, headers=bearer(circle.member))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-cache"
        assert web.get(path, headers=bearer(circle.stranger)).status_code == 404
        assert web.get(path).status_code == 404
        # What one of them has seen opens nothing for others.
        assert web.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 404
    circle.leader.spaces.remove_member(circle.space.id, circle.member.profiles.get().id)
    assert web.get(f"/newsletter/{newsletter.id}", headers=bearer(circle.member)).status_code == 404


def test_what_is_not_for_you_looks_like_what_is_not_there(circle: Circle, web: httpx.Client) -> None:
    draft = circle.draft()
    for accept in ("text/html", "*/*"):
        answers = [
            web.get(f"/newsletter/{what}", headers={"accept": accept})
            for what in (draft.id, UNKNOWN, "not-an-id", f"{draft.id}/preview", f"{draft.id}.pdf", "")
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
        assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    assert "text/html" in web.get(f"/newsletter/{UNKNOWN}", headers={"accept": "text/html"}).headers["content-type"]


def test_a_token_that_is_none_is_refused(circle: Circle, web: httpx.Client) -> None:
    newsletter = circle.publish(circle.draft())
    assert web.get(f"/newsletter/{newsletter.id}", headers={"authorization": "Bearer a.b.c"}).status_code == 401
    assert web.post(f"/newsletter/{newsletter.id}").status_code == 405


def test_pictures_of_public_letters_are_on_the_web_for_the_email(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, picture: Path
) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    rendered = pipeline.render(newsletter)
    address = re.search(r'<img src="([^"]+/pictures/[^"]+)"', rendered["mail"]["html"])
    assert address is not None
    answer = web.get(address[1])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8\xff")
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    assert web.get(address[1]).status_code == 404


def test_letters_for_members_put_no_picture_on_the_web(circle: Circle, pipeline: Pipeline, picture: Path) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    rendered = pipeline.render(newsletter)
    assert "/pictures/" not in rendered["mail"]["html"]
    assert "See the picture by Boris on the web" in rendered["mail"]["html"]
    # The page and the PDF hold it.
    assert b"data:image/jpeg" in circle.member.newsletters.html(newsletter.id)
    pdf = PdfReader(io.BytesIO(circle.member.newsletters.pdf(newsletter.id)))
    assert sum(len(page.images) for page in pdf.pages) == 1


def test_rendering_again_changes_nothing(circle: Circle, pipeline: Pipeline, web: httpx.Client, picture: Path) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    first = pipeline.render(newsletter)
    row = circle.member.newsletters.get(newsletter.id)
    assert (row.html_path, row.pdf_path) == (first["htmlPath"], first["pdfPath"])
    paths = (f"/newsletter/{newsletter.id}", f"/newsletter/{newsletter.id}.pdf")
    before = [web.get(path) for path in paths]
    # What became of the answer since then is of no matter.
    circle.member.profiles.update(display_name="Boris the Second")
    second = pipeline.render(newsletter)
    assert second == first
    assert circle.member.newsletters.get(newsletter.id).updated_at == row.updated_at
    assert [web.get(path).content for path in paths] == [answer.content for answer in before]


def test_a_picture_that_is_gone_costs_the_picture(circle: Circle, pipeline: Pipeline, picture: Path) -> None:
    draft = circle.draft(["Look."], image=picture)
    path = draft.content.prompts[0].responses[0].image_path
    assert path is not None
    circle.member.responses.delete(draft.content.prompts[0].responses[0].id)
    newsletter = circle.publish(draft)
    rendered = pipeline.render(newsletter)
    assert rendered["problems"][0] == f"responses/{path}: There is no such object."
    assert b"A picture by Boris, which could not be shown here." in circle.member.newsletters.html(newsletter.id)


def test_drafts_and_what_is_not_there_are_not_rendered(circle: Circle, pipeline: Pipeline) -> None:
    draft = circle.draft()
    assert pipeline.render(draft) == {"error": "NothingToRenderError"}
    circle.leader.newsletters.delete(draft.id)
    assert pipeline.render(draft) == {"error": "NothingToRenderError"}


def test_the_sdk_reads_it_as_bytes(circle: Circle, pipeline: Pipeline, stack: Stack) -> None:
    draft = circle.draft(["Bread. It rose while I read."])
    for published in (False, True):
        if published:
            pipeline.render(circle.publish(draft))
        assert b"Bread. It rose while I read." in circle.member.newsletters.html(draft.id)
        assert "It rose while I read." in text_of(circle.member.newsletters.pdf(draft.id, size="LETTER"))
        preview = circle.leader.newsletters.preview(draft.id)
        assert ("Draft" in preview.page) != published
        for part in (preview.page, preview.mail.html, preview.mail.text):
            assert "Bread. It rose while I read." in part
        assert preview.mail.subject == draft.title
        assert "No more letters" not in preview.mail.text
    with Monogram.admin_client(url=stack.api_url, key=stack.secret_key) as service:
        assert b"Bread. It rose" in service.newsletters.html(draft.id)


def test_the_sdk_says_what_is_not_there(circle: Circle, stack: Stack) -> None:
    draft = circle.draft()
    for ask in (circle.stranger.newsletters.html, circle.stranger.newsletters.pdf, circle.stranger.newsletters.preview):
        with pytest.raises(errors.NewsletterNotFoundError) as caught:
            ask(draft.id)
        assert caught.value.status == 404
    with pytest.raises(errors.InvalidValueError, match="A4, LETTER"):
        circle.leader.newsletters.pdf(draft.id, size="A5")  # type: ignore[arg-type]
    with Monogram(url=stack.api_url, key=stack.publishable_key) as nobody:
        with pytest.raises(errors.NewsletterNotFoundError):
            nobody.newsletters.html(draft.id)


def test_publishing_answers_before_anything_is_rendered(circle: Circle) -> None:
    newsletter: Newsletter = circle.publish(circle.draft())
    assert newsletter.is_published
    assert newsletter.html_path is None
