"""The folder that holds one stack: its data, its keys, its logs and its current state.

- `keys.json`: the secrets, generated once
- `state.json`: the ports of the last run, and the processes of the current one
- `lock`: held while a stack runs here
- `postgres/`: the files of the database
- `storage/`: the stored files
- `mail/`: the emails that were sent
- `logs/`: `postgres.log`, `server.log`, `supervisor.log`
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supabase_embedded._files import empty, write_private
from supabase_embedded._processes import ProcessIdentity
from supabase_embedded.application import STANDALONE, Application
from supabase_embedded.errors import AlreadyRunningError, FolderError

if TYPE_CHECKING:
    from filelock import FileLock

DATABASE = "postgres"
"""The database in use, named as on the platform."""


@dataclass(frozen=True)
class Run:
    """A run of the stack that was not shut down cleanly: it is still running, or it has crashed."""

    supervisor: ProcessIdentity
    server: ProcessIdentity
    supabase_dir: str
    with_seed: bool
    control_port: int | None = None
    """Where the supervisor takes requests; None if it does not. See `_control`."""
    control_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class State:
    """The state that other processes and the next run read."""

    api_port: int | None = None
    db_port: int | None = None
    smtp_port: int | None = None
    run: Run | None = None
    starting: ProcessIdentity | None = None
    """The process that is starting a stack; None when it has started."""
    server: ProcessIdentity | None = None
    """The API server that was started last, recorded before it receives its configuration."""


class StackFolder:
    """The paths of one stack, and its lock and state."""

    def __init__(self, root: Path, application: Application = STANDALONE) -> None:
        self.application = application
        """The application whose command the messages name."""
        self.root = Path(root).absolute()
        self.keys = self.root / "keys.json"
        self.postgres = self.root / "postgres"
        self.storage = self.root / "storage"
        self.mail = self.root / "mail"
        self.logs = self.root / "logs"
        self.tidy_request = self.root / "tidy"
        """A reset creates this file; the supervisor then prepares the next reset and deletes the file."""
        self._state = self.root / "state.json"

    @cached_property
    def _lock(self) -> FileLock:
        from filelock import FileLock  # Reading the state alone does not need it.

        return FileLock(self.root / "lock", timeout=0, thread_local=False)

    def open(self) -> None:
        """Create the folder if it is missing, and take its lock.

        Raises:
            AlreadyRunningError: A stack runs in this folder.
            FolderError: The folder cannot be created or written.
        """
        from filelock import Timeout

        try:
            # Postgres may have to run as another account (see `postgres.account`), which must then reach its files.
            self.root.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            for folder in (self.storage, self.mail, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
            (self.root / ".gitignore").write_text("*\n", encoding="utf-8")
        except Timeout:
            command = self.application.command
            raise AlreadyRunningError(
                f"A stack is {'starting' if self.is_starting() else 'already running'} in {self.root}. "
                f"Use it (`{command} status`), stop it (`{command} stop`), or choose another folder with --dir."
            ) from None
        except OSError as error:
            self.close()
            raise FolderError(
                f"{self.root} cannot be used: {error.strerror}. Choose a folder that you can write to with --dir."
            ) from error

    def is_starting(self) -> bool:
        """Return True if a process is starting a stack here."""
        starting = self.read_state().starting
        return starting is not None and starting.process() is not None

    @property
    def is_locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_locked

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def read_state(self) -> State:
        """Return the state; it is empty if the folder has none.

        Raises:
            FolderError: The file is damaged.
        """
        try:
            content: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
            run = content.pop("run")
            if run is not None:
                run["supervisor"] = ProcessIdentity(**run["supervisor"])
                run["server"] = ProcessIdentity(**run["server"])
                run = Run(**run)
            for name in ("starting", "server"):
                if (process := content.get(name)) is not None:
                    content[name] = ProcessIdentity(**process)
            return State(**content, run=run)
        except FileNotFoundError:
            return State()
        except NotADirectoryError as error:
            raise FolderError(f"{self.root} is not a folder. Choose another one with --dir.") from error
        except PermissionError as error:
            raise FolderError(
                f"{self._state} belongs to another account. Use that account, or choose another folder with --dir."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{self._state} is damaged. Stop the stack's processes and delete the file.") from error

    def write_state(self, state: State) -> None:
        """Replace the state."""
        write_private(self._state, json.dumps(asdict(state), indent=2) + "\n")

    def record_server(self, server: ProcessIdentity) -> None:
        """Record the API server that has just been started."""
        self.write_state(replace(self.read_state(), server=server))

    def end_run(self) -> None:
        """Record that the run was shut down cleanly; the ports are kept for the next one."""
        self.write_state(replace(self.read_state(), run=None, starting=None, server=None))

    def empty_files(self) -> None:
        """Delete the stored files and the emails."""
        for folder in (self.storage, self.mail):
            empty(folder)
