"""Errors of a stack, and how it recovers."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from supabase_embedded import (
    AlreadyRunningError,
    Application,
    FolderError,
    MissingDependencyError,
    NotRunningError,
    PortInUseError,
    ServerError,
    Stack,
    StackStatus,
    _processes,
    background,
    deno,
)
from supabase_embedded import bootstrap as bootstrap_module
from supabase_embedded import stack as module
from supabase_embedded._folder import StackFolder
from supabase_embedded._ports import pick_port
from supabase_embedded._processes import ProcessIdentity
from supabase_embedded._server import end_leftover
from supabase_embedded.errors import PostgresError
from supabase_embedded.project import cache_dir
from tests.embedded.conftest import copy
from tests.support.trouble import eventually, listener

MIGRATION = "create table public.later (id integer primary key);\n"


def things(stack: Stack) -> list[str]:
    headers = {"apikey": stack.secret_key}
    reply = httpx.get(f"{stack.api_url}/rest/v1/things?select=name&order=id", headers=headers).raise_for_status()
    return [row["name"] for row in reply.json()]


def children_of(folder: Path) -> list[psutil.Process]:
    """Our child processes with a folder in their arguments."""
    living = [child for child in psutil.Process().children() if not _processes.has_ended(child)]
    return [child for child in living if str(folder) in " ".join(child.cmdline())]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "stack"
    yield folder
    background.stop(folder)


@pytest.fixture
def ready_folder(folder: Path, ready_stack: Path) -> Path:
    """The folder of a stack that has run before."""
    return copy(ready_stack, folder)


def test_a_stack_that_is_not_running(project: Path, folder: Path) -> None:
    stack = Stack(folder, project=project)
    for ask in (stack.status, lambda: stack.databases, lambda: stack.clone_database("x"), stack.reset):
        with pytest.raises(NotRunningError):
            ask()
    stack.stop()  # There is nothing to stop.


@pytest.mark.long
def test_each_start_reports_differences_of_the_migrations(project: Path, folder: Path) -> None:
    said: list[str] = []
    stack = Stack(folder, project=project, durable=False, report=said.append)
    migrations = project / "supabase" / "migrations"
    with stack:
        assert said[-1] == "Creating a new database ..."
    (migrations / "20260103000000_later.sql").write_text(MIGRATION)
    with stack:
        assert said[-1] == "Applied 1 new migration(s), up to 20260103000000."
    (migrations / "20260103000000_later.sql").write_text(MIGRATION.replace("later", "never"))
    (migrations / "20260102000000_shout.sql").unlink()
    with stack:
        edited, gone = said[-2:]
        assert "edited after they had been applied: 20260103000000. " in edited
        assert "files are missing: 20260102000000. `python -m supabase_embedded dev reset`" in gone
        stack.reset()
        with psycopg.connect(stack.db_url) as connection:
            assert connection.execute("select to_regclass('public.never') is not null").fetchone() == (True,)


@pytest.mark.long
def test_a_database_of_another_version_is_reported(project: Path, folder: Path) -> None:
    said: list[str] = []
    stack = Stack(folder, project=project, durable=False, report=said.append)
    with stack:
        with psycopg.connect(stack.databases.dsn("template1", user="supabase_admin"), autocommit=True) as connection:
            connection.execute("comment on database postgres is 'supabase_embedded of-long-ago'")
    with stack:
        assert said[-1].startswith(
            "Another version of the stack created this database. `python -m supabase_embedded dev"
        )
        stack.reset()
        assert stack.databases.fits_this_version()


@pytest.mark.long
def test_a_stack_whose_process_was_killed_is_taken_over(project: Path, folder: Path) -> None:
    status = background.start(folder, project=project)
    supervisor = psutil.Process(status.supervisor_pid)
    servers = supervisor.children()
    assert len(servers) == 2
    supervisor.kill()
    eventually(lambda: _is_free(folder))
    with Stack(folder, project=project) as stack:
        assert things(stack) == ["seeded"]
        assert (stack.api_url, stack.db_url) == (status.api_url, status.db_url)
        assert all(map(_processes.has_ended, servers))


@pytest.mark.long
@pytest.mark.parametrize("by", ["dev stop", "the next start"])
def test_a_start_that_was_killed_leaves_nothing_running(project: Path, ready_folder: Path, by: str) -> None:
    command = [sys.executable, "-m", "monogram_sdk.cli", "dev", "--dir", str(ready_folder), "--project", str(project)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        found = eventually(lambda: StackFolder(ready_folder).read_state().server)
        server = found.process()
        supervisor.kill()
    assert StackFolder(ready_folder).read_state().run is None, "it was not ready yet"
    assert server is not None and not _processes.has_ended(server)
    if by == "dev stop":
        assert background.stop(ready_folder)
        assert not background.stop(ready_folder)
    else:
        with Stack(ready_folder, project=project, durable=False) as stack:
            assert things(stack) == ["seeded"]
            assert _processes.has_ended(server)
    assert _processes.has_ended(server)


@pytest.mark.long
def test_the_guard_waits_for_the_lock_of_the_folder(project: Path, folder: Path) -> None:
    """The process that was killed may hold its lock a little longer."""
    status = background.start(folder, project=project)
    os.kill(status.supervisor_pid, signal.SIGKILL)
    eventually(lambda: _is_free(folder))
    held = StackFolder(folder)
    held.open()
    command = [sys.executable, "-m", "supabase_embedded.guard", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        try:
            assert guard.stdin is not None
            guard.stdin.close()
            with pytest.raises(subprocess.TimeoutExpired):
                guard.wait(2)
            assert held.read_state().run is not None, "it has stopped nothing yet"
            held.close()
            assert guard.wait(60) == 0
        finally:
            guard.kill()
    assert held.read_state().run is None


def _is_free(folder: Path) -> bool:
    """Return True if the folder is not locked; a killed process keeps its lock until it has ended."""
    one = StackFolder(folder)
    try:
        one.open()
    except AlreadyRunningError:
        return False
    one.close()
    return True


def test_the_maintenance_of_partitions_survives_an_outage(
    project: Path, ready_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_MAINTENANCE_INTERVAL", 0.05)
    partitions = "select count(*) from pg_catalog.pg_inherits where inhparent = 'realtime.messages'::regclass"
    with Stack(ready_folder, project=project, durable=False) as stack, caplog.at_level(logging.ERROR, module.__name__):
        with psycopg.connect(stack.databases.dsn(user="supabase_admin"), autocommit=True) as connection:
            before = connection.execute(partitions).fetchone()
            for (name,) in connection.execute(
                "select inhrelid::regclass::text from pg_catalog.pg_inherits"
                " where inhparent = 'realtime.messages'::regclass order by 1 desc limit 1"
            ).fetchall():
                connection.execute(f"drop table {name}".encode())
            eventually(lambda: connection.execute(partitions).fetchone() == before)
        elsewhere = stack.databases.dsn("template1", user="supabase_admin")
        with psycopg.connect(elsewhere, autocommit=True) as connection:
            connection.execute("alter database postgres allow_connections false")
            eventually(lambda: "The partitions for realtime messages could not be created: " in caplog.text)
            connection.execute("alter database postgres allow_connections true")
        assert things(stack) == ["seeded"]


def test_an_application_adds_settings_and_workers(project: Path, ready_folder: Path) -> None:
    seen: list[str] = []

    def work(stack: Stack, stopping: threading.Event) -> None:
        seen.extend([stack.api_url, str(stack.project.supabase_dir)])
        stopping.wait()
        seen.append("stopped")

    shop = Application(name="The & Shop", command="shop dev", sender="Shop <hello@shop.localhost>", workers=[work])
    with Stack(ready_folder, application=replace(shop, project=project), durable=False) as stack:
        eventually(lambda: len(seen) == 2)
        assert seen == [stack.api_url, str(project / "supabase")]
        home = httpx.get(stack.api_url).text
        assert "<h1>The &#38; Shop, on this machine</h1>" in home
        assert "<code>shop dev status</code>" in home
        account = {"email": "ada@example.org", "password": "correct horse"}
        headers = {"apikey": stack.publishable_key}
        for call in ("signup", "recover"):
            httpx.post(f"{stack.api_url}/auth/v1/{call}", json=account, headers=headers).raise_for_status()
        (email,) = httpx.get(f"{stack.api_url}/api/v1/messages").json()["messages"]
        assert email["From"] == {"Name": "Shop", "Address": "hello@shop.localhost"}
    assert seen[-1] == "stopped"
    with pytest.raises(NotRunningError, match="Start one with `shop dev`"):
        StackStatus.of(ready_folder, application=shop)


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 3])
def test_a_port_that_is_taken_at_the_last_moment(
    project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    sockets: list[socket.socket] = []

    def pick_and_lose(**asked: Any) -> int:
        port = pick_port(**asked)
        if asked["purpose"] == "the API" and len(sockets) < times:
            sockets.append(socket.create_server(("127.0.0.1", port)))
        return port

    monkeypatch.setattr(module, "pick_port", pick_and_lose)
    stack = Stack(folder, project=project, durable=False)
    try:
        if times == 1:
            with stack:
                assert things(stack) == ["seeded"]
        else:
            with pytest.raises(PortInUseError, match="Start the stack again"):
                stack.start()
            assert children_of(folder) == []
    finally:
        for taken in sockets:
            taken.close()


@pytest.mark.long
def test_a_server_that_cannot_be_restarted_is_retried(
    project: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Stack(folder, project=project, durable=False) as stack, caplog.at_level(logging.INFO, module.__name__):
        url, port = stack.api_url, httpx.URL(stack.api_url).port
        assert port is not None
        # The folder of its emails becomes a file, so it cannot start.
        mail = folder / "mail"
        for entry in mail.iterdir():
            entry.unlink()
        mail.rmdir()
        mail.touch()
        listener(port).kill()
        eventually(lambda: "(Trying again in" in caplog.text)
        assert "The API server ended" in caplog.text
        mail.unlink()
        mail.mkdir()
        eventually(lambda: "The API server is back." in caplog.text)
        assert stack.api_url == url
        assert eventually(lambda: things(stack)) == ["seeded"]


def test_a_wrong_setting_is_quoted_from_the_servers_log(project: Path, ready_folder: Path) -> None:
    stack = Stack(ready_folder, project=project, durable=False, server_options={"bcrypt_cost": 99})
    with pytest.raises(ServerError, match=r"server ended\. The end of .*server\.log:\n.*`bcrypt_cost` must be"):
        stack.start()
    with pytest.raises(NotRunningError):
        stack.status()


def test_a_server_that_does_not_become_ready_is_ended(
    project: Path, ready_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supabase_embedded._server._READY_TIMEOUT", 0.0)
    with pytest.raises(ServerError, match=r"was not ready within 0 s"):
        Stack(ready_folder, project=project, durable=False).start()
    assert children_of(ready_folder) == []


def test_another_program_with_the_number_of_the_server_is_not_ended() -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        identity = ProcessIdentity.of(other.pid)
        assert identity is not None
        end_leftover(identity)
        assert other.poll() is None
        other.kill()
    end_leftover(identity)  # If it has ended, there is nothing to do either.


# Downloads, and failed downloads


def test_a_cache_that_cannot_be_created_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SUPABASE_EMBEDDED_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(FolderError, match="Set SUPABASE_EMBEDDED_CACHE_DIR to a folder that you can write to"):
        cache_dir()


def test_missing_deno_is_reported_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"pip install 'monogram-sdk\[local\]'"):
        deno.executable()


@pytest.fixture
def usual_cache() -> Path:
    """The cache that all tests share, filled."""
    deno.ensure_cached(lambda _line: None)
    return cache_dir()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, without a network to fill it."""
    monkeypatch.setenv("SUPABASE_EMBEDDED_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def test_the_first_start_without_network_is_reported(project: Path, folder: Path, empty_cache: Path) -> None:
    said: list[str] = []
    with pytest.raises(ServerError, match=r"modules of the embedded server could not be downloaded\. Check the net"):
        Stack(folder, project=project, report=said.append).start()
    assert said == ["Downloading the modules of the embedded server (once) ..."]
    assert list(empty_cache.glob("*.complete")) == []


def test_the_platforms_tables_need_the_network_once(empty_cache: Path) -> None:
    bootstrap_module.platform_schema.cache_clear()
    with pytest.raises(ServerError, match="The first time this needs the network"):
        bootstrap_module.platform_schema()
    assert list(empty_cache.glob("platform-schema-*.json")) == []


def test_a_filled_cache_is_used_without_network(usual_cache: Path, empty_cache: Path) -> None:
    empty_cache.mkdir()
    (empty_cache / "deno").symlink_to(usual_cache / "deno")
    bootstrap_module.platform_schema.cache_clear()
    made = bootstrap_module.platform_schema()
    assert "create table" in made.auth.lower() and "storage.objects" in made.storage
    (kept,) = empty_cache.glob("platform-schema-*.json")
    assert json.loads(kept.read_text())["auth"] == made.auth
    said: list[str] = []
    deno.ensure_cached(said.append)
    deno.ensure_cached(said.append)
    assert said == ["Downloading the modules of the embedded server (once) ..."]


def test_a_failed_bootstrap_is_reported() -> None:
    with pytest.raises(PostgresError, match="could not be prepared: connection failed"):
        bootstrap_module.bootstrap("postgresql://supabase_admin@127.0.0.1:1/postgres", service_password="secret")
