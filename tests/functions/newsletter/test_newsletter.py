"""The function `newsletter`: what it shows, to whom, and for how long anybody may keep it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx
import psycopg
from pypdf import PdfReader

from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, NewsletterVisibility, RotationType
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
    pipeline.render(newsletter)
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
        reply = web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size})
        widths[size] = round(float(PdfReader(io.BytesIO(reply.content)).pages[0].mediabox.width))
        assert web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size}).content == reply.content
    assert widths == {"a4": 595, "letter": 612}
    for wrong in ({"size": "a5"}, {"size": "constructor"}, {"paper": "constructor"}):
        assert web.get(f"/newsletter/{newsletter.id}.pdf", params=wrong).status_code == 400
    shouted = str(newsletter.id).upper()
    assert web.get(f"/newsletter/{shouted}.pdf").content == web.get(f"/newsletter/{newsletter.id}.pdf").content
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
        reply = web.get(f"/newsletter/{draft.id}", headers=bearer(reader))
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "no-store"
        assert "Not yet." in reply.text
        assert "Draft" in reply.text
    assert web.get(f"/newsletter/{draft.id}", headers=bearer(circle.outsider)).status_code == 404
    assert web.get(f"/newsletter/{draft.id}").status_code == 404


def test_newsletters_for_members_are_for_members(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Among us."]))
    pipeline.render(newsletter)
    for path in (f"/newsletter/{newsletter.id}", f"/newsletter/{newsletter.id}.pdf"):
        reply = web.get(path, headers=bearer(circle.member))
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "private, no-cache"
        assert web.get(path, headers=bearer(circle.outsider)).status_code == 404
        assert web.get(path).status_code == 404
        # The etag of one reader gives nothing to others.
        assert web.get(path, headers={"if-none-match": reply.headers["etag"]}).status_code == 404
    circle.leader.spaces.remove_member(circle.space.id, circle.member.profiles.get().id)
    assert web.get(f"/newsletter/{newsletter.id}", headers=bearer(circle.member)).status_code == 404


def test_the_page_of_a_space_that_is_not_public_is_in_no_search_engine(
    circle: Circle, pipeline: Pipeline, web: httpx.Client
) -> None:
    newsletter = circle.publish(circle.draft(["Ours."]))
    pipeline.render(newsletter)
    paths = (f"/newsletter/{newsletter.id}", f"/newsletter/{newsletter.id}.pdf")
    tags: dict[str, str] = {}
    for is_public in (False, True, False):
        circle.leader.spaces.update(circle.space.id, is_public=is_public)
        for reader in ({}, bearer(circle.member)):
            for path in paths:
                # A cached page keeps its old headers, which a 304 would not change.
                reply = web.get(path, headers={**reader, "if-none-match": tags.get(path, "")})
                assert reply.status_code == 200
                assert reply.headers.get("x-robots-tag") == (None if is_public else "noindex")
                assert b"noindex" not in reply.content, "the stored page is the same before and after"
        tags = {path: web.get(path).headers["etag"] for path in paths}
    for path in paths:
        kept = web.get(path, headers={"if-none-match": tags[path]})
        assert (kept.status_code, kept.headers["x-robots-tag"]) == (304, "noindex")


def test_a_newsletter_of_others_looks_like_one_that_does_not_exist(circle: Circle, web: httpx.Client) -> None:
    draft = circle.draft()
    for accept in ("text/html", "*/*"):
        replies = [
            web.get(f"/newsletter/{what}", headers={"accept": accept})
            for what in (draft.id, UNKNOWN, "not-an-id", f"{draft.id}/preview", f"{draft.id}.pdf", "")
        ]
        assert {(reply.status_code, reply.content) for reply in replies} == {(404, replies[0].content)}
        assert len({tuple(sorted(set(reply.headers) - {"date"})) for reply in replies}) == 1
    assert "text/html" in web.get(f"/newsletter/{UNKNOWN}", headers={"accept": "text/html"}).headers["content-type"]


def test_whose_token_is_not_accepted_is_a_stranger(circle: Circle, web: httpx.Client) -> None:
    circle.leader.spaces.update(circle.space.id, rotation_type=RotationType.MANUAL)
    newsletter = circle.publish(circle.draft())
    address, draft = f"/newsletter/{newsletter.id}", f"/newsletter/{circle.draft().id}"
    ended, browser = {"authorization": "Bearer a.b.c"}, {"accept": "text/html", "accept-language": "de"}
    for what in ("", ".html", ".pdf"):
        reply = web.get(f"{address}{what}", headers=ended)
        assert reply.content == web.get(f"{address}{what}").content and reply.status_code == 200
        assert "public" not in reply.headers["cache-control"]
    for path in (draft, f"{draft}/preview", f"/newsletter/{UNKNOWN}", f"/newsletter/spaces/{circle.space.id}"):
        program = web.get(path, headers=ended)
        assert (program.status_code, program.json()["code"]) == (401, "UNAUTHORIZED")
        page = web.get(path, headers={**ended, **browser})
        assert page.status_code == 404 and page.headers["content-language"] == "de"
        assert "Deine Anmeldung gilt nicht mehr." in page.text
        assert "Anmeldung" not in web.get(path, headers=browser).text
    circle.leader.spaces.update(circle.space.id, is_public=True)
    archive = web.get(f"/newsletter/spaces/{circle.space.id}", headers=ended)
    assert archive.status_code == 200 and str(newsletter.id) in archive.text
    circle.leader.newsletters.delete(newsletter.id)
    assert web.get(address, headers={**ended, **browser}).status_code == 410
    assert web.get(address, headers=ended).status_code == 410
    assert web.post(address).status_code == 405


def test_nobody_learns_of_a_newsletter_by_a_picture_that_is_not_there(
    circle: Circle, pipeline: Pipeline, picture: Path, web: httpx.Client
) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    circle.member.profiles.set_avatar(picture)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    pipeline.render(newsletter)
    response = newsletter.content.prompts[0].responses[0]
    missing = [
        f"/pictures/avatar-{response.author.id}-face-1x1.jpeg",
        "/pictures/cover-page-1x1.jpeg",
        f"/pictures/{response.id}-page-1x1.jpeg",
        "/card.png",
        ".pdf",
        "",
    ]
    for headers in ({"if-none-match": "*"}, {"if-none-match": "*", "authorization": "Bearer a.b.c"}, {}):
        for what in missing:
            reply, none = (web.get(f"/newsletter/{one}{what}", headers=headers) for one in (newsletter.id, UNKNOWN))
            assert (reply.status_code, reply.content) == (none.status_code, none.content), what
            assert reply.status_code in (401, 404) and "etag" not in reply.headers
    for what in missing[:3]:
        tagged = {"if-none-match": "*", **bearer(circle.member)}
        assert web.get(f"/newsletter/{newsletter.id}{what}", headers=tagged).status_code == 404
    html = web.get(f"/newsletter/{newsletter.id}", headers=bearer(circle.member)).text
    face = re.search(r"/pictures/avatar-[^\"]+", html)
    assert face is not None
    shown = web.get(f"/newsletter/{newsletter.id}{face[0]}")
    again = web.get(f"/newsletter/{newsletter.id}{face[0]}", headers={"if-none-match": shown.headers["etag"]})
    assert (shown.status_code, again.status_code, again.content) == (200, 304, b"")


def test_pictures_of_public_newsletters_are_on_the_web_for_the_email(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, picture: Path
) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    rendered = pipeline.render(newsletter)
    address = re.search(r'<img src="([^"]+/pictures/[^"]+)"', rendered["mail"]["html"])
    assert address is not None
    reply = web.get(address[1])
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.content.startswith(b"\xff\xd8\xff")
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    assert web.get(address[1]).status_code == 404


def test_newsletters_for_members_put_no_picture_on_the_web(
    circle: Circle, pipeline: Pipeline, picture: Path, web: httpx.Client
) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    rendered = pipeline.render(newsletter)
    # Its address opens with a reader's own link only; see test_reading_links.
    (address,) = re.findall(r'src="([^"]*/pictures/[^"]*)"', rendered["mail"]["html"])
    assert "link=" not in address and web.get(address).status_code == 404
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
    # Later changes of the response do not matter.
    circle.member.profiles.update(display_name="Boris the Second")
    second = pipeline.render(newsletter)
    assert second == first
    assert circle.member.newsletters.get(newsletter.id).updated_at == row.updated_at
    assert [web.get(path).content for path in paths] == [reply.content for reply in before]


def test_a_picture_that_is_gone_costs_the_picture(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack
) -> None:
    """The author cannot remove it from a published response, but an operator can."""
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    path = newsletter.content.prompts[0].responses[0].image_path
    assert path is not None
    remove(stack, "responses", path)
    rendered = pipeline.render(newsletter)
    assert rendered["problems"][0] == f"responses/{path}: MISSING"
    assert b"A picture by Boris, which could not be shown here." in circle.member.newsletters.html(newsletter.id)


def test_a_copy_made_while_a_picture_is_pending_has_no_code(
    circle: Circle, pipeline: Pipeline, picture: Path, web: httpx.Client
) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    response = newsletter.content.prompts[0].responses[0].id

    def pages() -> list[str]:
        return [circle.member.newsletters.html(newsletter.id).decode(), web.get(f"/newsletter/{newsletter.id}").text]

    def marks() -> list[object]:
        newsletters = circle.member.newsletters
        files = [newsletters.pdf(newsletter.id), newsletters.keepsake(response)]
        return [PdfReader(io.BytesIO(file)).metadata.get("/Keywords") for file in files]  # type: ignore[union-attr]

    for page in pages():
        assert "A picture by Boris is on its way." in page
        assert 'name="monogram"' not in page and 'class="code"' not in page
    assert marks() == [None, None]
    pipeline.render(newsletter)
    for page in pages():
        assert "is on its way" not in page and 'name="monogram"' in page and 'class="code"' in page
    assert None not in marks()


def test_what_is_printed_stays_when_people_take_theirs_away(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack, web: httpx.Client
) -> None:
    """Response, face, cover and account go, before the newsletter is rendered and after: it has copies of its own."""
    circle.member.profiles.set_avatar(picture)
    circle.leader.spaces.set_cover(circle.space.id, picture)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    response = newsletter.content.prompts[0].responses[0]
    assert response.image_path is not None and response.author.avatar_path is not None
    circle.member.responses.delete(response.id)
    circle.member.profiles.remove_avatar()
    circle.leader.spaces.remove_cover(circle.space.id)
    first = pipeline.render(newsletter)
    assert first["problems"] == []
    shown = re.findall(r'<img[^>]* src="([^"]+)"', first["mail"]["html"])
    assert len(shown) == 3
    for address in shown:  # Emails are read for years.
        assert f"/newsletter/{newsletter.id}/pictures/" in address
        assert web.get(address).headers["content-type"] == "image/jpeg"
    assert {address.rpartition("/")[2] for address in shown} <= copies(stack, newsletter)
    for bucket, path in (("responses", response.image_path), ("avatars", response.author.avatar_path)):
        remove(stack, bucket, path)
    # Paper of another size is made now, and so is everything after a redaction.
    pdf = PdfReader(io.BytesIO(web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": "letter"}).content))
    assert sum(len(page.images) for page in pdf.pages) == 3
    assert pipeline.render(newsletter) == first


def test_two_responses_with_one_picture_keep_a_copy_each(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack, web: httpx.Client
) -> None:
    first, second = circle.draft(["One.", "Two."], image=picture).content.prompts
    (one,), (two,) = first.responses, second.responses
    with psycopg.connect(stack.db_url) as connection:
        connection.execute("update public.responses set image_path = %s where id = %s", [one.image_path, two.id])
    newsletter = circle.publish(circle.leader.newsletters.generate(circle.space.id))
    assert pipeline.render(newsletter) == pipeline.render(newsletter)
    for response in (one, two):
        (size,) = {name for name in copies(stack, newsletter) if name.startswith(f"{response.id}-page-")}
        assert web.get(f"/newsletter/{newsletter.id}/pictures/{size}").status_code == 200


def copies(stack: Stack, newsletter: Newsletter) -> set[str]:
    """The names of the pictures that a newsletter has for itself."""
    folder = f"{newsletter.space_id}/{newsletter.id}/pictures/"
    with psycopg.connect(stack.db_url) as connection:
        query = "select name from storage.objects where bucket_id = 'newsletters' and name like %s"
        return {name.removeprefix(folder) for (name,) in connection.execute(query, [f"{folder}%"])}


def remove(stack: Stack, bucket: str, path: str) -> None:
    """Remove a file as the functions do."""
    reply = httpx.request(
        "DELETE",
        f"{stack.api_url}/storage/v1/object/{bucket}",
        headers={"apikey": stack.secret_key},
        json={"prefixes": [path]},
    )
    assert reply.status_code == 200, reply.text


def test_drafts_and_what_is_not_there_are_not_rendered(circle: Circle, pipeline: Pipeline) -> None:
    draft = circle.draft()
    assert pipeline.refuse(draft) == "NothingToRenderError"
    circle.leader.newsletters.delete(draft.id)
    assert pipeline.refuse(draft) == "NothingToRenderError"
