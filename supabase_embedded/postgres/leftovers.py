"""Find and end the server processes that a killed process left running."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from supabase_embedded import _processes
from supabase_embedded.errors import AlreadyRunningError

# Fast shutdown, then immediate shutdown (the next start replays the log), then a kill.
STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def end(data_dir: Path, *, unfinished: Path, starting: Path) -> None:
    """Stop a server that outlived the process that ran it, and remove a stale process number.

    This includes a server that has not yet written its process number, and an `initdb`.

    Args:
        data_dir: The server's data folder.
        unfinished: The folder in which a new cluster is created.
        starting: A file that exists while a server is starting.
    """
    if unfinished.exists():
        _processes.kill_all_in(unfinished)
    if starting.exists():
        for server in _servers_on(data_dir):
            _processes.end(server, STOP_SIGNALS)
        starting.unlink()
    pid_file = data_dir / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except FileNotFoundError:
        return
    except (IndexError, ValueError):
        pid_file.unlink()
        return
    process = _server_in(data_dir, pid)
    if process is not None:
        _processes.end(process, STOP_SIGNALS)
    pid_file.unlink(missing_ok=True)


def _servers_on(data_dir: Path) -> list[psutil.Process]:
    """Return the main processes of servers that run or start in `data_dir`, by their command line."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        words: list[str] = process.info["cmdline"] or []
        # `setpriv` and its options may come first.
        after = next((at for at, word in enumerate(words) if Path(word).name == "postgres"), len(words)) + 1
        if words[after : after + 1] != ["-D"] or _processes.has_ended(process):
            continue
        if [Path(word).resolve() for word in words[after + 1 : after + 2]] == [data_dir.resolve()]:
            found.append(process)
    return found


def _server_in(data_dir: Path, pid: int) -> psutil.Process | None:
    """Return process `pid` if it is a PostgreSQL server that runs in `data_dir`.

    The number is not enough: after a restart of the machine it may belong to any program.
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
