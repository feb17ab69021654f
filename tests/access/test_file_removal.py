"""A file stays as long as a row names it, and goes with its owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.stored_files import refused, removals, store, touched, undone
from tests.support.world import World, world_in


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


@pytest.mark.parametrize(
    ("bucket", "table", "row", "column", "folder", "role"),
    [
        ("avatars", "users", "chloe", "avatar_path", "{chloe}", "author"),
        ("covers", "spaces", "club", "cover_path", "{club}", "leader"),
        ("responses", "responses", "response", "image_path", "{club}/{chloe}", "author"),
        ("responses", "responses", "draft", "image_path", "{club}/{chloe}", "author"),
    ],
)
def test_what_a_row_names_stays_until_it_lets_go(
    world: World, bucket: str, table: str, row: str, column: str, folder: str, role: str
) -> None:
    actor, path = world.cast[role], folder.format_map(world.ids) + "/named.png"
    delete = "delete from storage.objects where bucket_id = %s and name = %s"
    with undone(world):
        store(world.actors, bucket, path)
        actor.update(table, world.ids[row], **{column: path})
        assert touched(actor, delete, bucket, path) == 0
        actor.update(table, world.ids[row], **{column: None})
        assert touched(actor, delete, bucket, path) == 1
        assert removals(world.actors) == {f"{bucket}/{path}": False}


def test_a_published_response_gets_no_picture_afterwards(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['chloe']}/later.png"
    insert = "insert into storage.objects (bucket_id, name) values ('responses', %s)"
    with undone(world):
        world.cast["author"].update("responses", world.ids["draft"], image_path=path)
        assert touched(world.cast["author"], insert, path) == 1
        world.cast["author"].update("responses", world.ids["response"], image_path=path)
        assert touched(world.cast["author"], insert, path) == 0


def test_a_newsletter_in_print_keeps_its_pictures(world: World) -> None:
    """Published, but not rendered yet: the author may delete the response, and the file stays until copies are made."""
    chloe, path = world.cast["author"], f"{world.ids['club']}/{world.ids['chloe']}/print.png"
    delete = "delete from storage.objects where bucket_id = 'responses' and name = %s"
    with undone(world):
        store(world.actors, "responses", path)
        chloe.update("responses", world.ids["response"], image_path=path)
        newsletter = world.cast["leader"].call("generate_newsletter", space_id=world.club.id)
        world.cast["leader"].call("publish_newsletter", newsletter_id=newsletter["id"])
        chloe.delete("responses", world.ids["response"])
        assert touched(chloe, delete, path) == 0
        assert removals(world.actors) == {}
        world.actors.run("delete from auth.users where id = %s", chloe.id)
        assert f"avatars/{chloe.id}" in removals(world.actors) and len(removals(world.actors)) == 1
        late = "update public.newsletters set published_at = now() - %s::interval where id = %s"
        world.actors.run(late, "31 days", newsletter["id"])  # Nothing is held for good by what cannot be rendered.
        assert len(removals(world.actors)) == 3
        world.actors.run(late, "29 days", newsletter["id"])
        assert len(removals(world.actors)) == 1
        world.actors.run("update public.newsletters set html_path = 'there' where id = %s", newsletter["id"])
        assert set(removals(world.actors)) == {f"responses/{path}", f"responses/{path.rpartition('/')[0]}"} | {
            f"avatars/{chloe.id}"
        }


def test_a_deleted_account_with_a_valid_token_has_no_files(world: World) -> None:
    chloe, olga = world.cast["author"], world.cast["outsider"]
    paths = {
        "avatars": f"{chloe.id}/me.png",
        "responses": f"{world.ids['club']}/{chloe.id}/mine.png",
    }
    with undone(world):
        for bucket, path in paths.items():
            store(world.actors, bucket, path)
        world.actors.run("delete from auth.users where id = %s", chloe.id)
        for bucket, path in paths.items():
            rows = "select from storage.objects where bucket_id = %s and name = %s"
            assert touched(chloe, rows, bucket, path) == 0
            assert touched(chloe, rows.replace("select", "delete"), bucket, path) == 0
            insert = "insert into storage.objects (bucket_id, name) values (%s, %s)"
            assert touched(chloe, insert, bucket, path.replace(".png", ".jpg")) == 0
            with refused(world):  # What was under way when the account went.
                store(world.actors, bucket, path.replace(".png", ".gif"))
            assert removals(world.actors)[f"{bucket}/{path.rpartition('/')[0]}"] is None
        assert (
            touched(olga, "insert into storage.objects (bucket_id, name) values ('avatars', %s)", f"{olga.id}/a") == 1
        )


def test_files_of_a_space_that_is_gone_are_out_of_reach_at_once(world: World) -> None:
    chloe, ada = world.cast["author"], world.cast["leader"]
    mine, cover = f"{world.ids['club']}/{chloe.id}/mine.png", f"{world.ids['club']}/cover.png"
    page = f"{world.ids['club']}/{world.ids['newsletter']}/newsletter.html"
    with undone(world):
        for bucket, path in (("responses", mine), ("covers", cover), ("newsletters", page)):
            store(world.actors, bucket, path)
        world.actors.run("update public.newsletters set html_path = %s where id = %s", page, world.ids["newsletter"])
        ada.delete("spaces", world.club.id)
        assert removals(world.actors) == dict.fromkeys(
            [f"{bucket}/{world.ids['club']}" for bucket in ("covers", "responses", "newsletters")]
        )
        for actor in (chloe, ada, world.cast["anon"]):
            assert touched(actor, "select from storage.objects where name = any(%s)", [mine, cover, page]) == 0
        for bucket, path in (("responses", mine), ("covers", cover), ("newsletters", page)):
            with refused(world):
                store(world.actors, bucket, path + ".2")


def test_files_of_a_newsletter_that_is_gone_go_with_it(world: World) -> None:
    newsletter = world.ids["newsletter"]
    with undone(world):
        world.cast["leader"].delete("newsletters", newsletter)
        assert removals(world.actors) == {f"newsletters/{world.club.id}/{newsletter}": None}
        with refused(world):  # The renderer is in the middle of it.
            store(world.actors, "newsletters", f"{world.club.id}/{newsletter}/newsletter.pdf")


def test_a_sweep_finds_what_an_outage_left_behind(world: World) -> None:
    olga = world.cast["outsider"]
    left = {"avatars": f"{olga.id}/me.png", "responses": f"{world.ids['club']}/{olga.id}/mine.png"}
    with undone(world):
        for bucket, path in left.items():
            store(world.actors, bucket, path)
        world.actors.run("delete from auth.users where id = %s", olga.id)
        # The job is lost; and the second file she stored in a space that she had left, without any response.
        world.actors.run("delete from private.outbox")
        world.actors.run("select private.sweep()")
        assert removals(world.actors) == {
            f"avatars/{olga.id}": None,
            f"responses/{world.ids['club']}/{olga.id}": None,
        }
