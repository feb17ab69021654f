"""Run a project's scheduled SQL if the database has no scheduler of its own.

On the platform `pg_cron` does it. On a server without that extension the migrations create the table
`private.scheduled_jobs` instead: `name`, `schedule` (five fields, UTC) and `command`.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import psycopg
from cronsim import CronSim, CronSimError

_TICK_INTERVAL = 60.0  # Seconds between two checks of the scheduled jobs.

_log = logging.getLogger(__name__)


class Ticker:
    """Runs the jobs that have fallen due since its last check."""

    def __init__(self, dsn: str, *, now: datetime | None = None) -> None:
        """Remember the time after which jobs are due.

        Args:
            dsn: A connection to the database, as the role `postgres`.
            now: The time after which jobs are due; by default the current time.
        """
        self._dsn = dsn
        self._seen = now or datetime.now(UTC)

    def run(self, stopping: threading.Event) -> None:
        """Tick once a minute until `stopping` is set."""
        while not stopping.wait(_TICK_INTERVAL):
            try:
                self.tick()
            except psycopg.Error as error:
                if stopping.is_set():
                    return
                _log.error("The scheduled jobs could not be run: %s", error)

    def tick(self, now: datetime | None = None) -> list[str]:
        """Run the jobs that fell due since the last tick, each once, and return their names.

        A job that fails is logged, and the other jobs still run.

        Args:
            now: The current time; for tests.
        """
        until = now or datetime.now(UTC)
        since, self._seen = self._seen, until
        with psycopg.connect(self._dsn, autocommit=True, application_name="monogram ticker") as connection:
            due = [
                (name, command)
                for name, schedule, command in _jobs(connection)
                if _is_due(name, schedule, since=since, until=until)
            ]
            for name, command in due:
                try:
                    connection.execute(command.encode())
                except psycopg.Error as error:
                    if connection.broken:
                        raise
                    _log.error("The scheduled job %s failed: %s", name, error)
        return [name for name, _ in due]


def _jobs(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    exists = connection.execute("select to_regclass('private.scheduled_jobs') is not null").fetchone()
    if exists is None or not exists[0]:
        return []
    rows = connection.execute("select name, schedule, command from private.scheduled_jobs order by name").fetchall()
    return [(str(name), str(schedule), str(command)) for name, schedule, command in rows]


def _is_due(name: str, schedule: str, *, since: datetime, until: datetime) -> bool:
    try:
        return next(CronSim(schedule, since)) <= until
    except CronSimError:
        _log.error("The scheduled job %s never runs: %r is not a schedule of five fields.", name, schedule)
        return False
    except StopIteration:
        return False  # A date that does not exist, such as 30 February.
