"""The errors of the embedded stack.

```
LocalStackError
├── AlreadyRunningError     a second stack in the same folder
├── FolderError             the folder cannot be used as it is
├── MigrationError          Postgres refused a migration or the seed
├── MissingDependencyError  an optional package or program is not installed
├── NotRunningError         the stack of this folder is not running
├── PortInUseError          the requested port is taken
├── PostgresError           the database server could not be set up or started
└── ServerError             the API server could not be set up or started
```

Every message says what happened and what to do about it, and none contains a key or a password.
"""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """Something about the embedded stack went wrong."""


class AlreadyRunningError(LocalStackError):
    """A stack is already running in this folder."""


class FolderError(LocalStackError):
    """The folder that should hold the stack's data cannot be used."""


class MigrationError(LocalStackError):
    """A migration or the seed file could not be applied; nothing of that file was kept."""


class MissingDependencyError(LocalStackError):
    """An optional package or a program that the stack needs is missing."""


class NotRunningError(LocalStackError):
    """The stack of this folder is not running."""


class PortInUseError(LocalStackError):
    """The requested port is taken by another program."""


class PostgresError(LocalStackError):
    """The database server could not be set up or started."""


class ServerError(LocalStackError):
    """The API server could not be set up or started."""
