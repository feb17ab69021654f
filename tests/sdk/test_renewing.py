"""Clients that share a session, and renew it at the same moment, at a service that takes each refresh token once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest

from monogram_sdk import (
    AsyncMonogram,
    AsyncSessionStorage,
    FileSessionStorage,
    MemorySessionStorage,
    Monogram,
    SessionLock,
    SessionStorage,
    errors,
)
from monogram_sdk.models import AuthUser, Session
from tests.conftest import ROOT

URL, KEY, STORED = "http://127.0.0.1:9", "sb_publishable_x", "monogram-127.0.0.1:9-session"
USER = {"id": "5eed0000-0000-4000-8000-000000000001", "created_at": "2026-11-29T12:00:00Z", "email": "ada@example.test"}
CLIENTS = 8


class Once:
    """The auth service: each refresh token buys one session, and replies take their time."""

    def __init__(self) -> None:
        self.good = "r0"
        self.refused = 0
        self._lock = threading.Lock()

    def reply(self, request: httpx.Request) -> httpx.Response:
        token = json.loads(request.content)["refresh_token"]
        with self._lock:
            if token != self.good:
                self.refused += 1
                body = {"code": 400, "error_code": "refresh_token_already_used", "msg": "Invalid Refresh Token"}
                return httpx.Response(400, json=body)
            number = int(token.removeprefix("r")) + 1
            self.good = f"r{number}"
        session = {"access_token": f"a{number}", "refresh_token": self.good, "expires_in": 3600, "user": USER}
        return httpx.Response(200, json=session)

    def slowly(self, request: httpx.Request) -> httpx.Response:
        """Reply after a while, to a thread."""
        found = self.reply(request)
        time.sleep(0.05)
        return found

    async def later(self, request: httpx.Request) -> httpx.Response:
        """Reply after a while, to a task."""
        found = self.reply(request)
        await asyncio.sleep(0.05)
        return found


def begin(storage: SessionStorage, *, seconds: float = 3600) -> None:
    """Store a session that ends in so many seconds."""
    end = datetime.fromtimestamp(int(time.time() + seconds), UTC)
    user = AuthUser(id=UUID(USER["id"]), created_at=datetime.now(UTC))
    session = Session(access_token="a0", refresh_token="r0", expires_at=end, user=user)
    storage.set_item(STORED, session.model_dump_json())


@pytest.fixture(params=["a file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SessionStorage]:
    """Return what makes the storage of a client: of one file, or one in memory for all."""
    if request.param == "memory":
        shared = MemorySessionStorage()
        return lambda: shared
    return lambda: FileSessionStorage(tmp_path / "session.json")


@pytest.mark.parametrize("seconds", [3600, 0], ids=["a good one", "one that has run out"])
def test_threads_renew_it_one_after_the_other(storage: Callable[[], SessionStorage], seconds: float) -> None:
    service = Once()
    begin(storage(), seconds=seconds)

    def renew(client: Monogram) -> str:
        return client.auth.refresh().access_token

    clients = [
        Monogram(url=URL, key=KEY, session_storage=storage(), transport=httpx.MockTransport(service.slowly))
        for _ in range(CLIENTS)
    ]
    with ThreadPoolExecutor(CLIENTS) as pool:
        tokens = {*pool.map(renew, clients)}
    assert service.refused == 0 and f"a{service.good[1:]}" in tokens
    assert json.loads(storage().get_item(STORED) or "")["refresh_token"] == service.good


@pytest.mark.parametrize("seconds", [3600, 0], ids=["a good one", "one that has run out"])
async def test_tasks_renew_it_one_after_the_other(storage: Callable[[], SessionStorage], seconds: float) -> None:
    service = Once()
    begin(storage(), seconds=seconds)
    clients = [
        AsyncMonogram(url=URL, key=KEY, session_storage=storage(), transport=httpx.MockTransport(service.later))
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.auth.refresh() for client in clients))
    assert service.refused == 0
    assert json.loads(storage().get_item(STORED) or "")["refresh_token"] == service.good


async def test_storage_that_is_awaited_may_have_a_lock(tmp_path: Path) -> None:
    class Awaited:
        def __init__(self) -> None:
            self._file = FileSessionStorage(tmp_path / "session.json")

        def __getattr__(self, name: str) -> Any:
            inner = getattr(self._file, name)

            async def call(*args: str) -> object:
                await asyncio.sleep(0)
                return inner(*args)

            return call

    service = Once()
    begin(FileSessionStorage(tmp_path / "session.json"))
    clients = [
        AsyncMonogram(
            url=URL,
            key=KEY,
            session_storage=cast("AsyncSessionStorage", Awaited()),
            transport=httpx.MockTransport(service.later),
        )
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.auth.refresh() for client in clients))
    assert service.refused == 0


def test_a_newer_session_that_has_run_out_is_renewed_and_not_thrown_away(tmp_path: Path) -> None:
    service, storage = Once(), FileSessionStorage(tmp_path / "session.json")
    begin(storage)
    with Monogram(url=URL, key=KEY, session_storage=storage, transport=httpx.MockTransport(service.reply)) as client:
        assert client.auth.session() is not None
        # Another program renews it twice, then stops for hours.
        with Monogram(url=URL, key=KEY, session_storage=storage, transport=httpx.MockTransport(service.reply)) as other:
            other.auth.refresh()
            other.auth.refresh()
        newest = json.loads(storage.get_item(STORED) or "")
        storage.set_item(STORED, json.dumps({**newest, "expires_at": "2026-01-01T00:00:00Z"}))
        assert client.auth.refresh().access_token == "a3" and service.refused == 0


def test_an_older_session_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    service, storage = Once(), FileSessionStorage(tmp_path / "session.json")
    begin(storage)
    with Monogram(url=URL, key=KEY, session_storage=storage, transport=httpx.MockTransport(service.reply)) as client:
        client.auth.refresh()
        older = storage.get_item(STORED)
        assert older is not None
        newer = client.auth.refresh()
        # A storage without a lock, or a backup.
        storage.set_item(STORED, older)
        assert client.auth.session() == newer
        assert client.auth.refresh().access_token == "a3" and service.refused == 0
        with Monogram(url=URL, key=KEY, session_storage=storage, transport=httpx.MockTransport(service.reply)) as other:
            assert other.auth.refresh().access_token == "a4"


def test_who_waits_for_another_program_waits_no_longer_than_the_call_may_take(tmp_path: Path) -> None:
    storage = FileSessionStorage(tmp_path / "session.json")
    begin(storage)
    code = "import sys; from monogram_sdk import FileSessionStorage as F\n"
    code += "storage = F(sys.argv[1]); assert storage.try_lock('a'); print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "session.json")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        assert not storage.try_lock("a")
        transport = httpx.MockTransport(Once().reply)
        with Monogram(url=URL, key=KEY, session_storage=storage, transport=transport, timeout=0.2) as client:
            with pytest.raises(errors.DeadlineExceededError):
                client.auth.refresh()
            other.kill()
            other.wait()
            assert client.auth.refresh().access_token == "a1", "who is killed holds nothing any more"


def test_locks_are_what_they_say(tmp_path: Path) -> None:
    for one, two in (
        (FileSessionStorage(tmp_path / "s.json"), FileSessionStorage(tmp_path / "s.json")),
        (lambda memory: (memory, memory))(MemorySessionStorage()),
    ):
        first: SessionLock = one
        assert first.try_lock("a") and not two.try_lock("a") and not one.try_lock("a")
        one.unlock("a")
        assert two.try_lock("a")
        two.unlock("a")


def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "session.json"
    begin(FileSessionStorage(file))
    inode, service = file.stat().st_ino, Once()

    def refuse(number: int) -> Callable[..., object]:
        def fail(*_args: object, **_kwargs: object) -> object:
            raise OSError(number, os.strerror(number))

        return fail

    made = os.open
    for number, name in (
        (errno.EBUSY, "os.replace"),
        (errno.EXDEV, "os.replace"),
        (errno.EACCES, "tempfile.mkstemp"),
        (errno.EROFS, "tempfile.mkstemp"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(name, refuse(number))
            if name == "tempfile.mkstemp":  # Nor can a lock be made there.

                def closed(path: Any, flags: int, *rest: Any, **named: Any) -> int:
                    if flags & os.O_CREAT and str(path).endswith(".lock"):
                        raise PermissionError(number, os.strerror(number))  # noqa: B023
                    return made(path, flags, *rest, **named)

                patched.setattr(os, "open", closed)
            storage = FileSessionStorage(file)
            with Monogram(
                url=URL, key=KEY, session_storage=storage, transport=httpx.MockTransport(service.reply)
            ) as client:
                client.auth.refresh()
        assert json.loads(FileSessionStorage(file).get_item(STORED) or "")["refresh_token"] == service.good
        assert file.stat().st_ino == inode and not [*tmp_path.glob(".session*")]


def test_programs_that_keep_different_things_in_one_file_lose_none(tmp_path: Path) -> None:
    def write(number: int) -> None:
        storage = FileSessionStorage(tmp_path / "session.json")
        for turn in range(20):
            storage.set_item(f"{number}-{turn}", "x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(json.loads((tmp_path / "session.json").read_text())) == 80
