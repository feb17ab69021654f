"""Files for the tests of Storage, and what the server has stored."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from storage3.exceptions import StorageApiError

from tests.embedded.server.conftest import Server

PNG = b"\x89PNG" + bytes(range(100))
TEXT = {"content-type": "text/plain"}
IMAGE = {"content-type": "image/png"}


def refused(code: str) -> pytest.RaisesExc[StorageApiError]:
    """Expect an error with this older code, which the Python client reports."""
    return pytest.RaisesExc(StorageApiError, check=lambda error: error.code == code)


def stored_versions(server: Server) -> set[str]:
    return {path.name for path in Path(server.config.storage_dir).rglob("*") if path.is_file()}


def rows_versions(server: Server) -> set[str]:
    with psycopg.connect(server.superuser_dsn) as connection:
        return {str(row[0]) for row in connection.execute("select version from storage.objects").fetchall()}
