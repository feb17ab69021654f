"""Find and end the processes of a server whose own process was killed."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from supabase_embedded import _processes
from supabase_embedded.errors import AlreadyRunningError

# Fast shutdown, then immediate shutdown (the log is replayed at the next start), then the last resort.
STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def end(data_dir: Path, *, unfinished: Path, starting: Path) -> None:
    """Stop a server that outlived the process that ran it, and remove a process number that is no longer its.

    So is a server that has not yet written its number, and an `initdb`, whose process was killed right after it had
    started them.

    Args:
        data_dir: The server's data folder.
        unfinished: Where a new cluster is made before it moves there.
        starting: A file that is there while a server is on its way.
    """
    if unfinished.exists():
        _processes.kill_all_in(unfinished)
    if starting.exists():
        for coming in _servers_on(data_dir):
            _processes.end(coming, STOP_SIGNALS)
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
