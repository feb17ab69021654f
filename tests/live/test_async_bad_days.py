"""The bad days once more, for programs of asyncio, whose feeds and rooms have another engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from monogram_sdk import AsyncMonogram, LiveStatus, errors
from monogram_sdk._async import live
from tests.live.conftest import Ground


class Reader:
    """Somebody in a space, behind the bad network."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.user_id, storage = ground.session_of_somebody_new()
        (self.space_id,) = ground.spaces(1, [self.user_id])
        self.client = AsyncMonogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage)
        self.told: list[LiveStatus] = []

    def tell(self, status: LiveStatus, _reason: str) -> None:
        self.told.append(status)

    def emit(self, number: int) -> None:
        with psycopg.connect(self.ground.stack.db_url) as connection:
            self.ground.emit(connection, self.space_id, number)


@pytest.fixture
async def reader(ground: Ground) -> AsyncIterator[Reader]:
    reader = Reader(ground)
    async with reader.client:
        yield reader
    ground.proxy.realtime = "on"
    ground.proxy.is_away = False


async def until_live(feed: live.AsyncEventFeed, reader: Reader) -> None:
    for number in range(1000, 1200):
        if feed.status is LiveStatus.LIVE:
            return
        reader.emit(number)
        await anext(feed)
        await asyncio.sleep(0.05)
    raise AssertionError(f"never live, but {reader.told}")


async def test_a_cut_connection_is_made_again(ground: Ground, reader: Reader) -> None:
    async with reader.client.live.events(reader.space_id, on_status=reader.tell, poll_seconds=0.2) as feed:
        await until_live(feed, reader)
        for number in range(3):
            ground.proxy.cut()
            reader.emit(number)
            event = await anext(feed)
            assert event.payload.week_number == number  # type: ignore[union-attr]
        await until_live(feed, reader)
    assert LiveStatus.POLLING in reader.told


async def test_a_feed_that_begins_while_the_server_is_away_begins_later(ground: Ground, reader: Reader) -> None:
    client = reader.client.with_options(retries=0)
    await client.badges.list().first_page()  # What is asked once for a project has been asked.
    # The stack starts the server again; it stays out of reach until the feed has said that it is.
    ground.proxy.is_away = True
    ground.kill_server()

    def tell(status: LiveStatus, reason: str) -> None:
        reader.tell(status, reason)
        if status is LiveStatus.OFFLINE:
            ground.proxy.is_away = False

    async with client.live.events(reader.space_id, on_status=tell, poll_seconds=0.2) as feed:
        reader.emit(7)
        assert (await anext(feed)).payload.week_number == 7  # type: ignore[union-attr]
    # Which fails first, the WebSocket or the reading, is chance: before OFFLINE it may say that it is about to poll.
    assert LiveStatus.LIVE not in reader.told[: reader.told.index(LiveStatus.OFFLINE)]


async def test_a_room_that_cannot_be_reached_is_an_error(
    ground: Ground, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_JOIN_SECONDS", 0.5)
    ground.proxy.realtime = "refused"
    ground.proxy.cut()
    with pytest.raises(errors.ConnectionFailedError, match="Realtime cannot be reached: "):
        async with reader.client.live.presence(reader.space_id):
            raise AssertionError("nobody can be there")
    ground.proxy.realtime = "on"
    monkeypatch.undo()
    async with reader.client.live.presence(reader.space_id) as room:
        assert [person.user_id for person in room.here] == [reader.user_id]


async def test_a_room_is_entered_again_after_a_cut(ground: Ground, reader: Reader) -> None:
    async with reader.client.live.presence(reader.space_id) as room:
        assert await anext(room) == room.here
        ground.proxy.realtime = "refused"
        ground.proxy.cut()
        await until(lambda: room.status is LiveStatus.OFFLINE)
        ground.proxy.realtime = "on"
        await until(lambda: room.status is LiveStatus.LIVE and len(room.here) > 0)
        assert [person.user_id for person in room.here] == [reader.user_id]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_client_that_is_closed_ends_its_room(reader: Reader) -> None:
    async with reader.client.live.presence(reader.space_id) as room:
        await anext(room)
        await reader.client.aclose()
        with pytest.raises(errors.ClientClosedError):
            await anext(room)
    with pytest.raises(errors.ClientClosedError):
        async with reader.client.live.presence(reader.space_id):
            raise AssertionError("nobody can be there")
