"""Accounts that are signed up with an address, and deleted."""

from __future__ import annotations

from uuid import uuid4

from tests.support.actors import Actor, Actors

ADDRESS = "zoe@example.test"


def sign_up(actors: Actors, address: str | None = ADDRESS, phone: str | None = None) -> Actor:
    user_id = uuid4()
    actors.run(
        "insert into auth.users (id, aud, role, email, phone, email_confirmed_at)"
        " values (%s, 'authenticated', 'authenticated', %s, %s, now())",
        user_id, address, phone,
    )  # fmt: skip
    return actors.known(user_id, "Zoe")


def delete(actors: Actors, person: Actor) -> None:
    actors.run("delete from auth.users where id = %s", person.id)
