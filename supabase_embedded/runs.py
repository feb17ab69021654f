"""Reset a stack that another process runs, or end the servers that a killed process left running."""

from __future__ import annotations

from pathlib import Path

from supabase_embedded import _processes
from supabase_embedded._address import ServerAddress
from supabase_embedded._folder import StackFolder, State
from supabase_embedded._status import running
from supabase_embedded.application import STANDALONE, Application
from supabase_embedded.databases import Databases
from supabase_embedded.project import Project


def end_leftovers(folder: StackFolder, state: State) -> None:
    """End the servers of a process that was killed while it ran or started them.

    Args:
        folder: The folder; this process holds its lock.
        state: Its state.
    """
    # A reset, which starts no server, would load them in vain.
    from supabase_embedded import _server
    from supabase_embedded.postgres import PostgresServer

    for server in (state.server, None if state.run is None else state.run.server):
        if server is not None:
            _server.end_leftover(server)
    PostgresServer(folder.postgres, password="").end_leftover_server()


def reset(directory: Path, *, application: Application = STANDALONE) -> None:
    """Replace the database of a running stack with a fresh, seeded one; delete stored files and emails.

    Args:
        directory: The stack's folder.
        application: The application whose command the errors name.

    Raises:
        MigrationError: A migration or the seed was refused; the old database is kept.
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
    databases.tidy()  # The slow part may be interrupted.
    with _processes.signals_deferred():
        databases.reset()
        folder.empty_files()
        folder.tidy_request.touch()
