"""Outages and resets of the database. Clients keep their channels."""

from __future__ import annotations

import asyncio
import os
import signal

import psycopg
import pytest
from psycopg import sql

from supabase_embedded.postgres import PostgresServer
from tests.embedded.realtime.conftest import EXTRAS, RealtimeServer
from tests.embedded.realtime.wire import Wire


async def established(wire: Wire) -> None:
    """Wait until the server reports that it follows the log again."""
    await wire.take("system", lambda frame: frame.payload["message"] == "Replication connection established")


@pytest.mark.long
async def test_channels_survive_a_restart_of_the_database(
    own_postgres: PostgresServer, own_server: RealtimeServer, name: str
) -> None:
    changes = [{"event": "*", "schema": "public", "table": "open_samples"}]
    async with own_server.wire(own_server.config.secret_key) as wire, own_server.wire() as public:
        await wire.enter(name, private=True, broadcast={"replication_ready": True}, presence={"enabled": True})
        await public.enter(name, postgres_changes=changes)
        await established(wire)
        assert own_postgres.pid is not None
        os.kill(own_postgres.pid, signal.SIGKILL)
        await asyncio.to_thread(own_postgres.stop)

        # Messages among clients do not need the database, but joining a private channel does.
        async with own_server.wire() as other:
            await other.enter(name)
            await other.broadcast(name, "hello", {})
            assert (await public.take("broadcast")).payload["event"] == "hello"
            reply = await other.join("board", token=own_server.sign({"role": "anon", "exp": 2**33}), private=True)
            reason = "UnableToConnectToProject: Realtime was unable to connect to the project database"
            assert reply.payload["response"] == {"reason": reason}

        await asyncio.to_thread(own_postgres.start)
        await established(wire)
        own_server.send(name, "back", {})
        assert (await wire.take("broadcast")).payload["event"] == "back"
        assert (await public.take("system")).payload["message"] == "Subscribed to PostgreSQL"
        own_server.run("insert into public.open_samples values (1, 'x')")
        data = (await public.take("postgres_changes")).payload["data"]
        assert data["record"] == {"id": 1, "word": "x"}


async def test_after_a_reset_the_policies_of_the_new_database_count(own_server: RealtimeServer) -> None:
    club = own_server.club()
    mine, board = f"space:{club.id}", "board"
    async with own_server.wire() as wire:
        await wire.enter(mine, token=own_server.token(club.leader), private=True)
        await wire.enter(
            board, token=own_server.token(club.leader), private=True, broadcast={"replication_ready": True}
        )
        await established(wire)
        own_server.close()
        own_server.databases.clone(own_server.database)
        with psycopg.connect(own_server.dsn) as connection:
            connection.execute(EXTRAS)
        closed = await wire.take("phx_close")
        # The space no longer exists, and the policies of the board may be created after the first check.
        assert closed.topic in (f"realtime:{mine}", f"realtime:{board}")
        await wire.enter(board, token=own_server.token(club.leader), private=True)
        own_server.send(mine, "never", {})
        own_server.send(board, "back", {})
        assert (await wire.take("broadcast")).payload["event"] == "back"


async def test_a_killed_server_leaves_no_slot_behind(own_server: RealtimeServer, name: str) -> None:
    async with own_server.wire() as wire:
        await wire.enter(name)
        with psycopg.connect(own_server.dsn, autocommit=True) as connection:
            slots = connection.execute("select temporary, active from pg_replication_slots").fetchall()
            assert slots == [(True, True)]
            assert own_server.process.pid is not None
            os.kill(own_server.process.pid, signal.SIGKILL)
            await wire.closed()
            for _attempt in range(100):
                if not connection.execute("select from pg_replication_slots").fetchall():
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError("the slot is still there")


async def test_a_join_during_an_open_transaction_waits_only_briefly(own_server: RealtimeServer, name: str) -> None:
    with psycopg.connect(own_server.dsn) as connection:
        # A slot can be created only after this has ended.
        connection.execute("select realtime.send('{}', 'before', %s, false)", [name])
        async with own_server.wire() as wire:
            await wire.enter(name, broadcast={"replication_ready": True})
            connection.commit()
            await established(wire)
            own_server.send(name, "after", {}, private=False)
            assert (await wire.take("broadcast")).payload["event"] == "after"


async def test_joins_fail_without_a_partition(own_server: RealtimeServer) -> None:
    token = own_server.token(own_server.person("Ada"))
    with psycopg.connect(own_server.databases.server.dsn(own_server.database), autocommit=True) as connection:
        partitions = connection.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'realtime.messages'::regclass"
        ).fetchall()
        for (partition,) in partitions:
            connection.execute(sql.SQL("drop table {}").format(sql.SQL(partition)))
        reason = "MissingPartition: Realtime was unable to find the expected messages partition"
        async with own_server.wire() as wire:
            reply = await wire.join("board", token=token, private=True)
            assert reply.payload["response"] == {"reason": reason}
            connection.execute("select realtime.maintain_partitions()")
            await wire.enter("board", token=token, private=True)
