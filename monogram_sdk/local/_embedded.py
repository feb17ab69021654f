"""The names of `supabase_embedded` that `monogram_sdk.local` re-exports."""

from __future__ import annotations

from supabase_embedded import (
    AlreadyRunningError,
    Databases,
    FolderError,
    LocalStackError,
    MigrationError,
    MissingDependencyError,
    NotRunningError,
    PortInUseError,
    PostgresError,
    PostgresServer,
    Project,
    ServerError,
)

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
]
