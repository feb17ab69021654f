"""The handshake of a socket, and its frames before it joins a channel."""

from __future__ import annotations

import json
import time

import httpx
import pytest
import websockets

from tests.embedded.realtime.conftest import RealtimeServer
from tests.embedded.realtime.wire import Frame, Wire


async def refusal(url: str) -> tuple[int, str]:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(url)
    body = json.loads(caught.value.response.body)
    return caught.value.response.status_code, body["error"]


@pytest.mark.parametrize("version", [1, 2])
async def test_a_heartbeat_gets_a_reply(server: RealtimeServer, version: int) -> None:
    async with server.wire(version=version) as wire:
        ref = await wire.send("phoenix", "heartbeat", {})
        reply = await wire.next()
    assert (reply.topic, reply.event, reply.ref) == ("phoenix", "phx_reply", ref)
    assert reply.payload == {"status": "ok", "response": {}}


async def test_a_heartbeat_without_a_reference_is_ignored(server: RealtimeServer) -> None:
    async with server.wire() as wire:
        await wire.socket.send('{"event":"heartbeat","payload":{},"topic":"phoenix","ref":null,"join_ref":null}')
        assert await wire.next() == Frame("phoenix", "phx_reply", {"status": "ok", "response": {}}, None)


async def test_pings_get_a_pong(server: RealtimeServer) -> None:
    async with server.wire() as wire:
        assert await (await wire.socket.ping()) >= 0


async def test_the_header_takes_precedence_over_the_query(server: RealtimeServer, name: str) -> None:
    url = f"{server.realtime_url}/websocket?apikey=sb_publishable_wrong"
    async with Wire(url, headers={"x-api-key": server.config.secret_key}) as wire:
        await wire.enter(name, private=True)  # No policy allows anybody but the secret key.


async def test_without_a_key(server: RealtimeServer) -> None:
    assert await refusal(f"{server.realtime_url}/websocket?vsn=1.0.0") == (401, "API key is missing")


async def test_with_a_wrong_key(server: RealtimeServer) -> None:
    assert await refusal(f"{server.realtime_url}/websocket?apikey=sb_publishable_wrong") == (401, "Invalid API key")
    assert await refusal(f"{server.realtime_url}/websocket?apikey=wrong") == (
        401,
        "The token provided is not a valid JWT",
    )


@pytest.mark.parametrize(
    ("claims", "secret", "error"),
    [
        ({"role": "anon"}, "x" * 40, "Failed to validate JWT signature"),
        ({"role": "anon", "exp": 1}, None, "Token has expired"),
        ({"exp": 4_102_444_800}, None, "Fields `role` and `exp` are required in JWT"),
    ],
)
async def test_with_an_invalid_token_as_the_key(
    server: RealtimeServer, claims: dict[str, object], secret: str | None, error: str
) -> None:
    token = server.sign(claims, secret=secret)
    assert await refusal(f"{server.realtime_url}/websocket?apikey={token}") == (401, error)


async def test_tokens_of_older_clients_are_keys_too(server: RealtimeServer, name: str) -> None:
    token = server.sign({"role": "service_role", "exp": int(time.time()) + 60})
    async with server.wire(token) as wire:
        await wire.enter(name, private=True)


async def test_an_unknown_version(server: RealtimeServer) -> None:
    url = f"{server.realtime_url}/websocket?apikey={server.config.publishable_key}&vsn=3.0.0"
    assert await refusal(url) == (400, "`vsn` must be 1.0.0 or 2.0.0.")


def test_a_request_without_an_upgrade(server: RealtimeServer) -> None:
    headers = {"apikey": server.config.publishable_key}
    reply = httpx.get(f"{server.http_url}/realtime/v1/websocket", headers=headers)
    assert (reply.status_code, reply.json()) == (426, {"error": "This address is for WebSockets."})
    assert httpx.get(f"{server.http_url}/realtime/v1/nothing", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (1, "no JSON"),
        (1, '[null,null,"realtime:x","phx_join",{}]'),
        (1, '{"event":"heartbeat"}'),
        (1, b"\x03"),
        (2, '{"topic":"phoenix","event":"heartbeat"}'),
        (2, b"\x03\x01\x01\x10\x01\x00\x01"),
        (2, b"\x03\x00\x00\x01\x01\x00\x01xynot json"),
        (2, b"\x07"),
    ],
)
async def test_a_malformed_frame_closes_the_socket(server: RealtimeServer, version: int, message: str | bytes) -> None:
    async with server.wire(version=version) as wire:
        await wire.socket.send(message)
        assert await wire.closed() == 4004


async def test_no_key_and_no_token_is_in_the_log(server: RealtimeServer, name: str) -> None:
    person = server.person("Ada")
    token = server.token(person)
    async with server.wire() as wire:
        await wire.join(name, token=token, private=True)
        await wire.join(name, token="not.a.token")
    await refusal(f"{server.realtime_url}/websocket?apikey=sb_secret_guess")
    log = server.process.log_path.read_text()
    config = server.config
    for secret in (token, config.publishable_key, config.secret_key, config.jwt_secret, "sb_secret_guess"):
        assert secret not in log
