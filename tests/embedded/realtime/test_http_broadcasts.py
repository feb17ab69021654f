"""Broadcasts that are sent over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.embedded.realtime.conftest import RealtimeServer


def post(
    server: RealtimeServer, path: str = "", *, key: str | None = None, token: str | None = None, **body: Any
) -> httpx.Response:
    headers = {"apikey": key or server.config.publishable_key} | body.pop("headers", {})
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx.post(f"{server.http_url}/realtime/v1/api/broadcast{path}", headers=headers, timeout=30, **body)


async def test_a_batch(server: RealtimeServer, name: str) -> None:
    club = server.club()
    private = f"room:{club.id}"
    async with server.wire() as guest, server.wire() as member:
        await guest.enter(name)
        await member.enter(private, token=server.token(club.leader), private=True)
        messages = [
            {"topic": name, "event": "one", "payload": {"n": 1}},
            {"topic": private, "event": "two", "payload": {"n": 2}, "private": True},
        ]
        reply = post(server, token=server.token(club.leader), json={"messages": messages})
        assert (reply.status_code, reply.content) == (202, b"")
        assert (await guest.next()).payload == {"type": "broadcast", "event": "one", "payload": {"n": 1}}
        assert (await member.next()).payload == {"type": "broadcast", "event": "two", "payload": {"n": 2}}


async def test_messages_without_permission_are_dropped(server: RealtimeServer) -> None:
    club, stranger = server.club(), server.person("Eve")
    name = f"room:{club.id}"
    message = {"topic": name, "event": "x", "payload": {}, "private": True}
    async with server.wire() as member:
        await member.enter(name, token=server.token(club.leader), private=True)
        for token in (server.token(stranger), None):
            assert post(server, token=token, json={"messages": [message]}).status_code == 202
        assert await member.heard() == []
        assert post(server, key=server.config.secret_key, json={"messages": [message]}).status_code == 202
        assert (await member.next()).payload["event"] == "x"


async def test_a_single_message(server: RealtimeServer, name: str) -> None:
    room = f"{name}:ä/1"
    path = f"/{quote(room, safe='')}/events/{quote('héllo wörld', safe='')}"
    async with server.wire() as wire, server.wire(version=2) as new:
        await wire.enter(room)
        await new.enter(room)
        assert post(server, path, json={"a": 1}).status_code == 202
        assert (await wire.next()).payload == {"type": "broadcast", "event": "héllo wörld", "payload": {"a": 1}}
        await new.next()
        octets = {"content-type": "application/octet-stream"}
        assert post(server, f"{path}?private=false", content=b"\x00\x01", headers=octets).status_code == 202
        assert (await new.next_bytes()).endswith(b"\x00\x01")
        assert post(server, f"{path}?private=true", json={"a": 1}).status_code == 202  # Dropped.
        assert await wire.heard() == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"messages": ["can't be blank"]}),
        ({"messages": [{}]}, {"messages": [{key: ["can't be blank"] for key in ("topic", "event", "payload")}]}),
        (
            {"messages": [{"topic": "x", "event": "y", "payload": {}}, {"topic": 1, "event": "y", "payload": []}]},
            {"messages": [{}, {"topic": ["is invalid"], "payload": ["is invalid"]}]},
        ),
    ],
)
def test_a_batch_with_errors(server: RealtimeServer, body: dict[str, Any], errors: dict[str, Any]) -> None:
    reply = post(server, json=body)
    assert (reply.status_code, reply.json()) == (422, {"errors": errors})


def test_invalid_requests(server: RealtimeServer) -> None:
    assert post(server, content=b"{").status_code == 400
    assert post(server, "/x/events/y", content=b"<x/>", headers={"content-type": "text/xml"}).status_code == 415
    assert post(server, "/x/nothing", json={}).status_code == 404
    assert post(server, key="sb_publishable_wrong", json={}).status_code == 401
    assert post(server, token="a.b.c", json={}).status_code == 401
    url = f"{server.http_url}/realtime/v1/api/broadcast"
    assert httpx.get(url, headers={"apikey": server.config.publishable_key}).status_code == 405
