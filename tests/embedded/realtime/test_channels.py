"""Public channels: join, talk, leave."""

from __future__ import annotations

import json

import pytest

from tests.embedded.realtime.conftest import RealtimeServer
from tests.embedded.realtime.wire import Frame

HELLO = {"type": "broadcast", "event": "hello", "payload": {"a": 1}}


@pytest.mark.parametrize("version", [1, 2])
async def test_join_talk_leave(server: RealtimeServer, name: str, version: int) -> None:
    topic = f"realtime:{name}"
    async with server.wire(version=version) as ada, server.wire(version=1) as boris:
        joined = await ada.join(name, broadcast={"ack": True})
        assert joined.payload == {"status": "ok", "response": {"postgres_changes": []}}
        await boris.enter(name)
        reply = await ada.call(name, "broadcast", HELLO)
        assert reply.payload == {"status": "ok", "response": {}}
        assert await boris.next() == Frame(topic, "broadcast", HELLO, None)
        assert await ada.heard() == []  # Its own message does not come back unless it asks for that.

        ref = await ada.send(topic, "phx_leave", {})
        left, closed = await ada.next(), await ada.next()
        assert (left.event, left.ref, left.payload) == ("phx_reply", ref, {"status": "ok", "response": {}})
        assert (closed.event, closed.ref, closed.payload) == ("phx_close", joined.ref, {})
        await boris.broadcast(name, "late", {})
        await boris.heard()
        assert await ada.heard() == []


async def test_self_and_ack_options(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.enter(name, broadcast={"self": "true", "ack": False})
        await wire.broadcast(name, "hello", {"a": 1})
        assert await wire.heard() == [Frame(f"realtime:{name}", "broadcast", HELLO, None)]


async def test_joining_again_closes_the_old_channel(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire, server.wire() as other:
        await other.enter(name)
        first = await wire.join(name, broadcast={"self": True})
        ref = str(100)
        await wire.socket.send(
            json.dumps({"topic": f"realtime:{name}", "event": "phx_join", "payload": {}, "ref": ref, "join_ref": ref})
        )
        closed, joined = await wire.next(), await wire.next()
        assert (closed.event, closed.ref) == ("phx_close", first.ref)
        assert (joined.event, joined.ref, joined.payload["status"]) == ("phx_reply", ref, "ok")
        # A late message for the old channel is ignored; each message arrives once.
        await wire.send(f"realtime:{name}", "broadcast", HELLO, join_ref=first.ref)
        await wire.heard()
        await other.broadcast(name, "hello", {"a": 1})
        await other.heard()
        assert [frame.event for frame in await wire.heard()] == ["broadcast"]
        assert await other.heard() == []


async def test_a_topic_that_was_not_joined(server: RealtimeServer, name: str) -> None:
    async with server.wire() as wire:
        reply = await wire.call(name, "broadcast", HELLO)
        assert reply.payload == {"status": "error", "response": {"reason": "unmatched topic"}}
        reply = await wire.call(name, "phx_leave", {})
        assert reply.payload == {"status": "ok", "response": {}}


async def test_a_channel_needs_a_name(server: RealtimeServer) -> None:
    async with server.wire() as wire:
        reply = await wire.join("")
    assert reply.payload["response"] == {"reason": "TopicNameRequired: You must provide a topic name"}


async def test_a_public_and_a_private_channel_of_the_same_name_are_independent(
    server: RealtimeServer, name: str
) -> None:
    async with server.wire() as public, server.wire(server.config.secret_key) as private:
        await public.enter(name)
        await private.enter(name, private=True)
        await public.broadcast(name, "hello", {})
        await private.broadcast(name, "hello", {})
        server.send(name, "to members", {}, private=True)
        server.send(name, "to all", {}, private=False)
        assert (await private.take("broadcast")).payload["event"] == "to members"
        assert (await public.take("broadcast")).payload["event"] == "to all"
        assert await private.heard() == await public.heard() == []


@pytest.mark.parametrize("payload", [None, 7, "x", [], {"config": 3}, {"config": {"broadcast": None, "presence": []}}])
async def test_a_join_with_malformed_options_is_accepted(server: RealtimeServer, name: str, payload: object) -> None:
    async with server.wire() as wire:
        reply = await wire.reply(await wire.send(f"realtime:{name}", "phx_join", payload))
        assert reply.payload["status"] == "ok"


async def test_messages_of_one_client_keep_their_order(server: RealtimeServer, name: str) -> None:
    async with server.wire() as sender, server.wire() as receiver:
        await receiver.enter(name)
        await sender.enter(name)
        for number in range(500):
            await sender.broadcast(name, "count", {"n": number})
        numbers = [(await receiver.take("broadcast")).payload["payload"]["n"] for _ in range(500)]
    assert numbers == list(range(500))


async def test_bytes_between_clients_of_version_2(server: RealtimeServer, name: str) -> None:
    topic, event = f"realtime:{name}".encode(), b"bytes"
    head = bytes([3, 1, 1, len(topic), len(event), 0])
    async with server.wire(version=2) as sender, server.wire(version=2) as new, server.wire(version=1) as old:
        for wire in (sender, new, old):
            await wire.enter(name)
        await sender.socket.send(head + b"\x00" + b"19" + topic + event + b"\x00\xff")
        received = await new.next_bytes()
        assert received == bytes([4, len(topic), len(event), 0, 0]) + topic + event + b"\x00\xff"
        await sender.socket.send(head + b"\x01" + b"19" + topic + event + b'{"a":1}')
        received = await new.next_bytes()
        assert received == bytes([4, len(topic), len(event), 0, 1]) + topic + event + b'{"a":1}'
        # Version 1 has no binary frames, but it gets JSON that came in one.
        payload = {"type": "broadcast", "event": "bytes", "payload": {"a": 1}}
        assert await old.heard() == [Frame(topic.decode(), "broadcast", payload, None)]
