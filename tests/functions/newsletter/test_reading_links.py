"""Reading links: what they open, of which newsletter, and for how long."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import httpx
import psycopg
import pytest
from pypdf import PdfReader

from monogram_sdk import errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, NewsletterVisibility
from tests.functions.newsletter.conftest import Circle, Pipeline

MAKE = """
insert into private.reading_links (newsletter_id, user_id, digest)
select newsletter_id, user_id, private.reading_digest(private.reading_token(id)) from private.mails
where newsletter_id = %s and user_id = %s
on conflict do nothing
"""
TOKEN = "select private.reading_token(id) from private.mails where newsletter_id = %s and user_id = %s"


def link_of(stack: Stack, circle: Circle, newsletter: Newsletter) -> str:
    """Return the token in the member's email, which opens as if the email had been sent."""
    of = [newsletter.id, circle.member.profiles.get().id]
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(MAKE, of)
        row = connection.execute(TOKEN, of).fetchone()
    assert row is not None
    return str(row[0])


def test_it_opens_page_pdf_and_pictures_of_a_newsletter_for_members(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack, web: httpx.Client
) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    newsletter = circle.publish(circle.draft(["Among us."], image=picture))
    email = pipeline.render(newsletter)["prepared"]
    token = link_of(stack, circle, newsletter)

    # The email has one mark, in each address of the newsletter; finished, it opens all of them.
    html = email["html"].replace(email["readingMark"], token)
    own = [unescape(one) for one in re.findall(rf'"([^"]*/newsletter/{newsletter.id}[^"]*)"', html)]
    assert {re.sub(r"[?#].*", "", one).rpartition("/")[2][-4:] for one in own} == {
        str(newsletter.id)[-4:], ".pdf", "jpeg",
    }  # fmt: skip
    for address in own:
        assert f"link={token}" in address
        reply = web.get(address)
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "private, no-cache"
        assert reply.headers["x-robots-tag"] == "noindex"
        assert reply.headers["referrer-policy"] == "no-referrer"
        bare = web.get(address.replace(token, "x" * 32))
        assert (bare.status_code, bare.json()["code"]) == (404, "MG401")

    # The page links on, and gives its token to nobody but the reader.
    page = web.get(f"/newsletter/{newsletter.id}", params={"link": token}).text
    beside = [unescape(one) for one in re.findall(rf'[" ]({newsletter.id}[./][^" ]+)', page)]
    assert len(beside) >= 4 and all(one.endswith(f"?link={token}") for one in beside)
    assert {web.get(f"/newsletter/{one}").status_code for one in beside} == {200}
    assert {web.get(f"/newsletter/{one}".partition("?")[0]).status_code for one in beside} == {404}
    own += [f"/newsletter/{one}" for one in beside]
    onward = [unescape(one) for one in re.findall(rf'<a href="([^"]*/newsletter/{newsletter.id}[^"]*)"', page)]
    assert len(onward) == 2 and page.count(token) == 2 + len(beside)
    assert [web.get(address).status_code for address in onward] == [200, 200]
    assert "Among us." in PdfReader(io.BytesIO(web.get(onward[-1]).content)).pages[0].extract_text()
    assert token not in web.get(f"/newsletter/{newsletter.id}.pdf", params={"link": token}).content.decode("latin-1")
    assert b"link=" not in circle.member.newsletters.html(newsletter.id)
    # Not what only members may do.
    assert web.get(f"/newsletter/{newsletter.id}/preview", params={"link": token}).status_code == 404

    with pytest.raises(errors.NewsletterNotFoundError):
        circle.outsider.newsletters.withdraw_link(newsletter.id)
    with pytest.raises(errors.NotAMemberError):
        circle.leader.newsletters.withdraw_link(newsletter.id, user_id=circle.outsider.profiles.get().id)
    circle.member.newsletters.withdraw_link(newsletter.id)
    gone = [web.get(address) for address in own]
    assert {(reply.status_code, reply.json()["message"]) for reply in gone} == {
        (404, web.get(f"/newsletter/{newsletter.id}").json()["message"])
    }
    stale = {"if-none-match": reply.headers["etag"]}
    assert web.get(own[0], headers=stale).status_code == 404


def test_narrowing_a_newsletter_breaks_no_email_and_leaving_does(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack, web: httpx.Client
) -> None:
    circle.leader.spaces.update(circle.space.id, is_public=True)
    newsletter = circle.publish(circle.draft(["To all."], image=picture))
    email = pipeline.render(newsletter)["prepared"]
    token = link_of(stack, circle, newsletter)
    html = email["html"].replace(email["readingMark"], token)
    (address,) = [
        unescape(one)
        for one in re.findall(r'src="([^"]*)"', html)
        if str(newsletter.content.prompts[0].responses[0].id) in one
    ]
    # Of one reader's own, it is in no search engine and no shared cache, though the newsletter is.
    page = web.get(f"/newsletter/{newsletter.id}", params={"link": token})
    assert (page.headers["x-robots-tag"], page.headers["cache-control"]) == ("noindex", "private, no-cache")
    assert "x-robots-tag" not in web.get(f"/newsletter/{newsletter.id}").headers
    circle.leader.newsletters.set_visibility(newsletter.id, NewsletterVisibility.MEMBERS)
    assert web.get(address).headers["content-type"] == "image/jpeg"
    assert web.get(address.partition("?")[0]).status_code == 404
    circle.member.spaces.leave(circle.space.id)
    assert web.get(address).status_code == 404
