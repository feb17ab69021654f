"""Two devices that edit one row: each change counts, and a change to what somebody else has changed is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club

Edits = dict[str, tuple[Actor, Any, tuple[Row, ...]]]


@pytest.fixture
def club(actors: Actors) -> Club:
    club = found_club(actors, "Boris")
    club.ask("What did you read?")
    return club


def edits(club: Club) -> Edits:
    """Each table that people edit: who edits it, the row, and changes of each of its columns."""
    ada, boris = club.leader, club.members[0]
    prompt = ada.insert("prompts", space_id=club.id, question="And then?")
    open_prompt = ada.select("prompts", space_id=club.id, order=1)[0]
    response = boris.insert("responses", prompt_id=open_prompt["id"], content="Dune")
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    return {
        "users": (boris, boris.id, ({"display_name": "B"}, {"bio": "x"}, {"username": "boris_9"})),
        "spaces": (
            ada,
            club.id,
            ({"name": "Other"}, {"description": "x"}, {"is_public": True}, {"newsletter_visibility": "MEMBERS"}),
        ),
        "prompts": (ada, prompt["id"], ({"question": "So?"}, {"order": 9}, {"is_published": True})),
        "responses": (
            boris,
            response["id"],
            (
                {"content": "Emma"},
                {"image_path": f"{club.id}/{boris.id}/cat.png"},
                {"image_caption": "A cat"},
                {"music": {"url": "https://example.test/1"}},
                {"is_published": True},
            ),
        ),
        "newsletters": (ada, newsletter["id"], ({"title": "Ours"}, {"intro": "Hello"})),
        "settings": (boris, boris.id, ({"email_newsletters": False}, {"timezone": "Europe/Athens"})),
    }


def write(person: Actor, table: str, key: Any, **values: Any) -> Row:
    """Update a row as the Data API does, and return it."""
    column = "user_id" if table == "settings" else "id"
    person.act()
    names = ", ".join(f'"{name}" = %s' for name in values)
    (row,) = person.run(f"update public.{table} set {names} where {column} = %s returning *", *values.values(), key)
    return row


def test_every_table_that_people_edit_counts_its_versions(actors: Actors, club: Club) -> None:
    """The catalogue says where people may write more than a switch of their own; a new such table needs a version."""
    rows = actors.run(
        "select table_name as name from information_schema.column_privileges"
        " where grantee = 'authenticated' and privilege_type = 'UPDATE' and table_schema = 'public'"
        " group by 1 having count(*) > 1"
    )
    # Platform admins keep the store; nobody else writes there.
    assert {row["name"] for row in rows} - {"store_items"} == edits(club).keys()


@pytest.mark.parametrize("table", ["users", "spaces", "prompts", "responses", "newsletters", "settings"])
def test_a_change_to_a_version_that_is_gone_is_refused(club: Club, table: str) -> None:
    person, key, changes = edits(club)[table]
    version = 1
    for change in changes:
        assert write(person, table, key, **change, version=version)["version"] == version + 1
        # The same again is what a command whose reply was lost sends.
        assert write(person, table, key, **change, version=version)["version"] == version + 1
        version += 1
    first = {name: False if value is True else value for name, value in changes[0].items()}
    stale = {name: f"{value} again" if isinstance(value, str) else not value for name, value in first.items()}
    with person.refused("MG308") as caught:
        write(person, table, key, **stale, version=version - 1)
    assert str(version) in str(caught.value.diag.message_detail)
    for forged in (version + 1, 0, -1, None):
        with person.refused("MG308"):
            write(person, table, key, **stale, version=forged)
    # Who names no version changes what is there, as before.
    assert write(person, table, key, **stale)["version"] == version + 1


def test_a_version_of_settings_does_not_come_back(club: Club) -> None:
    boris = club.members[0]
    boris.act()
    assert boris.select("settings")[0]["version"] == 1
    seen = {1}
    for number in range(3):
        boris.run("delete from public.settings")
        (row,) = boris.run("insert into public.settings (email_reminders) values (false) returning version")
        assert row["version"] not in seen
        with boris.refused("MG308"):
            write(boris, "settings", boris.id, timezone=f"Etc/GMT-{number + 1}", version=1)
        seen.add(row["version"])


def test_what_the_database_counts_is_no_change_of_anybodys(club: Club) -> None:
    boris = club.members[0]
    prompt = boris.select("prompts", space_id=club.id)[0]
    before = {table: boris.select(table)[0]["version"] for table in ("users", "spaces")}
    row = boris.insert("responses", prompt_id=prompt["id"], content="Dune", is_published=True)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[row["id"]])
    assert boris.select("users", id=boris.id)[0]["token_balance"] > 0
    assert boris.select("responses", id=row["id"])[0]["version"] == 1
    assert {table: boris.select(table)[0]["version"] for table in ("users", "spaces")} == before


def test_nobody_writes_a_version_by_itself(club: Club) -> None:
    boris = club.members[0]
    assert write(boris, "users", boris.id, version=7)["version"] == 1


def test_the_second_of_two_at_once_is_refused(committed: Callable[[], Actors]) -> None:
    one, other = committed(), committed()
    club = found_club(one, "Boris")
    (prompt,) = club.ask()
    boris = club.members[0]
    draft = boris.insert("responses", prompt_id=prompt["id"], content="Nothing yet")
    one.connection.commit()
    phone, laptop = boris, other.known(boris.id)

    phone.update("responses", draft["id"], content="Written on the phone", version=draft["version"])
    outcome: list[psycopg.Error] = []

    def from_the_laptop() -> None:
        try:
            laptop.update("responses", draft["id"], content="Written on the laptop", version=draft["version"])
        except psycopg.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=from_the_laptop)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive(), "it waits for the row"
    one.connection.commit()
    thread.join(10)
    assert [error.sqlstate for error in outcome] == ["MG308"]
    other.connection.rollback()
    assert one.one("select content from public.responses where id = %s", draft["id"]) == "Written on the phone"


def test_every_change_is_stamped(actors: Actors, club: Club) -> None:
    """Whoever writes updated_at, with whatever rights: the database's own time stands there."""
    club.respond(club.leader.select("prompts", space_id=club.id)[0])
    club.publish_week()
    tables = actors.run(
        "select table_name as name from information_schema.columns"
        " where table_schema = 'public' and column_name = 'updated_at'"
    )
    assert len(tables) >= 8
    for table in tables:
        rows = actors.run(
            f"update public.{table['name']} set updated_at = '2000-01-01' returning updated_at = now() as stamped"
        )
        assert [row["stamped"] for row in rows] == [True] * len(rows) != [], table["name"]
