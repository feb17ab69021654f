"""Apply a project's migrations and seed, and record them as the `supabase` command does.

Both can then be used on the same database: `supabase db push` knows what this module has applied.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psycopg

from supabase_embedded import _sql
from supabase_embedded.errors import MigrationError

_FILE_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.*)\.sql")

# The tables as the `supabase` command creates them.
_MIGRATIONS_TABLE = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[];
    alter table supabase_migrations.schema_migrations add column if not exists name text;
"""
_SEEDS_TABLE = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);
"""


@dataclass(frozen=True)
class Migration:
    """One migration file."""

    path: Path
    version: str
    name: str

    def read(self) -> str:
        """Return the file's content."""
        return self.path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class MigrationReport:
    """What `migrate()` found and did."""

    applied: Sequence[str] = ()
    """The versions that were applied now, in order."""

    changed: Sequence[str] = ()
    """The versions that were applied earlier and whose file has been edited since. The database lacks the edits."""

    missing: Sequence[str] = ()
    """The versions that were applied earlier and whose file no longer exists."""

    def describe(self, command: str) -> Iterator[str]:
        """Yield what to tell people, in sentences.

        Args:
            command: The command that has a subcommand `reset`.
        """
        if self.applied:
            yield f"Applied {len(self.applied)} new migration(s), up to {self.applied[-1]}."
        if self.changed:
            yield (
                f"These migrations were edited after they had been applied: {', '.join(self.changed)}. "
                f"The database does not have the edits; `{command} reset` creates it again."
            )
        if self.missing:
            yield (
                f"The database has migrations whose files are missing: {', '.join(self.missing)}. "
                f"`{command} reset` creates it again."
            )


def migrations_in(folder: Path) -> list[Migration]:
    """Return the migrations of a folder in order of their version.

    Raises:
        MigrationError: Two files have the same version.
    """
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue  # The `supabase` command ignores such files, too.
        migration = Migration(path, match["version"], match["name"])
        if migration.version in found:
            raise MigrationError(
                f"{found[migration.version].path.name} and {path.name} have the same version. Rename one of them."
            )
        found[migration.version] = migration
    return sorted(found.values(), key=lambda migration: migration.version)


def migrate(dsn: str, migrations_dir: Path) -> MigrationReport:
    """Apply new migrations to a database, each in a transaction of its own.

    Args:
        dsn: A connection to the database, as the role `postgres`.
        migrations_dir: The folder with the files `<version>_<name>.sql`.

    Raises:
        MigrationError: Postgres refused a migration. It was rolled back; earlier migrations stay applied.
    """
    migrations = migrations_in(migrations_dir)
    applied: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_MIGRATIONS_TABLE)
        rows = connection.execute("select version, statements from supabase_migrations.schema_migrations").fetchall()
        seen = {cast(str, version): cast("list[str] | None", statements) for version, statements in rows}
        for migration in migrations:
            if migration.version in seen:
                continue
            with connection.transaction():
                statements = _execute(connection, migration.path)
                connection.execute(
                    "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                    (migration.version, migration.name, statements),
                )
            applied.append(migration.version)
    return MigrationReport(
        applied=applied,
        changed=[m.version for m in migrations if _was_edited(m, seen.get(m.version))],
        missing=sorted(seen.keys() - {m.version for m in migrations}),
    )


def seed(dsn: str, seed_path: Path) -> bool:
    """Run the seed file once for each database, in one transaction.

    An edited seed does not run again on the same database; as with the `supabase` command, only a fresh database gets
    it.

    Args:
        dsn: A connection to the database, as the role `postgres`.
        seed_path: The file; it may be missing.

    Returns:
        True if the seed ran now.

    Raises:
        MigrationError: Postgres refused a statement. The whole file was rolled back.
    """
    if not seed_path.exists():
        return False
    digest = hashlib.sha256(seed_path.read_bytes()).hexdigest()
    # The `supabase` command records the path relative to the folder that contains `supabase`.
    name = f"supabase/{seed_path.name}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_SEEDS_TABLE)
        if connection.execute("select 1 from supabase_migrations.seed_files where path = %s", (name,)).fetchone():
            return False
        with connection.transaction():
            _execute(connection, seed_path)
            connection.execute(
                "insert into supabase_migrations.seed_files (path, hash) values (%s, %s)", (name, digest)
            )
    return True


def _was_edited(migration: Migration, recorded: list[str] | None) -> bool:
    return recorded is not None and recorded != [statement.text for statement in _sql.split(migration.read())]


def _execute(connection: psycopg.Connection, path: Path) -> list[str]:
    """Run a file statement by statement, and return the statements."""
    source = path.read_text(encoding="utf-8")
    statements = _sql.split(source)
    for number, statement in enumerate(statements, start=1):
        try:
            connection.execute(statement.text.encode())
        except psycopg.Error as error:
            raise MigrationError(_describe(error, path, source, number, statement)) from error
    return [statement.text for statement in statements]


def _describe(error: psycopg.Error, path: Path, source: str, number: int, statement: _sql.Statement) -> str:
    diagnosis = error.diag
    position = int(diagnosis.statement_position or 1) - 1
    line = _sql.line_of(source, statement.offset + position)
    parts = [
        f"{path.name}, line {line} (statement {number}): "
        f"{diagnosis.message_primary or error} (SQLSTATE {error.sqlstate or 'unknown'})"
    ]
    for label, text in (
        ("Detail", diagnosis.message_detail),
        ("Hint", diagnosis.message_hint),
        ("Where", diagnosis.context),
    ):
        if text:
            parts.append(f"{label}: {text}")
    parts.append("The whole file was rolled back. Correct it and run the command again.")
    return "\n".join(parts)
