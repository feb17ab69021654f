"""Prepare a plain PostgreSQL server as the platform does before the first migration.

The SQL files in this folder run in order. They create roles, the schemas `auth`, `storage`, `realtime` and
`extensions`, grants, role settings and guards. The tables of `auth` and `storage` come from the library that serves
them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

from supabase_embedded import deno
from supabase_embedded.errors import PostgresError, ServerError
from supabase_embedded.project import PACKAGE, cache_dir

_FOLDER = PACKAGE / "bootstrap"
_ROLES_FILE = _FOLDER / "10_roles.sql"
_DATABASE_FILES = ("20_database", "30_auth", "40_storage", "50_realtime", "70_guard")

POSTGRES_PASSWORD = "postgres"
"""The password of the role `postgres`, the same as in the platform's own local stack."""

_SERVICE_ROLES = ("authenticator", "supabase_auth_admin", "supabase_storage_admin")


class PlatformSchema(NamedTuple):
    """The SQL of the schemas whose tables the embedded server's library defines."""

    auth: str
    storage: str


def bootstrap(dsn: str, *, service_password: str) -> None:
    """Prepare a database as the platform does, unless it is prepared already.

    Works on PostgreSQL 15 and later. Everything happens in one transaction.

    Args:
        dsn: A connection of the superuser `supabase_admin` to the database.
        service_password: The password for the roles that the services log in as (`authenticator`,
            `supabase_auth_admin`, `supabase_storage_admin`). The role `postgres` gets the password `postgres`.

    Raises:
        PostgresError: PostgreSQL refused a statement; nothing was changed.
    """
    try:
        with psycopg.connect(dsn) as connection:
            _create_roles(connection, service_password)
            _prepare_database(connection)
    except psycopg.Error as error:
        raise PostgresError(f"The database could not be prepared: {error}") from error


def fingerprint() -> str:
    """Return a hash that changes whenever the result of `bootstrap()` would."""
    digest = hashlib.sha256()
    for part in (*(path.read_text(encoding="utf-8") for path in _files()), *platform_schema()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


@cache
def platform_schema() -> PlatformSchema:
    """Return the SQL of `auth` and `storage`, from the cache or else from the library itself.

    Raises:
        ServerError: The library could not be loaded.
    """
    script = _FOLDER / "platform_schema.ts"
    # The script names the version of the library, so that a new version changes the hash.
    cached = cache_dir() / f"platform-schema-{hashlib.sha256(script.read_bytes()).hexdigest()[:16]}.json"
    if not cached.exists():
        _cache_platform_schema(script, cached)
    return PlatformSchema(**json.loads(cached.read_text(encoding="utf-8")))


def _cache_platform_schema(script: Path, cached: Path) -> None:
    from filelock import FileLock

    with FileLock(cached.with_suffix(".lock")):
        if cached.exists():  # Another process has been faster.
            return
        result = subprocess.run(
            [deno.executable(), "run", "--quiet", "--no-prompt", "--allow-env", *deno.pinned(), script],
            env=deno.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise ServerError(
                "The library of the embedded server could not be loaded. The first time this needs the network. "
                f"Deno said:\n{result.stderr.strip()[:1000]}"
            )
        unfinished = cached.with_suffix(".unfinished")
        unfinished.write_text(result.stdout, encoding="utf-8")
        unfinished.replace(cached)


def _files() -> list[Path]:
    return [_ROLES_FILE, *(_FOLDER / f"{name}.sql" for name in _DATABASE_FILES)]


def _create_roles(connection: psycopg.Connection, service_password: str) -> None:
    if connection.execute("select 1 from pg_catalog.pg_roles where rolname = 'authenticator'").fetchone() is None:
        connection.execute(_ROLES_FILE.read_bytes())
    passwords = dict.fromkeys(_SERVICE_ROLES, service_password) | {"postgres": POSTGRES_PASSWORD}
    for role, password in passwords.items():
        statement = sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
        connection.execute(statement)


def _prepare_database(connection: psycopg.Connection) -> None:
    if connection.execute("select 1 from pg_catalog.pg_namespace where nspname = 'realtime'").fetchone() is not None:
        return
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("alter database {} owner to postgres").format(name))
    before = {"30_auth": platform_schema().auth, "40_storage": platform_schema().storage}
    for part in _DATABASE_FILES:
        if part in before:
            connection.execute(before[part].encode())
        connection.execute((_FOLDER / f"{part}.sql").read_bytes())
