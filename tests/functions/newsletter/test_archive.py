"""All newsletters of a space, the links between them, feed and cards: nobody sees more than they may read."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import feedparser
import httpx
import psycopg
from PIL import Image

from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, NewsletterVisibility, RotationType
from monogram_sdk.themes import THEMES
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.newsletter.test_newsletter import UNKNOWN, bearer
from tests.functions.newsletter.test_reading_links import link_of

ATOM = "{http://www.w3.org/2005/Atom}"


def publish(circle: Circle, *titles: str) -> list[Newsletter]:
    """Publish a newsletter for each title, one week after another."""
    # So that the leader asks in each week.
    circle.leader.spaces.update(circle.space.id, rotation_type=RotationType.MANUAL)
    published = []
    for title in titles:
        draft = circle.draft()
        circle.leader.newsletters.update(draft.id, title=title, intro=f'About "{title}".')
        published.append(circle.publish(draft))
    return published


def around(page: httpx.Response) -> dict[str, str]:
    """Return where a page leads: "prev", "next" and "all"."""
    found = re.findall(r'<a class="(prev|next|all)"[^>]* href="([^"]+)"', page.text)
    return {kind: address.rpartition("/newsletter/")[2] for kind, address in found}


def test_a_page_leads_to_those_before_and_after_it(circle: Circle, pipeline: Pipeline, web: httpx.Client) -> None:
    first, second, third = publish(circle, "One", "Two", "Three")
    pipeline.render(second)
    stored = web.get(f"/newsletter/{second.id}")
    assert around(stored) == {"prev": str(first.id), "next": str(third.id)}
    assert "<bdi>One</bdi>" in stored.text
    assert around(web.get(f"/newsletter/{first.id}")) == {"next": str(second.id)}
    assert around(web.get(f"/newsletter/{third.id}")) == {"prev": str(second.id)}
    # The page changes for a browser's cache when a newsletter beside it is published.
    circle.leader.newsletters.delete(third.id)
    later = web.get(f"/newsletter/{second.id}", headers={"if-none-match": stored.headers["etag"]})
    assert later.status_code == 200
    assert around(later) == {"prev": str(first.id)}


def test_a_page_links_to_nothing_that_its_reader_may_not_see(circle: Circle, web: httpx.Client, stack: Stack) -> None:
    first, second, third = publish(circle, "One", "Two", "Three")
    circle.leader.newsletters.set_visibility(first.id, NewsletterVisibility.MEMBERS)
    everything = {"prev": str(first.id), "next": str(third.id), "all": f"spaces/{circle.space.id}"}
    for member in (circle.leader, circle.member):
        assert around(web.get(f"/newsletter/{second.id}", headers=bearer(member))) == everything
    for headers in ({}, bearer(circle.outsider)):
        page = web.get(f"/newsletter/{second.id}", headers=headers)
        assert around(page) == {"next": str(third.id)}
        assert "One" not in page.text
    # The link in an email opens its own newsletter, and shows of others what everybody sees.
    token = link_of(stack, circle, second)
    opened = web.get(f"/newsletter/{second.id}", params={"link": token})
    assert opened.headers["x-robots-tag"] == "noindex"
    assert around(opened) == {"next": str(third.id)}
    assert web.get(f"/newsletter/{first.id}", params={"link": token}).status_code == 404
    assert web.get(f"/newsletter/spaces/{circle.space.id}", params={"link": token}).status_code == 404


def titles(page: httpx.Response) -> list[str]:
    return re.findall(r"<li><a [^>]*><bdi>(.*?)</bdi>", page.text)


def test_members_see_all_newsletters_of_their_space(circle: Circle, web: httpx.Client) -> None:
    one, *_ = publish(circle, "One", "Two")
    circle.leader.newsletters.set_visibility(one.id, NewsletterVisibility.MEMBERS)
    address = circle.leader.newsletters.archive_url(circle.space.id)
    assert address.endswith(f"/functions/v1/newsletter/spaces/{circle.space.id}")
    archive = httpx.get(address, headers=bearer(circle.member))
    assert titles(archive) == ["Two", "One"]
    assert archive.headers["cache-control"] == "private, no-cache"
    assert archive.headers["x-robots-tag"] == "noindex"
    assert archive.headers["content-security-policy"].startswith("default-src 'none'")
    assert "atom" not in archive.text
    for headers in ({}, bearer(circle.outsider), bearer(circle.member) | {"authorization": "Bearer nonsense"}):
        assert httpx.get(address, headers=headers).status_code in (401, 404)
    assert httpx.get(f"{address}/feed.atom", headers=bearer(circle.member)).status_code == 404
    assert web.get(f"/newsletter/spaces/{UNKNOWN}").status_code == 404
    assert web.get("/newsletter/spaces/none").status_code == 404


def paper(page: httpx.Response) -> str:
    return re.findall(r'<meta name="theme-color" content="([^"]+)">', page.text)[0]


def test_the_page_of_all_newsletters_looks_like_the_newest_that_its_reader_may_see(
    circle: Circle, web: httpx.Client, stack: Stack
) -> None:
    circle.leader.spaces.update(circle.space.id, is_public=True, rotation_type=RotationType.MANUAL)
    address = f"/newsletter/spaces/{circle.space.id}"
    own = paper(web.get(address))
    for name in ("riso", "midnight", "herbarium"):
        draft = circle.draft()
        with psycopg.connect(stack.db_url) as connection:
            # As if the leader had had it.
            metadata = json.dumps(THEMES[name].metadata())
            connection.execute("update public.newsletters set theme = %s where id = %s", [metadata, draft.id])
        newest = circle.publish(draft)
    circle.leader.newsletters.set_visibility(newest.id, NewsletterVisibility.MEMBERS)
    seen = web.get(address), web.get(address, headers=bearer(circle.member))
    assert [paper(page) for page in seen] == [THEMES["midnight"].paper, THEMES["herbarium"].paper]
    assert own not in {paper(page) for page in seen}


def test_everybody_sees_the_newsletters_of_a_public_space_until_it_closes(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, stack: Stack
) -> None:
    one, two, three = publish(circle, "One", "Two", "Three")
    pipeline.render(one)
    circle.leader.newsletters.set_visibility(two.id, NewsletterVisibility.MEMBERS)
    circle.leader.spaces.update(circle.space.id, is_public=True)
    address = f"/newsletter/spaces/{circle.space.id}"
    archive = web.get(address)
    assert titles(archive) == ["Three", "One"]
    assert titles(web.get(address, headers=bearer(circle.member))) == ["Three", "Two", "One"]
    assert archive.headers["cache-control"] == "public, no-cache"
    assert "x-robots-tag" not in archive.headers
    page = web.get(f"/newsletter/{one.id}")
    assert around(page) == {"next": str(three.id), "all": f"spaces/{circle.space.id}"}
    assert f'type="application/atom+xml" title="Letters of Test Readers" href="{web.base_url}' in page.text

    for path in (address, f"{address}/feed.atom"):
        first = web.get(path)
        assert first.status_code == 200
        assert web.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 304
        head = web.head(path)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
        assert web.post(path).status_code == 405

    # Shared caches store what an anonymous reader gets, and nothing else.
    newsletter, response = f"/newsletter/{one.id}", one.content.prompts[0].responses[0].id
    parts = ("", ".html", ".pdf", "/card.png")
    paths = (
        *(newsletter + part for part in parts),
        f"/newsletter/keepsakes/{response}.pdf",
        address,
        f"{address}/feed.atom",
    )
    rights = (
        {"headers": bearer(circle.member)},
        {"headers": {"apikey": stack.secret_key}},
        {"params": {"link": "x" * 32}},
    )
    for path in paths:
        # A HEAD request.
        for key in ({}, {"authorization": f"Bearer {stack.publishable_key}"}):
            reply = web.get(path, headers={"if-none-match": "*", **key})
            assert reply.headers["cache-control"].startswith("public, "), path
            assert reply.headers["vary"] == "authorization, apikey"
        for right in rights:
            tagged = {"if-none-match": "*", **right.get("headers", {})}
            reply = web.get(path, headers=tagged, params=right.get("params"))
            assert reply.headers["cache-control"] == "private, no-cache", path
    seen = web.get(newsletter, headers=bearer(circle.member))
    assert (around(seen)["next"], seen.headers["cache-control"]) == (str(two.id), "private, no-cache")
    assert web.get(f"{newsletter}/preview", headers=bearer(circle.leader)).headers["cache-control"] == "no-store"

    circle.leader.spaces.update(circle.space.id, is_public=False)
    for path in (address, f"{address}/feed.atom"):
        assert web.get(path, headers={"if-none-match": '"x"'}).status_code == 404
    assert "atom" not in web.get(f"/newsletter/{one.id}").text
    # The newsletters themselves, and their cards, are open as before: until they are closed.
    assert web.get(f"/newsletter/{one.id}/card.png").status_code == 200
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=NewsletterVisibility.MEMBERS)
    for path in (f"/newsletter/{one.id}", f"/newsletter/{one.id}/card.png"):
        assert web.get(path).status_code == 404


def test_a_public_space_has_a_feed(circle: Circle, pipeline: Pipeline) -> None:
    one, two = publish(circle, "One & <b>", "Two")
    circle.leader.spaces.update(circle.space.id, is_public=True, description='What "we" read.')
    address = circle.leader.newsletters.feed_url(circle.space.id)
    reply = httpx.get(address)
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert reply.headers["cache-control"] == "public, no-cache"
    feed = feedparser.parse(reply.content)
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    assert (feed.feed.title, feed.feed.subtitle, feed.feed.id) == (
        "Test Readers",
        "What “we” read.",
        f"urn:uuid:{circle.space.id}",
    )
    assert {link.rel: link.href for link in feed.feed.links} == {
        "self": address,
        "alternate": circle.leader.newsletters.archive_url(circle.space.id),
    }
    assert [(entry.title, entry.id, entry.link) for entry in feed.entries] == [
        ("Two", f"urn:uuid:{two.id}", circle.leader.newsletters.page_url(two.id)),
        ("One & <b>", f"urn:uuid:{one.id}", circle.leader.newsletters.page_url(one.id)),
    ]
    assert feed.entries[0].summary == "Week 2\n\nAbout “Two”."
    # RFC 4287, 4.1: what a feed and an entry must have, once each.
    root = ElementTree.fromstring(reply.content)
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, name
    assert len(root.findall(f"{ATOM}author/{ATOM}name")) == 1
    updated = [entry.updated_parsed for entry in feed.entries]
    assert feed.feed.updated_parsed == max(updated)
    # Rendering and storing it is not news.
    pipeline.render(two)
    assert httpx.get(address, headers={"if-none-match": reply.headers["etag"]}).status_code == 304


def test_a_card_is_made_with_the_other_files(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, stack: Stack
) -> None:
    (newsletter,) = publish(circle, "Trams and lichens")
    path = f"/newsletter/{newsletter.id}/card.png"
    early = web.get(path)
    pipeline.render(newsletter)
    card = web.get(path)
    assert card.content == early.content
    assert (card.headers["content-type"], card.headers["cache-control"]) == ("image/png", "public, no-cache")
    with Image.open(io.BytesIO(card.content)) as image:
        assert image.size == (1200, 630)
    kept = f"{stack.api_url}/storage/v1/object/newsletters/{newsletter.space_id}/{newsletter.id}/card.png"
    assert httpx.get(kept, headers={"apikey": stack.secret_key}).content == card.content
    page = web.get(f"/newsletter/{newsletter.id}").text
    shown = re.search(r'<meta property="og:image" content="([^"]+)">', page)
    assert shown is not None and httpx.get(shown[1]).content == card.content
    assert web.get(path, headers={"if-none-match": card.headers["etag"]}).status_code == 304
    assert web.get(f"/newsletter/{circle.draft().id}/card.png", headers=bearer(circle.leader)).status_code == 404
    circle.leader.newsletters.set_visibility(newsletter.id, NewsletterVisibility.MEMBERS)
    assert web.get(path).status_code == 404
    assert web.get(path, headers=bearer(circle.member)).headers["cache-control"] == "private, no-cache"
    circle.leader.newsletters.delete(newsletter.id)
    assert web.get(path, headers=bearer(circle.leader)).status_code == 404


def test_a_space_without_newsletters_has_a_page_and_a_feed(circle: Circle, web: httpx.Client) -> None:
    space = circle.outsider.spaces.create(name="Quiet", is_public=True)
    assert "No letter has been published yet." in web.get(f"/newsletter/spaces/{space.id}").text
    feed = feedparser.parse(web.get(f"/newsletter/spaces/{space.id}/feed.atom").content)
    assert (feed.bozo, feed.entries) == (False, [])
