"""What an application that is built on the stack adds: its name, its own project, and its workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supabase_embedded.project import Project
    from supabase_embedded.stack import Stack

Worker = Callable[["Stack", threading.Event], None]
"""Runs beside the stack, in a thread of its own, until the event is set."""


@dataclass(frozen=True)
class Addresses:
    """Where edge functions find the stack's mailbox."""

    smtp_url: str
    """The URL of the mailbox's SMTP server."""
    mailpit_url: str
    """The base URL of the mailbox's API, which is Mailpit's."""


def mailbox(addresses: Addresses) -> Mapping[str, str]:
    """Return `SMTP_URL`, the variable that most libraries read."""
    return {"SMTP_URL": addresses.smtp_url}


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application that is built on the stack. Its functions must be importable, because they are pickled.

    ```python
    SHOP = Application(name="Shop", command="shop dev", project=Path("shop"), sender="Shop <no-reply@shop.localhost>")
    with Stack(Path(".shop"), application=SHOP) as stack:
        ...
    ```
    """

    name: str = "Supabase"
    """The name that people see, on the front page for example."""

    command: str = "python -m supabase_embedded dev"
    """The command that runs the stack, for messages. The word before the last is the name of the program."""

    directory: Path = Path(".supabase")
    """The default folder of a stack."""

    project: Path | None = None
    """The default folder that contains `supabase/`; None means the working folder."""

    sender: str = "Supabase <no-reply@supabase.localhost>"
    """The sender of the emails of Auth, such as `Shop <no-reply@shop.localhost>`."""

    function_environment: Callable[[Addresses], Mapping[str, str]] = mailbox
    """Returns variables for edge functions, in addition to the platform's."""

    check: Callable[[Project, Mapping[str, str]], None] | None = None
    """Checks a project and the variables of its edge functions before anything starts; raises `FolderError`."""

    workers: Sequence[Worker] = ()
    """The workers that run beside the stack, such as a scheduler."""

    @property
    def program(self) -> str:
        """The name of the program, with which its messages begin."""
        return self.command.split()[-2]


STANDALONE = Application()
"""No application: the stack by itself, for any project."""
