"""The files of what is deleted are removed: through real storage and the real function `deliver`."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest
from pypdf import PdfReader

from monogram_sdk import Monogram, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter
from tests.functions.newsletter.conftest import Circle, derive
from tests.functions.newsletter.test_newsletter import bearer, text_of


def deliver(stack: Stack) -> None:
    """Let the functions `pictures` and `deliver` work until nothing is left to do."""
    derive(stack)
    while True:
        reply = httpx.post(
            f"{stack.api_url}/functions/v1/deliver",
            headers={"apikey": stack.secret_key},
            json={"chain": False, "first": "jobs"},
            timeout=90,
        )
        assert reply.status_code == 200, reply.text
        if not reply.json()["jobs"]:
            return


def stored(stack: Stack, *ids: UUID) -> set[str]:
    """The files that are left of things, as `bucket/name`."""
    with psycopg.connect(stack.db_url) as connection:
        rows = connection.execute(
            "select bucket_id || '/' || name from storage.objects where name like any(%s)",
            [[f"%{one}%" for one in ids]],
        ).fetchall()
    return {name for (name,) in rows}


def is_there(stack: Stack, address: str, **headers: str) -> bool:
    reply = httpx.get(f"{stack.api_url}/storage/v1/object/{address}", headers=headers)
    return reply.status_code == 200


@pytest.fixture
def pictured(circle: Circle, stack: Stack, picture: Path) -> Iterator[tuple[Circle, Newsletter, UUID]]:
    """A space with a cover, a member with a face, and a newsletter with a picture of theirs, rendered in both sizes."""
    circle.leader.spaces.set_cover(circle.space.id, picture)
    circle.member.profiles.set_avatar(picture)
    newsletter = circle.publish(circle.draft(["Look."], image=picture))
    deliver(stack)
    circle.leader.newsletters.pdf(newsletter.id, size="LETTER")
    yield circle, newsletter, circle.member.profiles.get().id


def test_a_deleted_account_leaves_no_file_and_stores_none(
    pictured: tuple[Circle, Newsletter, UUID], stack: Stack
) -> None:
    circle, newsletter, boris = pictured
    face = circle.member.profiles.get().avatar_path
    token, email = bearer(circle.member), circle.member.auth.user().email
    assert face is not None and email is not None and is_there(stack, f"public/avatars/{face}")
    other = face.replace(".jpg", ".small.webp")
    headers = {**token, "apikey": stack.publishable_key, "content-type": "image/jpeg"}
    upload = {"headers": headers, "content": b"\xff\xd8\xff"}
    storage = f"{stack.api_url}/storage/v1/object"
    assert httpx.post(f"{storage}/avatars/{other}", **upload).status_code == 200
    later = httpx.post(f"{storage}/upload/sign/avatars/{boris}/later.jpg", headers=headers).json()["url"]

    circle.member.auth.delete_account(confirm=email)
    # The token is valid for another hour, and the address for two.
    assert httpx.post(f"{storage}/avatars/{boris}/again.jpg", **upload).status_code == 400
    assert httpx.post(f"{storage}/responses/{circle.space.id}/{boris}/again.jpg", **upload).status_code == 400
    signed = {"headers": {"content-type": "image/jpeg"}, "content": b"\xff\xd8\xff"}
    assert httpx.put(f"{stack.api_url}/storage/v1{later}", **signed).status_code == 400
    deliver(stack)
    left = {name for name in stored(stack, boris) if not name.startswith("newsletters/")}
    assert left == set()
    assert not is_there(stack, f"public/avatars/{face}") and not is_there(stack, f"public/avatars/{other}")
    # The newsletter stays as it was printed.
    assert "Look." in text_of(circle.leader.newsletters.pdf(newsletter.id))
    assert b"Boris" in circle.leader.newsletters.html(newsletter.id)


def test_a_signed_upload_address_gives_no_more_than_the_right_that_one_has_now(circle: Circle, stack: Stack) -> None:
    """It replaces nothing, and ends with the membership or the leadership; both are checked when the bytes arrive."""
    storage = f"{stack.api_url}/storage/v1"
    boris = circle.member.profiles.get().id
    red, green = b"\xff\xd8\xffred", b"\xff\xd8\xffgreen"

    def signed(client: Monogram, name: str, **headers: str) -> str:
        headers |= {**bearer(client), "apikey": stack.publishable_key}
        address: str = httpx.post(f"{storage}/object/upload/sign/{name}", headers=headers).json()["url"]
        return address

    def send(address: str, content: bytes) -> tuple[int, str | None]:
        reply = httpx.put(storage + address, content=content, headers={"content-type": "image/jpeg"})
        return reply.status_code, reply.json().get("statusCode")

    folder = f"responses/{circle.space.id}/{boris}"
    again, later = (
        signed(circle.member, f"{folder}/a.jpg", **{"x-upsert": "true"}),
        signed(circle.member, f"{folder}/b.jpg"),
    )
    cover = signed(circle.leader, f"covers/{circle.space.id}/late.jpg")
    assert send(again, green) == (200, None)
    assert send(again, red) == (400, "403")
    headers = {**bearer(circle.member), "apikey": stack.publishable_key}
    assert httpx.get(f"{storage}/object/{folder}/a.jpg", headers=headers).content == green
    # A secret key replaces nothing either.
    secret = {"apikey": stack.secret_key, "content-type": "image/jpeg", "x-upsert": "true"}
    assert httpx.post(f"{storage}/object/{folder}/a.jpg", headers=secret, content=red).status_code == 400

    circle.leader.spaces.transfer_leadership(circle.space.id, boris)
    assert send(cover, green) == (400, "403")
    circle.member.spaces.transfer_leadership(circle.space.id, circle.leader.profiles.get().id)
    circle.leader.spaces.remove_member(circle.space.id, boris)
    assert send(later, green) == (400, "403")
    assert httpx.get(f"{storage}/object/{folder}/a.jpg", headers=headers).content == green


@pytest.mark.long
def test_a_deleted_space_leaves_no_file(pictured: tuple[Circle, Newsletter, UUID], stack: Stack) -> None:
    circle, newsletter, _ = pictured
    cover = circle.leader.spaces.get(circle.space.id).cover_path
    buckets = {name.split("/")[0] for name in stored(stack, circle.space.id)}
    assert buckets == {"covers", "derived", "newsletters", "responses"}
    circle.leader.spaces.delete(circle.space.id)
    page = httpx.get(f"{stack.api_url}/functions/v1/newsletter/{newsletter.id}", headers={"accept": "text/html"})
    assert page.status_code == 410 and "This letter is gone" in page.text
    deliver(stack)
    assert stored(stack, circle.space.id) == set()
    assert not is_there(stack, f"public/covers/{cover}")


def test_a_deleted_newsletter_leaves_no_file_and_a_link_that_says_so(
    pictured: tuple[Circle, Newsletter, UUID], stack: Stack, web: httpx.Client
) -> None:
    circle, newsletter, _ = pictured
    folder = f"newsletters/{circle.space.id}/{newsletter.id}"
    names = {name.removeprefix(folder) for name in stored(stack, newsletter.id)}
    assert {"/newsletter.html", "/newsletter.pdf", "/newsletter-letter.pdf"} < names
    assert any(name.startswith("/pictures/cover-page-") for name in names)
    assert not circle.leader.newsletters.is_gone(newsletter.id)
    circle.leader.newsletters.delete(newsletter.id)
    assert circle.leader.newsletters.is_gone(newsletter.id)
    for path in ("", ".pdf"):
        assert web.get(f"/newsletter/{newsletter.id}{path}").status_code == 410
    with pytest.raises(errors.NewsletterNotFoundError, match="has been deleted"):
        circle.leader.newsletters.html(newsletter.id)
    deliver(stack)
    assert stored(stack, newsletter.id) == set()
    assert circle.leader.spaces.get(circle.space.id).current_week == 2


@pytest.mark.long
def test_a_replaced_picture_goes(pictured: tuple[Circle, Newsletter, UUID], stack: Stack, picture: Path) -> None:
    circle, _, boris = pictured
    former = circle.member.profiles.get().avatar_path
    path = f"{boris}/mine.jpg"
    # As clients do that do not remove the old file.
    headers = {**bearer(circle.member), "apikey": stack.publishable_key, "content-type": "image/jpeg"}
    storage = f"{stack.api_url}/storage/v1/object/avatars"
    assert httpx.post(f"{storage}/{path}", headers=headers, content=picture.read_bytes()).status_code == 200
    rest = f"{stack.api_url}/rest/v1/users?id=eq.{boris}"
    patch = httpx.patch(rest, headers={**headers, "content-type": "application/json"}, json={"avatar_path": path})
    assert patch.status_code == 204
    # It cannot be overwritten, moved or deleted while a profile shows it.
    upsert = {**headers, "x-upsert": "true"}
    assert httpx.post(f"{storage}/{path}", headers=upsert, content=b"\xff\xd8\xffother").status_code == 400
    moved = httpx.post(
        f"{stack.api_url}/storage/v1/object/move",
        headers={**headers, "content-type": "application/json"},
        json={"bucketId": "avatars", "sourceKey": path, "destinationKey": f"{boris}/elsewhere.jpg"},
    )
    assert moved.status_code == 400
    httpx.request("DELETE", f"{storage}/{path}", headers=headers)
    deliver(stack)
    avatars = {name for name in stored(stack, boris) if name.startswith("avatars/")}
    assert avatars == {f"avatars/{path}"} and former != path
    assert httpx.get(f"{stack.api_url}/storage/v1/object/public/avatars/{path}").content == picture.read_bytes()


@pytest.mark.long
def test_a_person_who_is_erased_is_in_no_file(
    pictured: tuple[Circle, Newsletter, UUID], stack: Stack, web: httpx.Client
) -> None:
    circle, newsletter, boris = pictured
    response = newsletter.content.prompts[0].responses[0]
    assert any(str(response.id) in name for name in stored(stack, newsletter.id))
    with psycopg.connect(stack.db_url) as connection:
        query = "select content::text from private.newsletter_mails where newsletter_id = %s"
        (email,) = connection.execute(query, [newsletter.id]).fetchone() or ("",)
        assert "Boris" in email
        with Monogram.admin_client(url=stack.api_url, key=stack.secret_key) as service:
            assert service.admin.erase_user(boris) == 1
        # At once, before any job has run, also for requests to Storage itself.
        page = f"authenticated/newsletters/{circle.space.id}/{newsletter.id}/newsletter.html"
        assert not is_there(stack, page, apikey=stack.publishable_key, **bearer(circle.leader))
        assert "Boris" not in web.get(f"/newsletter/{newsletter.id}").text
        deliver(stack)
        connection.rollback()
        (email,) = connection.execute(query, [newsletter.id]).fetchone() or ("Boris",)
        assert "Boris" not in email and "Look." not in email and "Somebody who left" in email
    for name in stored(stack, circle.space.id):
        headers = {"apikey": stack.secret_key, "authorization": f"Bearer {stack.secret_key}"}
        content = httpx.get(f"{stack.api_url}/storage/v1/object/authenticated/{name}", headers=headers).content
        words = text_of(content) if name.endswith(".pdf") else content.decode("utf-8", "replace")
        assert content and "Boris" not in words and "Look." not in words, name
    names = stored(stack, newsletter.id)
    assert not any(str(response.id) in name or str(boris) in name for name in names), names
    # Nothing but what is made anew: the size LETTER comes back when somebody asks for it.
    assert f"newsletters/{circle.space.id}/{newsletter.id}/newsletter-letter.pdf" not in names
    for size in ("a4", "letter"):
        pdf = web.get(f"/newsletter/{newsletter.id}.pdf", params={"size": size}).content
        assert "Somebody who left" in text_of(pdf) and "taken out of the letter" in text_of(pdf)
        assert "Boris" not in text_of(pdf) and "Look." not in text_of(pdf)
        assert sum(len(page.images) for page in PdfReader(io.BytesIO(pdf)).pages) == 1  # The cover.
    assert is_there(stack, page, apikey=stack.publishable_key, **bearer(circle.leader))
    assert web.get(f"/newsletter/keepsakes/{response.id}.pdf").status_code == 404


@pytest.mark.long
def test_an_upload_under_way_while_the_account_goes_stores_nothing(circle: Circle, stack: Stack) -> None:
    boris = circle.member.profiles.get().id
    headers = {**bearer(circle.member), "apikey": stack.publishable_key, "content-type": "image/jpeg"}
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"\xff\xd8\xff"
        begun.set()
        assert go_on.wait(300)
        yield b"the rest"

    replies: list[int] = []

    def upload() -> None:
        address = f"{stack.api_url}/storage/v1/object/avatars/{boris}/slow.jpg"
        replies.append(httpx.post(address, headers=headers, content=slowly(), timeout=300).status_code)

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        assert begun.wait(300)
        with Monogram.admin_client(url=stack.api_url, key=stack.secret_key) as service:
            service.admin.delete_user(boris)
        deliver(stack)
    finally:
        go_on.set()
        thread.join()
    assert replies == [400]
    assert stored(stack, boris) == set()
