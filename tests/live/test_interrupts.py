"""Ctrl-C in a program that waits for the next event: it ends at once, in both clients, whatever the network does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from monogram_sdk import FileSessionStorage
from tests.live.conftest import Ground
from tests.support.long import long

HEAD = """\
import asyncio, signal, sys
from monogram_sdk import AsyncMonogram, FileSessionStorage, Monogram

# A run in the background inherits that interrupts are ignored; nobody at a terminal does.
signal.signal(signal.SIGINT, signal.default_int_handler)
url, key, path, space_id = sys.argv[1:]
settings = {"url": url, "key": key, "session_storage": FileSessionStorage(path)}


def told(status, reason):
    print(status, flush=True)


"""

THREADS = """\
try:
    with Monogram(**settings) as client:
        for event in client.live.events(space_id, after=0, on_status=told):
            print("event", event.seq, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

TASKS = """\
async def main():
    async with AsyncMonogram(**settings) as client:
        async for event in client.live.events(space_id, after=0, on_status=told):
            print("event", event.seq, flush=True)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


class Follower:
    """A process with a program in it, and what it has printed."""

    def __init__(self, program: str, *arguments: str) -> None:
        command = [sys.executable, "-W", "error", "-c", HEAD + program, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.printed = ""

    def until(self, words: str) -> None:
        assert self.process.stdout is not None
        give_up = time.monotonic() + 30
        while words not in self.printed:
            assert time.monotonic() < give_up and self.process.poll() is None, self.printed
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                self.printed += os.read(self.process.stdout.fileno(), 65_536).decode()


@pytest.fixture
def blocked(ground: Ground, request: pytest.FixtureRequest) -> Iterator[str]:
    ground.proxy.realtime = request.param
    yield request.param
    ground.proxy.realtime = "on"


@pytest.mark.parametrize(
    "program", [pytest.param(THREADS, id="threads"), pytest.param(TASKS, id="tasks", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("blocked", [*long("on"), "swallowed"], indirect=True)
def test_a_program_that_waits_ends_at_once(ground: Ground, tmp_path: Path, program: str, blocked: str) -> None:
    user_id, storage = ground.session_of_somebody_new()
    (space_id,) = ground.spaces(1, [user_id])
    path = tmp_path / "session.json"
    file = FileSessionStorage(path)
    for name, text in storage._items.items():
        file.set_item(name, text)
    before = ground.proxy.turned_away
    follower = Follower(program, ground.proxy.url, ground.stack.publishable_key, str(path), str(space_id))
    try:
        if blocked == "on":
            follower.until("LIVE")
        with psycopg.connect(ground.stack.db_url, autocommit=True) as connection:
            ground.emit(connection, space_id)
        follower.until(f"event {ground.last(space_id)}\n")
        while blocked == "swallowed" and ground.proxy.turned_away == before:
            time.sleep(0.01)  # Until it is in the middle of connecting.
        follower.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        printed, complaints = follower.process.communicate(timeout=20)
        assert time.monotonic() - began < 15
    finally:
        follower.process.kill()
        follower.process.communicate()
    assert (follower.process.returncode, complaints.decode()) == (0, "")
    assert printed.decode().endswith("interrupted\n")
