"""Recognise and end processes by their identity, not by their number alone: numbers are used again."""

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
"""What asks a program to end: Ctrl-C, `kill`, and the end of the terminal."""


@contextmanager
def undisturbed() -> Generator[None]:
    """Run the block without an exception of a signal's handler in its middle; the handler runs at its end.

    Starting a program takes several steps, and an exception between them loses a program that runs already: nobody
    knows its number. A signal mask instead would be passed on to the program, which would not hear SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # No handler runs here.
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

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
        for noted in dict.fromkeys(came):
            signal.raise_signal(noted)


@contextmanager
def _blocked() -> Generator[None]:
    """Keep signals waiting while their handlers are changed, and no program is started."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that stays recognisable after its number has gone to another one."""

    pid: int
    created: float
    """When it started, in seconds since 1970, as the operating system tells it."""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of the living process `pid`, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def of_this(cls) -> ProcessIdentity:
        """Return the identity of the process that runs this."""
        process = psutil.Process()
        return cls(process.pid, process.create_time())

    def process(self) -> psutil.Process | None:
        """Return the process while it lives, else None."""
        try:
            process = psutil.Process(self.pid)
            # Boot time is an estimate that may drift, and the creation time is derived from it.
            if abs(process.create_time() - self.created) > 2 or has_ended(process):
                return None
        except psutil.NoSuchProcess:
            return None
        return process


def of_child(child: subprocess.Popen[bytes]) -> psutil.Process | None:
    """Return the living process of a child, or None when it has ended."""
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
    for number, patience in signals:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return
        give_up = time.monotonic() + patience
        while not has_ended(process):
            if time.monotonic() > give_up:
                break
            time.sleep(0.01)
        else:
            return


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, be it that its parent has not noticed.

    An orphan's parent is process 1, and in a container that is often a program which never looks.
    """
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill a child that has a session of its own, and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def kill_all_in(data_dir: Path) -> None:
    """Kill the programs of PostgreSQL that work on a data folder, and those that they start meanwhile."""
    while found := [process for process in psutil.process_iter() if _is_in(data_dir, process)]:
        for process in found:
            end(process, [(signal.SIGKILL, 5.0)])


def _is_in(data_dir: Path, process: psutil.Process) -> bool:
    try:
        # The programs that initdb starts learn of the folder from their environment.
        is_in = str(data_dir) in process.cmdline() or process.environ().get("PGDATA") == str(data_dir)
    except psutil.Error:
        return False  # It has ended, or belongs to somebody whose processes we could not have started.
    return is_in and not has_ended(process)
