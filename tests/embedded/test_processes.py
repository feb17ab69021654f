"""Finding and ending processes, and telling them from those with the same number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from supabase_embedded import _processes
from supabase_embedded._processes import ProcessIdentity

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('go', flush=True); time.sleep(600)"
)


@contextmanager
def running(*command: str | Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as child:
        try:
            yield child
        finally:
            child.kill()


def is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until_zombie(pid: int) -> None:
    deadline = time.monotonic() + 30
    while not is_zombie(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_ended_process_is_not_found() -> None:
    with running("sleep", "600") as child:
        identity = ProcessIdentity.of(child.pid)
        assert identity is not None and identity.process() == psutil.Process(child.pid)
        assert _processes.of_child(child) == identity.process()
        child.kill()
        until_zombie(child.pid)  # Its exit status was not collected, so its number is still in use.
        assert identity.process() is None
        child.wait()
    assert identity.process() is None
    assert ProcessIdentity.of(child.pid) is None
    assert _processes.of_child(child) is None


def test_a_reused_number_is_another_process() -> None:
    earlier = ProcessIdentity(os.getpid(), psutil.Process().create_time() - 3600)
    assert earlier.process() is None


def test_a_process_that_ignores_signals_is_killed() -> None:
    with running(sys.executable, "-c", STUBBORN) as child:
        assert child.stdout is not None and child.stdout.readline() == b"go\n"
        process = psutil.Process(child.pid)
        _processes.end(process, [(signal.SIGTERM, 0.05), (signal.SIGKILL, 30.0)])
        assert child.wait() == -signal.SIGKILL
        _processes.end(process, [(signal.SIGTERM, 30.0)])  # It has already ended.
        assert _processes.has_ended(process)


@pytest.mark.parametrize("how", ["arguments", "environment"])
def test_only_the_processes_of_a_folder_are_killed(tmp_path: Path, how: str) -> None:
    command: list[str | Path] = [sys.executable, "-c", "import time; time.sleep(600)"]
    mine = [*command, tmp_path] if how == "arguments" else command
    with (
        running(*mine, env=os.environ | ({"PGDATA": str(tmp_path)} if how == "environment" else {})) as worker,
        running(*command, f"{tmp_path}-of-somebody-else") as other,
    ):
        _processes.kill_all_in(tmp_path)
        assert worker.wait(30) == -signal.SIGKILL
        assert other.poll() is None
