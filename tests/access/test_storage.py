"""Files: who lists, uploads, replaces and deletes what in the buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.stories import found_club
from tests.support.world import World, is_mistake, world_in


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


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
    except psycopg.errors.InsufficientPrivilege as error:
        assert not is_mistake(error), error
        return 0


def store(actors: Actors, bucket: str, name: str) -> None:
    """Put a file there, as the storage server does for whoever holds a secret key."""
    actors.run("insert into storage.objects (bucket_id, name) values (%s, %s) on conflict do nothing", bucket, name)


def who(world: World, bucket: str, name: str) -> dict[str, set[str]]:
    """Who may do what with a file. Service keys pass all policies and are left out."""
    store(world.actors, bucket, name)
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


@contextmanager
def undone(world: World) -> Iterator[None]:
    """Undo what the block does."""
    try:
        with world.actors.connection.transaction():
            yield
            world.actors.as_owner()
            raise _Undo
    except _Undo:
        pass


@contextmanager
def refused(world: World) -> Iterator[None]:
    """Expect the block to be refused for want of a right."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.actors.connection.transaction():
        yield


def remove(actors: Actors, bucket: str, name: str) -> None:
    """Delete a file as the storage server does."""
    actors.run("select set_config('storage.allow_delete_query', 'true', true)")
    actors.run("delete from storage.objects where bucket_id = %s and name = %s", bucket, name)


def removals(actors: Actors) -> dict[str, bool | None]:
    """What a worker is told to remove now: folders, and files with whether something names them again."""
    with actors.connection.transaction(force_rollback=True):
        rows = actors.run("select * from public.claim_jobs('test', 100) where kind = 'storage.remove'")
    jobs = [row["payload"] for row in rows]
    return {f"{job['bucket_id']}/{job.get('path') or job['folder']}": job.get("in_use") for job in jobs}


def only(role: str) -> dict[str, set[str]]:
    """A file of somebody, who never writes over it."""
    return {"read": {role}, "upload": {role}, "replace": set(), "delete": {role}}


NOBODY: dict[str, set[str]] = {"read": set(), "upload": set(), "replace": set(), "delete": set()}
MEMBERS = {"member", "author", "curator", "leader"}


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
        listing = "select name from storage.objects where bucket_id = 'responses' and name like %s"
        store(world.actors, "responses", f"{world.ids['club']}/{world.ids['chloe']}/draft.png")
        seen = world.cast["member"].run(listing, f"{world.ids['club']}/%")
        assert [row["name"] for row in seen] == [path]


def test_who_left_keeps_and_deletes_their_pictures_but_adds_none(world: World) -> None:
    path = f"{world.ids['club']}/{world.ids['dmitri']}/dog.png"
    assert who(world, "responses", path) == only("ex_member") | {"upload": set()}


def test_a_published_letter_is_read_as_its_row_is_once_its_files_are_complete(world: World) -> None:
    clients = set(world.cast) - {"service"}
    for letter, readers in (("newsletter", clients), ("newsletter_draft", MEMBERS), ("family_letter", set[str]())):
        space_id = world.actors.one("select space_id from public.newsletters where id = %s", world.ids[letter])
        page = f"{space_id}/{world.ids[letter]}/page.html"
        assert who(world, "newsletters", page) == NOBODY
        with undone(world):
            world.actors.run("update public.newsletters set html_path = %s where id = %s", page, world.ids[letter])
            assert who(world, "newsletters", page) == NOBODY | {"read": readers}


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


def test_a_newsletters_files_are_made_anew(world: World) -> None:
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


def test_a_letter_in_print_keeps_its_pictures(world: World) -> None:
    """Published, but not rendered yet: the author may delete the response, and the file stays until copies are made."""
    chloe, path = world.cast["author"], f"{world.ids['club']}/{world.ids['chloe']}/print.png"
    delete = "delete from storage.objects where bucket_id = 'responses' and name = %s"
    with undone(world):
        store(world.actors, "responses", path)
        chloe.update("responses", world.ids["response"], image_path=path)
        letter = world.cast["leader"].call("generate_newsletter", space_id=world.club.id)
        world.cast["leader"].call("publish_newsletter", newsletter_id=letter["id"])
        chloe.delete("responses", world.ids["response"])
        assert touched(chloe, delete, path) == 0
        assert removals(world.actors) == {}
        world.actors.run("delete from auth.users where id = %s", chloe.id)
        assert f"avatars/{chloe.id}" in removals(world.actors) and len(removals(world.actors)) == 1
        late = "update public.newsletters set published_at = now() - %s::interval where id = %s"
        world.actors.run(late, "31 days", letter["id"])  # Nothing is held for good by what cannot be rendered.
        assert len(removals(world.actors)) == 3
        world.actors.run(late, "29 days", letter["id"])
        assert len(removals(world.actors)) == 1
        world.actors.run("update public.newsletters set html_path = 'there' where id = %s", letter["id"])
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
    letter = world.ids["newsletter"]
    with undone(world):
        world.cast["leader"].delete("newsletters", letter)
        assert removals(world.actors) == {f"newsletters/{world.club.id}/{letter}": None}
        with refused(world):  # The renderer is in the middle of it.
            store(world.actors, "newsletters", f"{world.club.id}/{letter}/newsletter.pdf")


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


def test_listing_a_space_reads_an_index(world: World) -> None:
    """Which pictures others may see is found by the name in a response, however many responses there are."""
    world.actors.run("set local enable_seqscan = off")
    plan = "\n".join(
        row["QUERY PLAN"]
        for row in world.cast["member"].run(
            "explain select from public.responses where image_path = 'x' and is_published"
        )
    )
    assert "idx_responses_image_path" in plan, plan


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
        letter = club.week()
    boris = club.members[0]
    ends = {
        "avatars": (f"{boris.id}/a.png", "delete from auth.users where id = %s", boris.id),
        "covers": (f"{club.id}/a.png", "delete from public.spaces where id = %s", club.id),
        "responses": (f"{club.id}/{boris.id}/a.png", "delete from public.spaces where id = %s", club.id),
        "responses of a person": (f"{club.id}/{boris.id}/a.png", "delete from auth.users where id = %s", boris.id),
        "newsletters": (
            f"{club.id}/{letter['id']}/a.png",
            "delete from public.newsletters where id = %s",
            letter["id"],
        ),
    }
    name, end, subject = ends[bucket]
    uploading, ending = committed(), committed()
    for actors in (uploading, ending):
        actors.run("set lock_timeout = '300ms'")
        actors.connection.commit()
    bucket = bucket.split()[0]

    store(uploading, bucket, name)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        ending.run(end, subject)
    ending.connection.rollback()
    uploading.connection.rollback()

    ending.run(end, subject)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        store(uploading, bucket, name)
    uploading.connection.rollback()
    ending.connection.commit()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store(uploading, bucket, name)
