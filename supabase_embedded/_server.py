"""Run the embedded API server, a Deno program, as a child process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import psutil

from supabase_embedded import _processes, deno
from supabase_embedded._files import open_log
from supabase_embedded._ports import is_free
from supabase_embedded.errors import PortInUseError, ServerError
from supabase_embedded.project import SERVER_DIR

_READY_TIMEOUT = 60.0  # Seconds.
_STOP_SIGNALS = ((signal.SIGTERM, 4.0), (signal.SIGKILL, 5.0))
_MAIN = SERVER_DIR / "main.ts"

# The server gets only the variables that it needs, and none of the secrets that a shell may hold.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "DENO_DIR", "DENO_NO_UPDATE_CHECK", "NO_COLOR")


@dataclass(frozen=True)
class ServerConfig:
    """The configuration that the server reads from its standard input when it starts."""

    port: int
    smtp_port: int
    storage_dir: str
    mail_dir: str
    functions_dir: str
    site_url: str
    host: str
    application: str
    command: str
    sender: str
    function_hosts: tuple[str, ...] = field(kw_only=True, default=())
    functions: Mapping[str, Mapping[str, bool | str]] = field(
        kw_only=True, default_factory=dict[str, Mapping[str, bool | str]]
    )
    functions_environment: Mapping[str, str] = field(kw_only=True, default_factory=dict[str, str], repr=False)
    jwt_expiry: int = field(kw_only=True, default=3600)
    enable_signup: bool = field(kw_only=True, default=True)
    minimum_password_length: int = field(kw_only=True, default=6)
    enable_email_signup: bool = field(kw_only=True, default=True)
    confirm_email: bool = field(kw_only=True, default=False)
    double_confirm_changes: bool = field(kw_only=True, default=True)
    secure_password_change: bool = field(kw_only=True, default=False)
    otp_expiry: int = field(kw_only=True, default=3600)
    deno_path: str = field(kw_only=True, default_factory=deno.executable)
    deno_dir: str = field(kw_only=True, default_factory=lambda: deno.environment()["DENO_DIR"])
    db_url: str = field(repr=False)
    authenticator_db_url: str = field(repr=False)
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    anon_key: str = field(repr=False)
    service_role_key: str = field(repr=False)


class ApiServer:
    """The process that serves the API."""

    def __init__(
        self,
        log_path: Path,
        *,
        options: Mapping[str, bool | int | str] | None = None,
        record: Callable[[_processes.ProcessIdentity], None] | None = None,
    ) -> None:
        """Configure the server; nothing happens before `start()`.

        Args:
            log_path: The file for its output, one JSON object a line.
            options: More settings for its configuration, such as `confirm_email` and `bcrypt_cost`.
            record: Called with the identity of each server process, so that `end_leftover` can find it if this process
                is killed before the server is ready.
        """
        self.log_path = log_path
        self._options = dict(options or {})
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process number while it runs, else None."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self, config: ServerConfig) -> None:
        """Start the process and return when it accepts requests.

        Raises:
            PortInUseError: One of its ports is taken.
            ServerError: It ended or did not become ready; the message ends with what it printed.
        """
        if self._process is not None and self._process.poll() is not None:
            _end_functions(self._process.pid)  # The server was killed, and a function may hang.
        self._process = process = None
        try:
            log = open_log(self.log_path)
            try:
                offset = os.lseek(log, 0, os.SEEK_END)
                with _processes.signals_deferred():
                    # Assigned at once, so that stop() can end it from another thread.
                    self._process = process = subprocess.Popen(
                        _command(config),
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        env={name: value for name, value in deno.environment().items() if name in _ENVIRONMENT},
                        start_new_session=True,
                    )
            finally:
                os.close(log)
            assert process.stdin is not None
            identity = _processes.ProcessIdentity.of(process.pid)
            if self._record is not None and identity is not None:
                self._record(identity)  # Until it has its configuration, it ends by itself if this process ends.
            # If it has ended already, its output says why.
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(json.dumps(asdict(config) | self._options).encode() + b"\n")
            self._wait_until_ready(process, config, offset)
        except BaseException:
            if process is not None:
                process.kill()
                process.wait()
                _end_functions(process.pid)
            raise

    def stop(self) -> None:
        """Let the process finish its requests, then end it. Does nothing if it is not running."""
        if self._process is not None:
            process = _processes.of_child(self._process)
            if process is not None:
                _processes.end(process, _STOP_SIGNALS)
            self._process.wait()
            _end_functions(self._process.pid)
            self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes], config: ServerConfig, offset: int) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        with self.log_path.open("rb") as log:
            log.seek(offset)
            printed = b""
            while time.monotonic() < deadline:
                ended = process.poll() is not None
                printed += log.read()
                if _says_ready(printed):
                    return
                if ended:
                    break
                time.sleep(0.01)
        for port in (config.port, config.smtp_port):
            if not is_free(port):
                raise PortInUseError(f"Another program has just taken port {port}. Start the stack again.")
        what = "ended" if process.poll() is not None else f"was not ready within {_READY_TIMEOUT:.0f} s"
        raise ServerError(
            f"The API server {what}. The end of {self.log_path}:\n{printed[-4000:].decode('utf-8', 'replace')}"
        )


def _end_functions(group: int) -> None:
    """End the edge functions of a server that has ended: the other processes of its group.

    They end by themselves when the server ends, unless they are busy.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def end_leftover(identity: _processes.ProcessIdentity) -> None:
    """End an API server that outlived the process that ran it."""
    process = identity.process()
    with contextlib.suppress(psutil.NoSuchProcess):  # It may end meanwhile.
        if process is not None and str(_MAIN) in process.cmdline():
            _processes.end(process, _STOP_SIGNALS)
            _end_functions(identity.pid)


def _says_ready(printed: bytes) -> bool:
    for line in printed.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # Not a line of the server, or not yet complete.
        if isinstance(record, dict) and cast("dict[str, object]", record).get("event") == "ready":
            return True
    return False


def _command(config: ServerConfig) -> list[str]:
    writable = [config.storage_dir, config.mail_dir]
    readable = [*writable, config.functions_dir, str(SERVER_DIR), config.deno_dir]
    return [
        deno.executable(),
        "run",
        "--quiet",
        "--cached-only",
        "--no-prompt",
        *deno.pinned(),
        "--permission-set",  # The permissions in the server's deno.json; the folders are added below.
        f"--allow-read={_list(readable)}",
        f"--allow-write={_list(writable)}",
        f"--allow-run={_list([config.deno_path])}",  # Each edge function runs in a process with fewer permissions.
        str(_MAIN),
    ]


def _list(paths: list[str]) -> str:
    """Return paths as Deno's options take them: separated by commas, with commas in a path doubled."""
    return ",".join(path.replace(",", ",,") for path in paths)
