"""Call the project's function `deliver` when there is work for it: what the platform's cron does, only sooner.

The database says so with NOTIFY when work is committed; for what is due later this looks from time to time.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import httpx
import psycopg

CHANNEL = "monogram_outbox"

_LOOK_INTERVAL = 5.0  # Seconds between two looks at what has come due.
_LISTEN_INTERVAL = 0.5  # Seconds after which a listener looks whether it is to stop.
_LONGEST_PAUSE = 10.0  # Seconds between two attempts after failures.
_CALL_TIMEOUT = 150.0  # Seconds; the platform's own limit for a function.

_log = logging.getLogger(__name__)


class Deliverer:
    """Listens to a database, and calls a function of its stack."""

    def __init__(self, dsn: str, url: str, secret_key: str, *, look_interval: float = _LOOK_INTERVAL) -> None:
        """Describe it; nothing happens before `run()`.

        Args:
            dsn: A connection to the database, as the role `postgres`.
            url: The address of the function.
            secret_key: A secret key of the stack.
            look_interval: Seconds between two looks at what has come due.
        """
        self._dsn = dsn
        self._url = url
        self._secret_key = secret_key
        self._look_interval = look_interval

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set."""
        pause = _LISTEN_INTERVAL
        while not stopping.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, application_name="monogram deliver") as connection:
                    connection.execute(f"listen {CHANNEL}".encode())
                    pause = _LISTEN_INTERVAL
                    while not stopping.is_set():
                        if _is_work_due(connection):
                            self._call(stopping)
                        self._wait(connection, stopping)
            except (psycopg.Error, httpx.HTTPError) as error:
                # A reset puts another database in place; a server that died is started again.
                if not stopping.is_set():
                    _log.warning("deliver could not be called: %s", _reason(error))
            stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait(self, connection: psycopg.Connection[Any], stopping: threading.Event) -> None:
        """Wait until there is news, or until it is time to look."""
        waited = 0.0
        while waited < self._look_interval and not stopping.is_set():
            for _ in connection.notifies(timeout=_LISTEN_INTERVAL, stop_after=1):
                return
            waited += _LISTEN_INTERVAL

    def _call(self, stopping: threading.Event) -> None:
        more = True
        while more and not stopping.is_set():
            answer = httpx.post(
                self._url, headers={"apikey": self._secret_key}, json={"chain": False}, timeout=_CALL_TIMEOUT
            )
            answer.raise_for_status()
            more = bool(answer.json().get("more"))


def _reason(error: Exception) -> str:
    """Return what went wrong without what the other side said, which may hold anything."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    return type(error).__name__


def _is_work_due(connection: psycopg.Connection[Any]) -> bool:
    """Return whether there is work; never where the project has none of Monogram's migrations."""
    exists = connection.execute("select to_regprocedure('private.is_work_due(timestamptz)') is not null").fetchone()
    if exists is None or not exists[0]:
        return False
    row = connection.execute("select private.is_work_due()").fetchone()
    return row is not None and bool(row[0])
