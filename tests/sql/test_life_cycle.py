"""The life-cycle matrix: each thing is deleted at every step of a story in which it exists, then a worker does what is
to do, and what is left must be what the guide "Leaving and deleting" says.

STEPS is the story, THINGS is the table; a cell is a thing at a step. The story is played once; each cell is undone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest

from tests.sql.life_story import STEPS, Story
from tests.sql.life_things import THINGS, Thing
from tests.support.actors import Actors
from tests.support.counts import count
from tests.support.stories import found_club
from tests.support.work import work

# The matrix ----------------------------------------------------------------------------------------------------------


class _Undo(Exception):
    """Ends a cell."""


def rows_of(story: Story, query: str, **more: object) -> list[str]:
    names = {"ada": story.ada.id, "boris": story.boris.id, "chloe": story.chloe.id, "club": story.club.id}
    for name, value in {**names, **story.ids, **more}.items():
        query = query.replace("{" + name + "}", str(value))
    rows = story.actors.run(query.replace("%", "%%"))
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def space_tables(actors: Actors) -> list[str]:
    """Every table with rows of spaces."""
    rows = actors.run(
        """
        select distinct conrelid::regclass::text as name
        from pg_catalog.pg_constraint
        where contype = 'f' and confrelid = 'public.spaces'::regclass
        """
    )
    return [row["name"] for row in rows]


def original(file: str) -> str:
    """The picture that a file was made of; other files are themselves."""
    return file.removeprefix("derived/").rpartition("/")[0] if file.startswith("derived/") else file


def check(story: Story, thing: Thing) -> None:
    """Delete the thing, do what there is to do, and look at everything."""
    actors = story.actors
    account = None if thing.account is None else thing.account(story).id
    leaver = account or (None if thing.leaves is None else thing.leaves(story).id)
    work(actors)  # What was to do before.
    files = story.files()
    gone = {file for file in files if thing.files(story, original(file))}
    before = {query: rows_of(story, query) for query in thing.stays}

    thing.remove(story)
    work(actors)

    assert story.files() == files - gone
    assert actors.run("select * from private.orphan_files()") == []
    assert actors.one("select private.drop_orphan_pictures()") == 0
    kept = actors.run("select 'derived/' || bucket_id || '/' || path || '/page.jpeg' as file from private.pictures")
    assert {row["file"] for row in kept} == {file for file in story.files() if file.startswith("derived/")}
    waiting = actors.run("select key from private.outbox where state <> 'DONE'")
    assert waiting == []
    for query in thing.goes:
        assert rows_of(story, query, who=account) == [], query
    for query, rows in before.items():
        assert rows_of(story, query) == rows, query
    assert actors.service().rows("verify_ledger") == []

    space = actors.run("select * from public.spaces where id = %s", story.club.id)
    if not space:
        for table in space_tables(actors):
            assert actors.run(f"select 1 from {table} where space_id = %s", story.club.id) == [], table
    members = {row["user_id"] for row in actors.run("select user_id from public.memberships")}
    for person in story.club.everybody:
        for topic in ("space", "room"):
            person.act()
            (hears,) = actors._rows("select private.can_hear_topic(%s) as hears", [f"{topic}:{story.club.id}"])
            assert hears["hears"] is (person.id in members and person.id != leaver), (person.name, topic)
    unsent = actors.run(
        "select * from private.mails where state in ('QUEUED', 'SENDING', 'UNCERTAIN')"
        " and private.mail_exclusion(user_id, space_id, kind) is null"
    )
    assert leaver not in {email["user_id"] for email in unsent if account or email["space_id"] == story.club.id}
    assert {email["space_id"] for email in unsent} <= {None, *(row["id"] for row in space)}
    if thing.name == "an invite":
        stranger = actors.person("Olga")
        with stranger.refused("MG103"):
            stranger.call("join_space", invite_code=story.ids["code"])


@pytest.fixture(scope="module")
def stories(dsn: str) -> Iterator[Callable[[int], Story]]:
    """The story, played up to a step: on from where it stands, or anew."""
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        story, played = None, 0

        def play(steps: int) -> Story:
            nonlocal story, played
            if story is None or played > steps:
                connection.rollback()
                story, played = Story(actors, found_club(actors, "Boris", "Chloe")), 0
            for step in STEPS[played:steps]:
                step(story)
            played = steps
            return story

        yield play


def name_of(step: int) -> str:
    return STEPS[step - 1].__name__


@pytest.mark.parametrize("steps", range(1, len(STEPS) + 1), ids=name_of)
def test_what_goes_takes_its_things_along_and_nothing_else(stories: Callable[[int], Story], steps: int) -> None:
    story = stories(steps)
    cells = 0
    for thing in THINGS:
        if not thing.is_there(story):
            continue
        ids = dict(story.ids)
        try:
            with story.actors.connection.transaction():
                check(story, thing)
                raise _Undo
        except _Undo:
            cells += 1
            count("life-cycle cells")
        except AssertionError as error:
            raise AssertionError(f"{thing.name}, {name_of(steps)}: {error}") from error
        assert story.ids == ids
    assert cells >= 6


def test_each_row_of_the_table_is_met_at_several_steps() -> None:
    """So that no `is_there` hides a row."""
    assert {thing.name for thing in THINGS} >= {
        "the account of an author", "an account with its words", "the space", "a published newsletter",
        "a published response", "a prompt that nobody has answered", "an invite", "a member who leaves",
        "a member who is removed",
    }  # fmt: skip
    assert len({thing.name for thing in THINGS}) == len(THINGS)


def test_two_at_once(stories: Callable[[int], Story]) -> None:
    """Several accounts in one statement, and the space after them."""
    story = stories(len(STEPS))
    try:
        with story.actors.connection.transaction():
            ids: list[UUID] = [story.boris.id, story.chloe.id]
            story.actors.run("delete from auth.users where id = any(%s)", ids)
            story.ada.delete("spaces", story.club.id)
            work(story.actors)
            assert {original(file).split("/")[1] for file in story.files()} == {str(story.ada.id)}
            assert story.actors.service().rows("verify_ledger") == []
            raise _Undo
    except _Undo:
        count("life-cycle cells")
