"""Monogram's embedded stack: a real PostgreSQL and a Supabase-compatible API from pip packages alone.

It needs the extra `local`: `pip install 'monogram-sdk[local]'`.
"""

from __future__ import annotations

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
from monogram_sdk.local.bootstrap import bootstrap
from monogram_sdk.local.databases import Databases
from monogram_sdk.local.migrate import migrate, seed
from monogram_sdk.local.postgres import PostgresServer
from monogram_sdk.local.stack import Stack, StackStatus

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
    "bootstrap",
    "migrate",
    "seed",
]
