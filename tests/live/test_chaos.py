"""Everything goes wrong at once, and every subscriber's log is the table, byte for byte."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest

from monogram_sdk import AsyncMonogram, LiveStatus, MemorySessionStorage, Monogram
from tests.live.conftest import Ground, as_bytes


@dataclass
class Subscriber:
    """Somebody who follows a space, and what they have seen."""

    space_id: UUID
    log: list[bytes] = field(default_factory=list)
    statuses: Counter[LiveStatus] = field(default_factory=Counter)
    last: int | None = None
    """The number with which it ends, once that is known."""

    def see(self, text: bytes, seq: int) -> bool:
        """Write down an event, and say whether it was the last one."""
        self.log.append(text)
        return seq == self.last

    def told(self, status: LiveStatus, _reason: str) -> None:
        self.statuses[status] += 1


@dataclass
class Plan:
    """How much of everything."""

    events: int
    spaces: int
    subscribers: int
    clients: int
    seconds: float


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(events=300, spaces=4, subscribers=8, clients=4, seconds=5), id="short"),
        pytest.param(
            Plan(events=10_000, spaces=20, subscribers=50, clients=10, seconds=75), id="full", marks=pytest.mark.long
        ),
    ],
)
def test_every_log_is_the_table(ground: Ground, plan: Plan) -> None:
    people = [ground.session_of_somebody_new() for _ in range(plan.clients)]
    spaces = ground.spaces(plan.spaces, [user_id for user_id, _storage in people])
    subscribers = [Subscriber(spaces[n % plan.spaces]) for n in range(plan.subscribers)]
    # Each client follows several spaces over one connection; every other client is one of threads.
    shares = [subscribers[n :: plan.clients] for n in range(plan.clients)]
    proxy = ground.proxy
    proxy.drop, proxy.double, proxy.delay = 0.1, 0.1, 0.2
    for _user_id, storage in people:
        # Not while the server is killed: if a refresh is carried out and its reply lost for longer than the auth
        # service forgives, the session is over, and the feed says so.
        ground.shorten(storage, plan.seconds * random.uniform(0.3, 0.5))
    written = threading.Event()
    with ThreadPoolExecutor(plan.subscribers + 20) as pool:
        followers: list[Future[None]] = []
        for number, (_user_id, storage) in enumerate(people):
            follow = follow_in_tasks if number % 2 else follow_in_threads
            followers.append(pool.submit(follow, ground, storage, shares[number]))
        # On a busy machine nobody might be live before the trouble begins, and then for as long as it lasts.
        give_up = time.monotonic() + 60
        while not any(subscriber.statuses[LiveStatus.LIVE] for subscriber in subscribers):
            assert time.monotonic() < give_up
            time.sleep(0.02)
        writers = [pool.submit(write, ground, spaces, plan, number) for number in range(4)]
        mischief = pool.submit(make_trouble, ground, plan, written.is_set)
        try:
            for writer in writers:
                writer.result()
        finally:
            written.set()
            mischief.result()
            proxy.drop = proxy.double = proxy.delay = 0.0
        # Everybody is told the number of the last event before it happens.
        for subscriber in subscribers:
            subscriber.last = ground.last(subscriber.space_id) + 1
        with psycopg.connect(ground.stack.db_url) as connection:
            for space_id in spaces:
                ground.emit(connection, space_id)
        for follower in followers:
            follower.result(90)
    tables = {space_id: ground.table(space_id) for space_id in spaces}
    assert sum(map(len, tables.values())) >= plan.events
    for subscriber in subscribers:
        assert subscriber.log == tables[subscriber.space_id]
    # It was live, and it was bad.
    statuses = sum((subscriber.statuses for subscriber in subscribers), Counter[LiveStatus]())
    assert set(statuses) == {LiveStatus.LIVE, LiveStatus.POLLING, LiveStatus.OFFLINE}


def follow_in_threads(ground: Ground, storage: MemorySessionStorage, share: list[Subscriber]) -> None:
    """Follow with one client of threads, a thread for each feed."""
    with Monogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage) as client:

        def follow(subscriber: Subscriber) -> None:
            for event in client.live.events(subscriber.space_id, after=0, on_status=subscriber.told):
                if subscriber.see(as_bytes(event), event.seq):
                    return

        with ThreadPoolExecutor(len(share)) as pool:
            for done in [pool.submit(follow, subscriber) for subscriber in share]:
                done.result()


def follow_in_tasks(ground: Ground, storage: MemorySessionStorage, share: list[Subscriber]) -> None:
    """Follow with one client of asyncio, a task for each feed."""

    async def run() -> None:
        async with AsyncMonogram(
            url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage
        ) as client:

            async def follow(subscriber: Subscriber) -> None:
                async for event in client.live.events(subscriber.space_id, after=0, on_status=subscriber.told):
                    if subscriber.see(as_bytes(event), event.seq):
                        return

            async with asyncio.TaskGroup() as group:
                for subscriber in share:
                    group.create_task(follow(subscriber))

    asyncio.run(run())


def write(ground: Ground, spaces: list[UUID], plan: Plan, number: int) -> None:
    """Let things happen, evenly over the time: one by one, several in a commit, and some that are taken back."""
    count = plan.events // 4
    begin = time.monotonic()
    with psycopg.connect(ground.stack.db_url) as connection:
        done = 0
        while done < count:
            several = min(random.choice([1, 1, 1, 5]), count - done)
            # In one order of spaces, as no two writers may wait for each other.
            for space_id in sorted(random.choices(spaces, k=several)):
                ground.emit(connection, space_id, number)
            if random.random() < 0.05:
                connection.rollback()
                continue
            connection.commit()
            done += several
            time.sleep(max(0.0, begin + plan.seconds * done / count - time.monotonic()))


def make_trouble(ground: Ground, plan: Plan, is_over: Callable[[], bool]) -> None:
    """Cut connections all the time; kill the server, and switch Realtime off, twice each."""
    proxy = ground.proxy
    begin = time.monotonic()
    steps: list[tuple[float, Callable[[], None]]] = [
        (0.1, ground.kill_server),
        (0.45, lambda: setattr(proxy, "realtime", "refused")),
        (0.6, lambda: setattr(proxy, "realtime", "on")),
        (0.7, ground.kill_server),
        (0.8, lambda: setattr(proxy, "realtime", "refused")),
        (0.9, lambda: setattr(proxy, "realtime", "on")),
    ]
    while not is_over():
        time.sleep(min(plan.seconds / 12, 2.0) * random.uniform(0.5, 1.0))
        while steps and time.monotonic() - begin > plan.seconds * steps[0][0]:
            steps.pop(0)[1]()
        proxy.cut()
    for _at, step in steps:
        step()
