"""Files: who lists, uploads, replaces and deletes what in the buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.access.stored_files import MEMBERS, NOBODY, only, store, undone, who
from tests.support.actors import Actors
from tests.support.stories import found_club
from tests.support.world import World, world_in


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


def test_an_avatar_is_its_owners(world: World) -> None:
    assert who(world, "avatars", f"{world.ids['chloe']}/me.png") == only("author")


def test_a_cover_is_the_leaders(world: World) -> None:
    assert who(world, "covers", f"{world.ids['club']}/cover.png") == only("leader")


def test_a_picture_that_no_published_response_names_is_its_authors(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['chloe']}/cat.png"
    assert who(world, "responses", path) == only("author")
    # Naming it in a draft shows it to nobody.
    with undone(world):
        world.cast["author"].update("responses", world.ids["draft"], image_path=path)
        assert who(world, "responses", path) == only("author") | {"delete": set()}


def test_a_picture_in_a_published_response_is_the_spaces_and_stays_what_it_is(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['chloe']}/dog.png"
    with undone(world):
        world.cast["author"].update("responses", world.ids["response"], image_path=path)
        assert who(world, "responses", path) == only("author") | {"read": MEMBERS, "delete": set()}
        # Not listed either, by anybody else.
        listing = "select name from storage.objects where bucket_id = 'responses' and starts_with(name, %s)"
        store(world.actors, "responses", f"{world.ids['club']}/{world.ids['chloe']}/draft.png")
        seen = world.cast["member"].run(listing, f"{world.ids['club']}/")
        assert [row["name"] for row in seen] == [path]


def test_who_left_keeps_and_deletes_their_pictures_but_adds_none(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['dmitri']}/dog.png"
    assert who(world, "responses", path) == only("ex_member") | {"upload": set()}


def test_a_published_newsletter_is_read_as_its_row_is_once_its_files_are_complete(world: World) -> None:
    clients = set(world.cast) - {"service"}
    for newsletter, readers in (
        ("newsletter", clients),
        ("newsletter_draft", MEMBERS),
        ("family_newsletter", set[str]()),
    ):
        space_id = world.actors.one("select space_id from public.newsletters where id = %s", world.ids[newsletter])
        page = f"{space_id}/{world.ids[newsletter]}/page.html"
        assert who(world, "newsletters", page) == NOBODY
        with undone(world):
            world.actors.run("update public.newsletters set html_path = %s where id = %s", page, world.ids[newsletter])
            assert who(world, "newsletters", page) == NOBODY | {"read": readers}


def test_listing_a_space_reads_an_index(world: World) -> None:
    """Which pictures others may see is found by the name in a response, however many responses there are."""
    world.actors.run("set local enable_seqscan = off")
    plan = "\n".join(
        row["QUERY PLAN"]
        for row in world.cast["member"].run(
            "explain select from public.responses where image_path = 'x' and is_published"
        )
    )
    assert "Index Cond: (image_path = 'x'::text)" in plan, plan


def test_buckets_limit_sizes_and_kinds(world: World) -> None:
    buckets = {
        row["id"]: (row["public"], row["file_size_limit"] // 1024**2, row["allowed_mime_types"])
        for row in world.actors.run("select * from storage.buckets")
    }
    images = ["image/jpeg", "image/png", "image/webp", "image/gif"]
    assert buckets == {
        "avatars": (True, 10, images),
        "covers": (True, 10, images),
        "responses": (False, 10, images),
        "derived": (False, 10, images),
        "newsletters": (False, 20, ["text/html", "application/pdf", *images]),
        "typefaces": (False, 8, ["application/octet-stream"]),
    }


def test_typefaces_are_for_secret_keys(world: World) -> None:
    assert who(world, "typefaces", "noto-serif-sc.ttf.br") == NOBODY


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

    policies = world.actors.run(
        "select policyname as name from pg_catalog.pg_policies where schemaname = 'storage' and tablename = 'objects'"
    )
    assert len(policies) == 4
    with undone(world):
        world.actors.run("update public.newsletters set html_path = 'there' where id = %s", world.ids["newsletter"])
        normal = everything()
        for policy in policies:
            with undone(world):
                world.actors.run(f'drop policy "{policy["name"]}" on storage.objects')
                assert everything() != normal, policy


@pytest.mark.parametrize("bucket", ["avatars", "covers", "responses", "responses of a person", "newsletters"])
def test_an_upload_and_the_end_of_its_folder_wait_for_each_other(committed: Callable[[], Actors], bucket: str) -> None:
    """Whichever commits first: either the removal finds the file, or the file is refused."""
    with committed() as first:
        club = found_club(first, "Boris")
        newsletter = club.week()
    boris = club.members[0]
    ends = {
        "avatars": (f"{boris.id}/a.png", "delete from auth.users where id = %s", boris.id),
        "covers": (f"{club.id}/a.png", "delete from public.spaces where id = %s", club.id),
        "responses": (f"{club.id}/{boris.id}/a.png", "delete from public.spaces where id = %s", club.id),
        "responses of a person": (f"{club.id}/{boris.id}/a.png", "delete from auth.users where id = %s", boris.id),
        "newsletters": (
            f"{club.id}/{newsletter['id']}/a.png",
            "delete from public.newsletters where id = %s",
            newsletter["id"],
        ),
    }
    name, end, subject = ends[bucket]
    uploading, ending = committed(), committed()
    briefly = "set local lock_timeout = '300ms'"
    bucket = bucket.split()[0]

    store(uploading, bucket, name)
    ending.run(briefly)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        ending.run(end, subject)
    ending.connection.rollback()
    uploading.connection.rollback()

    ending.run(end, subject)
    uploading.run(briefly)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        store(uploading, bucket, name)
    uploading.connection.rollback()
    ending.connection.commit()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store(uploading, bucket, name)
