"""A program that shares a session file with others: `python -m tests.sdk.sharing {Monogram,AsyncMonogram} FILE`.

It says that it is ready, waits for a line, makes calls until some time after the session was renewed, and says what it
saw. Where the project is stands in the environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TypedDict

from monogram_sdk import AsyncMonogram, AuthEvent, FileSessionStorage, Monogram
from monogram_sdk.models import Session

CALLS_AFTERWARDS = 10
GIVE_UP_SECONDS = 30.0


class Report(TypedDict):
    """What a program saw."""

    calls: int
    events: list[str]
    user_id: str


class Watcher:
    """Counts calls, and knows when there were enough."""

    def __init__(self, session: Session | None) -> None:
        assert session is not None
        self.first = session
        self.calls = self.after = 0
        self.events: list[str] = []
        self._give_up = time.monotonic() + GIVE_UP_SECONDS

    def heard(self, event: AuthEvent, _session: Session | None) -> None:
        """Note what happened to the session."""
        self.events.append(event.value)

    def called(self, session: Session | None) -> bool:
        """Note a call; return whether another one is wanted."""
        assert session is not None and time.monotonic() < self._give_up
        self.calls += 1
        # Two access tokens of the same second are the same.
        self.after += session.refresh_token != self.first.refresh_token
        return self.after < CALLS_AFTERWARDS

    def report(self) -> Report:
        """Return what was seen."""
        return {"calls": self.calls, "events": self.events, "user_id": str(self.first.user.id)}


def wait() -> None:
    """Say that everything is ready, and wait until all are."""
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()


def stored(path: str) -> Session:
    """Return the session in a file, without asking whether it has run out."""
    (text,) = json.loads(Path(path).read_text("utf-8")).values()
    return Session.model_validate_json(text)


def with_threads(path: str) -> Report:
    """Make the calls of a program without asyncio."""
    with Monogram(session_storage=FileSessionStorage(path)) as client:
        watcher = Watcher(stored(path))
        client.auth.on_auth_change(watcher.heard)
        wait()
        while True:
            client.tokens.balance()
            if not watcher.called(client.auth.session()):
                return watcher.report()


async def with_tasks(path: str) -> Report:
    """Make the calls of a program with asyncio."""
    async with AsyncMonogram(session_storage=FileSessionStorage(path)) as client:
        watcher = Watcher(stored(path))
        client.auth.on_auth_change(watcher.heard)
        wait()
        while True:
            await client.tokens.balance()
            if not watcher.called(await client.auth.session()):
                return watcher.report()


if __name__ == "__main__":
    client, file = sys.argv[1:]
    report = with_threads(file) if client == "Monogram" else asyncio.run(with_tasks(file))
    print(json.dumps(report))  # noqa: T201
