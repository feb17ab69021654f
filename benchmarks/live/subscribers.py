"""Many subscribers in one process, each with a connection of its own; the benchmark starts one process for each kind.

    python -m benchmarks.live.subscribers KIND    the rest comes as JSON on standard input

It prints ``ready`` when all have joined, and when standard input ends a JSON object: ``arrivals`` has a pair for each
event that a subscriber got (its number, and the time of the monotonic clock, which all processes of a machine share),
``cpu`` the seconds of CPU that the process has used since it was ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Awaitable, Callable
from time import monotonic, process_time
from typing import Any

Arrivals = list[tuple[int, float]]


async def with_the_sdk(setting: dict[str, Any], arrivals: Arrivals, ready: Callable[[], Awaitable[None]]) -> None:
    """Follow with feeds of `AsyncMonogram`."""
    from monogram_sdk import AsyncMonogram, LiveStatus, MemorySessionStorage

    live = 0

    def told(status: LiveStatus, _reason: str) -> None:
        nonlocal live
        live += status is LiveStatus.LIVE

    async def follow() -> None:
        storage = MemorySessionStorage()
        storage.set_item(*setting["session"])
        async with AsyncMonogram(url=setting["url"], key=setting["key"], session_storage=storage) as client:
            async for event in client.live.events(setting["space_id"], on_status=told):
                arrivals.append((event.payload.week_number, monotonic()))

    tasks = [asyncio.create_task(follow()) for _ in range(setting["subscribers"])]
    while live < len(tasks):
        await asyncio.sleep(0.05)
    await ready()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_threads(setting: dict[str, Any], arrivals: Arrivals, ready: Callable[[], None]) -> None:
    """Follow with feeds of `Monogram`, a thread each."""
    from monogram_sdk import LiveStatus, MemorySessionStorage, Monogram, errors

    live = threading.Semaphore(0)
    clients: list[Monogram] = []

    def told(status: LiveStatus, _reason: str) -> None:
        if status is LiveStatus.LIVE:
            live.release()

    def follow() -> None:
        storage = MemorySessionStorage()
        storage.set_item(*setting["session"])
        client = Monogram(url=setting["url"], key=setting["key"], session_storage=storage)
        clients.append(client)
        try:
            for event in client.live.events(setting["space_id"], on_status=told):
                arrivals.append((event.payload.week_number, monotonic()))
        except errors.ClientClosedError:
            return

    threads = [threading.Thread(target=follow) for _ in range(setting["subscribers"])]
    for thread in threads:
        thread.start()
    for _ in threads:
        live.acquire()
    ready()
    for client in clients:
        client.close()
    for thread in threads:
        thread.join()


async def with_supabase_py(setting: dict[str, Any], arrivals: Arrivals, ready: Callable[[], Awaitable[None]]) -> None:
    """Follow with broadcasts of supabase-py, as its documentation shows it: no order, no second chance."""
    from realtime import AsyncRealtimeClient, RealtimeSubscribeStates

    url = setting["url"].replace("http", "ws", 1) + "/realtime/v1"
    clients = []
    joined = 0

    def told(state: RealtimeSubscribeStates, _error: Exception | None) -> None:
        nonlocal joined
        joined += state is RealtimeSubscribeStates.SUBSCRIBED

    def heard(message: Any) -> None:  # noqa: ANN401
        arrivals.append((message["payload"]["payload"]["week_number"], monotonic()))

    for _ in range(setting["subscribers"]):
        client = AsyncRealtimeClient(url, setting["key"])
        await client.set_auth(setting["token"])
        config: Any = {"config": {"private": True, "broadcast": None, "presence": None}}
        channel = client.channel(f"space:{setting['space_id']}", config)
        channel.on_broadcast("week.advanced", heard)
        await channel.subscribe(told)
        clients.append(client)
    while joined < len(clients):
        await asyncio.sleep(0.05)
    await ready()
    for client in clients:
        await client.close()


def main() -> None:
    """Run the program."""
    kind = sys.argv[1]
    setting = json.loads(sys.stdin.readline())
    arrivals: Arrivals = []
    cpu = 0.0

    def until_the_end() -> None:
        nonlocal cpu
        before = process_time()
        print("ready", flush=True)
        sys.stdin.read()
        cpu = process_time() - before

    async def ready() -> None:
        await asyncio.to_thread(until_the_end)

    if kind == "threads":
        in_threads(setting, arrivals, until_the_end)
    else:
        asyncio.run({"tasks": with_the_sdk, "supabase-py": with_supabase_py}[kind](setting, arrivals, ready))
    print(json.dumps({"arrivals": arrivals, "cpu": cpu}))


if __name__ == "__main__":
    main()
