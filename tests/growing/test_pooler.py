"""Behind PgBouncer in transaction mode nothing of one transaction is left for the next, whoever has the session then.

`make test-pooled` runs the access rules and the SQL tests behind it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from supabase_embedded.bootstrap import POSTGRES_PASSWORD
from supabase_embedded.postgres import PostgresServer
from tests.support.actors import Actors
from tests.support.long import long
from tests.support.pooler import pooler, without_prepared_statements
from tests.support.ready import databases_of, server_with_template
from tests.support.stories import found_club, grant_tokens

Connect = Callable[[], psycopg.Connection]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with server_with_template(tmp_path_factory) as server:
        databases_of(server).clone("pooled")
        yield server


@pytest.fixture(params=[*long(1, 2)])
def connect(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Connect to a pool of so many sessions."""
    with pooler(server, size=request.param) as port, without_prepared_statements():
        dsn = replace(server.address, port=port).dsn("pooled", user="postgres", password=POSTGRES_PASSWORD)
        yield lambda: psycopg.connect(dsn)


def test_who_somebody_is_ends_with_the_transaction(connect: Connect) -> None:
    with closing(connect()) as one, closing(connect()) as two:
        club = found_club(Actors(one, commit=True), "Boris")
        Actors(one).as_owner()
        one.commit()
        club.leader.select("spaces")
        one.commit()
        for connection in (one, two):
            assert connection.execute(
                """
                select
                  current_user, coalesce(current_setting('request.jwt.claims', true), ''),
                  (select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
                """
            ).fetchone() == ("postgres", "", 0)
            connection.rollback()


def test_many_clients_share_few_sessions(connect: Connect) -> None:
    """Each transaction counts for the person who sent it, and the ledger adds up."""
    with closing(connect()) as connection:
        actors = Actors(connection, commit=True)
        club = found_club(actors, "Boris", "Chloe", "Dmitri")
        for person in club.everybody:
            grant_tokens(actors, person, 100)
        actors.as_owner()
        connection.commit()

        def give(number: int) -> None:
            with closing(connect()) as own:
                me = Actors(own, commit=True).known(club.everybody[number % 4].id)
                for turn in range(10):
                    me.call(
                        "transfer_tokens", recipient_id=club.everybody[(number + 1) % 4].id, amount=1,
                        idempotency_key=f"{number} {turn}",
                    )  # fmt: skip
                    own.commit()
                    assert {row["sender_id"] for row in me.select("token_gifts")} >= {me.id}
                    assert me.run("select auth.uid() as id") == [{"id": me.id}]
                    own.commit()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(give, number) for number in range(8)]:
                done.result()
        ids = [person.id for person in club.everybody]
        gifts = "select sender_id, count(*) from public.token_gifts where sender_id = any (%s) group by sender_id"
        assert dict(connection.execute(gifts, [ids]).fetchall()) == dict.fromkeys(ids, 20)
        assert actors.run("select * from public.verify_ledger(true)") == []
