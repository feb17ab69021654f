"""The clock's work for everybody at once, and how long it keeps one person waiting."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import asdict, dataclass

import psycopg

from benchmarks.database.servers import Bench

_PAUSE = 0.005  # Seconds between two people who want to write.

_STREAKS = """
update public.users set current_streak = 0, longest_streak = 0;
delete from private.paid_streaks;
"""

_NEW_BADGE = """
insert into public.badges (code, name, description, icon, criteria, token_reward)
values ('measured', 'Measured', 'Publish a response.', '⏱', '{"metric": "responses_published", "at_least": 1}', 10)
"""

WORK = {
    "streaks of everybody change": (_STREAKS, "select private.refresh_streaks()"),
    "everybody earns a badge": (_NEW_BADGE, "select private.award_all_badges()"),
    "nothing has changed": ("", "select private.refresh_streaks()"),
    "nothing is earned": ("", "select private.award_all_badges()"),
}
"""What is prepared, and what the clock then calls."""


@dataclass(frozen=True)
class ClockFigure:
    """What a piece of the clock's work took."""

    people: int
    """How many it changed."""

    seconds: float

    longest_wait: float
    """The longest that somebody else waited for a person, in milliseconds."""


def measure_clock(bench: Bench, database: str, *, users: int) -> dict[str, dict[str, float]]:
    """Do every piece of work once, in order."""
    figures = {}
    for name, (prepare, statement) in WORK.items():
        with bench.superuser(database) as connection:
            if prepare:
                # Past the triggers, which count versions.
                connection.execute("set session_replication_role = replica")
                connection.execute(prepare.encode())
                connection.execute("vacuum analyze public.users")
                connection.execute("set session_replication_role = origin")
            connection.execute("checkpoint")
            with _Waiting(bench, database, users) as waiting:
                started = time.perf_counter()
                row = connection.execute(statement.encode()).fetchone()
                seconds = time.perf_counter() - started
            assert row is not None
            figures[name] = asdict(ClockFigure(int(row[0]), seconds, waiting.longest))
    return figures


class _Waiting:
    """Somebody who wants to write for one person after another while the clock works."""

    def __init__(self, bench: Bench, database: str, users: int) -> None:
        self._bench = bench
        self._database = database
        self._users = users
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.longest = 0.0

    def __enter__(self) -> _Waiting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        generator = random.Random(2026)
        with self._bench.superuser(self._database) as connection:
            while not self._ended.wait(_PAUSE):
                started = time.perf_counter()
                self._hold(connection, generator.randint(1, self._users))
                self.longest = max(self.longest, (time.perf_counter() - started) * 1000)

    def _hold(self, connection: psycopg.Connection, number: int) -> None:
        connection.execute("select from public.users where id = md5('user' || %s)::uuid for no key update", [number])
