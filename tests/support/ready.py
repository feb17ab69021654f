"""Servers whose databases are made already: once for all processes of a test run, of which each starts a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from monogram_sdk.local import Stack
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.postgres.temporary import deleted_if_killed, memory_folder
from supabase_embedded.project import Project
from tests.support.partitions import partition
from tests.support.parts import POSTGRES_VERSIONS, postgres_programs

ROOT = Path(__file__).parent.parent.parent
SERVICE_PASSWORD = "service"
_PASSWORD = "only-for-tests"

VERSION = int(os.environ.get("MONOGRAM_TEST_POSTGRES", max(POSTGRES_VERSIONS)))
"""The PostgreSQL that tests of the database run on: 15, 17, or 18, which is the stack's own."""

PARTITIONED = "MONOGRAM_TEST_PARTITIONED" in os.environ
"""Whether the large tables are partitioned in the databases that tests of the database use."""


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first process of the run to ask for it has made."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"ready-{name}"
    with FileLock(shared.with_suffix(".lock")):
        if not shared.exists():
            unfinished = shared.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            make(unfinished)
            unfinished.rename(shared)
    return shared


def copy(folder: Path, place: Path) -> None:
    """Copy a folder of data, with the account that the files belong to."""
    subprocess.run(["cp", "-a", folder, place], check=True)


@contextmanager
def server_with_template(factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Run a temporary server that holds the template of our migrations; see `databases_of()`."""
    ready = made_once(factory, "server", _make)
    with _copied_into_memory(ready / "data") as data, _server(data) as server:
        yield server


@contextmanager
def stack_folder(factory: pytest.TempPathFactory, name: str, *, seed: bool) -> Iterator[Path]:
    """Yield the folder of a stack that has been started before, but with no ports yet: give it to `Stack`."""

    def make(folder: Path) -> None:
        with Stack(folder / "stack", seed=seed, durable=False, deliver=False):
            pass
        (folder / "stack" / "state.json").unlink()
        (folder / "stack" / "postgres").rename(folder / "postgres")

    ready = made_once(factory, "seeded-stack" if seed else "stack", make)
    folder = factory.mktemp(name) / "stack"
    copy(ready / "stack", folder)
    with _copied_into_memory(ready / "postgres") as data:
        (folder / "postgres").symlink_to(data)
        yield folder


@contextmanager
def _copied_into_memory(data: Path) -> Iterator[Path]:
    """Yield a copy of a data folder of Postgres, in memory where there is room for it."""
    folder = Path(tempfile.mkdtemp(prefix="supabase-postgres-", dir=memory_folder()))
    with deleted_if_killed(folder):
        try:
            copy(data, folder / "data")
            yield folder / "data"
        finally:
            shutil.rmtree(folder)


def databases_of(server: PostgresServer) -> Databases:
    """Return the databases of such a server: with our migrations, without the seed."""
    return Databases(server.address, Project.find(ROOT), service_password=SERVICE_PASSWORD, with_seed=False)


def _make(folder: Path) -> None:
    with _server(folder / "data") as server:
        assert server.major_version == VERSION
        databases = databases_of(server)
        databases.prepare()
        if PARTITIONED:
            partition(databases.dsn("embedded_template"), parts=4)


def _server(data: Path) -> PostgresServer:
    return PostgresServer(data, password=_PASSWORD, durable=False, bindir=postgres_programs(VERSION))
