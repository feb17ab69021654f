"""A database from which guards are taken away, one at a time, and which sees what tests run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER
from tests.mutation.mutants import Mutant

SHARED = "shared"
"""The database in which tests commit nothing (the fixture `dsn`)."""


class Laboratory:
    """Keeps one mutant at a time in every database that tests use, and sees which functions they run."""

    def __init__(self) -> None:
        self.databases: Databases | None = None
        self.mutant: Mutant | None = None
        self.called: set[str] = set()
        self._is_tracking = False
        self._clone, self._drop = Databases.clone, Databases.drop

    def __enter__(self) -> Laboratory:
        def clone(databases: Databases, name: str) -> str:
            dsn = self._clone(databases, name)
            self.databases = databases
            if self.mutant is not None:
                self._execute(name, self.mutant.spoil)
            return dsn

        def drop(databases: Databases, name: str) -> None:
            if self._is_tracking:
                self._note_calls(name)
            self._drop(databases, name)

        setattr(Databases, "clone", clone)  # noqa: B010
        setattr(Databases, "drop", drop)  # noqa: B010
        return self

    def __exit__(self, *_: object) -> None:
        setattr(Databases, "clone", self._clone)  # noqa: B010
        setattr(Databases, "drop", self._drop)  # noqa: B010

    def connect(self, database: str = SHARED) -> psycopg.Connection[Any]:
        """Connect as a superuser, who waits for nobody for long."""
        assert self.databases is not None
        dsn = self.databases.dsn(database, user=SUPERUSER)
        return psycopg.connect(dsn, autocommit=True, options="-c lock_timeout=5s")

    def _execute(self, database: str, statement: str) -> None:
        with self.connect(database) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def spoiled(self, mutant: Mutant) -> Iterator[None]:
        """Take a guard away for the length of a block."""
        self._execute(SHARED, mutant.spoil)
        self.mutant = mutant
        try:
            yield
        finally:
            self.mutant = None
            self._execute(SHARED, mutant.restore)

    @contextlib.contextmanager
    def tracking(self) -> Iterator[None]:
        """Note in `called` which functions are run in a block, as far as the sessions that ran them have ended."""
        self._execute(SHARED, "alter system set track_functions = 'all'")
        self._execute(SHARED, "select pg_reload_conf()")
        self._is_tracking = True
        try:
            yield
        finally:
            self._is_tracking = False

    def take_calls(self) -> set[str]:
        """Return what was called since the last time."""
        self._note_calls(SHARED)
        self._execute(SHARED, "select pg_stat_reset()")
        called, self.called = self.called, set()
        return called

    def _note_calls(self, database: str) -> None:
        with self.connect(database) as connection:
            rows = connection.execute("select funcid::regproc::text from pg_stat_user_functions where calls > 0")
            self.called |= {row[0] for row in rows}
