"""What is there already is refused with a stable code: one row for each unique index that a client's writing can meet.

Also where both are written at the same moment, and the second waits for the first.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club, grant_tokens

Write = tuple[Actor, str, Row]
"""Who inserts which row into which table; into users, who changes the row that is theirs."""


def prompt(club: Club, **values: Any) -> Write:
    return club.leader, "prompts", {"space_id": club.id, "question": "Why?", **values}


def response(club: Club, **values: Any) -> Write:
    if not club.leader.select("prompts"):
        club.ask()
    (question,) = club.leader.select("prompts")
    return club.members[0], "responses", {"prompt_id": question["id"], "content": "Yes", **values}


def purchase(club: Club, place: int = 0, **values: Any) -> Write:
    boris = club.members[0]
    grant_tokens(club.actors, boris, 10_000)
    item = sorted(boris.select("store_items"), key=lambda row: row["code"])[place]
    return boris, "purchases", {"item_id": item["id"], **values}


def gift(club: Club, amount: int = 1, **values: Any) -> Write:
    grant_tokens(club.actors, club.leader, amount)
    return club.leader, "token_gifts", {"recipient_id": club.members[0].id, "amount": amount, **values}


def item(club: Club, **values: Any) -> Write:
    admin = club.actors.person("Olga", role="admin")
    return admin, "store_items", {"code": "hat", "name": "Hat", "kind": "THEME", "price": 1, **values}


def join(club: Club) -> Write:
    return club.actors.known(OLGA), "memberships", {"space_id": club.id}


def newsletter(club: Club, **values: Any) -> Write:
    return club.leader, "newsletters", {"space_id": club.id, **values}


def second_newsletter(club: Club, **values: Any) -> Write:
    return club.leader, "newsletters", {"space_id": club.leader.insert("spaces", name="Two")["id"], **values}


def space(person: Actor) -> Write:
    return person, "spaces", {"id": ID, "name": "Mine"}


def settings(club: Club) -> Write:
    boris = club.members[0]
    club.actors.run("delete from public.settings where user_id = %s", boris.id)
    return boris, "settings", {"timezone": "Europe/Lisbon"}


def username(person: Actor, name: str) -> Write:
    return person, "users", {"username": name}


ID, OLGA = uuid4(), uuid4()

Case = tuple[Callable[[Club], Write], Callable[[Club], Write], str]

# Two rows of which the second meets the index, and what refuses it.
CASES: dict[str, Case] = {
    "memberships_user_id_space_id_key": (join, join, "MG106"),
    "newsletters_pkey": (
        lambda club: newsletter(club, id=ID),
        lambda club: second_newsletter(club, id=ID),
        "MG901",
    ),
    "newsletters_space_id_week_number_key": (newsletter, newsletter, "MG208"),
    "prompts_pkey": (lambda club: prompt(club, id=ID), lambda club: prompt(club, id=ID), "MG901"),
    "prompts_space_id_week_number_order_key": (
        lambda club: prompt(club, order=3),
        lambda club: prompt(club, order=3),
        "MG204",
    ),
    "purchases_pkey": (lambda club: purchase(club, id=ID), lambda club: purchase(club, 1, id=ID), "MG901"),
    "purchases_user_id_idempotency_key_key": (
        lambda club: purchase(club, idempotency_key="key"),
        lambda club: purchase(club, 1, idempotency_key="key"),
        "MG502",
    ),
    "purchases_user_id_item_id_key": (purchase, purchase, "MG603"),
    "responses_pkey": (
        lambda club: response(club, id=ID),
        lambda club: (club.leader, *response(club, id=ID)[1:]),
        "MG901",
    ),
    "responses_prompt_id_user_id_key": (response, response, "MG304"),
    # Settings, and items by their code, are also upserted, from which a trigger could not tell a plain insert.
    "settings_pkey": (settings, settings, "23505"),
    "spaces_pkey": (
        lambda club: space(club.leader),
        lambda club: space(club.members[0]),
        "MG901",
    ),
    "store_items_code_key": (item, item, "23505"),
    "store_items_pkey": (lambda club: item(club, id=ID), lambda club: item(club, id=ID, code="cap"), "MG901"),
    "token_gifts_pkey": (lambda club: gift(club, id=ID), lambda club: gift(club, id=ID), "MG901"),
    "token_gifts_sender_id_idempotency_key_key": (
        lambda club: gift(club, idempotency_key="key"),
        lambda club: gift(club, 2, idempotency_key="key"),
        "MG502",
    ),
    "users_username_key": (
        lambda club: username(club.leader, "Reader"),
        lambda club: username(club.members[0], "reader"),
        "MG801",
    ),
}

UNREACHED = {
    "prompts_space_id_week_number_place_key": "the place is drawn by a trigger, behind the lock of the space",
}


def test_every_unique_index_that_clients_can_meet_has_its_row(actors: Actors) -> None:
    found = actors.run(
        """
        select distinct indexes.relname as name
        from pg_index
        join pg_class as indexes on indexes.oid = pg_index.indexrelid
        join pg_class as tables on tables.oid = pg_index.indrelid
        join pg_attribute as columns on columns.attrelid = tables.oid and columns.attnum > 0
        where tables.relnamespace = 'public'::regnamespace and pg_index.indisunique
          and (
            columns.attnum = any (pg_index.indkey::smallint[])
            or exists (
              select from pg_depend
              where pg_depend.objid = indexes.oid and pg_depend.refobjid = tables.oid
                and pg_depend.refobjsubid = columns.attnum
            )
          )
          and has_column_privilege('authenticated', tables.oid, columns.attnum, 'insert, update')
        """
    )
    assert {row["name"] for row in found} == {*CASES, *UNREACHED}


def write(actors: Actors, planned: Write) -> None:
    person, table, values = planned
    person = actors.known(person.id, person.name, **person.app_metadata)
    if table == "users":
        person.update(table, person.id, **values)
    else:
        person.insert(table, **values)


def meet(actors: Actors) -> Club:
    actors.run("insert into auth.users (id, aud, role) values (%s, 'authenticated', 'authenticated')", OLGA)
    return found_club(actors, "Boris", is_public=True)


@pytest.mark.parametrize("index", CASES)
def test_what_is_there_is_refused_with_its_code(actors: Actors, index: str) -> None:
    first, second, code = CASES[index]
    club = meet(actors)
    planned = first(club), second(club)
    write(actors, planned[0])
    with actors.known(OLGA).refused(code):
        write(actors, planned[1])


def test_what_comes_to_be_at_the_same_moment_is_refused_with_the_same_code(fresh_dsn: str) -> None:
    """A name was looked for, and not there yet; the unique index, which has no words, refused it as 23505."""
    refused: dict[str, str | None] = {}
    with psycopg.connect(fresh_dsn) as one, psycopg.connect(fresh_dsn) as two, ThreadPoolExecutor(1) as pool:
        with psycopg.connect(fresh_dsn, autocommit=True) as watch:
            for index, (first, second, _) in CASES.items():
                actors = Actors(one)
                club = meet(actors)
                planned = first(club), second(club)
                actors.as_owner()
                one.commit()
                write(actors, planned[0])
                waiting = pool.submit(write, Actors(two), planned[1])
                until_blocked(watch, waiting)
                one.commit()
                error = waiting.exception(timeout=10)
                refused[index] = error.sqlstate if isinstance(error, psycopg.Error) else repr(error)
                two.rollback()
                actors.run("delete from public.spaces")
                actors.run("delete from auth.users")
                actors.run("delete from public.store_items where code in ('hat', 'cap')")
                actors.run("delete from private.used_ids")
                one.commit()
    assert refused == {index: code for index, (_, _, code) in CASES.items()}


def until_blocked(watch: psycopg.Connection[Any], waiting: Future[None]) -> None:
    """Wait until the session that writes waits for another one in its database, or is done."""
    blocking = "select count(*) > 0 from pg_stat_activity where datname = current_database()"
    for _ in range(500):
        blocked = watch.execute(f"{blocking} and cardinality(pg_blocking_pids(pid)) > 0".encode()).fetchone()
        if waiting.done() or blocked == (True,):
            return
        sleep(0.01)
    raise AssertionError("neither done nor blocked")
