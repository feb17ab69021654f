"""The whole stack in this process: both servers, the keys, and restarts."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from supabase_embedded import (
    AlreadyRunningError,
    FolderError,
    MigrationError,
    NotRunningError,
    PortInUseError,
    Stack,
    StackStatus,
)
from tests.embedded.conftest import copy, write_project


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack of the small project, for the tests of this file."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder / "state", project=write_project(folder / "project"), durable=False) as stack:
        yield stack


def things(stack: Stack) -> list[str]:
    """Return the names of all things, through the API with the secret key."""
    reply = httpx.get(
        f"{stack.api_url}/rest/v1/things?select=name&order=id", headers={"apikey": stack.secret_key}, timeout=30
    )
    assert reply.status_code == 200, reply.text
    return [row["name"] for row in reply.json()]


def add(stack: Stack, name: str) -> None:
    with psycopg.connect(stack.db_url) as connection:
        connection.execute("insert into public.things (name) values (%s)", [name])


def eventually(condition: Callable[[], Any], *, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            if condition():
                return
        except (httpx.HTTPError, psycopg.Error, AssertionError):
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def children() -> dict[str, psutil.Process]:
    """The child processes that are servers, by port."""
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process().children():
        try:
            connections = child.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue  # It has just ended.
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN:
                found[f"{connection.laddr.ip}:{connection.laddr.port}"] = child
    return found


def process_at(url: str) -> psutil.Process | None:
    """The server at a URL."""
    return children().get(f"127.0.0.1:{httpx.URL(url).port}")


def test_the_api_and_the_database_work(stack: Stack) -> None:
    assert httpx.get(f"{stack.api_url}/health").json() == {"status": "ok"}
    assert "seeded" in things(stack)
    with psycopg.connect(stack.db_url) as connection:
        assert connection.execute("select current_user, current_database()").fetchone() == ("postgres", "postgres")


def test_an_unknown_key_is_refused(stack: Stack) -> None:
    reply = httpx.get(f"{stack.api_url}/rest/v1/things", headers={"apikey": "sb_publishable_wrong"})
    assert reply.status_code == 401


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    assert stack.api_url.startswith("http://127.0.0.1:")
    assert {address.partition(":")[0] for address in children()} == {"127.0.0.1"}


def test_secrets_are_private_and_never_shown(stack: Stack) -> None:
    status = stack.status()
    folder = Path(status.directory)
    for name in ("keys.json", "state.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for name in ("storage", "mail", "logs"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    secrets = [stack.secret_key, stack.publishable_key, stack.jwt_secret]
    shown = [
        repr(stack),
        repr(status),
        repr(stack.databases),
        *(log.read_text() for log in (folder / "logs").iterdir()),
    ]
    for process in children().values():
        shown += [" ".join(process.cmdline()), str(process.environ())]
    assert [secret for secret in secrets if any(secret in text for text in shown)] == []


def test_the_status_has_what_programs_need(stack: Stack) -> None:
    environment = StackStatus.of(Path(stack.status().directory)).to_env()
    assert environment["API_URL"] == stack.api_url
    assert environment["DB_URL"] == stack.db_url
    assert environment["PUBLISHABLE_KEY"].startswith("sb_publishable_")
    assert environment["SECRET_KEY"].startswith("sb_secret_")
    assert environment["MAILBOX_URL"] == stack.mailbox_url
    assert httpx.get(stack.mailbox_url).status_code == 200
    assert httpx.get(f"{environment['MAILPIT_URL']}/api/v1/messages").status_code == 200
    assert environment["SUPABASE_URL"] == environment["API_URL"]
    assert environment["SUPABASE_PUBLISHABLE_KEY"] == environment["PUBLISHABLE_KEY"]
    assert environment["SUPABASE_SECRET_KEY"] == environment["SECRET_KEY"]
    for name in ("ANON_KEY", "SERVICE_ROLE_KEY"):
        reply = httpx.get(f"{stack.api_url}/rest/v1/", headers={"apikey": environment[name]})
        assert reply.status_code != 401


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack) -> None:
    with pytest.raises(AlreadyRunningError, match=r"already running .* choose another folder with --dir"):
        Stack(Path(stack.status().directory)).start()
    assert "seeded" in things(stack)


def test_reset_restores_the_seed_and_empties_storage_and_mailbox(stack: Stack) -> None:
    folder = Path(stack.status().directory)
    add(stack, "mine")
    (folder / "storage" / "bucket").mkdir()
    (folder / "storage" / "bucket" / "file").write_text("x")
    (folder / "mail" / "letter").write_text("x")
    stack.reset()
    eventually(lambda: things(stack) == ["seeded"])
    assert [*(folder / "storage").iterdir(), *(folder / "mail").iterdir()] == []


def test_a_cloned_database_is_a_fresh_copy(stack: Stack) -> None:
    with psycopg.connect(stack.clone_database("own")) as connection:
        assert connection.execute("select name from public.things").fetchall() == [("seeded",)]


@pytest.mark.parametrize("url", ["api_url", "db_url"])
def test_a_killed_server_is_restarted_on_its_port(stack: Stack, url: str) -> None:
    add(stack, f"before {url}")
    where = getattr(stack, url)
    victim = process_at(where)
    assert victim is not None
    victim.send_signal(signal.SIGKILL)
    eventually(lambda: process_at(where) not in (None, victim))
    eventually(lambda: f"before {url}" in things(stack))
    assert getattr(stack, url) == where


@pytest.mark.long
def test_two_stacks_run_side_by_side_and_leave_nothing(stack: Stack, project: Path, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other", project=project, durable=False)
    before = set(children())
    with other:
        add(other, "other")
        assert "other" in things(other)
        assert "other" not in things(stack)
        assert other.secret_key != stack.secret_key
        mine = set(children()) - before
        api_url, db_url = other.api_url, other.db_url
    assert len(mine) == 3  # the API, the database, SMTP
    assert set(children()) == before
    with pytest.raises(NotRunningError, match="Start one with `python -m supabase_embedded dev`"):
        other.status()

    with other:  # Again: the same ports, the same data.
        assert (other.api_url, other.db_url) == (api_url, db_url)
        assert "other" in things(other)


def test_taken_ports_are_reported(project: Path, ready_stack: Path, tmp_path: Path) -> None:
    copy(ready_stack, tmp_path / "stack")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options in ({"port": port}, {"db_port": port}, {"port": 20_001, "db_port": 20_001}):
            with pytest.raises(PortInUseError, match=r"is taken by another (program|server of this stack)\."):
                Stack(tmp_path / "new", project=project, durable=False, **options).start()
        # This was checked before anything was created.
        assert not (tmp_path / "new" / "postgres").exists()
        with pytest.raises(PortInUseError, match=rf"Port {port} for the API is taken .* another one with --port"):
            Stack(tmp_path / "stack", project=project, port=port, durable=False).start()
        with pytest.raises(PortInUseError, match=rf"Port {port} for the database is taken .* --db-port"):
            Stack(tmp_path / "stack", project=project, db_port=port, durable=False).start()
    with pytest.raises(PortInUseError, match="0 is not a port"):
        Stack(tmp_path / "stack", project=project, db_port=0, durable=False).start()


@pytest.mark.long
def test_a_failed_start_leaves_nothing_running_and_can_be_repeated(project: Path, tmp_path: Path) -> None:
    before = set(children())
    bad = project / "supabase" / "migrations" / "20260103000000_bad.sql"
    bad.write_text("create nonsense;")
    stack = Stack(tmp_path / "stack", project=project, durable=False)
    with pytest.raises(MigrationError, match="20260103000000_bad"):
        stack.start()
    assert set(children()) == before
    bad.unlink()
    with stack:
        assert things(stack) == ["seeded"]


def test_a_folder_that_cannot_be_used_is_reported(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"choose|Choose"):
        Stack(tmp_path / "file", project=project).start()
    with pytest.raises(FolderError, match="no folder supabase/migrations"):
        Stack(tmp_path / "stack", project=tmp_path / "nowhere").start()


def test_a_folder_that_cannot_be_written_is_reported(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    if os.geteuid() != 0:  # Root may write everywhere; for root only a file in place of the folder is an error.
        with pytest.raises(FolderError, match="Permission denied"):
            Stack(folder / "stack", project=project).start()
    with pytest.raises(FolderError):
        Stack(Path("/proc/monogram"), project=project).start()


@pytest.mark.long
def test_missing_and_damaged_files_are_reported(project: Path, ready_stack: Path, tmp_path: Path) -> None:
    stack = Stack(copy(ready_stack, tmp_path / "stack"), project=project, durable=False)
    keys = tmp_path / "stack" / "keys.json"
    content = keys.read_text()
    keys.unlink()
    with pytest.raises(FolderError, match=r"keys\.json is missing"):
        stack.start()
    keys.write_text("{")
    with pytest.raises(FolderError, match=r"keys\.json is damaged"):
        stack.start()
    keys.write_text(content)
    (tmp_path / "stack" / "state.json").write_text("[]")
    with pytest.raises(FolderError, match=r"state\.json is damaged"):
        stack.start()
    (tmp_path / "stack" / "state.json").unlink()
    with stack:
        assert things(stack) == ["seeded"]
