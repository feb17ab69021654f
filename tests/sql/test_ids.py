"""No id is given twice: whoever names it, whatever it stood for, whether that is still there or gone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import found_club, grant_tokens


class Desk:
    """Everybody who may name an id, each in a place of their own."""

    def __init__(self, actors: Actors) -> None:
        self.actors = actors
        self.club = found_club(actors, "Boris", "Chloe")
        self.boris, self.chloe = self.club.members
        self.olga = actors.person("Olga")
        grant_tokens(actors, self.boris, 1000)
        self.rosa = actors.person("Rosa", role="admin")
        self.prompt = self.club.ask("What?")[0]["id"]
        self.item = actors.one("select id from public.store_items where code = 'theme_riso'")

    def prompt_row(self, id: UUID) -> Row:
        return self.club.curator.insert("prompts", id=id, space_id=self.club.id, question="Why?")

    def newsletter(self, id: UUID) -> Row:
        return self.club.leader.insert("newsletters", id=id, space_id=self.club.id)

    def response(self, id: UUID) -> Row:
        return self.chloe.insert("responses", id=id, prompt_id=self.prompt, content="Here")

    def gift(self, id: UUID) -> Row:
        return self.boris.insert("token_gifts", id=id, recipient_id=self.chloe.id, amount=1)

    def purchase(self, id: UUID) -> Row:
        return self.boris.insert("purchases", id=id, item_id=self.item)

    def item_row(self, id: UUID) -> Row:
        return self.rosa.insert("store_items", id=id, code=f"item-{id}", name="Item", kind="THEME", price=1)

    def space(self, id: UUID) -> Row:
        return self.olga.insert("spaces", id=id, name="Olga's")

    def account(self, id: UUID) -> Row:
        self.actors.run("insert into auth.users (id, email) values (%s, %s)", id, f"{id}@example.test")
        return {"id": id}

    def invite(self, id: UUID) -> Row:
        self.actors.run("insert into public.space_invites (id, space_id) values (%s, %s)", id, self.club.id)
        return {"id": id}


KINDS: dict[str, Callable[[Desk, UUID], Row]] = {
    "spaces": Desk.space,
    "prompts": Desk.prompt_row,
    "responses": Desk.response,
    "newsletters": Desk.newsletter,
    "token_gifts": Desk.gift,
    "purchases": Desk.purchase,
    "store_items": Desk.item_row,
    "space_invites": Desk.invite,
    "users": Desk.account,
}


@pytest.fixture
def desk(actors: Actors) -> Desk:
    return Desk(actors)


def refuse(desk: Desk, kind: str, id: UUID) -> tuple[str | None, ...]:
    """Expect that a new thing does not get this id, and return all that is said."""
    with pytest.raises(psycopg.Error) as caught, desk.actors.connection.transaction():
        KINDS[kind](desk, id)
    said = caught.value.diag
    return said.sqlstate, said.message_primary, said.message_detail, said.message_hint


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_in_use_is_refused_to_everything_else(desk: Desk, kind: str) -> None:
    id = uuid4()
    KINDS[kind](desk, id)
    # What there is one of in a place is refused for that, and an account is first of all the auth service's.
    others = KINDS.keys() - {"newsletters", "responses", "purchases"} - ({"users"} if kind == "users" else set())
    said = {other: refuse(desk, other, id) for other in others}
    assert set(said.values()) == {
        ("MG901", "This id cannot be used.", "", "Leave the id out, or draw a new random one.")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_was_used_is_refused_in_the_same_words(desk: Desk, kind: str) -> None:
    id = uuid4()
    KINDS[kind](desk, id)
    table = "auth.users" if kind == "users" else f"public.{kind}"
    desk.actors.run(f"delete from {table} where id = %s", id)
    for other in ("spaces", "prompts", "store_items", "users", "responses", "newsletters", "purchases"):
        said = refuse(desk, other, id)
        assert said == ("MG901", "This id cannot be used.", "", "Leave the id out, or draw a new random one."), other


def test_a_space_that_is_gone_takes_the_ids_in_it_along(desk: Desk) -> None:
    """The files of a newsletter lie at its space's and its own id: a stranger named both and read them."""
    newsletter = uuid4()
    desk.newsletter(newsletter)
    desk.club.leader.delete("spaces", desk.club.id)
    for id in (desk.club.id, newsletter, desk.prompt):
        with desk.olga.refused("MG901"):
            desk.olga.insert("spaces", id=id, name="Mine")


@pytest.mark.parametrize("resolution", ["do nothing", "(id) do nothing"])
def test_what_ignores_duplicates_is_refused_too(desk: Desk, resolution: str) -> None:
    """`Prefer: resolution=ignore-duplicates` told that an id exists, by saying nothing."""
    id = uuid4()
    desk.space(id)
    for person in (desk.olga, desk.boris):
        with person.refused("MG901"):
            person.run(f"insert into public.spaces (id, name) values (%s, 'Mine') on conflict {resolution}", id)


def test_what_merges_duplicates_has_no_right_to(desk: Desk) -> None:
    id = uuid4()
    desk.space(id)
    for person in (desk.olga, desk.boris):
        for named in (id, uuid4()):
            with person.refused("42501"):
                person.run(
                    "insert into public.spaces (id, name) values (%s, 'Mine')"
                    " on conflict (id) do update set id = excluded.id, name = excluded.name",
                    named,
                )


def test_who_may_not_insert_learns_nothing_of_an_id(desk: Desk) -> None:
    """The rights are looked at first: a stranger's attempt ends alike for ids that exist and those that do not."""
    known = desk.club.id
    attempts: list[tuple[Actor, str, Row]] = [
        (desk.olga, "prompts", {"space_id": desk.club.id, "question": "?"}),
        (desk.olga, "responses", {"prompt_id": desk.prompt, "content": "x"}),
        (desk.olga, "newsletters", {"space_id": desk.club.id}),
        (desk.olga, "store_items", {"code": "x", "name": "X", "kind": "THEME", "price": 1}),
        (desk.olga, "purchases", {"user_id": desk.boris.id, "item_id": desk.item}),
    ]
    for person, table, values in attempts:
        said = set()
        for id in (known, uuid4()):
            with person.refused("42501") as caught:
                person.insert(table, id=id, **values)
            said.add((caught.value.diag.message_primary, caught.value.diag.message_detail))
        assert len(said) == 1, table


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_an_id_that_another_session_is_about_to_use(committed: Callable[[], Actors], ends: str) -> None:
    """The second waits for the first, and is refused in words, or gets the id after all."""
    id = uuid4()
    first, second = committed(), committed()
    ada, boris = first.person("Ada"), first.person("Boris")
    first.connection.commit()
    ada.insert("spaces", id=id, name="First")

    def found() -> Any:
        return second.known(boris.id).insert("spaces", id=id, name="Second")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(found)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        getattr(first.connection, ends)()
        if ends == "rollback":
            assert waiting.result(timeout=30)["name"] == "Second"
        else:
            with pytest.raises(psycopg.Error) as caught:
                waiting.result(timeout=30)
            assert caught.value.sqlstate == "MG901"


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_an_id_whose_thing_is_being_deleted(committed: Callable[[], Actors], ends: str) -> None:
    id = uuid4()
    first, second = committed(), committed()
    ada, boris = first.person("Ada"), first.person("Boris")
    ada.insert("spaces", id=id, name="First")
    first.connection.commit()
    assert ada.delete("spaces", id)
    with pytest.raises(psycopg.Error) as caught:
        second.known(boris.id).insert("spaces", id=id, name="Second")
    assert caught.value.sqlstate == "MG901"
    second.connection.rollback()
    getattr(first.connection, ends)()
    with pytest.raises(psycopg.Error) as caught:
        second.known(boris.id).insert("spaces", id=id, name="Second")
    assert caught.value.sqlstate == "MG901"
