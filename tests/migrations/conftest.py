"""Servers of the three PostgreSQL versions that the migrations run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supabase_embedded.postgres import PostgresServer
from tests.support.parts import POSTGRES_VERSIONS, postgres_programs


@pytest.fixture(scope="module", params=POSTGRES_VERSIONS, ids=lambda version: f"postgres{version}")
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server of each version, with nothing in it."""
    with PostgresServer.temporary(bindir=postgres_programs(request.param)) as server:
        assert server.major_version == request.param
        yield server
