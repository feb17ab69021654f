"""Monogram's backend on this machine: the stack of `supabase_embedded`, for Monogram's project.

It needs the extra `local`: `pip install 'monogram-sdk[local]'`.

```python
with Stack(Path(".monogram")) as stack:
    print(stack.api_url, stack.publishable_key)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monogram_sdk._lazy import lazily

if TYPE_CHECKING:
    from monogram_sdk.local._application import MONOGRAM
    from monogram_sdk.local._stack import Stack, StackStatus
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

_HOMES = {"MONOGRAM": "._application", "Stack": "._stack", "StackStatus": "._stack"}

__all__ = [
    "MONOGRAM",
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
    __getattr__, __dir__ = lazily(__name__, {name: _HOMES.get(name, "supabase_embedded") for name in __all__})
