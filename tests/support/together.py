"""Do several things at the same moment, each on a connection of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg

from tests.support.actors import Actors

Task = Callable[[Actors], object]
"""What one connection does in a transaction of its own."""


def together(dsn: str, tasks: Sequence[Task], *, rounds: int = 1) -> list[object]:
    """Run tasks at the same moment and return what each returned, or its database error.

    Args:
        dsn: The database, as `postgres`.
        tasks: Each runs on a connection of its own. They begin together and commit one by one.
        rounds: How often each task is run, one transaction after another.
    """
    barrier = Barrier(len(tasks), timeout=30)

    def run(task: Task) -> list[object]:
        outcomes: list[object] = []
        with psycopg.connect(dsn) as connection:
            connection.execute("select 1")
            connection.rollback()
            barrier.wait()
            for _ in range(rounds):
                try:
                    with Actors(connection, commit=True) as actors:
                        outcomes.append(task(actors))
                except psycopg.Error as error:
                    outcomes.append(error)
        return outcomes

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [outcome for outcomes in pool.map(run, tasks) for outcome in outcomes]


def tally(outcomes: Sequence[object]) -> dict[str, int]:
    """Count outcomes by SQLSTATE, and as "done" what went through."""
    states = [(o.sqlstate or "no SQLSTATE") if isinstance(o, psycopg.Error) else "done" for o in outcomes]
    return dict(Counter(states))
