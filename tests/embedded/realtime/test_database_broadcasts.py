"""Broadcasts from the database, new and replayed."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from tests.embedded.realtime.conftest import RealtimeServer, done
from tests.embedded.realtime.wire import Wire


async def events(wire: Wire, count: int) -> list[dict[str, Any]]:
    return [(await wire.take("broadcast")).payload for _ in range(count)]


@pytest.mark.parametrize("version", [1, 2])
async def test_members_receive_the_events_of_their_space(server: RealtimeServer, version: int) -> None:
    club = server.club("Boris")
    name = f"space:{club.id}"
    boris = club.members[0]
    async with server.wire(version=version) as wire:
        await wire.enter(name, token=server.token(boris), private=True)
        (prompt,) = club.ask("What did you read?")
        done(club)
        boris.insert("responses", prompt_id=prompt["id"], content="A draft")
        done(club)
        club.respond(prompt, [club.leader])
        done(club)
        heard = await events(wire, 2)
        assert await wire.heard() == []  # Nothing of the draft.
    assert [message["event"] for message in heard] == ["prompts.published", "response.published"]
    first, second = (message["payload"] for message in heard)
    assert second["seq"] == first["seq"] + 1
    assert second["actor_id"] == str(club.leader.id)
    assert second["previous_id"] == first["id"]
    # The message has an id of its own.
    assert heard[0]["meta"].keys() == {"id"}


async def test_one_commit_arrives_whole_and_in_order(server: RealtimeServer, name: str) -> None:
    async with server.wire(server.config.secret_key) as wire:
        await wire.enter(name, private=True)
        with psycopg.connect(server.dsn) as connection:
            connection.execute(
                "select realtime.send(jsonb_build_object('n', n), 'count', %s) from generate_series(1, 1000) n", [name]
            )
            assert await wire.heard() == []  # Nothing arrives before the commit,
        assert [message["payload"]["n"] for message in await events(wire, 1000)] == list(range(1, 1001))
        with psycopg.connect(server.dsn) as connection:
            connection.execute("select realtime.send('{}', 'never', %s)", [name])
            connection.rollback()
        server.send(name, "last", {})
        assert [message["event"] for message in await events(wire, 1)] == ["last"]  # and nothing after a rollback.


async def test_a_changed_row(server: RealtimeServer, name: str) -> None:
    async with server.wire(server.config.secret_key) as wire:
        await wire.enter(name, private=True)
        with psycopg.connect(server.dsn) as connection:
            connection.execute(
                "select realtime.broadcast_changes(%s, 'INSERT', 'INSERT', 'things', 'public', s, null)"
                " from (select 1 as id, 'x' as word) s",
                [name],
            )
        (message,) = await events(wire, 1)
    payload = message["payload"]
    assert payload.pop("id") == message["meta"]["id"]
    assert payload == {
        "schema": "public",
        "table": "things",
        "operation": "INSERT",
        "record": {"id": 1, "word": "x"},
        "old_record": None,
    }


async def test_large_and_odd_payloads_arrive_as_they_are(server: RealtimeServer, name: str) -> None:
    payload = {"id": 1, "text": 'ä🌿"\\\n' * 100_000, "number": 12345678901234567890, "nothing": None}
    async with server.wire(server.config.secret_key) as wire:
        await wire.enter(name, private=True)
        server.send(name, "ünï", payload)
        (message,) = await events(wire, 1)
    assert message["event"] == "ünï"
    assert message["payload"] == payload


async def test_bytes_from_the_database(server: RealtimeServer, name: str) -> None:
    topic = f"realtime:{name}".encode()
    async with server.wire(server.config.secret_key, version=2) as new, server.wire(server.config.secret_key) as old:
        await new.enter(name, private=True)
        await old.enter(name, private=True)
        server.run("select realtime.send_binary('\\x00ff'::bytea, 'bytes', %s)", name)
        received = await new.next_bytes()
        server.send(name, "json", {})
        assert [message["event"] for message in await events(old, 1)] == ["json"]
    kind, topic_size, event_size, metadata_size, encoding = received[:5]
    assert (kind, encoding, event_size) == (4, 0, 5)
    assert received[5 : 5 + topic_size] == topic
    assert received.endswith(b"\x00\xff")
    assert metadata_size > 0


async def test_a_replay_repeats_the_newest_messages_oldest_first(server: RealtimeServer, name: str) -> None:
    for number in range(30):
        server.send(name, "count", {"n": number})
    server.send(name, "count", {"n": "public"}, private=False)
    since = int(time.time() * 1000) - 60_000
    async with server.wire(server.config.secret_key) as wire:
        for limit, first in ((3, 27), (1000, 5), (None, 5), (0, 29), (-7, 29)):
            replay = {"since": since} if limit is None else {"since": since, "limit": limit}
            await wire.enter(name, private=True, broadcast={"replay": replay})
            messages = await events(wire, 30 - first)
            assert [message["payload"]["n"] for message in messages] == list(range(first, 30))
            assert all(message["meta"] == {"id": message["payload"]["id"], "replayed": True} for message in messages)
        await wire.enter(name, private=True, broadcast={"replay": {"since": int(time.time() * 1000) + 1000}})
        assert await wire.heard() == []


async def test_messages_dated_in_the_future_are_not_replayed(server: RealtimeServer, name: str) -> None:
    async with server.wire(server.config.secret_key) as first:
        await first.enter(name, private=True)
        server.send(name, "now", {})
        server.run(
            "insert into realtime.messages (topic, extension, event, payload, private, inserted_at)"
            " select %s, 'broadcast', 'ahead', '{}', true, (now() at time zone 'utc') + interval '2 minutes'",
            name,
        )
        # Both have been sent, so a client that joins later gets neither of them as a new message.
        assert [message["event"] for message in await events(first, 2)] == ["now", "ahead"]
    async with server.wire(server.config.secret_key) as wire:
        await wire.enter(name, private=True, broadcast={"replay": {"since": 1}})
        assert [message["event"] for message in await events(wire, 1)] == ["now"]
        assert await wire.heard() == []


async def test_the_frames_after_the_reply_to_a_join_have_a_fixed_order(server: RealtimeServer) -> None:
    club = server.club()
    name = f"space:{club.id}"
    server.send(name, "old", {})
    async with server.wire() as wire:
        reply = await wire.join(
            name,
            token=server.token(club.leader),
            private=True,
            presence={"enabled": True},
            broadcast={"replay": {"since": 1, "limit": 1}, "replication_ready": True},
            postgres_changes=[{"event": "*", "schema": "public", "table": "prompts"}],
        )
        assert reply.payload["status"] == "ok"
        state, old = await wire.next(), await wire.next()
        assert (state.event, state.payload) == ("presence_state", {})
        assert (old.event, old.payload["event"], old.payload["meta"]["replayed"]) == ("broadcast", "old", True)
        systems = [await wire.next(), await wire.next()]
        assert {(system.payload["extension"], system.payload["message"]) for system in systems} == {
            ("postgres_changes", "Subscribed to PostgreSQL"),
            ("system", "Replication connection established"),
        }


async def test_no_message_is_lost_or_repeated_between_the_replay_and_the_first_new_one(
    server: RealtimeServer, name: str
) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for number in range(20):
            connection.execute("select realtime.send(jsonb_build_object('n', %s::int), 'count', %s)", [number, name])
            if number == 10:
                wire = server.wire(server.config.secret_key)
                await wire.__aenter__()
                replay = {"since": int(time.time() * 1000) - 60_000}
                await wire.send(
                    f"realtime:{name}", "phx_join", {"config": {"private": True, "broadcast": {"replay": replay}}}
                )
    messages = await events(wire, 20)
    assert [message["payload"]["n"] for message in messages] == list(range(20))
    assert await wire.heard() == []
    await wire.__aexit__(None, None, None)


@pytest.mark.parametrize("replay", [{}, {"since": "yesterday"}, {"since": 1.5}, {"since": 1, "limit": "x"}, 7])
async def test_a_malformed_replay(server: RealtimeServer, name: str, replay: object) -> None:
    async with server.wire(server.config.secret_key) as wire:
        reply = await wire.join(name, private=True, broadcast={"replay": replay})
    assert reply.payload["response"] == {"reason": "UnableToReplayMessages: Replay params are not valid"}


async def test_public_channels_have_no_replay(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        reply = await wire.join(name, broadcast={"replay": {"since": 1}})
    reason = "UnableToReplayMessages: Replay is not allowed for public channels"
    assert reply.payload["response"] == {"reason": reason}


async def test_a_client_can_wait_until_the_log_is_followed(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.enter(name, broadcast={"replication_ready": True})
        system = await wire.take("system")
    assert system.payload == {
        "extension": "system",
        "status": "ok",
        "message": "Replication connection established",
        "channel": name,
    }
