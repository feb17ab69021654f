"""Make the databases of a stack, fast: everything slow is done once, in templates that are then copied.

```
embedded_platform   what bootstrap() makes; nobody connects to it
embedded_template   its copy with the project's migrations and seed; nobody connects to it
embedded_spare      a copy of that, ready to become the database in use
postgres            the database in use
```

A database that is being made has another name until it is complete, so that a crash in between leaves nothing that
looks finished. What each one was made from is in its comment, as a hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from supabase_embedded._address import SUPERUSER, ServerAddress
from supabase_embedded._folder import DATABASE
from supabase_embedded.bootstrap import POSTGRES_PASSWORD, bootstrap, fingerprint
from supabase_embedded.errors import PostgresError
from supabase_embedded.migrations import MigrationReport, migrate, migrations_in, seed
from supabase_embedded.project import Project

_PLATFORM = "embedded_platform"
_TEMPLATE = "embedded_template"
_SPARE = "embedded_spare"
_UNFINISHED = "embedded_unfinished"
_DISCARDED = "embedded_discarded"
# The database to connect to while creating and dropping others: PostgreSQL refuses to copy or drop one that is in use.
_MAINTENANCE = "template1"
_COMMENT = "supabase_embedded "
# Since this version PostgreSQL can have the operating system copy files, which takes half the time. On some file
# systems, such as Btrfs, XFS and APFS, the copies share their unchanged blocks.
_CLONE_SINCE = 180_000
_LOCK = 7_305_808_869_232_406_893  # An arbitrary number that other programs are unlikely to use.


@dataclass(frozen=True)
class Databases:
    """The databases of one server, for one project.

    ```python
    databases = Databases(server.address, Project.find(), service_password="...")
    databases.open()                       # the database `postgres`: created, or migrated
    dsn = databases.clone("test_1")        # a fresh migrated and seeded database, in a fraction of a second
    databases.reset()                      # a fresh `postgres`
    ```
    """

    server: ServerAddress
    project: Project
    service_password: str
    """The password of the roles that the services log in as; see `bootstrap()`."""

    with_seed: bool = True
    """Whether new databases get the project's seed data."""

    def __repr__(self) -> str:
        return f"Databases({self.server!r}, {str(self.project.supabase_dir)!r})"

    def dsn(self, name: str = DATABASE, *, user: str = "postgres") -> str:
        """Return the URL for a connection as `postgres`, the role of migrations, or as another role that may log in."""
        if user == SUPERUSER:
            return self.server.dsn(name)
        password = POSTGRES_PASSWORD if user == "postgres" else self.service_password
        return self.server.dsn(name, user=user, password=password)

    def open(self) -> MigrationReport:
        """Create the database `postgres` from the template, or apply new migrations to it.

        Returns:
            The migrations that were applied to an existing database, and the differences that were found; nothing for a
            new one.

        Raises:
            MigrationError: A migration or the seed was refused.
        """
        with self._session() as session:
            exists = _origin(session, DATABASE) is not None
            if exists:  # A reset that was interrupted may have left it closed.
                _run(session, "alter database {} allow_connections true", DATABASE)
        if not exists:
            self.reset()
            return MigrationReport()
        report = migrate(self.dsn(), self.project.migrations_dir)
        if self.with_seed:
            seed(self.dsn(), self.project.seed_path)
        self.maintain()
        return report

    def fits_this_version(self) -> bool:
        """Return True if the database `postgres` was created with the bootstrap of this version of the package."""
        with self._session() as session:
            origin = _origin(session, DATABASE)
        return origin is not None and origin.startswith(fingerprint())

    def prepare(self) -> None:
        """Create the template unless it exists for these migrations, this seed and this bootstrap.

        Raises:
            MigrationError: A migration or the seed was refused.
        """
        with self._session() as session:
            self._prepare(session)

    def clone(self, name: str) -> str:
        """Create the database `name` as a copy of the template, replacing one of that name, and return its URL.

        Several processes may call this at the same time.
        """
        with self._session() as session:
            self._prepare(session)
        with self._connect() as session:
            _drop(session, name)
            _create(session, name, template=_TEMPLATE)
        return self.dsn(name)

    def drop(self, name: str) -> None:
        """Drop a database even if it is in use. Does nothing if it does not exist."""
        with self._connect() as session:
            _drop(session, name)

    def reset(self) -> None:
        """Replace `postgres` with a fresh database, and end the sessions of the old one.

        It takes milliseconds if `tidy()` has run since the last reset.

        Raises:
            MigrationError: A migration or the seed was refused; the old database is kept.
        """
        with self._session() as session:
            origin = self._prepare(session)
            if _origin(session, _SPARE) != origin:
                self._make_spare(session, origin)
            _drop(session, _DISCARDED)
            _rename(session, DATABASE, _DISCARDED)
            _rename(session, _SPARE, DATABASE)
        self.maintain()

    def tidy(self) -> None:
        """Do the slow part of the next `reset()` now: drop the replaced database and create a spare one."""
        with self._session() as session:
            _drop(session, _DISCARDED)
            origin = self._prepare(session)
            if _origin(session, _SPARE) != origin:
                self._make_spare(session, origin)

    def maintain(self) -> None:
        """Create the partitions of the coming days for realtime messages in `postgres`, and drop old ones."""
        with psycopg.connect(self.server.dsn(DATABASE), autocommit=True) as connection:
            connection.execute("select realtime.maintain_partitions()")

    def _prepare(self, session: psycopg.Connection) -> str:
        """Create the template if necessary, and return the hash of its inputs."""
        platform = fingerprint()
        origin = f"{platform} {self._project_hash()}"
        if _origin(session, _TEMPLATE) == origin:
            return origin
        if _origin(session, _PLATFORM) != platform:
            _create(session, _UNFINISHED, template="template0")
            bootstrap(self.server.dsn(_UNFINISHED), service_password=self.service_password)
            _finish(session, _PLATFORM, platform)
        _create(session, _UNFINISHED, template=_PLATFORM)
        migrate(self.dsn(_UNFINISHED), self.project.migrations_dir)
        if self.with_seed:
            seed(self.dsn(_UNFINISHED), self.project.seed_path)
        _finish(session, _TEMPLATE, origin)
        return origin

    def _make_spare(self, session: psycopg.Connection, origin: str) -> None:
        _create(session, _UNFINISHED, template=_TEMPLATE)
        _finish(session, _SPARE, origin)

    def _project_hash(self) -> str:
        digest = hashlib.sha256()
        paths = [migration.path for migration in migrations_in(self.project.migrations_dir)]
        if self.with_seed and self.project.seed_path.exists():
            paths.append(self.project.seed_path)
        for path in paths:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    def _connect(self) -> psycopg.Connection:
        session = psycopg.connect(self.server.dsn(_MAINTENANCE), autocommit=True)
        if session.info.server_version >= _CLONE_SINCE:
            # A PostgreSQL built for a system without this feature copies files itself.
            with contextlib.suppress(psycopg.errors.InvalidParameterValue):
                session.execute("set file_copy_method = clone")
        return session

    @contextmanager
    def _session(self) -> Generator[psycopg.Connection]:
        """Connect, and lock out other processes that create the same databases."""
        with self._connect() as session:
            session.execute("select pg_catalog.pg_advisory_lock(%s)", (_LOCK,))
            yield session


def _origin(session: psycopg.Connection, name: str) -> str | None:
    """Return the hash of the inputs of a database; None if it does not exist or was not finished."""
    row = session.execute(
        "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = %s",
        (name,),
    ).fetchone()
    comment = str(row[0]) if row else ""
    return comment.removeprefix(_COMMENT) if comment.startswith(_COMMENT) else None


def _create(session: psycopg.Connection, name: str, *, template: str) -> None:
    if name == _UNFINISHED:
        _drop(session, name)
    # The owner is not copied. (The bootstrap sets the owner of a new database once the role exists.)
    owner = SUPERUSER if template == "template0" else "postgres"
    statement: LiteralString = "create database {} template {} owner {} strategy file_copy"
    try:
        _run(session, statement, name, template, owner)
    except psycopg.errors.InternalError_:
        if session.info.server_version < _CLONE_SINCE:
            raise
        # The file system does not support cloning.
        session.execute("set file_copy_method = copy")
        _run(session, statement, name, template, owner)


def _finish(session: psycopg.Connection, name: str, origin: str) -> None:
    """Give the unfinished database its final name, replacing an older one."""
    statement = sql.SQL("comment on database {} is {}")
    session.execute(statement.format(sql.Identifier(_UNFINISHED), sql.Literal(_COMMENT + origin)))
    _drop(session, name)
    _rename(session, _UNFINISHED, name)


def _rename(session: psycopg.Connection, old: str, new: str) -> None:
    if _exists(session, old):
        _close(session, old)
        _run(session, "alter database {} rename to {}", old, new)
        _run(session, "alter database {} allow_connections true", new)


def _drop(session: psycopg.Connection, name: str) -> None:
    if _exists(session, name):
        _close(session, name)
        _run(session, "drop database {}", name)


def _exists(session: psycopg.Connection, name: str) -> bool:
    return session.execute("select 1 from pg_catalog.pg_database where datname = %s", (name,)).fetchone() is not None


def _close(session: psycopg.Connection, name: str) -> None:
    """End every session of a database, replication included, and refuse new ones."""
    _run(session, "alter database {} allow_connections false", name)
    deadline = time.monotonic() + 10
    while session.execute(
        "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = %s", (name,)
    ).fetchall():
        if time.monotonic() > deadline:
            raise PostgresError(f"The sessions of the database {name} did not end. Stop the programs that use it.")
        time.sleep(0.002)


def _run(session: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
