"""Call the project's functions `deliver` and `pictures` when there is work for them: what its cron does, only sooner.

The database says so with NOTIFY when work is committed; for what is due later this looks from time to time. As on the
platform neither function waits for the other: emails and letters go out while many pictures are being made.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import httpx
import psycopg

CHANNEL = "monogram_outbox"

# What tells whether each function has something to do.
_WORK = {"pictures": "private.is_picture_due", "deliver": "private.is_work_due"}

_LOOK_INTERVAL = 5.0  # Seconds between two looks at what has come due.
_LISTEN_INTERVAL = 0.5  # Seconds after which a listener looks whether it is to stop.
_LONGEST_PAUSE = 10.0  # Seconds between two attempts after failures.
_CALL_TIMEOUT = 180.0  # Seconds; a function has 150, and its end is worth hearing.

_log = logging.getLogger(__name__)


class Deliverer:
    """Listens to a database, and calls functions of its stack."""

    def __init__(self, dsn: str, url: str, secret_key: str, *, look_interval: float = _LOOK_INTERVAL) -> None:
        """Describe it; nothing happens before `run()`.

        Args:
            dsn: A connection to the database, as the role `postgres`.
            url: The address of the functions, to which their names are added.
            secret_key: A secret key of the stack.
            look_interval: Seconds between two looks at what has come due.
        """
        self._dsn = dsn
        self._url = url
        self._secret_key = secret_key
        self._look_interval = look_interval

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set."""
        callers = [
            threading.Thread(target=self._serve, args=[function, predicate, stopping], name=f"monogram {function}")
            for function, predicate in _WORK.items()
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def _serve(self, function: str, predicate: str, stopping: threading.Event) -> None:
        """Call one function whenever it has something to do."""
        pause = _LISTEN_INTERVAL
        while not stopping.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, application_name="monogram deliver") as connection:
                    connection.execute(f"listen {CHANNEL}".encode())
                    while not stopping.is_set():
                        if _is_due(connection, predicate):
                            self._call(function, stopping)
                        pause = _LISTEN_INTERVAL
                        self._wait(connection, stopping)
            except psycopg.Error as error:
                # A reset puts another database in place.
                if not stopping.is_set():
                    _log.warning("Nobody could look for work: %s", type(error).__name__)
            except httpx.HTTPError as error:
                # A server that died is started again.
                if not stopping.is_set():
                    _log.warning("%s could not be called: %s", function, _reason(error))
            stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait(self, connection: psycopg.Connection[Any], stopping: threading.Event) -> None:
        """Wait until there is news, or until it is time to look."""
        waited = 0.0
        while waited < self._look_interval and not stopping.is_set():
            for _ in connection.notifies(timeout=_LISTEN_INTERVAL, stop_after=1):
                return
            waited += _LISTEN_INTERVAL

    def _call(self, function: str, stopping: threading.Event) -> None:
        wish: dict[str, Any] | None = {"chain": False}
        while wish and not stopping.is_set():
            url = f"{self._url}/{function}"
            answer = httpx.post(url, headers={"apikey": self._secret_key}, json=wish, timeout=_CALL_TIMEOUT)
            answer.raise_for_status()
            done = answer.json()
            wish = {"chain": False, "first": done.get("next", "mails")} if done.get("more") else None


def _reason(error: Exception) -> str:
    """Return what went wrong without what the other side said, which may hold anything."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    return type(error).__name__


def _is_due(connection: psycopg.Connection[Any], predicate: str) -> bool:
    """Return whether there is work; never where the project has none of Monogram's migrations."""
    exists = connection.execute("select to_regprocedure(%s) is not null", [f"{predicate}(timestamptz)"]).fetchone()
    if exists is None or not exists[0]:
        return False
    row = connection.execute(f"select {predicate}()".encode()).fetchone()
    return row is not None and bool(row[0])
