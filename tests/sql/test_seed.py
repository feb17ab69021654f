"""The minimal scenario: exactly what the document says, and by the same rules as everything else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.support.actors import Actor, Actors
from tests.support.ledger import check_ledger

SEED = Path(__file__).parent.parent.parent / "supabase" / "seed.sql"
SPACE_ID = UUID("5eed0000-0000-4000-8000-0000000000aa")


@pytest.fixture(scope="module")
def seeded_dsn(databases: Databases) -> Iterator[str]:
    name = f"seeded_{uuid4().hex}"
    dsn = databases.clone(name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SEED.read_bytes())
    yield dsn
    databases.drop(name)


@pytest.fixture
def seeded(seeded_dsn: str) -> Iterator[Actors]:
    with psycopg.connect(seeded_dsn) as connection, Actors(connection) as actors:
        yield actors


def everybody(seeded: Actors) -> list[Actor]:
    return [
        seeded.known(row["id"], row["display_name"])
        for row in seeded.run("select id, display_name from public.users order by id")
    ]


def test_the_documents_counts(seeded: Actors) -> None:
    counts = {
        "spaces": 1,
        "users": 5,
        "memberships": 5,
        "prompts": 5,
        "responses": 20,
        "newsletters": 1,
        "badges": 6,
        "store_items": 5,
        "transactions": 100,
        "user_badges": 10,
        "token_gifts": 30,
        "purchases": 9,
        "settings": 5,
    }
    assert {table: seeded.one(f"select count(*) from public.{table}") for table in counts} == counts


def test_the_documents_scenario(seeded: Actors) -> None:
    (space,) = seeded.run("select * from public.spaces")
    assert (space["id"], space["name"], space["description"]) == (SPACE_ID, "Test Book Club", "Testing space")
    assert space["current_week"] == 2
    # The leader is the curator now, and stays ADMIN.
    assert space["current_curator_id"] == space["leader_id"]
    roles = seeded.run("select role, count(*) from public.memberships group by role")
    assert {row["role"]: row["count"] for row in roles} == {"MEMBER": 4, "ADMIN": 1}
    assert seeded.one("select role from public.memberships where user_id = %s", space["leader_id"]) == "ADMIN"
    per_prompt = seeded.run(
        'select prompts."order", count(*) from public.responses join public.prompts on prompts.id = prompt_id'
        " where responses.is_published and prompts.is_published and prompts.week_number = 1 group by 1 order by 1"
    )
    assert [(row["order"], row["count"]) for row in per_prompt] == [(order, 4) for order in range(1, 6)]
    (newsletter,) = seeded.run("select * from public.newsletters")
    assert newsletter["is_published"] and newsletter["week_number"] == 1
    assert [len(prompt["responses"]) for prompt in newsletter["content"]["prompts"]] == [2] * 5


def test_its_ledger_adds_up(seeded: Actors) -> None:
    check_ledger(seeded)
    assert seeded.service().rows("verify_ledger") == []
    kinds = seeded.run("select type, count(*) from public.transactions group by type")
    assert {row["type"]: row["count"] for row in kinds} == {
        "EARN_RESPONSE": 20,
        "EARN_CURATOR": 1,
        "EARN_BADGE": 10,
        "EARN_GIFT": 30,
        "SPEND_PURCHASE": 9,
        "SPEND_GIFT": 30,
    }


def test_everything_due_has_been_awarded(seeded: Actors) -> None:
    for person in everybody(seeded):
        assert person.rows("check_badges") == []
    assert seeded.one("select private.award_all_badges()") == 0


def test_everything_due_has_been_counted(seeded: Actors) -> None:
    assert (
        seeded.run(
            """
        select memberships.user_id from public.memberships
        where total_submissions <> (select count(*) from public.responses where responses.user_id = memberships.user_id)
        """
        )
        == []
    )
    numbers = [row["seq"] for row in seeded.run("select seq from public.space_events order by seq")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_twice_changes_nothing(seeded: Actors) -> None:
    tables = [
        row["name"]
        for row in seeded.run(
            """
            select schemaname || '.' || tablename as name from pg_catalog.pg_tables
            where schemaname in ('public', 'private')
              or (schemaname = 'auth' and tablename in ('users', 'identities'))
            """
        )
    ]

    def everything() -> dict[str, object]:
        return {
            table: seeded.one(
                f"select md5(coalesce(string_agg(row::text, ';' order by row::text), '')) from {table} as row"
            )
            for table in tables
        }

    before = everything()
    seeded.connection.execute(SEED.read_bytes())
    assert everything() == before


def test_the_seed_ends_as_the_role_it_began_with(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute(SEED.read_bytes())
        (row,) = connection.execute("select current_user, current_setting('request.jwt.claims', true)")
        assert row == ("postgres", "")


def test_the_five_can_sign_in(seeded: Actors) -> None:
    accounts = seeded.run(
        """
        select
          users.email, users.encrypted_password, users.email_confirmed_at, identities.provider,
          identities.identity_data
        from auth.users join auth.identities on identities.user_id = users.id order by users.email
        """
    )
    assert [row["email"].split("@")[0] for row in accounts] == ["ada", "boris", "chloe", "dmitri", "eleni"]
    for row in accounts:
        assert row["encrypted_password"].startswith("$2a$10$") and row["email_confirmed_at"] is not None
        assert (row["provider"], row["identity_data"]["email"]) == ("email", row["email"])


def test_life_goes_on_in_it(seeded: Actors) -> None:
    ada = next(person for person in everybody(seeded) if person.name == "Ada")
    week = ada.call("space_week", space_id=SPACE_ID)
    curator = seeded.known(week["curator"]["user_id"])
    curator.insert("prompts", space_id=SPACE_ID, question="And now?")
    curator.rows("publish_prompts", space_id=SPACE_ID)
    newsletter = ada.call("generate_newsletter", space_id=SPACE_ID)
    ada.call("publish_newsletter", newsletter_id=newsletter["id"])
    assert ada.call("space_week", space_id=SPACE_ID)["week_number"] == 3
    check_ledger(seeded)
