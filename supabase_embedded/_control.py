"""Ask the process that runs a stack to reset it: that process has loaded the database driver, which takes longer than a
reset.

It listens on a port of the loopback interface. A request is a line with the token in the stack's `state.json`, which
only its owner can read. The reply is a line of JSON: the type and the text of an error, or null.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from supabase_embedded import errors
from supabase_embedded._folder import StackFolder
from supabase_embedded._ports import LOOPBACK
from supabase_embedded._status import running
from supabase_embedded.application import Application
from supabase_embedded.errors import LocalStackError

UNCERTAIN = "The database is either unchanged or reset."
"""What Ctrl-C leaves."""

_REQUEST_TIMEOUT = 2.0  # Seconds.
_LONGEST_REQUEST = 200

_log = logging.getLogger(__name__)


class Control:
    """Takes requests for a reset until it is closed.

    Args:
        reset: Resets the stack.
    """

    def __init__(self, reset: Callable[[], None]) -> None:
        self.token = secrets.token_urlsafe(24)
        self._reset = reset
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]

    def serve(self) -> None:
        """Carry out one request after the other; return when this is closed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(_REQUEST_TIMEOUT)
                    request = connection.makefile("rb").readline(_LONGEST_REQUEST)
                    if secrets.compare_digest(request.strip(), self.token.encode()):
                        connection.sendall(json.dumps(self._carry_out()).encode() + b"\n")
                except OSError as error:
                    _log.warning("A request for a reset ended early: %s", error)

    def _carry_out(self) -> dict[str, str] | None:
        try:
            self._reset()
        except LocalStackError as error:
            return {"type": type(error).__name__, "text": str(error)}
        except Exception as error:
            _log.exception("The reset failed.")
            return {"type": "LocalStackError", "text": f"The database could not be reset: {error}"}
        return None

    def close(self) -> None:
        """Take no more requests."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # Ends a wait in `accept`, which `close` alone does not.
        except OSError:
            pass  # On macOS `close` does it.
        self._socket.close()


def reset(directory: Path, application: Application) -> str:
    """Reset the stack of a folder, by its own process, and return what to print.

    Raises:
        LocalStackError: It was not reset.
    """
    begin = time.perf_counter()
    if not request_reset(StackFolder(directory, application)):
        from supabase_embedded import runs

        runs.reset(directory, application=application)
    return f"The database was reset. ({1000 * (time.perf_counter() - begin):.0f} ms)"


def request_reset(folder: StackFolder) -> bool:
    """Let the process that runs a stack reset it.

    Returns:
        Whether it has done so. If not, it takes no requests: nothing has happened.

    Raises:
        LocalStackError: It was not reset.
    """
    _, run, _ = running(folder)
    if run.control_port is None or run.control_token is None:
        return False
    try:
        connection = socket.create_connection((LOOPBACK, run.control_port))
    except ConnectionError:
        return False
    with connection:
        connection.sendall(run.control_token.encode() + b"\n")
        reply = connection.makefile("rb").readline()
    if not reply:
        raise LocalStackError(f"The stack ended during the reset. {UNCERTAIN}")
    error: dict[str, str] | None = json.loads(reply)
    if error is not None:
        raise getattr(errors, error["type"])(error["text"])
    return True
