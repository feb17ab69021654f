"""Presence on a channel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.realtime.conftest import RealtimeServer
from tests.embedded.realtime.wire import Wire


def seen(presences: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The payloads by key, without the server's references."""
    return {
        key: [{name: value for name, value in meta.items() if not name.startswith("phx_")} for meta in entry["metas"]]
        for key, entry in presences.items()
    }


async def track(wire: Wire, name: str, payload: Any) -> None:
    reply = await wire.call(name, "presence", {"type": "presence", "event": "track", "payload": payload})
    assert reply.payload == {"status": "ok", "response": {}}


@pytest.mark.parametrize("version", [1, 2])
async def test_joining_tracking_and_leaving(server: RealtimeServer, version: int) -> None:
    club = server.club("Boris")
    name = f"room:{club.id}"
    async with server.wire(version=version) as ada:
        await ada.enter(name, token=server.token(club.leader), private=True, presence={"key": "ada", "enabled": True})
        assert (await ada.next()).payload == {}  # The state comes first; nobody is present yet.
        await track(ada, name, {"mood": "calm"})
        diff = (await ada.take("presence_diff")).payload
        assert (seen(diff["joins"]), diff["leaves"]) == ({"ada": [{"mood": "calm"}]}, {})
        first = diff["joins"]["ada"]["metas"][0]["phx_ref"]

        async with server.wire(version=version) as boris:
            token = server.token(club.members[0])
            await boris.enter(name, token=token, private=True, presence={"key": "boris", "enabled": "true"})
            assert seen((await boris.take("presence_state")).payload) == {"ada": [{"mood": "calm"}]}
            await track(boris, name, {})
            assert seen((await ada.take("presence_diff")).payload["joins"]) == {"boris": [{}]}

            await track(ada, name, {"mood": "calm"})  # Nothing changed.
            await track(ada, name, {"mood": "wild"})
            diff = (await boris.take("presence_diff", lambda frame: "ada" in frame.payload["joins"])).payload
            assert (seen(diff["joins"]), seen(diff["leaves"])) == (
                {"ada": [{"mood": "wild"}]},
                {"ada": [{"mood": "calm"}]},
            )
            assert diff["joins"]["ada"]["metas"][0]["phx_ref_prev"] == first
            assert diff["leaves"]["ada"]["metas"][0]["phx_ref"] == first

        # Boris leaves with his socket.
        left = (await ada.take("presence_diff", lambda frame: frame.payload["leaves"].keys() == {"boris"})).payload
        assert left["joins"] == {}
        reply = await ada.call(name, "presence", {"event": "untrack"})
        assert reply.payload["status"] == "ok"
        assert (await ada.take("presence_diff")).payload["leaves"].keys() == {"ada"}


async def test_two_windows_of_one_person(server: RealtimeServer, name: str) -> None:
    config: dict[str, Any] = {"presence": {"key": "ada", "enabled": True}}
    async with server.wire() as watcher:
        await watcher.enter(name, presence={"enabled": True})
        async with server.wire() as one:
            await one.enter(name, **config)
            await track(one, name, {"window": 1})
            async with server.wire() as two:
                await two.enter(name, **config)
                await track(two, name, {"window": 2})
                async with server.wire() as late:
                    await late.enter(name, presence={"enabled": True})
                    state = (await late.take("presence_state")).payload
                    assert seen(state) == {"ada": [{"window": 1}, {"window": 2}]}
            # For the others, leaving the channel and closing the socket are the same.
            left = await watcher.take("presence_diff", lambda frame: frame.payload["leaves"] != {})
            assert seen(left.payload["leaves"]) == {"ada": [{"window": 2}]}
            await one.call(name, "phx_leave", {})
            left = await watcher.take("presence_diff", lambda frame: frame.payload["leaves"] != {})
            assert seen(left.payload["leaves"]) == {"ada": [{"window": 1}]}


async def test_without_a_key_the_server_generates_one(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.enter(name)
        await track(wire, name, {"a": 1})
        # Tracking enables presence here, so the state comes now.
        assert (await wire.take("presence_state")).payload == {}
        (key,) = (await wire.take("presence_diff")).payload["joins"]
        assert len(key) == 36


async def test_malformed_presence_messages(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.enter(name, presence={"enabled": True})
        reply = await wire.call(name, "presence", {"event": "track", "payload": [1]})
        reason = {"reason": "Presence track payload must be a map"}
        assert reply.payload == {"status": "error", "response": reason}
        reply = await wire.call(name, "presence", {"event": "dance"})
        assert reply.payload == {"status": "error", "response": {}}


@pytest.mark.long
async def test_too_many_calls_end_the_channel(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.enter(name, presence={"key": "x", "enabled": True})
        for number in range(5):
            await track(wire, name, {"n": number})
        await wire.send(f"realtime:{name}", "presence", {"event": "track", "payload": {"n": 5}})
        system = await wire.take("system")
        assert system.payload["message"] == "Client presence rate limit exceeded"
        assert (await wire.take("phx_close")).topic == f"realtime:{name}"
