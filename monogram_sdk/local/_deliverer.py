"""Call the project's functions `deliver` and `pictures` as soon as there is work for them, as its cron job does later.

The database announces committed work with NOTIFY; work that falls due later is found by polling. As on the platform,
neither function waits for the other: emails and newsletters go out while many pictures are being rendered.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import httpx
import psycopg

CHANNEL = "monogram_outbox"

# For each function, the SQL predicate that tells whether it has work.
_WORK = {"pictures": "private.is_picture_due", "deliver": "private.is_work_due"}

_POLL_INTERVAL = 5.0  # Seconds between two checks for work that has fallen due.
_LISTEN_INTERVAL = 0.5  # Seconds after which a listener checks whether it should stop.
_MAX_PAUSE = 10.0  # Seconds between two attempts after failures.
_CALL_TIMEOUT = 180.0  # Seconds; longer than the 150 that a function may take.

_log = logging.getLogger(__name__)


class Deliverer:
    """Listens to a database and calls the edge functions of its stack."""

    def __init__(self, dsn: str, url: str, secret_key: str, *, poll_interval: float = _POLL_INTERVAL) -> None:
        """Configure the deliverer; nothing happens before `run()`.

        Args:
            dsn: A connection to the database, as the role `postgres`.
            url: The base URL of the edge functions; the name of a function is appended.
            secret_key: A secret key of the stack.
            poll_interval: Seconds between two checks for work that has fallen due.
        """
        self._dsn = dsn
        self._url = url
        self._secret_key = secret_key
        self._poll_interval = poll_interval

    def run(self, stopping: threading.Event) -> None:
        """Call functions until `stopping` is set."""
        callers = [
            threading.Thread(target=self._serve, args=[function, predicate, stopping], name=f"monogram {function}")
            for function, predicate in _WORK.items()
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def _serve(self, function: str, predicate: str, stopping: threading.Event) -> None:
        """Call one function whenever it has work."""
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
                # A reset replaces the database.
                if not stopping.is_set():
                    _log.warning("The database could not be checked for work: %s", type(error).__name__)
            except httpx.HTTPError as error:
                # The supervisor restarts a server that died.
                if not stopping.is_set():
                    _log.warning("%s could not be called: %s", function, _reason(error))
            stopping.wait(pause)
            pause = min(2 * pause, _MAX_PAUSE)

    def _wait(self, connection: psycopg.Connection[Any], stopping: threading.Event) -> None:
        """Wait for a notification, or until the next check is due."""
        waited = 0.0
        while waited < self._poll_interval and not stopping.is_set():
            for _ in connection.notifies(timeout=_LISTEN_INTERVAL, stop_after=1):
                return
            waited += _LISTEN_INTERVAL

    def _call(self, function: str, stopping: threading.Event) -> None:
        body: dict[str, Any] | None = {"chain": False}
        while body and not stopping.is_set():
            url = f"{self._url}/{function}"
            reply = httpx.post(url, headers={"apikey": self._secret_key}, json=body, timeout=_CALL_TIMEOUT)
            reply.raise_for_status()
            result = reply.json()
            body = {"chain": False, "first": result.get("next", "mails")} if result.get("more") else None


def _reason(error: Exception) -> str:
    """Return what went wrong, without the body of the reply, which may hold secrets."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it replied with status {error.response.status_code}"
    return type(error).__name__


def _is_due(connection: psycopg.Connection[Any], predicate: str) -> bool:
    """Return True if there is work; False if the project does not have Monogram's migrations."""
    exists = connection.execute("select to_regprocedure(%s) is not null", [f"{predicate}(timestamptz)"]).fetchone()
    if exists is None or not exists[0]:
        return False
    row = connection.execute(f"select {predicate}()".encode()).fetchone()
    return row is not None and bool(row[0])
