"""Use the server through the Realtime client of supabase-py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimePostgresChangesListenEvent,
    RealtimeSubscribeStates,
)

from tests.embedded.realtime.conftest import RealtimeServer, done
from tests.support.actors import Actor

TIMEOUT = 15


@asynccontextmanager
async def connected(server: RealtimeServer, person: Actor | None) -> AsyncIterator[AsyncRealtimeClient]:
    client = AsyncRealtimeClient(server.realtime_url, server.config.publishable_key)
    if person is not None:
        await client.set_auth(server.token(person))
    try:
        yield client
    finally:
        await client.close()


def options(**config: Any) -> RealtimeChannelOptions:
    defaults = {"broadcast": {"ack": False, "self": False}, "presence": {"key": "", "enabled": False}, "private": True}
    return {"config": defaults | config}  # type: ignore[typeddict-item]


async def subscribe(channel: AsyncRealtimeChannel) -> RealtimeSubscribeStates:
    """Subscribe and return the first state."""
    states: asyncio.Queue[RealtimeSubscribeStates] = asyncio.Queue()
    await channel.subscribe(lambda state, _error: states.put_nowait(state))
    return await asyncio.wait_for(states.get(), TIMEOUT)


async def test_broadcasts(server: RealtimeServer) -> None:
    club = server.club("Boris")
    heard: asyncio.Queue[Any] = asyncio.Queue()
    async with connected(server, club.leader) as ada, connected(server, club.members[0]) as boris:
        for topic, event in (("room", "typing"), ("space", "prompts.published")):
            listening = boris.channel(f"{topic}:{club.id}", options())
            listening.on_broadcast(event, heard.put_nowait)
            assert await subscribe(listening) == RealtimeSubscribeStates.SUBSCRIBED
        talking = ada.channel(f"room:{club.id}", options())
        assert await subscribe(talking) == RealtimeSubscribeStates.SUBSCRIBED
        await talking.send_broadcast("typing", {"who": "Ada"})
        message = await asyncio.wait_for(heard.get(), TIMEOUT)
        assert message["payload"] == {"who": "Ada"}
        club.ask()
        done(club)
        message = await asyncio.wait_for(heard.get(), TIMEOUT)
        assert message["payload"]["kind"] == "prompts.published"


async def test_an_outsider_is_refused(server: RealtimeServer) -> None:
    club, stranger = server.club(), server.person("Eve")
    for person in (stranger, None):
        async with connected(server, person) as client:
            state = await subscribe(client.channel(f"space:{club.id}", options()))
            assert state == RealtimeSubscribeStates.CHANNEL_ERROR


async def test_postgres_changes(server: RealtimeServer) -> None:
    club, stranger = server.club("Boris"), server.person("Eve")
    boris = club.members[0]
    (prompt,) = club.ask()
    done(club)
    async with connected(server, club.leader) as inside, connected(server, stranger) as outside:
        queues = []
        for client in (inside, outside):
            heard: asyncio.Queue[Any] = asyncio.Queue()
            ready: asyncio.Queue[Any] = asyncio.Queue()
            channel = client.channel("responses", options(private=False))
            channel.on_postgres_changes(
                RealtimePostgresChangesListenEvent.All,
                schema="public",
                table="responses",
                filter=f"space_id=eq.{club.id}",
                callback=heard.put_nowait,
            )
            channel.on_system(ready.put_nowait)
            assert await subscribe(channel) == RealtimeSubscribeStates.SUBSCRIBED
            assert (await asyncio.wait_for(ready.get(), TIMEOUT)).message == "Subscribed to PostgreSQL"
            queues.append(heard)
        draft = boris.insert("responses", prompt_id=prompt["id"], content="A draft")
        done(club)
        boris.update("responses", draft["id"], is_published=True)
        done(club)
        change = await asyncio.wait_for(queues[0].get(), TIMEOUT)
        assert change["data"]["type"] == "UPDATE"  # Not the draft's insert.
        assert change["data"]["record"]["content"] == "A draft"
        assert queues[1].empty()


async def test_presence(server: RealtimeServer) -> None:
    club = server.club("Boris")
    name = f"room:{club.id}"
    synced: asyncio.Queue[Any] = asyncio.Queue()
    async with connected(server, club.leader) as ada:
        room = ada.channel(name, options(presence={"key": "ada", "enabled": True}))
        room.on_presence_sync(lambda: synced.put_nowait(set(room.presence_state())))
        assert await subscribe(room) == RealtimeSubscribeStates.SUBSCRIBED
        assert await asyncio.wait_for(synced.get(), TIMEOUT) == set()
        async with connected(server, club.members[0]) as boris:
            other = boris.channel(name, options(presence={"key": "boris", "enabled": True}))
            assert await subscribe(other) == RealtimeSubscribeStates.SUBSCRIBED
            await other.track({"mood": "calm"})
            assert await asyncio.wait_for(synced.get(), TIMEOUT) == {"boris"}
        assert await asyncio.wait_for(synced.get(), TIMEOUT) == set()


@pytest.mark.long
async def test_a_token_is_refreshed_and_another_expires(server: RealtimeServer) -> None:
    club = server.club()
    name = f"space:{club.id}"
    heard: asyncio.Queue[Any] = asyncio.Queue()
    states: asyncio.Queue[RealtimeSubscribeStates] = asyncio.Queue()
    async with connected(server, None) as client:
        await client.set_auth(server.token(club.leader, lasts=2))
        channel = client.channel(name, options())
        channel.on_broadcast("later", heard.put_nowait)
        await channel.subscribe(lambda state, _error: states.put_nowait(state))
        await client.set_auth(server.token(club.leader, lasts=4))
        await asyncio.sleep(2.5)
        server.send(name, "later", {})
        await asyncio.wait_for(heard.get(), TIMEOUT)
        seen = [await asyncio.wait_for(states.get(), TIMEOUT)]
        while seen[-1] != RealtimeSubscribeStates.CLOSED:
            seen.append(await asyncio.wait_for(states.get(), TIMEOUT))
        assert seen[0] == RealtimeSubscribeStates.SUBSCRIBED
