"""Run a stack in a process of its own, and stop it from another one.

`start()` runs this module as a program. The program reads pickled arguments from standard input and reports one JSON
object a line on standard output: `progress`, then `ready` or `failed`. It logs to `logs/supervisor.log`.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from supabase_embedded import _processes, errors
from supabase_embedded._files import open_log
from supabase_embedded._folder import StackFolder
from supabase_embedded._status import StackStatus
from supabase_embedded.application import STANDALONE, Application
from supabase_embedded.errors import LocalStackError
from supabase_embedded.runs import end_leftovers
from supabase_embedded.stack import Stack

# A clean stop may take as long as the API server's and the database's own limits together, and a bit more.
_STOP_SIGNALS = ((signal.SIGTERM, 45.0), (signal.SIGKILL, 5.0))

_log = logging.getLogger(__name__)


def start(
    directory: Path,
    *,
    application: Application = STANDALONE,
    project: Path | None = None,
    seed: bool = True,
    port: int | None = None,
    db_port: int | None = None,
    site_url: str | None = None,
    report: Callable[[str], None] = _log.info,
) -> StackStatus:
    """Start a stack that keeps running after this process has ended; the arguments are those of `Stack`.

    Raises:
        LocalStackError: The stack did not start; the classes are those of `Stack.start()`.
    """
    folder = StackFolder(directory, application)
    folder.open()  # Report a bad folder now, and create the folder of the log.
    folder.close()
    arguments = {
        "directory": folder.root,
        "application": application,
        "project": Path(project).absolute() if project is not None else None,
        "seed": seed,
        "port": port,
        "db_port": db_port,
        "site_url": site_url,
    }
    log = open_log(folder.logs / "supervisor.log")
    child: subprocess.Popen[bytes] | None = None
    try:
        with _processes.signals_deferred():
            child = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return _await(child, arguments, folder, report)
    except BaseException:
        # It was interrupted or has failed: do not leave a stack running that nobody asked for.
        if child is not None and (process := _processes.of_child(child)) is not None:
            _processes.end(process, _STOP_SIGNALS)
            child.wait()
        raise
    finally:
        os.close(log)


def _await(
    child: subprocess.Popen[bytes], arguments: dict[str, Any], folder: StackFolder, report: Callable[[str], None]
) -> StackStatus:
    """Send the arguments to the process, and wait until the stack has started."""
    assert child.stdin is not None and child.stdout is not None
    with child.stdin as stdin:
        stdin.write(pickle.dumps(arguments))
    with child.stdout as stdout:
        for line in stdout:
            record: dict[str, str] = json.loads(line)
            if record["event"] == "progress":
                report(record["text"])
            elif record["event"] == "ready":
                status = StackStatus.of(folder.root, application=folder.application)
                child.returncode = 0  # It keeps running; without this, `Popen` would warn that it was not waited for.
                return status
            else:
                child.wait()
                raise getattr(errors, record["type"])(record["text"])
    child.wait()
    raise LocalStackError(f"The stack's process ended while it was starting; see {folder.logs / 'supervisor.log'}.")


def stop(directory: Path, *, application: Application = STANDALONE) -> bool:
    """Stop the stack of a folder, whichever process runs it, and clean up after one that was killed.

    Returns:
        Whether anything had to be stopped.
    """
    folder = StackFolder(directory, application)
    if not folder.root.exists():
        return False
    state = folder.read_state()
    if state.run is None and state.starting is None:
        return False
    for identity in (state.starting, None if state.run is None else state.run.supervisor):
        process = identity.process() if identity is not None else None
        if process is not None:
            _processes.end(process, _STOP_SIGNALS)
    was_starting = state.starting is not None
    state = folder.read_state()
    if state.run is None and state.starting is None and not was_starting:
        return True
    # The supervisor was killed and could not stop its two servers, or it ended while it was starting one.
    folder.open()
    try:
        end_leftovers(folder, state)
        folder.end_run()
    finally:
        folder.close()
    return True


@contextmanager
def until_asked_to_end() -> Generator[None]:
    """Run the block until this process is asked to end by Ctrl-C, `kill` or the end of the terminal.

    This uses handlers, not a signal mask: the servers would inherit a mask and would not receive SIGTERM.
    """

    def end(received: int, _frame: FrameType | None) -> None:
        for number in _processes.END_SIGNALS:  # A second signal must not interrupt the clean-up.
            signal.signal(number, lambda _number, _frame: None)
        raise KeyboardInterrupt(received)

    before = {number: signal.signal(number, end) for number in _processes.END_SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> int:
    """Run a stack until this process is asked to end."""
    arguments: dict[str, Any] = pickle.load(sys.stdin.buffer)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.Formatter.converter = time.gmtime

    def send(event: str, **more: str) -> None:
        sys.stdout.write(json.dumps({"event": event} | more) + "\n")
        sys.stdout.flush()

    def report(text: str) -> None:
        _log.info(text)
        send("progress", text=text)

    stack = Stack(report=report, **arguments)
    failed = False
    with until_asked_to_end():
        try:
            stack.start()
            send("ready")
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # The parent reads no further.
            while True:
                signal.pause()
        except LocalStackError as error:
            _log.error("%s", error)
            send("failed", type=type(error).__name__, text=str(error))
            failed = True
        finally:
            _log.info("Stopping.")
            stack.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
