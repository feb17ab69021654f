"""The stack with Monogram's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import supabase_embedded
from monogram_sdk.local._application import MONOGRAM, run_scheduled_jobs
from supabase_embedded.application import Application


class Stack(supabase_embedded.Stack):
    """Monogram's backend in one folder.

    Used as a context manager it starts on entry and stops on exit.
    """

    def __init__(
        self,
        directory: Path,
        *,
        project: Path | None = None,
        seed: bool = True,
        port: int | None = None,
        db_port: int | None = None,
        durable: bool = True,
        site_url: str | None = None,
        function_hosts: Sequence[str] = (),
        function_environment: Mapping[str, str] | None = None,
        deliver: bool = True,
        server_options: Mapping[str, bool | int] | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """Describe the stack; nothing happens before `start()`.

        Args:
            directory: The folder for everything that the stack keeps; created if it is missing.
            project: The folder that contains `supabase/`; by default Monogram's own project.
            seed: Whether new databases get the project's seed data.
            port: The API's port; by default that of the last run, or a free one.
            db_port: The database's port; the default is chosen in the same way.
            durable: Whether committed data survives a crash of the machine. `False` is faster, for tests.
            site_url: Where links in emails lead unless a call names another URL; by default the value in the project's
                `config.toml`, or `http://127.0.0.1:3000`.
            function_hosts: Hosts that edge functions may connect to besides this machine, such as `api.resend.com`.
            function_environment: Variables for edge functions. `supabase/functions/.env` overrides them.
            deliver: Whether to call the function `deliver` when there is work for it, so that newsletters are rendered
                and emails sent. `False` leaves that to whoever runs the stack.
            server_options: More settings for the API server, such as `bcrypt_cost`. They override those of the
                project's `config.toml`, where `confirm_email`, for example, is `enable_confirmations`.
            report: Called with one line for each thing that takes time or needs attention; by default it is logged.
        """
        super().__init__(
            directory,
            application=MONOGRAM if deliver else replace(MONOGRAM, workers=(run_scheduled_jobs,)),
            project=project,
            seed=seed,
            port=port,
            db_port=db_port,
            durable=durable,
            site_url=site_url,
            function_hosts=function_hosts,
            function_environment=function_environment,
            server_options=server_options,
            report=report,
        )


@dataclass(frozen=True, repr=False)
class StackStatus(supabase_embedded.StackStatus):
    """How to reach a running stack of Monogram. Its `repr` shows no keys."""

    @classmethod
    def of(cls, directory: Path, *, application: Application = MONOGRAM) -> StackStatus:
        """Return the status of the stack that runs in a folder.

        Args:
            directory: The stack's folder.
            application: The application whose command the error names.

        Raises:
            NotRunningError: No stack runs there.
        """
        return cls(**vars(supabase_embedded.StackStatus.of(directory, application=application)))
