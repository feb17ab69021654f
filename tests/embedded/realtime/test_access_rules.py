"""The access rules on the wire, for broadcast, presence, Postgres Changes and the SDK's feed at once.

An outsider is refused or receives nothing, a draft never appears, and a member who has left receives nothing more.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import pytest

from monogram_sdk import AsyncMonogram, MemorySessionStorage, errors
from monogram_sdk.models import SpaceEvent
from tests.embedded.realtime.conftest import RealtimeServer, done
from tests.embedded.realtime.wire import Wire
from tests.support.actors import Actor
from tests.support.stories import Club

CHANGES = [{"event": "*", "schema": "public", "table": "responses"}]
BOUND = 5.0  # Seconds; rights are checked every two seconds.


def client_of(server: RealtimeServer, person: Actor) -> AsyncMonogram:
    """Return a client that is signed in as a person."""
    storage = MemorySessionStorage()
    user = {"id": str(person.id), "aud": "authenticated", "app_metadata": {}, "user_metadata": {}}
    session = {
        "access_token": server.token(person),
        "refresh_token": "none",
        "token_type": "bearer",
        "expires_in": 3600,
        "expires_at": int(time.time()) + 3600,
        "user": {**user, "created_at": "2026-01-01T00:00:00Z"},
    }
    storage.set_item(f"monogram-{server.config.host}:{server.config.port}-session", json.dumps(session))
    return AsyncMonogram(url=server.http_url, key=server.config.publishable_key, session_storage=storage)


@dataclass
class Listener:
    """A person who listens in all ways, and what they receive up to a marker that everybody receives."""

    server: RealtimeServer
    person: Actor
    space_id: UUID

    async def __aenter__(self) -> Self:
        self.wire: Wire = await self.server.wire().__aenter__()
        token = self.server.token(self.person)
        self.joined = {}
        for name in (f"space:{self.space_id}", f"room:{self.space_id}"):
            reply = await self.wire.join(name, token=token, private=True, presence={"enabled": True})
            self.joined[name.partition(":")[0]] = reply.payload["status"]
        await self.wire.enter(f"changes-{self.person.id}", token=token, postgres_changes=CHANGES)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.wire.__aexit__(None, None, None)

    async def heard(self) -> list[tuple[str, Any]]:
        """Return what was received: broadcasts by name, presences by key, changes by the content of the row."""
        found: list[tuple[str, Any]] = []
        for frame in await self.wire.heard():
            if frame.event == "broadcast":
                found.append(("broadcast", frame.payload["event"]))
            elif frame.event == "presence_diff":
                found += [("presence", key) for key in frame.payload["joins"]]
            elif frame.event == "postgres_changes":
                found.append(("change", frame.payload["data"].get("record", {}).get("content")))
        return found

    async def settled(self) -> list[tuple[str, Any]]:
        """Return what was received, after the log has been followed up to now."""
        marker = f"marker-{time.monotonic_ns()}"
        async with self.server.wire(self.server.config.secret_key) as other:
            await other.enter(marker, private=True, postgres_changes=CHANGES)
            self.server.send(marker, "marker", {})
            await other.take("broadcast")
        return await self.heard()


async def happen(server: RealtimeServer, club: Club, prompt: dict[str, Any], presence_of: Wire) -> None:
    """Create a draft and a response, and send a broadcast and a presence."""
    leader, member = club.leader, club.members[0]
    leader.insert("responses", prompt_id=prompt["id"], content="A draft")
    done(club)
    member.insert("responses", prompt_id=prompt["id"], content="A response", is_published=True)
    done(club)
    server.send(f"room:{club.id}", "talk", {})
    await presence_of.call(f"room:{club.id}", "presence", {"event": "track", "payload": {"n": time.monotonic_ns()}})


async def test_members_receive_everything_but_drafts_and_outsiders_nothing(server: RealtimeServer) -> None:
    club, eve = server.club("Boris"), server.person("Eve")
    (prompt,) = club.ask()
    done(club)
    async with Listener(server, club.members[0], club.id) as boris, Listener(server, eve, club.id) as outside:
        assert boris.joined == {"space": "ok", "room": "ok"}
        assert outside.joined == {"space": "error", "room": "error"}
        async with server.wire() as ada:
            await ada.enter(f"room:{club.id}", token=server.token(club.leader), private=True, presence={"key": "ada"})
            await happen(server, club, prompt, ada)
        heard: set[tuple[str, Any]] = set()
        expected = {("broadcast", "response.published"), ("broadcast", "talk"), ("presence", "ada")}
        expected.add(("change", "A response"))
        deadline = time.monotonic() + 15
        while not expected <= heard and time.monotonic() < deadline:
            heard |= set(await boris.settled())
        assert heard == expected
        assert await outside.settled() == []


async def test_a_member_who_has_left_receives_nothing_more(server: RealtimeServer) -> None:
    club = server.club("Boris", "Chloe")
    boris, chloe = club.members
    (prompt,) = club.ask()
    done(club)
    async with (
        Listener(server, chloe, club.id) as ears,
        Listener(server, boris, club.id) as other,
        client_of(server, chloe) as client,
        client.live.events(club.id) as feed,
    ):
        club.leader.rows("remove_member", space_id=club.id, user_id=chloe.id)
        done(club)
        closed = {(await ears.wire.take("phx_close")).topic for _ in range(2)}
        assert closed == {f"realtime:space:{club.id}", f"realtime:room:{club.id}"}
        await ears.heard()
        await happen(server, club, prompt, other.wire)
        assert await ears.settled() == []
        began = time.monotonic()
        with pytest.raises(errors.MembershipEndedError):
            async for event in feed:
                assert (event.kind, event.payload.user_id) == ("member.left", chloe.id)
        assert time.monotonic() - began < BOUND


async def test_the_feed_contains_no_drafts_and_no_other_spaces(server: RealtimeServer) -> None:
    club, other, eve = server.club("Boris"), server.club(), server.person("Eve")
    (prompt,) = club.ask()
    done(club)
    async with client_of(server, club.members[0]) as client, client_of(server, eve) as outside:
        events: list[SpaceEvent] = []
        async with client.live.events(club.id) as feed, server.wire() as wire:
            await wire.enter(f"room:{club.id}", token=server.token(club.leader), private=True)
            other.ask()
            done(other)
            await happen(server, club, prompt, wire)
            club.publish_week()
            done(club)
            async for event in feed:
                events.append(event)
                if event.kind == "week.advanced":
                    break
        assert {event.space_id for event in events} == {club.id}
        kinds = ["response.published", "newsletter.published", "week.advanced"]
        assert [event.kind for event in events if event.kind != "response.updated"] == kinds
        for feed_of_another in (outside.live.events(club.id), outside.live.events(club.id, after=0)):
            with pytest.raises(errors.SpaceNotFoundError):
                await anext(feed_of_another)
        with pytest.raises(errors.SpaceNotFoundError):
            async with outside.live.presence(club.id):
                pass
