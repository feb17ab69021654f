"""Files: what the clients call, who may, and that rows and bytes agree."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from storage3.exceptions import StorageApiError

from supabase import AsyncClientOptions, Client, create_async_client
from tests.embedded.server.conftest import Person, Server, SignUp, StartServer

PNG = b"\x89PNG" + bytes(range(100))
TEXT = {"content-type": "text/plain"}
IMAGE = {"content-type": "image/png"}


def refused(code: str) -> pytest.RaisesExc[StorageApiError]:
    """Expect a refusal whose body names this older code, which the Python client shows."""
    return pytest.RaisesExc(StorageApiError, check=lambda error: error.code == code)


def stored_versions(server: Server) -> set[str]:
    return {path.name for path in Path(server.config.storage_dir).rglob("*") if path.is_file()}


def rows_versions(server: Server) -> set[str]:
    with psycopg.connect(server.superuser_dsn) as connection:
        return {str(row[0]) for row in connection.execute("select version from storage.objects").fetchall()}


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
    answer = http.post(
        url,
        content=b"\x00\x01",
        headers={"content-type": "application/x-thing", "cache-control": "max-age=5", "x-metadata": "eyJhIjoxfQ=="},
    )
    assert answer.json()["Key"] == f"papers/{ada.id}/raw.bin"
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


def test_folders_of_others_are_closed(server: Server, ada: Person, boris: Person, anonymous: Client) -> None:
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


def test_a_dropbox_takes_without_showing(ada: Person) -> None:
    dropbox = ada.client.storage.from_("dropbox")
    name = str(uuid4())
    assert dropbox.upload(name, b"x", TEXT).path == name
    assert not dropbox.exists(name)
    with refused("Unauthorized"):
        dropbox.create_signed_upload_url(str(uuid4()))  # the policy allows the operation object.upload only


def test_public_buckets_need_no_key(server: Server, ada: Person) -> None:
    pictures = ada.client.storage.from_("pictures")
    path = f"{ada.id}/face.png"
    pictures.upload(path, PNG, IMAGE)
    answer = server.http(key="").get(pictures.get_public_url(path))
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in answer.headers["content-security-policy"]
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
        answer = http.get(url, headers={"range": header})
        assert (answer.status_code, answer.content) == (206, expected)
        assert answer.headers["content-range"].endswith(f"/{len(PNG)}")
        assert int(answer.headers["content-length"]) == len(expected)
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


def test_a_form_that_breaks_off_is_refused(server: Server, ada: Person) -> None:
    before = stored_versions(server)
    form = b'--x\r\nContent-Disposition: form-data; name=""; filename="a"\r\n\r\nhalf a fi'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    url = f"/storage/v1/object/papers/{ada.id}/half"
    for content in (form, b"", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n"):
        answer = server.http(token=ada.token).post(url, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")
    assert not [name for name in stored_versions(server) - before if name.endswith(".part")]
    assert not ada.client.storage.from_("papers").exists(f"{ada.id}/half")


def test_keys_are_checked(server: Server, ada: Person) -> None:
    with refused("InvalidKey"):
        ada.client.storage.from_("papers").upload(f"{ada.id}/ümlaut.txt", b"x", TEXT)
    http = server.http(token=ada.token)
    before = set(Path(server.config.storage_dir).parent.iterdir())
    for name in ("..%2f..%2fescaped", "a%2F..%2Fb", "%2e%2e%2Fescaped", "a%00b", "%ff", "tab%09", ".."):
        answer = http.post(f"/storage/v1/object/papers/{ada.id}/{name}", content=b"x", headers=TEXT)
        assert answer.status_code == 400, name
    assert set(Path(server.config.storage_dir).parent.iterdir()) == before


def test_signed_urls(server: Server, ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    path, other = f"{ada.id}/signed.txt", f"{ada.id}/other.txt"
    for name in (path, other):
        papers.upload(name, name.encode(), TEXT)
    url = papers.create_signed_url(path, 60, {"download": "copy.txt"})["signedURL"]
    assert url is not None
    answer = httpx.get(url)
    assert answer.text == path
    assert answer.headers["content-disposition"].startswith("attachment")
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


def test_lists(ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    for name in ("a/1.txt", "a/2.txt", "a/b/3.txt", "C.txt", "d.txt"):
        papers.upload(f"{ada.id}/{name}", b"12", TEXT)
    here = papers.list(ada.id)
    assert [entry["name"] for entry in here] == ["a", "C.txt", "d.txt"]
    assert (here[0]["id"], here[0]["metadata"]) == (None, None)
    assert here[-1]["metadata"]["size"] == 2
    assert [entry["name"] for entry in papers.list(f"{ada.id}/a")] == ["b", "1.txt", "2.txt"]
    page = papers.list(f"{ada.id}/a", {"limit": 1, "offset": 1, "sortBy": {"column": "created_at", "order": "desc"}})
    assert [entry["name"] for entry in page] == ["2.txt"]
    assert [entry["name"] for entry in papers.list(ada.id, {"search": "c"})] == ["C.txt"]
    assert papers.list(f"{ada.id}/a%") == []
    with refused("InvalidRequest"):
        papers.list(ada.id, {"sortBy": {"column": "owner; drop table x", "order": "asc"}})


def test_pages_of_a_list(ada: Person) -> None:
    papers = ada.client.storage.from_("papers")
    names = [f"{ada.id}/{name}" for name in ("1", "2/a", "2/b", "3", "4/a")]
    for name in names:
        papers.upload(name, b"x", TEXT)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = papers.list_v2({"prefix": f"{ada.id}/", "limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += [item.name for item in page.objects]
        cursor = page.nextCursor
        if not page.hasNext:
            break
    assert seen == names
    folders = papers.list_v2({"prefix": f"{ada.id}/", "with_delimiter": True})
    assert [item.name for item in folders.objects] == [names[0], names[3]]
    assert [folder.name for folder in folders.folders] == [f"{ada.id}/2/", f"{ada.id}/4/"]
    newest = papers.list_v2({"prefix": f"{ada.id}/", "limit": 1, "sortBy": {"column": "created_at", "order": "desc"}})
    assert [item.name for item in newest.objects] == [names[4]]
    with refused("InvalidRequest"):
        papers.list_v2({"cursor": "nonsense"})


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


def test_buckets_belong_to_the_server(ada: Person, anonymous: Client, secret: Client) -> None:
    name = f"bucket {uuid4().hex}"
    secret.storage.create_bucket(name, options={"public": False, "file_size_limit": 10})
    assert secret.storage.get_bucket(name).file_size_limit == 10
    secret.storage.update_bucket(name, {"public": True, "allowed_mime_types": ["text/plain"]})
    bucket = secret.storage.get_bucket(name)
    assert (bucket.public, bucket.file_size_limit, bucket.allowed_mime_types) == (True, 10, ["text/plain"])
    assert name in [bucket.id for bucket in secret.storage.list_buckets()]
    with refused("Duplicate"):
        secret.storage.create_bucket(name)
    secret.storage.from_(name).upload("a", b"x", TEXT)
    with refused("ResourceNotEmpty"):
        secret.storage.delete_bucket(name)
    for client in (ada.client, anonymous):
        assert client.storage.list_buckets() == []
        with refused("Bucket not found"):
            client.storage.get_bucket(name)
        with refused("Unauthorized"):
            client.storage.create_bucket(f"{uuid4().hex}")
        with refused("Bucket not found"):
            client.storage.empty_bucket(name)
        with refused("Bucket not found"):
            client.storage.delete_bucket(name)
    secret.storage.empty_bucket(name)
    secret.storage.delete_bucket(name)
    with refused("Bucket not found"):
        secret.storage.from_(name).upload("a", b"x", TEXT)


def test_keys_and_tokens_are_checked(server: Server) -> None:
    for http, status, code in (
        (server.http(key="wrong"), 401, "Unauthorized"),
        (server.http(token="a.b.c"), 400, "Unauthorized"),
    ):
        answer = http.get("/storage/v1/bucket")
        assert (answer.status_code, answer.json()["error"]) == (status, code)
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
    answer = server.http(server.config.secret_key).request(method, f"/storage/v1/{path}", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["message"]


async def test_the_async_client_works_alike(server: Server, ada: Person) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
        client = await create_async_client(server.url, server.config.publishable_key, options)
        await client.auth.sign_in_with_password({"email": ada.email, "password": "correct horse"})
        papers = client.storage.from_("papers")
        await papers.upload(f"{ada.id}/async.txt", b"x", TEXT)
        assert await papers.download(f"{ada.id}/async.txt") == b"x"
        with refused("Unauthorized"):
            await papers.upload(f"{uuid4()}/async.txt", b"x", TEXT)


@pytest.mark.long
def test_an_object_that_is_replaced_is_there_all_the_while(server: Server) -> None:
    """Between row and bytes the version that was read may go: then there is another one."""
    path = f"/storage/v1/object/papers/{uuid4()}"
    http = server.http(server.config.secret_key)
    write = {"content": b"0", "headers": TEXT | {"x-upsert": "true"}}
    http.post(path, **write).raise_for_status()
    is_over = threading.Event()

    def ask(read: Callable[[httpx.Client], httpx.Response]) -> set[int]:
        client, found = server.http(server.config.secret_key), set()
        while not is_over.is_set():
            found.add(read(client).status_code)
        return found

    def copy(client: httpx.Client) -> httpx.Response:
        body = {"bucketId": "papers", "sourceKey": path.rsplit("/", 1)[1], "destinationKey": str(uuid4())}
        return client.post("/storage/v1/object/copy", json=body)

    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(ask, lambda client: client.get(path)) for _ in range(3)] + [pool.submit(ask, copy)]
        try:
            for _ in range(50):
                http.post(path, **write).raise_for_status()
        finally:
            is_over.set()
        assert [reply.result() for reply in replies] == [{200}] * 4


def test_rows_and_bytes_agree_after_a_crowd(start_server: StartServer) -> None:
    server = start_server()
    secret = server.client(server.config.secret_key).storage.from_("papers")
    secret.upload("one", b"0", TEXT)

    def disturb(number: int) -> None:
        http = server.http(server.config.secret_key)
        match number % 4:
            case 0 | 1:
                http.post(
                    "/storage/v1/object/papers/one",
                    content=b"x" * (number + 1),
                    headers=TEXT | {"x-upsert": "true"},
                )
            case 2:
                http.request("DELETE", "/storage/v1/object/papers", json={"prefixes": ["one"]})
            case _:
                http.post(
                    "/storage/v1/object/copy",
                    json={"bucketId": "papers", "sourceKey": "one", "destinationKey": f"copy-{number}"},
                )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(disturb, range(24)))
    assert stored_versions(server) == rows_versions(server)


def test_a_refused_row_takes_its_bytes_along(server: Server, sign_up: SignUp) -> None:
    person = sign_up("Chloe")
    before = stored_versions(server) - rows_versions(server)
    for upsert in ("false", "true"):
        with refused("Unauthorized"):
            person.client.storage.from_("papers").upload("elsewhere/x", b"x", TEXT | {"upsert": upsert})
    assert stored_versions(server) - rows_versions(server) == before


def test_a_lost_file_is_a_missing_object(start_server: StartServer) -> None:
    server = start_server()
    papers = server.client(server.config.secret_key).storage.from_("papers")
    papers.upload("lost", b"x", TEXT)
    for path in Path(server.config.storage_dir).rglob("*"):
        if path.is_file():
            path.unlink()
    with refused("not_found"):
        papers.download("lost")
    papers.update("lost", b"found", TEXT)
    assert papers.download("lost") == b"found"
