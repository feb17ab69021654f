"""The servers and databases that are measured: durable, and as the local stack configures them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.database.pgbench import Pgbench
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER, PostgresServer
from supabase_embedded.postgres.temporary import deleted_if_killed, memory_folder
from supabase_embedded.project import Project
from tests.support.parts import postgres_programs

_SERVICE_PASSWORD = "service"
_PASSWORD = "only-for-benchmarks"
_TPCB = "tpcb"

SETTINGS = (
    "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size", "work_mem",
    "effective_cache_size", "autovacuum", "jit", "max_connections",
)  # fmt: skip
"""What a report says of the server."""


@dataclass(frozen=True)
class Bench:
    """A server on disk that is measured."""

    server: PostgresServer
    databases: Databases
    pgbench: Pgbench

    @property
    def tpcb(self) -> str:
        """The database with pgbench's own tables."""
        return _TPCB

    def superuser(self, database: str) -> psycopg.Connection:
        """Connect past all rules."""
        return psycopg.connect(self.databases.dsn(database, user=SUPERUSER), autocommit=True)

    def prepare_tpcb(self, scale: int) -> None:
        """Create the database with pgbench's own tables."""
        with self.superuser("template1") as connection:
            connection.execute(f"create database {_TPCB}".encode())
        self.pgbench.fill_tpcb(_TPCB, scale)

    def settings(self) -> dict[str, str]:
        """Return the version of the server, and its settings that matter to time."""
        with self.superuser("template1") as connection:
            rows = connection.execute(
                "select name, current_setting(name) from unnest(%s::text[]) as name", [["server_version", *SETTINGS]]
            ).fetchall()
        return dict(rows)


class Folder:
    """The data folder of a server, which is filled without waiting for the disk and measured as in production."""

    def __init__(self, place: Path, version: int) -> None:
        self._place = place
        self._version = version

    @contextmanager
    def serve(self, *, durable: bool) -> Iterator[Bench]:
        """Run the server. While it is not durable nothing waits for the disk: for filling it only."""
        server = PostgresServer(
            self._place / "data", password=_PASSWORD, durable=durable, bindir=postgres_programs(self._version)
        )
        with server:
            databases = Databases(server.address, Project.find(), service_password=_SERVICE_PASSWORD, with_seed=False)
            yield Bench(server, databases, Pgbench(server, service_password=_SERVICE_PASSWORD))


@contextmanager
def temporary_folder(version: int, *, in_memory: bool = False) -> Iterator[Folder]:
    """A folder for a server, deleted afterwards: on disk, or in memory if there is room."""
    place = Path(tempfile.mkdtemp(prefix="supabase-postgres-bench-", dir=memory_folder() if in_memory else None))
    with deleted_if_killed(place):
        try:
            yield Folder(place, version)
        finally:
            shutil.rmtree(place)
