"""Fixtures for every test: a throwaway Postgres with the platform's roles and our migrations, and a whole stack.

Each test process has its own, started when the first test asks for it. Tests that speak HTTP use `api`; when
MONOGRAM_TEST_API_URL, MONOGRAM_TEST_PUBLISHABLE_KEY and MONOGRAM_TEST_SECRET_KEY are set they run against that project
(with our migrations and without anything precious in it), such as one of `supabase start`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from monogram_sdk.local._paths import Project
from monogram_sdk.local.databases import Databases
from monogram_sdk.local.postgres import PostgresServer
from monogram_sdk.local.stack import Stack
from tests.support.actors import Actors

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Api:
    """Where tests find a Supabase-compatible API with our migrations."""

    url: str
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded stack of this test process, seeded, for tests that need more of it than its API."""
    options = {"bcrypt_cost": 4}  # Signing up is most of what tests do; a cheap hash is enough for them.
    with Stack(tmp_path_factory.mktemp("stack"), durable=False, deliver=False, server_options=options) as stack:
        yield stack


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Api:
    """The API under test: the one that the environment names, else that of this test process' stack."""
    if url := os.environ.get("MONOGRAM_TEST_API_URL"):
        return Api(url, os.environ["MONOGRAM_TEST_PUBLISHABLE_KEY"], os.environ["MONOGRAM_TEST_SECRET_KEY"])
    stack: Stack = request.getfixturevalue("stack")
    return Api(stack.api_url, stack.publishable_key, stack.secret_key)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Databases with our migrations and no seed, on a Postgres of this test process."""
    with PostgresServer.temporary(durable=False) as server:
        databases = Databases(server.address, Project.find(ROOT), service_password="service", with_seed=False)
        databases.prepare()
        yield databases


@pytest.fixture(scope="session")
def dsn(databases: Databases) -> str:
    """The URL, as `postgres`, of a database that tests share and in which nothing is ever committed."""
    return databases.clone("shared")


@pytest.fixture
def actors(dsn: str) -> Iterator[Actors]:
    """People who act in one transaction that is rolled back."""
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield actors


@pytest.fixture
def fresh_dsn(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test alone, for what must be committed."""
    name = f"test_{uuid4().hex}"
    yield databases.clone(name)
    databases.drop(name)


@pytest.fixture
def committed(fresh_dsn: str) -> Iterator[Callable[[], Actors]]:
    """Make people who act in transactions that are committed, each set on a connection of its own."""
    connections: list[psycopg.Connection] = []

    def connect() -> Actors:
        connection = psycopg.connect(fresh_dsn)
        connections.append(connection)
        return Actors(connection, commit=True)

    yield connect
    for connection in connections:
        connection.close()
