"""Pictures of every kind in one newsletter: each is on the page, in the PDF and in the email, upright and for good."""

from __future__ import annotations

import base64
import html
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser
from pypdf import PdfReader
from pypdf.generic import ContentStream

from monogram_sdk.local import Stack
from monogram_sdk.models import NewsletterVisibility
from tests.corpus import pictures
from tests.corpus.pictures import Made
from tests.functions.newsletter.conftest import Circle, Pipeline, derive
from tests.functions.newsletter.test_newsletter import bearer, copies
from tests.functions.pictures.test_derive import differences
from tests.functions.render.test_page import violations
from tests.support.actors import Actors
from tests.support.long import long
from tests.support.stories import found_club

NAMES = ("Ada", "Boris", "Chloe", "Dmitri", "Eleni", "Farid", "Grace", "Hana")


@dataclass(frozen=True)
class Published:
    """A published newsletter, rendered, and what was uploaded for it, in reading order."""

    id: str
    shown: list[Made]
    refused: list[Made]
    rendered: dict[str, Any]
    notes: list[dict[str, Any]]


FEW = (
    "cmyk.jpg orientation-5.jpg orientation-6.jpg exif-beyond-its-end.jpg cut.jpg alpha.png sixteen-bits.png "
    "interlaced.png orientation-8.png alpha.webp animated.webp orientation-6.webp animated.gif without-trailer.gif "
    "no-screen.gif photo.heic"
).split()


def publish(stack: Stack, pipeline: Pipeline, uploaded: list[Made]) -> Published:
    """Publish and render a newsletter of pictures, uploaded as they are, as other clients may."""
    headers = {"apikey": stack.secret_key, "content-type": "image/jpeg"}
    with (
        psycopg.connect(stack.db_url) as connection,
        Actors(connection, commit=True) as actors,
        httpx.Client(base_url=f"{stack.api_url}/storage/v1/object", headers=headers) as storage,
    ):
        club = found_club(actors, *NAMES)
        prompts = club.ask(*(f"Question {number}?" for number in range(10)))
        connection.commit()
        given = []
        for number, made in enumerate(uploaded):
            person = club.everybody[number % len(NAMES)]
            path = f"{club.id}/{person.id}/{made.name}"
            reply = storage.post(f"responses/{path}", content=made.data)
            assert reply.status_code == 200, reply.text
            prompt = prompts[number // len(NAMES)]
            row = person.insert("responses", prompt_id=prompt["id"], image_path=path, is_published=True)
            given.append(row["id"])
            connection.commit()
        club.leader.rows("select_responses", space_id=club.id, response_ids=given)
        newsletter = club.leader.call("generate_newsletter", space_id=club.id)
        club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
        # The pipeline renders it; nothing of it is left for tests that do what is due.
        rendering = (
            "update private.outbox set state = 'DONE', finished_at = now() where payload ->> 'newsletter_id' = %s"
        )
        actors.run(rendering, str(newsletter["id"]))
    notes = pipeline.derive()
    rendered = pipeline.render_by_id(str(newsletter["id"]))
    assert "error" not in rendered
    shown = [made for made in uploaded if made.refusal is None]
    return Published(str(newsletter["id"]), shown, [made for made in uploaded if made.refusal], rendered, notes)


@pytest.fixture(scope="module", params=["few", *long("all")])
def newsletter(request: pytest.FixtureRequest, stack: Stack, pipeline: Pipeline) -> Published:
    """A newsletter with pictures of the corpus."""
    uploaded = [made for made in pictures.make() if request.param == "all" or made.name in FEW]
    return publish(stack, pipeline, uploaded)


def wrong(found: list[Image.Image], shown: list[Made]) -> list[str]:
    """Return which pictures are not what they should be."""
    assert len(found) == len(shown)
    return [line for image, made in zip(found, shown, strict=True) for line in differences(image, made)]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


IMAGE = re.compile(
    r'(?:<a href="(?P<original>[^"]+)">)?(?:<picture><source [^>]+ srcset="(?P<still>[^"]+)">)?'
    r'<img src="(?P<src>[^"]+)"[^>]* width="(?P<width>\d+)" height="(?P<height>\d+)"'
    r'(?: srcset="(?P<srcset>[^"]+)" sizes="(?P<sizes>[^"]+)")? loading="(?P<loading>\w+)" decoding="async">'
)


def test_every_picture_lies_beside_the_page_in_each_size(newsletter: Published, web: httpx.Client) -> None:
    reply = web.get(f"/newsletter/{newsletter.id}")
    assert len(reply.content) < 400_000
    # The seal is in the page itself.
    assert "img-src 'self' data:;" in html.unescape(reply.text) and "data:image/jpeg" not in reply.text
    found = list(IMAGE.finditer(reply.text))

    def fetch(address: str | None) -> Image.Image:
        assert address is not None and address.startswith(f"{newsletter.id}/pictures/")
        picture = web.get(f"/newsletter/{html.unescape(address)}")
        assert picture.status_code == 200 and picture.headers["content-security-policy"].startswith(
            "default-src 'none'"
        )
        image = opened(picture.content)
        assert picture.headers["content-type"] == f"image/{str(image.format).lower()}"
        return image

    shown = [fetch(one["src"]) for one in found]
    assert wrong(shown, newsletter.shown) == []
    assert wrong([ImageOps.exif_transpose(fetch(one["original"])) for one in found], newsletter.shown) == []
    for image, made, one in zip(shown, newsletter.shown, found, strict=True):
        assert image.size == (int(one["width"]), int(one["height"])), made.name
        assert getattr(image, "n_frames", 1) == (2 if made.animated else 1), made.name
        assert one["loading"] == "lazy"
        sizes = [part.split() for part in (one["srcset"] or "").split(", ") if part]
        for address, width in sizes:
            smaller = fetch(address)
            assert width == f"{smaller.width}w" and differences(smaller, made) == []
        assert (len(sizes) > 1) == (max(image.size) > 560 and not made.clear and not made.animated), made.name
        if made.animated:
            assert getattr(fetch(one["still"]), "n_frames", 1) == 1
        if max(made.size) > 1600 and made.name.endswith(".jpg"):
            assert ImageOps.exif_transpose(fetch(one["original"])).size == made.size


def test_every_picture_is_in_the_page_that_is_kept(newsletter: Published, web: httpx.Client) -> None:
    reply = web.get(f"/newsletter/{newsletter.id}.html")
    assert reply.headers["content-disposition"] == 'attachment; filename="test-book-club-week-1.html"'
    page = reply.text
    found = re.findall(r'<img src="data:image/\w+;base64,([^"]+)"[^>]* width="(\d+)" height="(\d+)"', page)
    images = [opened(base64.b64decode(data)) for data, _, _ in found]
    assert wrong(images, newsletter.shown) == []
    for image, made, (_, width, height) in zip(images, newsletter.shown, found, strict=True):
        assert image.size == (int(width), int(height)), made.name
        assert getattr(image, "n_frames", 1) == (2 if made.animated else 1), made.name


def test_every_picture_is_in_the_pdf(newsletter: Published, web: httpx.Client) -> None:
    for size in ("a4", "letter"):
        reader = PdfReader(io.BytesIO(web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size}).content))
        found = []
        for page in reader.pages:
            for operands, operator in ContentStream(page.get_contents(), reader).operations:
                if operator == b"Do":
                    found.append(page.images[operands[0]].image)
        assert wrong([image for image in found if image is not None], newsletter.shown) == []


def test_every_picture_is_in_the_email(newsletter: Published, web: httpx.Client) -> None:
    found = re.findall(r'<img src="([^"]+)"', newsletter.rendered["mail"]["html"])
    replies = [web.get(html.unescape(address)) for address in found]
    assert {reply.headers["content-type"] for reply in replies} <= {"image/jpeg", "image/png"}
    # An email has a limit: it says that the rest is on the web.
    said = re.findall(r"(One|\d+) more answers? (?:is|are) on the web", newsletter.rendered["mail"]["html"])
    left_out = sum(1 if number == "One" else int(number) for number in said)
    # Responses whose picture was refused are left out as well.
    assert len(newsletter.shown) - len(found) <= left_out <= len(newsletter.shown) // 5
    remaining = iter(newsletter.shown)
    for reply in replies:
        image = opened(reply.content)
        assert any(differences(image, made) == [] for made in remaining)


@pytest.mark.long
def test_why_a_picture_is_not_shown_is_said(newsletter: Published, web: httpx.Client) -> None:
    told = {
        one["key"].rpartition("/")[2]: one["refusal"] for one in newsletter.notes if one["event"] == "picture refused"
    }
    assert told == {made.name: made.refusal for made in newsletter.refused}
    problems = {problem.rpartition("/")[2] for problem in newsletter.rendered["problems"]}
    assert problems == {f"{made.name}: {made.refusal}" for made in newsletter.refused}
    assert web.get(f"/newsletter/{newsletter.id}").text.count("which could not be shown here") == len(
        newsletter.refused
    )


@pytest.mark.long
def test_thirty_photographs_of_eight_megabytes_are_all_there(
    stack: Stack, pipeline: Pipeline, web: httpx.Client
) -> None:
    photograph = pictures.photograph()
    # Bytes of their own, so that none is taken for another.
    files = [photograph.ljust(8_000_000, bytes([number])) for number in range(30)]
    uploaded = [Made(f"photograph-{number}.jpg", data, (4032, 3024)) for number, data in enumerate(files)]
    newsletter = publish(stack, pipeline, uploaded)
    assert newsletter.rendered["problems"] == []
    test_every_picture_lies_beside_the_page_in_each_size(newsletter, web)
    test_every_picture_is_in_the_page_that_is_kept(newsletter, web)
    test_every_picture_is_in_the_pdf(newsletter, web)
    test_every_picture_is_in_the_email(newsletter, web)


def shown_in(email: str) -> list[str]:
    return [html.unescape(address) for address in re.findall(r'<img src="([^"]+)"', email)]


@pytest.mark.parametrize("visibility", [NewsletterVisibility.MEMBERS, *long(NewsletterVisibility.PUBLIC)])
def test_pictures_of_an_email_that_is_out_stay(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, picture: Path, visibility: NewsletterVisibility
) -> None:
    """Face, cover and membership change, and the files that they were made of go: the newsletter has its own."""
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=visibility)
    circle.member.profiles.set_avatar(picture)
    circle.leader.spaces.set_cover(circle.space.id, picture)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    addresses = shown_in(pipeline.render(newsletter)["mail"]["html"])
    assert len(addresses) == 3
    # A newsletter for members shows its picture with a reader's link; this email still has the placeholder for it.
    addresses = addresses if visibility is NewsletterVisibility.PUBLIC else addresses[:2]
    before = [web.get(address).content for address in addresses]
    other = pictures.jpeg(pictures.scene())
    circle.member.profiles.set_avatar(other)
    circle.leader.spaces.set_cover(circle.space.id, other)
    circle.leader.spaces.remove_member(circle.space.id, circle.member.profiles.get().id)
    circle.member.responses.delete(newsletter.content.prompts[0].responses[0].id)
    circle.leader.spaces.update(circle.space.id, is_public=True)
    pipeline.derive()
    assert pipeline.render(newsletter)["problems"] == []
    assert [web.get(address).content for address in addresses] == before


def whereabouts(data: bytes) -> bytes:
    """Put where and with what it was made into a photograph, and a second one behind it, as phones do."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera of Boris"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 30.0)})
    image = Image.open(io.BytesIO(data)).rotate(90, expand=True)
    taken = io.BytesIO()
    image.save(taken, "JPEG", exif=exif, comment=b"At home", quality=90)
    return taken.getvalue() + taken.getvalue()


def test_behind_a_picture_is_one_as_large_as_it_was_without_where_it_was_made(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, tmp_path: Path
) -> None:
    scene = pictures.jpeg(pictures.scene((2400, 1800)))
    photograph = tmp_path / "photograph.jpg"
    photograph.write_bytes(whereabouts(scene))
    newsletter = circle.publish(circle.draft(["Look."], image=photograph))
    pipeline.render(newsletter)
    (one,) = IMAGE.finditer(web.get(f"/newsletter/{newsletter.id}").text)
    original = web.get(f"/newsletter/{one['original']}").content
    image = opened(original)
    assert dict(image.getexif()) == {0x0112: 6} and not image.getexif().get_ifd(0x8825)
    assert b"Camera" not in original and b"At home" not in original and original.count(b"\xff\xd8\xff") == 1
    assert ImageOps.exif_transpose(image).size == (2400, 1800)
    made = Made("photograph", scene, (2400, 1800))
    assert differences(ImageOps.exif_transpose(image), made) == []


# Loads those that are not seen yet, and fails for a file that is not a picture.
EVERY_PICTURE = """Promise.all(
  [...document.images].map((one) => ((one.loading = 'eager'), one.decode()))
).then((all) => all.length)"""


@pytest.mark.long
def test_the_page_is_read_in_a_browser(
    circle: Circle, pipeline: Pipeline, stack: Stack, browser: Browser, picture: Path, tmp_path: Path
) -> None:
    circle.member.profiles.set_avatar(picture)
    circle.leader.spaces.set_cover(circle.space.id, picture)
    large = tmp_path / "large.jpg"
    large.write_bytes(pictures.jpeg(pictures.scene((2400, 1800))))
    newsletter = circle.publish(circle.draft(["Look."], image=large))
    pipeline.render(newsletter)
    address = f"{stack.api_url}/functions/v1/newsletter/{newsletter.id}"
    complaints: list[str] = []
    with browser.new_page(viewport={"width": 360, "height": 740}) as page:
        page.on("response", lambda reply: reply.ok or complaints.append(reply.url))
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        for ending in ("", "/"):
            page.goto(address + ending)
            assert page.evaluate(EVERY_PICTURE) == 3
        # As wide as the words, and no more of it is loaded than is seen.
        image = page.get_by_role("img", name="Picture by")
        assert image.evaluate("(one) => [one.clientWidth, one.currentSrc.includes('-small-')]") == [320, True]
        assert image.evaluate("(one) => one.clientWidth / one.clientHeight") == pytest.approx(4 / 3, abs=0.02)
        assert violations(page) == []
        page.screenshot(full_page=True, path=tmp_path / "page.png")
        page.get_by_role("link", name="Picture by").click()
        page.wait_for_url("**/pictures/*-original-2400x1800.jpeg")
        assert page.evaluate("document.images[0].naturalWidth") == 2400
        page.go_back()
        with page.expect_download() as saving:
            page.get_by_role("link", name="Save this letter").click()
        kept = tmp_path / saving.value.suggested_filename
        saving.value.save_as(kept)
        assert kept.name.endswith("-week-1.html")
        page.goto(kept.as_uri())
        assert page.evaluate(EVERY_PICTURE) == 3
    assert complaints == []


def test_a_picture_in_a_newsletter_for_members_is_for_members(
    circle: Circle, pipeline: Pipeline, stack: Stack, web: httpx.Client, picture: Path
) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    pipeline.render(newsletter)
    (name,) = {name for name in copies(stack, newsletter) if "-page-" in name}
    address = f"/newsletter/{newsletter.id}/pictures/{name}"
    assert web.get(address).headers["content-type"] == "image/jpeg"
    circle.leader.newsletters.set_visibility(newsletter.id, NewsletterVisibility.MEMBERS)
    assert web.get(address).status_code == 404
    assert web.get(address, headers=bearer(circle.outsider)).status_code == 404
    assert web.get(address, headers=bearer(circle.member)).status_code == 200


def test_names_that_a_newsletter_does_not_show_are_not_there(
    circle: Circle, pipeline: Pipeline, web: httpx.Client, picture: Path
) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    pipeline.render(newsletter)
    for name in (
        "cover-page-1x1.jpeg",
        "avatar-x-face-192x192.jpeg",
        "newsletter.html",
        "cover",
        "x-page-1x1.jpeg",
    ):
        assert web.get(f"/newsletter/{newsletter.id}/pictures/{name}").status_code == 404


@pytest.mark.long
def test_a_newsletter_is_not_made_before_its_pictures(circle: Circle, stack: Stack, picture: Path) -> None:
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    url, body = f"{stack.api_url}/functions/v1/deliver", {"chain": False, "first": "jobs"}

    def work() -> None:
        done = {"jobs": 1}
        while done["jobs"]:
            done = httpx.post(url, headers={"apikey": stack.secret_key}, json=body, timeout=60).json()

    work()
    assert circle.leader.newsletters.get(newsletter.id).html_path is None
    derive(stack)
    work()
    assert circle.leader.newsletters.get(newsletter.id).html_path is not None
    assert b"data:image/jpeg" in circle.member.newsletters.html(newsletter.id)
