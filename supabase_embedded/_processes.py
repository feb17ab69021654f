"""Identify and end processes by number and creation time, because process numbers are reused."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to end: Ctrl-C, `kill`, and the end of the terminal."""


@contextmanager
def signals_deferred() -> Generator[None]:
    """Run the block, and run the handlers of signals that arrive meanwhile at its end.

    Starting a program takes several steps, and an exception between them would leave a program running whose number
    is unknown. A signal mask would not do: the program would inherit it and would not receive SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Handlers run in the main thread only.
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    handlers = {number: handler for number in END_SIGNALS if callable(handler := signal.getsignal(number))}
    try:
        with _blocked():
            for number in handlers:
                signal.signal(number, note)
        yield
    finally:
        with _blocked():
            for number, handler in handlers.items():
                signal.signal(number, handler)
        for deferred in dict.fromkeys(received):
            signal.raise_signal(deferred)


@contextmanager
def _blocked() -> Generator[None]:
    """Block the signals while their handlers are changed. No program may be started in the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, identified even after its number has been reused."""

    pid: int
    created: float
    """When it started, in seconds since 1970, as the operating system reports it."""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of the running process `pid`, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of the current process."""
        process = psutil.Process()
        return cls(process.pid, process.create_time())

    def process(self) -> psutil.Process | None:
        """Return the process if it is still running, else None."""
        try:
            process = psutil.Process(self.pid)
            # The creation time is derived from the boot time, which is an estimate that may drift.
            if abs(process.create_time() - self.created) > 2 or has_ended(process):
                return None
        except psutil.NoSuchProcess:
            return None
        return process


def of_child(child: subprocess.Popen[bytes]) -> psutil.Process | None:
    """Return the process of a child, or None if it has ended."""
    if child.poll() is not None:
        return None
    try:
        return psutil.Process(child.pid)
    except psutil.NoSuchProcess:
        return None


def end(process: psutil.Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send one signal after the other until the process has ended.

    Args:
        process: The process to end.
        signals: Each signal with the seconds to wait for its effect.
    """
    for number, timeout in signals:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return
        deadline = time.monotonic() + timeout
        while not has_ended(process):
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        else:
            return


def has_ended(process: psutil.Process) -> bool:
    """Return True if a process has ended, even if its parent has not collected its exit status.

    The parent of an orphan is process 1, and in a container that is often a program that never collects it.
    """
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill a child that leads its own session, and the processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def kill_all_in(data_dir: Path) -> None:
    """Kill the PostgreSQL programs that work on a data folder, including those that start meanwhile."""
    while found := [process for process in psutil.process_iter() if _is_in(data_dir, process)]:
        for process in found:
            end(process, [(signal.SIGKILL, 5.0)])


def _is_in(data_dir: Path, process: psutil.Process) -> bool:
    try:
        # initdb passes the folder to the programs that it starts in their environment.
        is_in = str(data_dir) in process.cmdline() or process.environ().get("PGDATA") == str(data_dir)
    except psutil.Error:
        return False  # It has ended, or it belongs to another account.
    return is_in and not has_ended(process)
