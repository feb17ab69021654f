"""Files: who lists, uploads, replaces and deletes what in the four buckets."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.world import World, build_world


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield build_world(actors)


class _Undo(Exception):
    """Rolls back what was tried."""


def touched(actor: Actor, query: str, *arguments: object) -> int:
    """How many rows somebody touches, 0 where it is refused. Nothing of it remains."""
    count = 0
    try:
        with actor.actors.connection.transaction():
            # The platform lets nobody but its storage server delete, which sets this after it has asked the policies.
            actor.actors.run("select set_config('storage.allow_delete_query', 'true', true)")
            count = actor.count(query, *arguments)
            raise _Undo
    except _Undo:
        return count
    except psycopg.errors.InsufficientPrivilege:
        return 0


def who(world: World, bucket: str, name: str) -> dict[str, set[str]]:
    """Who may do what with a file. Service keys pass all policies and are left out."""
    world.actors.run(
        "insert into storage.objects (bucket_id, name) values (%s, %s) on conflict do nothing", bucket, name
    )
    clients = {role: actor for role, actor in world.cast.items() if role != "service"}
    folder, _, _ = name.rpartition("/")
    new_name = f"{folder}/{uuid4().hex}" if folder else uuid4().hex
    where = "where bucket_id = %s and name = %s"
    return {
        verb: {role for role, actor in clients.items() if touched(actor, query, bucket, target)}
        for verb, query, target in (
            ("read", f"select from storage.objects {where}", name),
            ("upload", "insert into storage.objects (bucket_id, name) values (%s, %s)", new_name),
            ("replace", f"update storage.objects set metadata = '{{}}' {where}", name),
            ("delete", f"delete from storage.objects {where}", name),
        )
    }


def only(role: str) -> dict[str, set[str]]:
    return {verb: {role} for verb in ("read", "upload", "replace", "delete")}


NOBODY: dict[str, set[str]] = {"read": set(), "upload": set(), "replace": set(), "delete": set()}
MEMBERS = {"member", "author", "curator", "leader"}


def test_an_avatar_is_its_owners(world: World) -> None:
    assert who(world, "avatars", f"{world.ids['chloe']}/me.png") == only("author")


def test_a_cover_is_the_leaders(world: World) -> None:
    assert who(world, "covers", f"{world.ids['club']}/cover.png") == only("leader")


def test_a_picture_in_a_response_is_the_authors_and_the_space_sees_it(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['chloe']}/cat.png"
    assert who(world, "responses", path) == only("author") | {"read": MEMBERS}


def test_who_left_keeps_and_deletes_their_pictures_but_adds_none(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['dmitri']}/dog.png"
    assert who(world, "responses", path) == {
        "read": MEMBERS | {"ex_member"},
        "upload": set(),
        "replace": set(),
        "delete": {"ex_member"},
    }


def test_a_published_letter_is_read_as_its_row_is(world: World) -> None:
    clients = set(world.cast) - {"service"}
    for letter, readers in (("newsletter", clients), ("newsletter_draft", MEMBERS), ("family_letter", set[str]())):
        space_id = world.actors.one("select space_id from public.newsletters where id = %s", world.ids[letter])
        assert who(world, "newsletters", f"{space_id}/{world.ids[letter]}/page.html") == NOBODY | {"read": readers}


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("avatars", "cat.png"),
        ("avatars", "{olga}"),
        ("avatars", "x/{olga}/cat.png"),
        ("covers", "cover.png"),
        ("covers", "not-a-uuid/cover.png"),
        ("responses", "cat.png"),
        ("responses", "{club}/cat.png"),
        ("responses", "not-a-uuid/not-a-uuid/cat.png"),
        ("newsletters", "page.html"),
        ("newsletters", "{park}/{newsletter}/page.html"),
        ("newsletters", "not-a-uuid/not-a-uuid/page.html"),
    ],
)
def test_a_path_that_belongs_to_nobody(world: World, bucket: str, name: str) -> None:
    found = who(world, bucket, name.format_map(world.ids))
    # Whoever is in the space sees what is in its folder, wherever in it.
    assert found | {"read": found["read"] - (MEMBERS if "{club}/" in name else set())} == NOBODY


def test_a_file_cannot_be_moved_into_a_folder_of_somebody_else(world: World) -> None:
    mine, theirs = f"{world.ids['chloe']}/mine.png", f"{world.ids['eleni']}/theirs.png"
    world.actors.run("insert into storage.objects (bucket_id, name) values ('avatars', %s)", mine)
    chloe = world.cast["author"]
    assert touched(chloe, "update storage.objects set name = %s where name = %s", mine + ".old", mine) == 1
    assert touched(chloe, "update storage.objects set name = %s where name = %s", theirs, mine) == 0


def test_buckets_limit_sizes_and_kinds(world: World) -> None:
    buckets = {
        row["id"]: (row["public"], row["file_size_limit"] // 1024**2, row["allowed_mime_types"])
        for row in world.actors.run("select * from storage.buckets")
    }
    images = ["image/jpeg", "image/png", "image/webp", "image/gif"]
    assert buckets == {
        "avatars": (True, 2, images),
        "covers": (True, 5, images),
        "responses": (False, 10, images),
        "newsletters": (False, 20, ["text/html", "application/pdf", *images]),
    }


def test_every_policy_matters(world: World) -> None:
    """Taken away, each policy keeps out somebody who should get in."""
    paths = {
        "avatars": f"{world.ids['chloe']}/me.png",
        "covers": f"{world.ids['club']}/cover.png",
        "responses": f"{world.ids['club']}/{world.ids['chloe']}/cat.png",
        "newsletters": f"{world.ids['club']}/{world.ids['newsletter']}/page.html",
    }

    def everything() -> list[dict[str, set[str]]]:
        return [who(world, bucket, path) for bucket, path in paths.items()]

    normal = everything()
    policies = world.actors.run(
        "select policyname as name from pg_catalog.pg_policies where schemaname = 'storage' and tablename = 'objects'"
    )
    assert len(policies) == 5
    for policy in policies:
        try:
            with world.actors.connection.transaction():
                world.actors.run(f'drop policy "{policy["name"]}" on storage.objects')
                assert everything() != normal, policy
                raise _Undo
        except _Undo:
            pass
