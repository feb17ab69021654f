"""Broadcasts that are sent over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.embedded.realtime.conftest import Hall


def post(
    hall: Hall, path: str = "", *, key: str | None = None, token: str | None = None, **body: Any
) -> httpx.Response:
    headers = {"apikey": key or hall.config.publishable_key} | body.pop("headers", {})
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx.post(f"{hall.http_url}/realtime/v1/api/broadcast{path}", headers=headers, timeout=30, **body)


async def test_a_batch(hall: Hall, name: str) -> None:
    club = hall.club()
    private = f"room:{club.id}"
    async with hall.wire() as guest, hall.wire() as member:
        await guest.enter(name)
        await member.enter(private, token=hall.token(club.leader), private=True)
        messages = [
            {"topic": name, "event": "one", "payload": {"n": 1}},
            {"topic": private, "event": "two", "payload": {"n": 2}, "private": True},
        ]
        reply = post(hall, token=hall.token(club.leader), json={"messages": messages})
        assert (reply.status_code, reply.content) == (202, b"")
        assert (await guest.next()).payload == {"type": "broadcast", "event": "one", "payload": {"n": 1}}
        assert (await member.next()).payload == {"type": "broadcast", "event": "two", "payload": {"n": 2}}


async def test_messages_without_permission_are_dropped(hall: Hall) -> None:
    club, stranger = hall.club(), hall.person("Eve")
    name = f"room:{club.id}"
    message = {"topic": name, "event": "x", "payload": {}, "private": True}
    async with hall.wire() as member:
        await member.enter(name, token=hall.token(club.leader), private=True)
        for token in (hall.token(stranger), None):
            assert post(hall, token=token, json={"messages": [message]}).status_code == 202
        assert await member.heard() == []
        assert post(hall, key=hall.config.secret_key, json={"messages": [message]}).status_code == 202
        assert (await member.next()).payload["event"] == "x"


async def test_a_single_message(hall: Hall, name: str) -> None:
    room = f"{name}:ä/1"
    path = f"/{quote(room, safe='')}/events/{quote('héllo wörld', safe='')}"
    async with hall.wire() as wire, hall.wire(version=2) as new:
        await wire.enter(room)
        await new.enter(room)
        assert post(hall, path, json={"a": 1}).status_code == 202
        assert (await wire.next()).payload == {"type": "broadcast", "event": "héllo wörld", "payload": {"a": 1}}
        await new.next()
        octets = {"content-type": "application/octet-stream"}
        assert post(hall, f"{path}?private=false", content=b"\x00\x01", headers=octets).status_code == 202
        assert (await new.next_bytes()).endswith(b"\x00\x01")
        assert post(hall, f"{path}?private=true", json={"a": 1}).status_code == 202  # Dropped.
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
def test_a_batch_with_errors(hall: Hall, body: dict[str, Any], errors: dict[str, Any]) -> None:
    reply = post(hall, json=body)
    assert (reply.status_code, reply.json()) == (422, {"errors": errors})


def test_invalid_requests(hall: Hall) -> None:
    assert post(hall, content=b"{").status_code == 400
    assert post(hall, "/x/events/y", content=b"<x/>", headers={"content-type": "text/xml"}).status_code == 415
    assert post(hall, "/x/nothing", json={}).status_code == 404
    assert post(hall, key="sb_publishable_wrong", json={}).status_code == 401
    assert post(hall, token="a.b.c", json={}).status_code == 401
    url = f"{hall.http_url}/realtime/v1/api/broadcast"
    assert httpx.get(url, headers={"apikey": hall.config.publishable_key}).status_code == 405
