"""Fixtures for the embedded stack's own tests: a small project, and a Postgres with the platform's schemas only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.project import Project
from supabase_embedded.stack import Stack
from tests.embedded.postgres_versions import EMBEDDED, bindir, versions
from tests.support.long import long

FIRST = """\
-- Things, for a test; with a semicolon in a comment.
create table public.things (
  id integer generated always as identity primary key,
  name text not null
);
alter table public.things enable row level security;
grant select, insert, update, delete on public.things to service_role;
"""
SECOND = """\
create function public.shout(text) returns text language sql set search_path = '' return upper($1);
"""
SEED = """\
insert into public.things (name) values ('seeded');
"""


def write_project(root: Path) -> Path:
    """Write a small project into a folder and return the folder."""
    migrations = root / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_things.sql").write_text(FIRST, encoding="utf-8")
    (migrations / "20260102000000_shout.sql").write_text(SECOND, encoding="utf-8")
    (root / "supabase" / "seed.sql").write_text(SEED, encoding="utf-8")
    (root / "supabase" / "config.toml").write_text('project_id = "small"\n', encoding="utf-8")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project for this test alone."""
    return write_project(tmp_path / "project")


@pytest.fixture(scope="session")
def ready_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that has been started and stopped once; its password is `secret`."""
    server = PostgresServer(tmp_path_factory.mktemp("ready") / "data", password="secret", durable=False)
    server.start()
    server.stop()
    return server.data_dir


@pytest.fixture(scope="session")
def ready_stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stack of the small project that has been started and stopped once."""
    folder = tmp_path_factory.mktemp("ready")
    with Stack(folder / "stack", project=write_project(folder / "project"), durable=False):
        pass
    return folder / "stack"


def copy(ready: Path, folder: Path) -> Path:
    """Copy a folder, and keep the owner of the files."""
    subprocess.run(["cp", "-a", ready, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The small project's databases on the embedded Postgres."""
    yield from _databases(EMBEDDED, write_project(tmp_path_factory.mktemp("project")))


@pytest.fixture(
    scope="session",
    params=[EMBEDDED, *long(*(version for version in versions() if version != EMBEDDED))],
    ids="postgres{}".format,
)
def every_version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The small project's databases, on each version of Postgres in turn."""
    yield from _databases(request.param, write_project(tmp_path_factory.mktemp("project")))


@pytest.fixture(scope="session")
def shared(every_version: Databases) -> Iterator[psycopg.Connection]:
    """A connection as `postgres` to a database that tests share and leave as it was."""
    with psycopg.connect(every_version.clone("shared"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def platform_dsn(every_version: Databases) -> Iterator[str]:
    """The URL, as `postgres`, of a database for this test alone."""
    yield every_version.clone("platform_test")
    every_version.drop("platform_test")


@pytest.fixture
def postgres(platform_dsn: str) -> Iterator[psycopg.Connection]:
    """A connection as `postgres`, the role of migrations, to a database for this test alone."""
    with psycopg.connect(platform_dsn, autocommit=True) as connection:
        yield connection


def _databases(version: int, project: Path) -> Iterator[Databases]:
    with PostgresServer.temporary(bindir=bindir(version)) as server:
        databases = Databases(server.address, Project.find(project), service_password="service")
        databases.prepare()
        yield databases
