"""Accounts: a row and settings are made when somebody signs up; spaces outlive who led them; a profile is one's own."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from supabase_embedded.databases import Databases
from tests.support.actors import Actors
from tests.support.ledger import check_ledger
from tests.support.stories import found_club, grant_tokens


@pytest.mark.parametrize(
    ("metadata", "email", "name"),
    [
        ({"display_name": "Ada"}, "ada@example.test", "Ada"),
        ({"display_name": "  ", "full_name": "Ada Byron"}, "ada@example.test", "Ada Byron"),
        ({"name": "Ada B."}, "ada@example.test", "Ada B."),
        ({}, "ada.byron.1815@example.test", "New member"),
        (None, "ada@example.test", "New member"),
        ({"display_name": "\u200b \u3164"}, "ada@example.test", "New member"),
        ({"display_name": "Ada@Example.test ", "name": "Ada"}, "ada@example.test", "Ada"),
        ({"full_name": "ada@example.test"}, "ada@example.test", "New member"),
        ({"display_name": "ada"}, "ada@example.test", "ada"),
        ({"display_name": "x" * 200}, "ada@example.test", "x" * 80),
        ({"display_name": {"first": "Ada"}}, "ada@example.test", '{"first": "Ada"}'),
        ({}, None, "New member"),
        ([], "ada@example.test", "New member"),
        ({"display_name": "Ada\r\nBcc: all"}, "ada@example.test", "Ada Bcc: all"),
    ],
)
def test_signing_up_makes_a_person(actors: Actors, metadata: object, email: str | None, name: str) -> None:
    """Who gave no name was shown by what is before the @ of their address, in newsletters, too."""
    user_id = uuid4()
    actors.run(
        "insert into auth.users (id, email, raw_user_meta_data) values (%s, %s, %s)", user_id, email, Jsonb(metadata)
    )
    person = actors.known(user_id)
    (row,) = person.select("users")
    assert (row["display_name"], row["token_balance"], row["username"]) == (name, 0, None)
    (settings,) = person.select("settings")
    assert settings["timezone"] == "UTC" and settings["email_newsletters"] and settings["show_on_leaderboard"]


def test_user_names_are_unique_whatever_the_case(actors: Actors) -> None:
    ada, boris = actors.person("Ada"), actors.person("Boris")
    ada.update("users", ada.id, username="Ada_1")
    with boris.refused("MG801"):
        boris.update("users", boris.id, username="aDA_1")
    assert ada.update("users", ada.id, username="ada_1")[0]["username"] == "ada_1"
    ada.update("users", ada.id, username=None)
    assert boris.update("users", boris.id, username="ADA_1")


def test_spaces_outlive_who_led_them(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri")
    ada, (boris, chloe, dmitri) = club.leader, club.members
    club.leader.call("set_member_role", space_id=club.id, user_id=dmitri.id, role="ADMIN")
    alone = ada.insert("spaces", name="Only me")
    (prompt,) = club.ask("What did you read?")
    club.respond(prompt)
    grant_tokens(actors, ada, 100)
    ada.call("transfer_tokens", recipient_id=boris.id, amount=10)
    newsletter = club.publish_week()

    actors.run("delete from auth.users where id = %s", ada.id)

    (space,) = boris.select("spaces", id=club.id)
    assert space["leader_id"] == dmitri.id  # The longest-standing admin comes before longer-standing members.
    assert actors.one("select count(*) from public.spaces where id = %s", alone["id"]) == 0
    assert {row["user_id"] for row in boris.select("memberships", space_id=club.id)} == {boris.id, chloe.id, dmitri.id}
    assert {row["user_id"] for row in boris.select("responses", space_id=club.id)} == {boris.id, chloe.id, dmitri.id}
    assert boris.select("prompts", id=prompt["id"])[0]["curator_id"] is None
    assert boris.select("newsletters", id=newsletter["id"])[0]["content"]["curator"]["display_name"] == "Ada"
    assert actors.one("select count(*) from public.transactions where user_id = %s", ada.id) == 0
    assert [row["amount"] for row in boris.select("transactions", type="EARN_GIFT")] == [10]
    check_ledger(actors)


def test_a_deleted_curator_is_replaced(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[0].id)
    actors.run("delete from auth.users where id = %s", club.members[0].id)
    curator_id = club.row()["current_curator_id"]
    assert curator_id in (club.leader.id, club.members[1].id)
    assert club.leader.select("curator_rotations", week_number=1)[0]["curator_id"] == curator_id


@pytest.mark.parametrize("rotation_type", ["ROUND_ROBIN", "RANDOM", "MANUAL"])
def test_several_accounts_deleted_at_once(actors: Actors, rotation_type: str) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri", rotation_type=rotation_type)
    club.week()
    boris, chloe, dmitri = club.members
    actors.run("delete from auth.users where id = any(%s)", [club.leader.id, boris.id, chloe.id])
    space = club.row()
    assert (space["leader_id"], space["current_curator_id"]) == (dmitri.id, dmitri.id)
    actors.run("delete from auth.users where id = any(%s)", [dmitri.id])
    assert actors.one("select count(*) from public.spaces where id = %s", club.id) == 0


def test_a_gift_outlives_its_sender_in_the_receivers_ledger(actors: Actors) -> None:
    ada, boris = actors.person("Ada"), actors.person("Boris")
    grant_tokens(actors, ada, 100)
    ada.call("transfer_tokens", recipient_id=boris.id, amount=40)
    actors.run("delete from auth.users where id = %s", ada.id)
    (row,) = boris.select("users")
    assert row["token_balance"] == 40
    assert [(gift["sender_id"], gift["amount"]) for gift in boris.select("token_gifts")] == [(None, 40)]
    check_ledger(actors)


def test_an_account_goes_with_everything_it_has(actors: Actors) -> None:
    ada, theme = actors.person("Ada"), actors.one("select id from public.store_items where code = 'theme_midnight'")
    grant_tokens(actors, ada, 1000)
    ada.call("activate_purchase", purchase_id=ada.call("purchase_item", item_id=theme)["id"])
    ada.rows("check_badges")
    actors.run("delete from auth.users where id = %s", ada.id)
    for table in ("settings", "user_badges", "notifications", "transactions"):
        assert actors.one(f"select count(*) from public.{table}") == 0, table
    assert actors.one("select array_agg(user_id) from public.purchases") == [None], "what was paid stays, nobody's"


def test_a_person_goes_only_with_the_account(actors: Actors) -> None:
    """Triggers keep people and accounts together; see the table for why no foreign key does."""
    ada = actors.person("Ada")
    actors.run("delete from auth.users where id = %s", ada.id)
    assert actors.one("select count(*) from public.users where id = %s", ada.id) == 0
    with ada.refused("MG902"):
        ada.insert("spaces", name="Mine")
    assert ada.update("users", ada.id, bio="Here") == []


def test_the_auth_service_signs_people_up_and_deletes_them(databases: Databases) -> None:
    """It has no rights in `public`; what has to happen there happens by triggers."""
    name = f"auth_{uuid4().hex}"
    databases.clone(name)
    user_id = uuid4()
    try:
        with psycopg.connect(databases.dsn(name, user="supabase_auth_admin"), autocommit=True) as auth:
            auth.execute("insert into auth.users (id, email) values (%s, 'ada@example.test')", [user_id])
        with psycopg.connect(databases.dsn(name)) as connection, Actors(connection, commit=True) as actors:
            club = found_club(actors, "Boris")
            alone = actors.known(user_id).insert("spaces", name="Only me")["id"]
            boris: UUID = club.members[0].id
            actors.known(user_id).call(
                "join_space", invite_code=club.leader.call("create_invite", space_id=club.id)["code"]
            )
            grant_tokens(actors, actors.known(user_id), 50)
        with psycopg.connect(databases.dsn(name, user="supabase_auth_admin"), autocommit=True) as auth:
            auth.execute("delete from auth.users where id = any(%s)", [[user_id, club.leader.id]])
        with psycopg.connect(databases.dsn(name)) as connection, Actors(connection) as actors:
            assert actors.run("select id, leader_id from public.spaces") == [{"id": club.id, "leader_id": boris}]
            assert actors.one("select count(*) from public.spaces where id = %s", alone) == 0
            check_ledger(actors)
    finally:
        databases.drop(name)
