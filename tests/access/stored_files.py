"""What tests of stored files share: who may do what with a file, and what is queued for removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.world import World, is_mistake


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
