"""Private channels: the policies of `realtime.messages` decide who joins, receives and sends."""

from __future__ import annotations

import time

import pytest

from tests.embedded.realtime.conftest import RealtimeServer, done
from tests.embedded.realtime.wire import Wire

BOUND = 5.0  # Seconds; rights are checked every two seconds.


async def shut_down(wire: Wire, topic: str) -> str:
    """Wait for the two frames with which the server ends a channel, and return the reason."""
    system = await wire.take("system", lambda frame: frame.payload["status"] == "error")
    name = topic.removeprefix("realtime:")
    assert (system.ref, system.payload["extension"]) == (None, "system")
    assert system.payload["channel"] == name
    closed = await wire.next()
    assert (closed.event, closed.topic, closed.payload) == ("phx_close", topic, {})
    assert closed.ref == wire.join_ref(name)
    reason: str = system.payload["message"]
    return reason


@pytest.mark.parametrize("version", [1, 2])
async def test_members_join_and_talk(server: RealtimeServer, version: int) -> None:
    club = server.club("Boris")
    name = f"room:{club.id}"
    async with server.wire(version=version) as ada, server.wire(version=version) as boris:
        await ada.enter(name, token=server.token(club.leader), private=True, broadcast={"ack": True})
        await boris.enter(name, token=server.token(club.members[0]), private=True)
        reply = await ada.call(name, "broadcast", {"type": "broadcast", "event": "typing", "payload": {"who": "Ada"}})
        assert reply.payload["status"] == "ok"
        assert (await boris.next()).payload == {"type": "broadcast", "event": "typing", "payload": {"who": "Ada"}}


async def test_members_cannot_send_on_the_channel_of_database_events(server: RealtimeServer) -> None:
    club = server.club("Boris")
    name = f"space:{club.id}"
    async with server.wire() as ada, server.wire() as boris:
        await ada.enter(name, token=server.token(club.leader), private=True)
        await boris.enter(name, token=server.token(club.members[0]), private=True, broadcast={"ack": True})
        forged = {"space_id": str(club.id), "seq": 1000, "kind": "member.left", "payload": {}}
        await boris.broadcast(name, "member.left", forged)
        reply = await boris.call(name, "presence", {"event": "track", "payload": {}})
        assert reply.payload["status"] == "error"
        server.send(name, "true", {})
        assert (await ada.next()).payload["event"] == "true"


async def test_an_outsider_is_refused(server: RealtimeServer) -> None:
    club, stranger = server.club(), server.person("Eve")
    name = f"space:{club.id}"
    expected = {"reason": f"Unauthorized: You do not have permissions to read from this Channel topic: {name}"}
    async with server.wire() as wire:
        for token in (server.token(stranger), None):
            reply = await wire.join(name, token=token, private=True)
            assert reply.payload == {"status": "error", "response": expected}
        server.send(name, "secret", {})
        assert await wire.heard() == []


async def test_the_secret_key_joins_everything(server: RealtimeServer) -> None:
    name = f"space:{server.club().id}"
    async with server.wire(server.config.secret_key) as wire:
        await wire.enter(name, private=True)
        # The connection's key counts if the client sends it as its token.
        await wire.enter(name, token=server.config.secret_key, private=True)


async def test_a_failing_policy_refuses_everybody(server: RealtimeServer) -> None:
    async with server.wire() as wire:
        reply = await wire.join("broken", token=server.token(server.person("Ada")), private=True)
        assert reply.payload["response"]["reason"].startswith("Unauthorized: ")


async def test_what_policies_can_read(server: RealtimeServer) -> None:
    person = server.person("Ada")
    url = f"{server.realtime_url}/websocket?apikey={server.config.publishable_key}"
    # The key may come in a header; policies do not see it.
    headers = {"x-door": "open", "x-api-key": server.config.publishable_key, "authorization": "Bearer x"}
    async with Wire(url, headers=headers) as wire, server.wire() as without:
        await wire.enter("claims", token=server.token(person, level=7), private=True)
        reply = await wire.join("claims", token=server.token(person, level=6), private=True)
        assert reply.payload["status"] == "error"
        reply = await without.join("claims", token=server.token(person, level=7), private=True)
        assert reply.payload["status"] == "error"


async def test_a_policy_that_takes_too_long(server: RealtimeServer) -> None:
    async with server.wire() as wire:
        reply = await wire.join("slow", token=server.token(server.person("Ada")), private=True)
        assert reply.payload["response"] == {"reason": "QueryCanceled: Query was cancelled, please try again"}


async def test_with_the_right_to_presence_only(server: RealtimeServer) -> None:
    ada = server.token(server.person("Ada"))
    async with server.wire() as wire, server.wire(server.config.secret_key) as other:
        await wire.enter("lobby", token=ada, private=True, presence={"enabled": True})
        await other.enter("lobby", private=True, presence={"key": "porter", "enabled": True})
        await other.broadcast("lobby", "secret", {})
        server.send("lobby", "secret", {})
        assert (await other.take("broadcast")).payload["event"] == "secret"
        await other.call("lobby", "presence", {"event": "track", "payload": {}})
        heard = [(frame.event, list(frame.payload.get("joins", {}))) for frame in await wire.heard()]
        assert heard == [("presence_state", []), ("presence_diff", ["porter"])]
        reply = await wire.join("lobby", token=ada, private=True, broadcast={"replay": {"since": 1}})
        reason = "Unauthorized: You do not have permissions to read from this Channel topic: lobby"
        assert reply.payload["response"] == {"reason": reason}


async def test_with_the_right_to_receive_only(server: RealtimeServer) -> None:
    club = server.club()
    async with server.wire() as reader, server.wire(server.config.secret_key) as writer:
        await reader.enter("board", token=server.token(club.leader), private=True, broadcast={"ack": True})
        await writer.enter("board", private=True)
        # A broadcast that is not allowed is dropped without an error, even if the client asks for replies.
        await reader.broadcast("board", "noise", {})
        reply = await reader.call("board", "presence", {"event": "track", "payload": {}})
        assert reply.payload == {"status": "error", "response": {}}
        assert await writer.heard() == []
        await writer.broadcast("board", "news", {"n": 1})
        assert (await reader.next()).payload["event"] == "news"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("x", "MalformedJWT: The token provided is not a valid JWT"),
        ("a.b.c", "JwtSignatureError: Failed to validate JWT signature"),
    ],
)
async def test_a_join_with_a_broken_token(server: RealtimeServer, name: str, token: str, reason: str) -> None:
    async with server.wire() as wire:
        reply = await wire.join(name, token=token)
        assert reply.payload == {"status": "error", "response": {"reason": reason}}


async def test_a_join_with_an_old_or_incomplete_token(server: RealtimeServer, name: str) -> None:
    person = server.person("Ada")
    async with server.wire() as wire:
        reply = await wire.join(name, token=server.token(person, lasts=-100))
        assert reply.payload["response"]["reason"].startswith("InvalidJWTToken: Token has expired 1")
        reply = await wire.join(name, token=server.sign({"role": "authenticated"}))
        reason = "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
        assert reply.payload["response"]["reason"] == reason


async def test_a_role_that_does_not_exist_sees_nothing(server: RealtimeServer) -> None:
    club = server.club()
    token = server.token(club.leader, role="supabase_admin")
    async with server.wire() as wire:
        reply = await wire.join(f"space:{club.id}", token=token, private=True)
        assert reply.payload["response"]["reason"].startswith("Unauthorized: ")


async def test_a_new_token_replaces_the_old_one(server: RealtimeServer) -> None:
    club = server.club("Boris")
    name = f"space:{club.id}"
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(club.leader, lasts=2), private=True)
        await wire.send(f"realtime:{name}", "access_token", {"access_token": server.token(club.leader)})
        # Nulls and API keys are ignored.
        for ignored in (None, server.config.publishable_key, 7):
            await wire.send(f"realtime:{name}", "access_token", {"access_token": ignored})
        assert await wire.heard() == []
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:  # Longer than the lifetime of the first token.
            server.send(name, "still here", {})
            assert (await wire.next()).payload["event"] == "still here"


async def test_an_expired_token_ends_the_channel(server: RealtimeServer) -> None:
    club = server.club()
    topic = f"realtime:space:{club.id}"
    async with server.wire() as wire:
        await wire.enter(f"space:{club.id}", token=server.token(club.leader, lasts=1.5), private=True)
        reason = await shut_down(wire, topic)
        assert reason in ("Token has expired 0 seconds ago", "Token has expired 1 seconds ago")
        server.send(f"space:{club.id}", "too late", {})
        assert await wire.heard() == []


async def test_a_token_of_somebody_without_rights_ends_the_channel(server: RealtimeServer) -> None:
    club, stranger = server.club(), server.person("Eve")
    topic = f"realtime:space:{club.id}"
    async with server.wire() as wire:
        await wire.enter(f"space:{club.id}", token=server.token(club.leader), private=True)
        await wire.send(topic, "access_token", {"access_token": server.token(stranger)})
        name = topic.removeprefix("realtime:")
        assert await shut_down(wire, topic) == f"You no longer have permission to read from this Channel topic: {name}"


async def test_a_broken_token_ends_the_channel(server: RealtimeServer, name: str) -> None:
    tokens = {
        "a.b.c": "Failed to validate JWT signature",
        "x": "The token provided is not a valid JWT",
        server.sign({"role": "authenticated"}): "Fields `role` and `exp` are required in JWT",
        server.token(server.person("Ada"), lasts=-10): "Token has expired 1",
    }
    async with server.wire() as wire:
        for token, reason in tokens.items():
            await wire.enter(name)
            await wire.send(f"realtime:{name}", "access_token", {"access_token": token})
            assert (await shut_down(wire, f"realtime:{name}")).startswith(reason[:20])


async def test_a_removed_member_receives_nothing_more(server: RealtimeServer) -> None:
    club = server.club("Boris")
    name = f"space:{club.id}"
    async with server.wire() as ada, server.wire() as boris:
        await ada.enter(name, token=server.token(club.leader), private=True)
        await boris.enter(name, token=server.token(club.members[0]), private=True)
        club.leader.rows("remove_member", space_id=club.id, user_id=club.members[0].id)
        done(club)
        started = time.monotonic()
        reason = await shut_down(boris, f"realtime:{name}")
        assert time.monotonic() - started < BOUND
        assert reason == f"You no longer have permission to read from this Channel topic: {name}"
        server.send(name, "afterwards", {})
        await ada.take("broadcast", lambda frame: frame.payload["event"] == "afterwards")
        assert await boris.heard() == []
        reply = await boris.join(name, token=server.token(club.members[0]), private=True)
        assert reply.payload["status"] == "error"
