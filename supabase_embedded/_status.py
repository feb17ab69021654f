"""How to reach a running stack. This module is quick to import, so that `dev status` is fast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supabase_embedded._folder import DATABASE, Run, StackFolder, State
from supabase_embedded._keys import Keys
from supabase_embedded._ports import LOOPBACK
from supabase_embedded.application import STANDALONE, Application
from supabase_embedded.errors import NotRunningError

SITE_URL = "http://127.0.0.1:3000"
"""Where links in emails lead by default; the same default as that of the `supabase` command."""


@dataclass(frozen=True, repr=False)
class StackStatus:
    """How to reach a running stack. Its `repr` shows no keys."""

    directory: str
    """The stack's folder."""
    api_url: str
    """The base URL of the API, for clients."""
    db_url: str
    """A connection URL as `postgres`, the role of migrations."""
    mailbox_url: str
    """The page that shows the emails that were sent."""
    mailpit_url: str
    """The base URL of the mailbox's API, which is Mailpit's: `/api/v1/messages` and so on."""
    smtp_port: int
    """The SMTP port of the mailbox."""
    publishable_key: str
    secret_key: str
    jwt_secret: str
    anon_key: str
    """The older form of the publishable key."""
    service_role_key: str
    """The older form of the secret key."""
    supervisor_pid: int
    """The process that runs the stack."""

    @classmethod
    def of(cls, directory: Path, *, application: Application = STANDALONE) -> StackStatus:
        """Return the status of the stack that runs in a folder.

        Args:
            directory: The stack's folder.
            application: The application whose command the error names.

        Raises:
            NotRunningError: No stack runs there.
        """
        folder = StackFolder(directory, application)
        return _status(folder, *running(folder))

    def to_env(self) -> dict[str, str]:
        """Return environment variables, under the names of `supabase status` and those that client libraries read."""
        return {
            "API_URL": self.api_url,
            "DB_URL": self.db_url,
            "PUBLISHABLE_KEY": self.publishable_key,
            "SECRET_KEY": self.secret_key,
            "JWT_SECRET": self.jwt_secret,
            "ANON_KEY": self.anon_key,
            "SERVICE_ROLE_KEY": self.service_role_key,
            "MAILBOX_URL": self.mailbox_url,
            "MAILPIT_URL": self.mailpit_url,
            "SMTP_PORT": str(self.smtp_port),
            "SUPABASE_URL": self.api_url,
            "SUPABASE_PUBLISHABLE_KEY": self.publishable_key,
            "SUPABASE_SECRET_KEY": self.secret_key,
        }


def running(folder: StackFolder) -> tuple[State, Run, Keys]:
    """Return the state, the run and the keys of the stack that runs in a folder.

    Raises:
        NotRunningError: No stack runs there.
    """
    state, command = folder.read_state(), folder.application.command
    if folder.is_starting():
        raise NotRunningError(
            f"A stack is starting in {folder.root}. Try again in a moment, or stop it with `{command} stop`."
        )
    if state.run is None:
        raise NotRunningError(f"No stack is running in {folder.root}. Start one with `{command}`.")
    if state.run.supervisor.process() is None:
        raise NotRunningError(
            f"The stack in {folder.root} was killed. Its data is safe: start it again with `{command}`, "
            f"or clean up with `{command} stop`."
        )
    return state, state.run, Keys.of(folder.keys, may_generate=False)


def _status(folder: StackFolder, state: State, run: Run, keys: Keys) -> StackStatus:
    assert state.db_port is not None and state.smtp_port is not None
    api_url = f"http://{LOOPBACK}:{state.api_port}"
    return StackStatus(
        directory=str(folder.root),
        api_url=api_url,
        db_url=f"postgresql://postgres:postgres@{LOOPBACK}:{state.db_port}/{DATABASE}",
        mailbox_url=f"{api_url}/mailbox",
        mailpit_url=api_url,
        smtp_port=state.smtp_port,
        publishable_key=keys.publishable_key,
        secret_key=keys.secret_key,
        jwt_secret=keys.jwt_secret,
        anon_key=keys.anon_key,
        service_role_key=keys.service_role_key,
        supervisor_pid=run.supervisor.pid,
    )
