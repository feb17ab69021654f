"""Lists of files, and buckets."""

from __future__ import annotations

from uuid import uuid4

from supabase import Client
from tests.embedded.server.conftest import Person
from tests.embedded.server.files import TEXT, refused


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
