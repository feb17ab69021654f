"""The rows and the bytes of files stay consistent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.embedded.server.conftest import Person, Server, SignUp, StartServer
from tests.embedded.server.files import TEXT, refused, rows_versions, stored_versions


def test_an_incomplete_form_is_refused(server: Server, ada: Person) -> None:
    before = stored_versions(server)
    form = b'--x\r\nContent-Disposition: form-data; name=""; filename="a"\r\n\r\nhalf a fi'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    url = f"/storage/v1/object/papers/{ada.id}/half"
    for content in (form, b"", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n"):
        reply = server.http(token=ada.token).post(url, content=content, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (400, "InvalidRequest")
    assert not [name for name in stored_versions(server) - before if name.endswith(".part")]
    assert not ada.client.storage.from_("papers").exists(f"{ada.id}/half")


@pytest.mark.long
def test_an_object_is_readable_while_it_is_replaced(server: Server) -> None:
    """The version that was read from the row may be deleted before its bytes are read: then there is another one."""
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


def test_rows_and_bytes_agree_after_concurrent_changes(start_server: StartServer) -> None:
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


def test_the_bytes_of_a_refused_row_are_deleted(server: Server, sign_up: SignUp) -> None:
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
