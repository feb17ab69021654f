"""Files: the calls of the clients, and the rights of the callers."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from supabase import AsyncClientOptions, Client, create_async_client
from tests.embedded.server.conftest import Person, Server
from tests.embedded.server.files import IMAGE, PNG, TEXT, refused, stored_versions


def test_a_file_from_upload_to_removal(ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    path = f"{ada.id}/2026/letter (1).txt"
    uploaded = papers.upload(
        path, b"first", {"content-type": "text/plain", "cache-control": "60", "metadata": {"k": "v"}}
    )
    assert (uploaded.path, uploaded.full_path) == (path, f"papers/{path}")
    assert papers.download(path) == b"first"
    with refused("Duplicate"):
        papers.upload(path, b"again", TEXT)
    papers.upload(path, b"second", TEXT | {"upsert": "true"})
    papers.update(path, b"third!", TEXT)
    assert papers.download(path) == b"third!"
    info = papers.info(path)
    assert (info["size"], info["content_type"], info["bucket_id"]) == (6, "text/plain", "papers")
    assert papers.exists(path)
    assert [row["name"] for row in papers.remove([path, "nothing"])] == [path]
    assert not papers.exists(path)
    with refused("not_found"):
        papers.download(path)


def test_metadata_is_kept(ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    path = f"{ada.id}/with-metadata"
    papers.upload(path, b"x", {"content-type": "text/plain", "cache-control": "60", "metadata": {"k": ["v", 1]}})
    info = papers.info(path)
    assert info["metadata"] == {"k": ["v", 1]}
    assert info["cache_control"] == "max-age=60"


def test_raw_bodies_and_their_headers(server: Server, ada: Person) -> None:
    url = f"/storage/v1/object/papers/{ada.id}/raw.bin"
    http = server.http(token=ada.token)
    reply = http.post(
        url,
        content=b"\x00\x01",
        headers={"content-type": "application/x-thing", "cache-control": "max-age=5", "x-metadata": "eyJhIjoxfQ=="},
    )
    assert reply.json()["Key"] == f"papers/{ada.id}/raw.bin"
    read = http.get(url)
    assert (read.content, read.headers["content-type"]) == (b"\x00\x01", "application/x-thing")
    assert read.headers["cache-control"] == "max-age=5"
    assert http.head(url).headers["content-length"] == "2"
    assert http.get(f"/storage/v1/object/authenticated/papers/{ada.id}/raw.bin").content == b"\x00\x01"
    assert http.get(f"/storage/v1/object/info/papers/{ada.id}/raw.bin").json()["metadata"] == {"a": 1}


def test_owners_are_recorded(server: Server, ada: Person, secret: Client) -> None:
    name = f"{ada.id}/{uuid4()}"
    ada.client.storage.from_("papers").upload(name, b"x", TEXT)
    secret.storage.from_("papers").upload(f"{name}-by-server", b"x", TEXT)
    with psycopg.connect(server.superuser_dsn) as connection:
        owners = dict(
            connection.execute("select name, owner_id from storage.objects where name like %s", [f"{name}%"]).fetchall()
        )
    assert owners == {name: ada.id, f"{name}-by-server": None}


def test_folders_of_others_are_protected(server: Server, ada: Person, boris: Person, anonymous: Client) -> None:
    path = f"{ada.id}/private.txt"
    papers = ada.client.storage.from_("papers")
    papers.upload(path, b"mine", TEXT)
    for other in (boris.client, anonymous):
        theirs = other.storage.from_("papers")
        with refused("not_found"):
            theirs.download(path)
        with refused("not_found"):
            theirs.create_signed_url(path, 60)
        with refused("not_found"):
            theirs.move(path, f"{boris.id}/stolen.txt")
        with refused("not_found"):
            theirs.copy(path, f"{boris.id}/stolen.txt")
        with refused("Unauthorized"):
            theirs.upload(f"{ada.id}/planted.txt", b"x", TEXT)
        with refused("Unauthorized"):
            theirs.upload(path, b"x", TEXT | {"upsert": "true"})
        with refused("Unauthorized"):
            theirs.create_signed_upload_url(f"{ada.id}/planted.txt")
        assert theirs.remove([path]) == []
        assert theirs.list(ada.id) == []
        assert not theirs.exists(path)
    with refused("Unauthorized"):
        papers.move(path, f"{boris.id}/gift.txt")
    with refused("Unauthorized"):
        papers.copy(path, f"{boris.id}/gift.txt")
    assert server.http(key="").get(f"/storage/v1/object/papers/{path}").json()["error"] == "not_found"
    assert papers.download(path) == b"mine"


def test_deletion_has_its_own_policy(ada: Person) -> None:
    pictures = ada.client.storage.from_("pictures")
    pictures.upload(f"{ada.id}/kept.png", PNG, IMAGE)
    assert pictures.remove([f"{ada.id}/kept.png"]) == []
    assert pictures.download(f"{ada.id}/kept.png") == PNG


def test_a_bucket_for_uploads_only(ada: Person) -> None:
    dropbox = ada.client.storage.from_("dropbox")
    name = str(uuid4())
    assert dropbox.upload(name, b"x", TEXT).path == name
    assert not dropbox.exists(name)
    with refused("Unauthorized"):
        dropbox.create_signed_upload_url(str(uuid4()))  # The policy allows only the operation `object.upload`.


def test_public_buckets_need_no_key(server: Server, ada: Person) -> None:
    pictures = ada.client.storage.from_("pictures")
    path = f"{ada.id}/face.png"
    pictures.upload(path, PNG, IMAGE)
    reply = server.http(key="").get(pictures.get_public_url(path))
    assert (reply.content, reply.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in reply.headers["content-security-policy"]
    attached = server.http(key="").get(pictures.get_public_url(path, {"download": "me & you.png"}))
    assert attached.headers["content-disposition"] == "attachment; filename*=UTF-8''me%20%26%20you.png"
    private = server.http(key="").get(f"/storage/v1/object/public/papers/{ada.id}/private.txt")
    assert private.json()["error"] == "Bucket not found"


def test_parts_of_a_file(server: Server, ada: Person) -> None:
    pictures = ada.client.storage.from_("pictures")
    path = f"{ada.id}/range.png"
    pictures.upload(path, PNG, IMAGE)
    url = pictures.get_public_url(path)
    http = server.http(key="")
    for header, expected in (("bytes=0-3", PNG[:4]), ("bytes=100-", PNG[100:]), ("bytes=-5", PNG[-5:])):
        reply = http.get(url, headers={"range": header})
        assert (reply.status_code, reply.content) == (206, expected)
        assert reply.headers["content-range"].endswith(f"/{len(PNG)}")
        assert int(reply.headers["content-length"]) == len(expected)
    assert http.get(url, headers={"range": "bytes=999-"}).json()["statusCode"] == "416"
    assert http.get(url, headers={"range": "bytes=0-1,4-5"}).status_code == 200
    etag = http.get(url).headers["etag"]
    assert http.get(url, headers={"if-none-match": etag}).status_code == 304


def test_limits_of_a_bucket(server: Server, ada: Person) -> None:
    pictures = ada.client.storage.from_("pictures")
    before = stored_versions(server)
    with refused("invalid_mime_type") as caught:
        pictures.upload(f"{ada.id}/a.txt", b"x", TEXT)
    assert str(caught.value.status) == "415"
    with refused("Payload too large") as caught:
        pictures.upload(f"{ada.id}/big.png", b"x" * 1001, IMAGE)
    assert str(caught.value.status) == "413"

    def chunks() -> object:
        for _ in range(20):
            yield b"x" * 100

    unannounced = server.http(token=ada.token).post(
        f"/storage/v1/object/pictures/{ada.id}/stream.png", content=chunks(), headers=IMAGE
    )
    assert (unannounced.status_code, unannounced.json()["statusCode"]) == (400, "413")
    pictures.upload(f"{ada.id}/just.png", b"x" * 1000, IMAGE)
    assert len(stored_versions(server) - before) >= 1
    assert not any(name.endswith(".part") for name in stored_versions(server))


def test_keys_are_checked(server: Server, ada: Person) -> None:
    with refused("InvalidKey"):
        ada.client.storage.from_("papers").upload(f"{ada.id}/ümlaut.txt", b"x", TEXT)
    http = server.http(token=ada.token)
    before = set(Path(server.config.storage_dir).parent.iterdir())
    for name in ("..%2f..%2fescaped", "a%2F..%2Fb", "%2e%2e%2Fescaped", "a%00b", "%ff", "tab%09", ".."):
        reply = http.post(f"/storage/v1/object/papers/{ada.id}/{name}", content=b"x", headers=TEXT)
        assert reply.status_code == 400, name
    assert set(Path(server.config.storage_dir).parent.iterdir()) == before


def test_signed_urls(server: Server, ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    path, other = f"{ada.id}/signed.txt", f"{ada.id}/other.txt"
    for name in (path, other):
        papers.upload(name, name.encode(), TEXT)
    url = papers.create_signed_url(path, 60, {"download": "copy.txt"})["signedURL"]
    assert url is not None
    reply = httpx.get(url)
    assert reply.text == path
    assert reply.headers["content-disposition"].startswith("attachment")
    assert httpx.get(url.replace("signed.txt", "other.txt")).json()["code"] == "InvalidSignature"
    assert httpx.get(url[:-20]).status_code == 400
    several = papers.create_signed_urls([path, "nothing"], 60)
    assert several[0]["signedURL"] is not None
    assert httpx.get(several[0]["signedURL"]).text == path
    assert several[1]["signedURL"] is None
    assert several[1]["error"]
    as_token = server.http(key="").get(f"/storage/v1/object/sign/papers/{path}", params={"token": ada.token})
    assert as_token.json()["code"] == "InvalidJWT"
    token = httpx.URL(url).params["token"]
    assert server.http(token=token).get("/rest/v1/notes").status_code == 401


def test_signed_uploads(server: Server, ada: Person, anonymous: Client) -> None:
    path = f"{ada.id}/by-somebody.txt"
    token = ada.client.storage.from_("papers").create_signed_upload_url(path)["token"]
    theirs = anonymous.storage.from_("papers")
    assert theirs.upload_to_signed_url(path, token, b"thanks", TEXT).full_path == f"papers/{path}"
    assert ada.client.storage.from_("papers").download(path) == b"thanks"
    with refused("Duplicate"):
        theirs.upload_to_signed_url(path, token, b"again", TEXT)
    with refused("InvalidSignature"):
        theirs.upload_to_signed_url(f"{ada.id}/elsewhere.txt", token, b"x", TEXT)
    download = ada.client.storage.from_("papers").create_signed_url(path, 60)["signedURL"]
    assert download is not None
    with refused("InvalidSignature"):
        theirs.upload_to_signed_url(path, httpx.URL(download).params["token"], b"x", TEXT)
    assert server.http(key="").put(f"/storage/v1/object/upload/sign/papers/{path}").status_code == 400


def test_moving_and_copying(ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    papers.upload(f"{ada.id}/old", b"text", TEXT)
    papers.move(f"{ada.id}/old", f"{ada.id}/new")
    assert not papers.exists(f"{ada.id}/old")
    assert papers.copy(f"{ada.id}/new", f"{ada.id}/twin")["Key"] == f"papers/{ada.id}/twin"
    with refused("Duplicate"):
        papers.copy(f"{ada.id}/new", f"{ada.id}/twin")
    with refused("Duplicate"):
        papers.move(f"{ada.id}/new", f"{ada.id}/twin")
    papers.remove([f"{ada.id}/new"])
    assert papers.download(f"{ada.id}/twin") == b"text"
    with refused("not_found"):
        papers.move(f"{ada.id}/new", f"{ada.id}/x")


def test_keys_and_tokens_are_checked(server: Server) -> None:
    for http, status, code in (
        (server.http(key="wrong"), 401, "Unauthorized"),
        (server.http(token="a.b.c"), 400, "Unauthorized"),
    ):
        reply = http.get("/storage/v1/bucket")
        assert (reply.status_code, reply.json()["error"]) == (status, code)
    assert server.http(key="").post("/storage/v1/object/papers/x", content=b"x").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("POST", "bucket", "[]", "InvalidRequest"),
        ("POST", "bucket", '{"name": "no/slash"}', "Invalid Input"),
        ("POST", "bucket", '{"name": "ok", "file_size_limit": "much"}', "InvalidRequest"),
        ("POST", "object/sign/papers/x", '{"expiresIn": 0}', "InvalidRequest"),
        ("POST", "object/sign/papers", '{"expiresIn": 9, "paths": "x"}', "InvalidRequest"),
        ("POST", "object/move", '{"bucketId": "papers"}', "InvalidRequest"),
        ("DELETE", "object/papers", "{}", "InvalidRequest"),
        ("DELETE", "object/papers/nothing", "", "not_found"),
        ("GET", "object/papers", "", "MissingParameter"),
        ("GET", "render/image/public/pictures/x.png", "", "FeatureNotEnabled"),
        ("GET", "nowhere", "", "Not Found"),
    ],
)
def test_wrong_calls(server: Server, method: str, path: str, body: str, error: str) -> None:
    reply = server.http(server.config.secret_key).request(method, f"/storage/v1/{path}", content=body)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    assert reply.json()["message"]


async def test_the_async_client(server: Server, ada: Person) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
        client = await create_async_client(server.url, server.config.publishable_key, options)
        await client.auth.sign_in_with_password({"email": ada.email, "password": "correct horse"})
        papers = client.storage.from_("papers")
        await papers.upload(f"{ada.id}/async.txt", b"x", TEXT)
        assert await papers.download(f"{ada.id}/async.txt") == b"x"
        with refused("Unauthorized"):
            await papers.upload(f"{uuid4()}/async.txt", b"x", TEXT)
