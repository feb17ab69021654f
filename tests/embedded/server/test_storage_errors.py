"""Errors of Storage, with the platform's codes."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import jwt
import pytest

from supabase import Client
from tests.embedded.server.conftest import Person, Server
from tests.embedded.server.files import IMAGE, TEXT, refused, stored_versions

STORAGE = "/storage/v1"


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "bucket?sortColumn=owner", None, "InvalidRequest"),
        ("GET", "bucket?limit=-1", None, "InvalidRequest"),
        ("PUT", "bucket/nothing", {"public": True}, "Bucket not found"),
        ("PUT", "bucket/papers", {"public": "yes"}, "InvalidRequest"),
        ("PUT", "bucket/papers", {"allowed_mime_types": "image/png"}, "InvalidRequest"),
        ("PUT", "bucket/papers", {"file_size_limit": -1}, "InvalidRequest"),
        ("PATCH", "bucket/papers", {}, "Not Found"),
        ("PATCH", "object/papers/x", {}, "Not Found"),
        ("POST", "object/list/papers", {"prefix": 5}, "InvalidRequest"),
        ("POST", "object/list/papers", {"limit": -1}, "InvalidRequest"),
        ("POST", "object/list/papers", {"sortBy": {"order": "up"}}, "InvalidRequest"),
        ("POST", "object/list/nothing", {"prefix": ""}, "Bucket not found"),
        ("POST", "object/list-v2/nothing", {"prefix": ""}, "Bucket not found"),
        ("DELETE", "object/papers", {"prefixes": [str(number) for number in range(1001)]}, "InvalidRequest"),
        ("GET", "object//x", None, "MissingParameter"),
        ("GET", "object/sign/papers/x", None, "MissingParameter"),
        ("GET", "object/info/public/nothing/x", None, "Bucket not found"),
        ("POST", "object/nothing/x", {}, "Bucket not found"),
    ],
)
def test_calls_with_the_secret_key(server: Server, method: str, path: str, body: object, error: str) -> None:
    reply = server.http(server.config.secret_key).request(method, f"{STORAGE}/{path}", json=body)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    assert reply.json()["message"]


@pytest.mark.parametrize("wrong", ["\0", "a\0b", "\ud800"], ids=["NUL", "a NUL within", "half a character"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "bucket?search=$", None),
        ("GET", "bucket/$", None),
        ("POST", "bucket", {"name": "$", "id": "$"}),
        ("POST", "bucket", {"name": "other", "allowed_mime_types": ["$"]}),
        ("PUT", "bucket/papers", {"allowed_mime_types": ["$"]}),
        ("PUT", "bucket/$", {"public": True}),
        ("DELETE", "bucket/$", None),
        ("POST", "bucket/$/empty", {}),
        ("POST", "object/list/papers", {"prefix": "$"}),
        ("POST", "object/list/papers", {"prefix": "", "search": "$"}),
        ("POST", "object/list/$", {"prefix": ""}),
        ("POST", "object/list-v2/papers", {"prefix": "$"}),
        ("POST", "object/list-v2/papers", {"prefix": "", "cursor": "$"}),
        ("POST", "object/list-v2/$", {"prefix": ""}),
        ("POST", "object/move", {"bucketId": "papers", "sourceKey": "$", "destinationKey": "x"}),
        ("POST", "object/copy", {"bucketId": "papers", "sourceKey": "x", "destinationKey": "$"}),
        ("POST", "object/copy", {"bucketId": "$", "sourceKey": "x", "destinationKey": "y"}),
        ("POST", "object/sign/papers", {"expiresIn": 60, "paths": ["$"]}),
        ("POST", "object/sign/papers/$", {"expiresIn": 60}),
        ("POST", "object/upload/sign/papers/$", {}),
        ("POST", "object/papers/$", {}),
        ("PUT", "object/papers/$", {}),
        ("GET", "object/papers/$", None),
        ("GET", "object/info/papers/$", None),
        ("GET", "object/public/papers/$", None),
        ("GET", "object/sign/papers/$?token=x", None),
        ("GET", "object/sign/papers/x?token=$", None),
        ("DELETE", "object/papers", {"prefixes": ["$"]}),
        ("DELETE", "object/papers/$", None),
    ],
)
def test_text_that_cannot_be_stored(server: Server, method: str, path: str, body: object, wrong: str) -> None:
    escaped = quote(wrong.encode("utf-8", "surrogatepass"))
    content = None if body is None else json.dumps(body).replace("$", json.dumps(wrong)[1:-1])
    reply = server.http(server.config.secret_key).request(
        method,
        f"{STORAGE}/{path.replace('$', escaped)}",
        content=content,
        headers={} if content is None else {"content-type": "application/json"},
    )
    # In a URL a lone surrogate is encoded as a replacement character.
    is_replaced = wrong == "\ud800" and "?" in path and "$" in path
    assert reply.status_code == 400 or is_replaced, reply.text
    assert reply.status_code < 500


def test_metadata_that_cannot_be_stored(server: Server) -> None:
    http = server.http(server.config.secret_key)
    for wrong in ('{"a": "\\u0000"}', '{"\\ud800": 1}', '{"a": [{"b": "\\udfff"}]}'):
        headers = {"x-metadata": base64_of(wrong), "content-type": "text/plain"}
        reply = http.post(f"{STORAGE}/object/papers/x", content=b"x", headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
        form = {"metadata": (None, wrong), "file": ("x", b"x", "text/plain")}
        reply = http.post(f"{STORAGE}/object/papers/x", files=form)
        assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
    cursor = base64.b64encode(b'["a\\u0000", "b"]').decode()
    reply = http.post(f"{STORAGE}/object/list-v2/papers", json={"cursor": cursor})
    assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")


def test_an_expired_token_is_refused(server: Server, ada: Person) -> None:
    claims = {"sub": ada.id, "role": "authenticated", "exp": 1}
    expired = jwt.encode(claims, server.config.jwt_secret, "HS256")
    reply = server.http(token=expired).get(f"{STORAGE}/object/papers/{ada.id}/x")
    assert (reply.status_code, reply.json()["statusCode"]) == (400, "403")
    assert reply.json()["message"] == "JWT expired"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("header", ["not base64!", base64_of("no json"), base64_of("[1]"), base64_of("ÿ")[:3]])
def test_metadata_in_a_header_is_an_object(server: Server, ada: Person, header: str) -> None:
    before = stored_versions(server)
    reply = server.http(token=ada.token).post(
        f"{STORAGE}/object/papers/{ada.id}/m", content=b"x", headers=TEXT | {"x-metadata": header}
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
    assert stored_versions(server) == before


@pytest.mark.parametrize("metadata", ["no json", "[1]"])
def test_metadata_in_a_form_is_an_object(server: Server, ada: Person, metadata: str) -> None:
    before = stored_versions(server)
    reply = server.http(token=ada.token).post(
        f"{STORAGE}/object/papers/{ada.id}/m", data={"metadata": metadata}, files={"file": ("a", b"x", "text/plain")}
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
    assert stored_versions(server) == before


def test_a_form_without_boundary_and_one_with_two_files(server: Server, ada: Person) -> None:
    http, url = server.http(token=ada.token), f"{STORAGE}/object/papers/{ada.id}/form"
    reply = http.post(url, content=b"x", headers={"content-type": "multipart/form-data"})
    assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
    two: Any = [("file", ("a", b"first", "text/plain")), ("file", ("b", b"second", "text/plain"))]
    assert http.post(url, files=two).status_code == 200
    assert http.get(url).content == b"first"


def test_a_large_upload_is_refused_before_it_is_read(server: Server, ada: Person) -> None:
    before = stored_versions(server)
    http = server.http(token=ada.token)
    megabytes = b"x" * (2 * 1024 * 1024)  # The bucket allows 1,000 bytes.
    url = f"{STORAGE}/object/pictures/{ada.id}/big.png"
    for reply in (
        http.post(url, content=megabytes, headers=IMAGE),
        http.post(url, files={"file": ("a", megabytes, "image/png")}),
    ):
        assert (reply.status_code, reply.json()["statusCode"]) == (400, "413")
        assert reply.json()["error"] == "Payload too large"
    assert stored_versions(server) == before


def test_one_object_is_removed_by_its_path(server: Server, ada: Person, boris: Person) -> None:
    path = f"{STORAGE}/object/papers/{ada.id}/one.txt"
    mine = server.http(token=ada.token)
    mine.post(path, content=b"x", headers=TEXT).raise_for_status()
    theirs = server.http(token=boris.token).delete(path)
    assert (theirs.status_code, theirs.json()["error"]) == (400, "not_found")
    assert mine.delete(path).json() == {"message": "Successfully deleted"}
    assert mine.delete(path).json()["error"] == "not_found"


def test_a_copy_may_have_metadata_of_its_own(ada: Person, server: Server) -> None:
    papers = ada.client.storage.from_("papers")
    papers.upload(f"{ada.id}/old", b"x", TEXT | {"metadata": {"k": "old"}})  # type: ignore[arg-type]
    body = {"bucketId": "papers", "sourceKey": f"{ada.id}/old", "destinationKey": f"{ada.id}/new"}
    http = server.http(token=ada.token)
    more = {"copyMetadata": False, "metadata": {"k": "new"}}
    http.post(f"{STORAGE}/object/copy", json=body | more).raise_for_status()
    assert papers.info(f"{ada.id}/new")["metadata"] == {"k": "new"}
    elsewhere = body | {"destinationBucket": "nothing"}
    assert http.post(f"{STORAGE}/object/copy", json=elsewhere).json()["error"] == "Bucket not found"


def test_buckets_in_pages(server: Server, secret: Client) -> None:
    names = [f"{uuid4().hex}-{number}" for number in range(3)]
    for name in names:
        secret.storage.create_bucket(name, options={"file_size_limit": "20KB"})  # type: ignore[typeddict-item]
    http = server.http(server.config.secret_key)
    mine = {"search": names[0][:32].upper()}
    assert [bucket["file_size_limit"] for bucket in http.get(f"{STORAGE}/bucket", params=mine).json()] == [20_000]
    page = {"limit": 2, "offset": 1, "sortColumn": "created_at", "sortOrder": "desc"}
    assert [bucket["name"] for bucket in http.get(f"{STORAGE}/bucket", params=page).json()] == names[1::-1]
    with refused("Invalid Input"):
        secret.storage.create_bucket("no/slash")


def test_errors_of_public_objects(server: Server, ada: Person) -> None:
    path = f"{ada.id}/{uuid4()}.png"
    ada.client.storage.from_("pictures").upload(path, b"x", IMAGE)
    stranger = server.http(key="")
    info = stranger.get(f"{STORAGE}/object/info/public/pictures/{path}").json()
    assert (info["size"], info["content_type"]) == (1, "image/png")
    head = httpx.head(f"{server.url}{STORAGE}/object/public/pictures/{path}")
    assert (head.status_code, head.headers["content-length"]) == (200, "1")
    missing = httpx.head(f"{server.url}{STORAGE}/object/public/pictures/{path}-missing")
    assert (missing.status_code, missing.content) == (400, b"")
    assert stranger.get(f"{STORAGE}/status").json() == {"status": "ok"}
