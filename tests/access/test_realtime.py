"""Private channels: who receives and who sends. The server asks with rows that have a topic and an extension only.

On a space's channel only the database sends, so members can believe what comes from it; in its room they all do.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.actors import Actor
from tests.support.world import World, is_mistake, world_in


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


class _Undo(Exception):
    """Rolls back what was tried."""


def may(actor: Actor, topic: str, extension: str) -> set[str]:
    """Whether somebody may receive and send on a channel, asked as the realtime server asks."""
    rights = set()
    actors = actor.actors
    try:
        with actors.connection.transaction():
            (probe,) = actors.run(
                "insert into realtime.messages (topic, extension) values (%s, %s) returning id", topic, extension
            )
            actors.run("select set_config('realtime.topic', %s, true)", topic)
            if actor.count("select from realtime.messages where id = %s", probe["id"]):
                rights.add("receive")
            raise _Undo
    except _Undo:
        pass
    try:
        with actors.connection.transaction():
            actors.run("select set_config('realtime.topic', %s, true)", topic)
            actor.count("insert into realtime.messages (topic, extension) values (%s, %s)", topic, extension)
            rights.add("send")
            raise _Undo
    except _Undo:
        pass
    except psycopg.errors.InsufficientPrivilege as error:
        assert not is_mistake(error), error
    return rights


def who(world: World, topic: str, extension: str = "broadcast") -> dict[str, set[str]]:
    found = {role: may(actor, topic, extension) for role, actor in world.cast.items() if role != "service"}
    return {role: rights for role, rights in found.items() if rights}


BOTH = {"receive", "send"}
MEMBERS = ("member", "author", "curator", "leader")


@pytest.mark.parametrize("extension", ["broadcast", "presence"])
def test_members_hear_their_space_and_cannot_forge_what_happens_in_it(world: World, extension: str) -> None:
    topic = f"space:{world.ids['club']}"
    assert who(world, topic, extension) == {member: {"receive"} for member in MEMBERS}


@pytest.mark.parametrize("kind", ["space", "room", "user"])
def test_a_channel_has_one_name(world: World, kind: str) -> None:
    """Under another spelling of the id people would meet where the database does not send, and nobody looks."""
    known = world.ids["chloe" if kind == "user" else "club"]
    assert who(world, f"{kind}:{known}")
    for spelling in (str(known).upper(), f"{{{known}}}", str(known).replace("-", ""), f" {known}", f"{known}\n"):
        assert who(world, f"{kind}:{spelling}") == {}


@pytest.mark.parametrize("extension", ["broadcast", "presence"])
def test_a_room_is_its_members(world: World, extension: str) -> None:
    assert who(world, f"room:{world.ids['club']}", extension) == {member: BOTH for member in MEMBERS}


@pytest.mark.parametrize("extension", ["broadcast", "presence"])
def test_a_persons_channel_is_their_own(world: World, extension: str) -> None:
    assert who(world, f"user:{world.ids['chloe']}", extension) == {"author": BOTH}


@pytest.mark.parametrize(
    "topic",
    [
        "space:",
        "space:not-a-uuid",
        "space:{stranger}",
        "user:",
        "{club}",
        "spaces:{club}",
        "space:{club} ",
        "room:",
        "room:{stranger}",
        "x",
    ],
)
def test_other_topics_are_nobodys(world: World, topic: str) -> None:
    assert who(world, topic.format_map(world.ids)) == {}


def test_another_extension_is_nobodys(world: World) -> None:
    assert who(world, f"space:{world.ids['club']}", "postgres_changes") == {}


def test_both_policies_matter(world: World) -> None:
    topic = f"room:{world.ids['club']}"
    for policy, lost in (
        ("Monogram: members receive on the channels of their spaces", "receive"),
        ("Monogram: members send in the rooms of their spaces", "send"),
    ):
        try:
            with world.actors.connection.transaction():
                world.actors.run(f'drop policy "{policy}" on realtime.messages')
                assert may(world.cast["member"], topic, "broadcast") == BOTH - {lost}
                raise _Undo
        except _Undo:
            pass


def test_plain_postgres_changes_reach_three_tables(world: World) -> None:
    published = world.actors.run(
        "select schemaname || '.' || tablename as name from pg_catalog.pg_publication_tables"
        " where pubname = 'supabase_realtime'"
    )
    assert {row["name"] for row in published} == {"public.prompts", "public.responses", "public.newsletters"}
