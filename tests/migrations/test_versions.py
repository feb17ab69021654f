"""The same migrations and the same seed on every version of Postgres, by a role that is not superuser."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from supabase_embedded.bootstrap import bootstrap
from supabase_embedded.migrations import migrate, seed
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.project import Project
from tests.support.actors import Actors
from tests.support.ledger import check_ledger
from tests.support.stories import balance, found_club

PROJECT = Project.find(Path(__file__).parent.parent.parent)


@pytest.fixture(scope="module")
def dsn(server: PostgresServer) -> str:
    """The URL, as `postgres`, of a database with the migrations and the seed."""
    name = f"versions_{uuid4().hex}"
    with psycopg.connect(server.dsn("template1"), autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    bootstrap(server.dsn(name), service_password="service")
    dsn = server.dsn(name, user="postgres", password="postgres")
    report = migrate(dsn, PROJECT.migrations_dir)
    assert len(report.applied) == len(list(PROJECT.migrations_dir.glob("*.sql")))
    assert seed(dsn, PROJECT.seed_path)
    return dsn


def test_the_role_of_migrations_is_no_superuser(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        (row,) = connection.execute("select rolsuper from pg_catalog.pg_roles where rolname = current_user")
        assert row == (False,)


def test_a_second_time_there_is_nothing_to_apply(dsn: str) -> None:
    report = migrate(dsn, PROJECT.migrations_dir)
    assert (report.applied, report.changed, report.missing) == ([], [], [])
    assert not seed(dsn, PROJECT.seed_path)


def test_the_seeded_ledger_adds_up(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        assert actors.one("select count(*) from public.transactions") == 100
        check_ledger(actors)


def test_a_week_a_gift_and_a_purchase(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        club = found_club(actors, "Boris", "Chloe")
        ada, boris = club.leader, club.members[0]
        newsletter = club.week()
        assert newsletter["is_published"]
        assert len(newsletter["content"]["prompts"][0]["responses"]) == 3
        assert (club.row()["current_week"], club.curator.name) == (2, "Boris")
        assert balance(actors, ada) == 100 + 50 + 2 * 100  # Curation, response; `Holding the Pen`, "First Words".

        ada.call("transfer_tokens", recipient_id=boris.id, amount=50)
        theme = ada.select("store_items", code="theme_midnight")[0]
        purchase = ada.call("purchase_item", item_id=theme["id"])
        ada.call("activate_purchase", purchase_id=purchase["id"])
        assert ada.select("settings")[0]["active_theme_id"] == theme["id"]
        assert balance(actors, ada) == 350 - 50 - theme["price"]

        actors.run("select private.refresh_streaks()")
        assert actors.one("select current_streak from public.users where id = %s", boris.id) == 1
        check_ledger(actors)


def test_people_take_turns_and_a_claim_takes_one_job(dsn: str) -> None:
    """Whether a subquery with a limit is asked again for each row is the planner's choice, which versions make anew."""
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        many, few = (actors.person(name).id for name in ("Many", "Few"))
        actors.run("delete from private.outbox")
        for owner, number in [*((many, number) for number in range(5)), (few, 0), (few, 1)]:
            actors.run("insert into storage.objects (bucket_id, name) values ('avatars', %s)", f"{owner}/{number}.png")
            actors.run("select private.drop_file('avatars', %s)", f"{owner}/{number}.png")
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
            actors.run(f"set local enable_{way} = off")
        owners = []
        for _ in range(8):
            jobs = actors.service().rows("claim_jobs", worker="worker", job_limit=1)
            owners += [job["payload"]["path"].partition("/")[0] for job in jobs]
        assert owners == [str(one) for one in (many, few, many, few, many, many, many)]
