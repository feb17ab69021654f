"""Call the project's functions `deliver` and `pictures` as soon as there is work for them, as its cron job does later.

The database is asked several times a second. It does not announce its work with NOTIFY, for which all transactions of a
database would wait for each other when they commit. As on the platform, neither function waits for the other: emails
and newsletters go out while many pictures are being rendered.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import httpx
import psycopg

# For each function, the SQL predicate that tells whether it has work.
_WORK = {"pictures": "private.is_picture_due", "deliver": "private.is_work_due"}

_POLL_INTERVAL = 0.2  # Seconds between two checks for work.
_MAX_PAUSE = 5.0  # Seconds between two calls of a function that fails, or that leaves work undone.
_CALL_TIMEOUT = 180.0  # Seconds; longer than the 150 that a function may take.

_log = logging.getLogger(__name__)


class Deliverer:
    """Looks for work in a database, and calls the edge functions of its stack."""

    def __init__(self, dsn: str, url: str, secret_key: str) -> None:
        """Configure the deliverer; nothing happens before `run()`.

        Args:
            dsn: A connection to the database, as the role `postgres`.
            url: The base URL of the edge functions; the name of a function is appended.
            secret_key: A secret key of the stack.
        """
        self._dsn = dsn
        self._url = url
        self._secret_key = secret_key

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
        pause = _POLL_INTERVAL
        while not stopping.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, application_name="monogram deliver") as connection:
                    while not stopping.wait(pause):
                        is_due = _is_due(connection, predicate)
                        if is_due:
                            self._call(function, stopping)
                            # What the function leaves undone may be what it cannot do.
                            is_due = _is_due(connection, predicate)
                        pause = min(2 * pause, _MAX_PAUSE) if is_due else _POLL_INTERVAL
            except psycopg.Error as error:
                # A reset replaces the database.
                if not stopping.is_set():
                    _log.warning("The database could not be checked for work: %s", type(error).__name__)
            except httpx.HTTPError as error:
                # The supervisor restarts a server that died.
                if not stopping.is_set():
                    _log.warning("%s could not be called: %s", function, _reason(error))
            pause = min(2 * pause, _MAX_PAUSE)

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
