"""What one process does to a stack that another one runs, or has left behind."""

from __future__ import annotations

from pathlib import Path

from supabase_embedded import _processes, _server
from supabase_embedded._folder import StackFolder, State
from supabase_embedded._status import running
from supabase_embedded.application import STANDALONE, Application
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer, ServerAddress
from supabase_embedded.project import Project


def end_leftovers(folder: StackFolder, state: State) -> None:
    """End the servers that outlived the process that ran them, or was starting them, because it was killed.

    Args:
        folder: The folder, whose lock this process holds.
        state: Its state.
    """
    for server in (state.server, None if state.run is None else state.run.server):
        if server is not None:
            _server.end_leftover(server)
    PostgresServer(folder.postgres, password="").end_leftover_server()


def reset(directory: Path, *, application: Application = STANDALONE) -> None:
    """Put a fresh, migrated and seeded database into a running stack; delete its stored files and mails.

    Args:
        directory: The stack's folder.
        application: Whose command an error names.

    Raises:
        MigrationError: A migration or the seed was refused; the old database is still there.
        NotRunningError: No stack runs there.
    """
    folder = StackFolder(directory, application)
    state, run, keys = running(folder)
    assert state.db_port is not None
    databases = Databases(
        ServerAddress(state.db_port, keys.service_password),
        Project(Path(run.supabase_dir)),
        keys.service_password,
        with_seed=run.with_seed,
    )
    databases.tidy()  # What takes long may be interrupted.
    with _processes.undisturbed():
        databases.reset()
        folder.empty_files()
        folder.tidy_request.touch()
