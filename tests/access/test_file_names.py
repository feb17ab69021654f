"""A file is written once, under a name of its own, in a folder of somebody who is there, also by a signed address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.stored_files import refused, remove, store, touched, undone
from tests.support.world import World, world_in


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("avatars", "cat.png"),
        ("avatars", "{olga}"),
        ("avatars", "x/{olga}/cat.png"),
        ("avatars", "{club}/cat.png"),
        ("covers", "cover.png"),
        ("covers", "not-a-uuid/cover.png"),
        ("covers", "{olga}/cover.png"),
        ("responses", "cat.png"),
        ("responses", "{club}/cat.png"),
        ("responses", "not-a-uuid/not-a-uuid/cat.png"),
        ("newsletters", "page.html"),
        ("newsletters", "{park}/{newsletter}/page.html"),
        ("newsletters", "not-a-uuid/not-a-uuid/page.html"),
        # An id has one spelling, so that a folder that is emptied is the whole folder.
        ("avatars", "{OLGA}/cat.png"),
        ("avatars", "{{{olga}}}/cat.png"),
        ("covers", "{CLUB}/cover.png"),
        ("covers", "{bare_club}/cover.png"),
        ("responses", "{CLUB}/{chloe}/cat.png"),
        ("responses", "{club}/{CHLOE}/cat.png"),
        ("responses", "{{{club}}}/{chloe}/cat.png"),
        ("responses", "{bare_club}/{chloe}/cat.png"),
        ("newsletters", "{CLUB}/{newsletter}/page.html"),
        ("newsletters", "{club}/{NEWSLETTER}/page.html"),
    ],
)
def test_a_path_that_belongs_to_nobody_takes_no_file(world: World, bucket: str, name: str) -> None:
    spellings = {key.upper(): str(value).upper() for key, value in world.ids.items()}
    path = name.format_map({**world.ids, **spellings, "bare_club": str(world.ids["club"]).replace("-", "")})
    for actor in world.cast.values():
        assert touched(actor, "insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, path) == 0
    with refused(world):
        store(world.actors, bucket, path)


@pytest.mark.parametrize(
    ("bucket", "role", "folder"),
    [("avatars", "author", "{chloe}"), ("covers", "leader", "{club}"), ("responses", "author", "{club}/{chloe}")],
)
def test_a_file_is_written_once(world: World, bucket: str, role: str, folder: str) -> None:
    """Neither replaced, nor moved, nor deleted and stored again; and right in the folder."""
    actor, path = world.cast[role], folder.format_map(world.ids) + "/once.png"
    insert = "insert into storage.objects (bucket_id, name) values (%s, %s)"
    store(world.actors, bucket, path)
    upsert = insert + " on conflict (bucket_id, name) do update set version = 'other'"
    assert touched(actor, upsert, bucket, path) == 0
    assert touched(actor, "update storage.objects set name = %s where name = %s", path + ".old", path) == 0
    assert touched(actor, insert, bucket, path.replace("once.png", "deeper/once.png")) == 0
    with undone(world):
        remove(world.actors, bucket, path)
        assert touched(actor, insert, bucket, path) == 0
        with refused(world):  # Not even by a signed address, for which the storage server writes itself.
            store(world.actors, bucket, path)


@pytest.mark.parametrize(
    ("bucket", "role", "folder"),
    [("avatars", "author", "{chloe}"), ("covers", "leader", "{club}"), ("responses", "author", "{club}/{chloe}")],
)
def test_no_signed_address_and_no_secret_key_writes_over_a_file(
    world: World, bucket: str, role: str, folder: str
) -> None:
    """The storage server asks the policies when it signs, and upserts by itself when the bytes come."""
    path, owner = folder.format_map(world.ids) + "/first.png", str(world.cast[role].id)
    upsert = (
        "insert into storage.objects (bucket_id, name, owner_id, version) values (%s, %s, %s, %s)"
        " on conflict (bucket_id, name) do update"
        " set version = excluded.version, owner_id = excluded.owner_id, metadata = excluded.metadata"
    )
    with undone(world):
        world.actors.run(upsert, bucket, path, owner, "one")
        for somebody in (owner, None):
            with refused(world):
                world.actors.run(upsert, bucket, path, somebody, "two")
        world.actors.run("update storage.objects set last_accessed_at = now(), metadata = '{}' where name = %s", path)
        world.actors.run("update storage.objects set name = %s, version = 'moved' where name = %s", f"{path}.old", path)
        with refused(world):  # Nor in its place, once it has moved.
            world.actors.run(upsert, bucket, path, owner, "three")


def test_a_newsletters_files_are_made_again(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['newsletter']}/newsletter.html"
    with undone(world):
        store(world.actors, "newsletters", path)
        changed = "update storage.objects set version = 'two' where name = %s returning version"
        assert world.actors.one(changed, path) == "two"


SIGNED = "insert into storage.objects (bucket_id, name, owner_id) values (%s, %s, %s)"
"""What the storage server does for whoever holds a signed address: the owner is who had it signed."""


@pytest.mark.parametrize(
    ("end", "who"),
    [
        ("select public.remove_member(%(space)s, %(person)s)", "leader"),
        ("select public.leave_space(%(space)s)", "author"),
    ],
    ids=["removed", "left"],
)
def test_a_signed_address_ends_with_the_membership(world: World, end: str, who: str) -> None:
    club, chloe = world.club.id, world.ids["chloe"]
    with undone(world):
        world.actors.run(SIGNED, "responses", f"{club}/{chloe}/before.png", str(chloe))
        world.cast[who].act()
        world.actors.connection.execute(end, {"space": club, "person": chloe})
        world.actors.as_owner()
        with refused(world):
            world.actors.run(SIGNED, "responses", f"{club}/{chloe}/after.png", str(chloe))
        # Their face is theirs; and who restores a backup stores what they left.
        world.actors.run(SIGNED, "avatars", f"{chloe}/after.png", str(chloe))
        store(world.actors, "responses", f"{club}/{chloe}/restored.png")


def test_a_signed_address_for_a_cover_ends_with_the_leading(world: World) -> None:
    club, ada, chloe = world.club.id, world.ids["ada"], world.ids["chloe"]
    with undone(world):
        world.actors.run(SIGNED, "covers", f"{club}/before.png", str(ada))
        with refused(world):
            world.actors.run(SIGNED, "covers", f"{club}/early.png", str(chloe))
        world.cast["leader"].call("transfer_leadership", space_id=club, user_id=chloe)
        world.actors.as_owner()
        with refused(world):
            world.actors.run(SIGNED, "covers", f"{club}/after.png", str(ada))
        world.actors.run(SIGNED, "covers", f"{club}/mine.png", str(chloe))


def test_a_signed_address_opens_only_ones_own_folder(world: World) -> None:
    club, chloe, boris = world.club.id, world.ids["chloe"], world.ids["boris"]
    for bucket, path in (
        ("avatars", f"{boris}/a.png"),
        ("responses", f"{club}/{boris}/a.png"),
        ("newsletters", f"{club}/{world.ids['newsletter']}/a.html"),
    ):
        with undone(world), refused(world):
            world.actors.run(SIGNED, bucket, path, str(chloe))


def test_a_published_response_gets_no_picture_by_a_signed_address_either(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['chloe']}/late.png"
    with undone(world):
        world.cast["author"].update("responses", world.ids["response"], image_path=path)
        world.actors.as_owner()
        with refused(world):
            world.actors.run(SIGNED, "responses", path, str(world.ids["chloe"]))
