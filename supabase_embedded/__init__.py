"""Supabase for development and tests, from pip packages alone: PostgreSQL and an API that Supabase's clients talk to.

```python
with Stack(Path(".supabase"), project=Path(".")) as stack:  # the folder that contains `supabase/`
    print(stack.api_url, stack.publishable_key)
```

On a command line it is `python -m supabase_embedded dev`, in the folder that contains `supabase/`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supabase_embedded._status import StackStatus
    from supabase_embedded.application import Addresses, Application, Worker
    from supabase_embedded.databases import Databases
    from supabase_embedded.errors import (
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
    from supabase_embedded.postgres import PostgresServer
    from supabase_embedded.project import Project
    from supabase_embedded.stack import Stack

# Each name is imported on first use: the database driver takes longer to import than `dev status` takes to run.
_HOMES = {
    "Addresses": "application",
    "Application": "application",
    "Databases": "databases",
    "PostgresServer": "postgres",
    "Project": "project",
    "Stack": "stack",
    "StackStatus": "_status",
    "Worker": "application",
}

__all__ = [
    "Addresses",
    "AlreadyRunningError",
    "Application",
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
    "Worker",
]


if not TYPE_CHECKING:  # With `__getattr__`, type checkers would accept any name.

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
