"""What an application that is built on the stack brings along: its name, its own project, and what works beside it."""

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
"""Works beside a running stack, in a thread of its own, until the event is set."""


@dataclass(frozen=True)
class Addresses:
    """Where edge functions find the stack's mailbox."""

    smtp_url: str
    """Takes emails."""
    mailpit_url: str
    """The base URL of the mailbox's API, which is Mailpit's."""


def mailbox(addresses: Addresses) -> Mapping[str, str]:
    """Return `SMTP_URL`, the variable under which most libraries look for a mail server."""
    return {"SMTP_URL": addresses.smtp_url}


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application, as the stack sees it. Functions are named, so that another process can be told of them.

    ```python
    SHOP = Application(name="Shop", command="shop dev", project=Path("shop"), sender="Shop <no-reply@shop.localhost>")
    with Stack(Path(".shop"), application=SHOP) as stack:
        ...
    ```
    """

    name: str = "Supabase"
    """What people see: on the first page, in the greeting of the mailbox."""

    command: str = "python -m supabase_embedded dev"
    """The command that runs the stack, a program and its last argument, for messages that say what to do."""

    directory: Path = Path(".supabase")
    """The folder of a stack, when the command is given none."""

    project: Path | None = None
    """The folder that contains `supabase/`, when none is given; by default the working folder."""

    sender: str = "Supabase <no-reply@supabase.localhost>"
    """Who the emails of Auth are from."""

    function_environment: Callable[[Addresses], Mapping[str, str]] = mailbox
    """Returns variables for edge functions, besides the platform's."""

    check: Callable[[Project, Mapping[str, str]], None] | None = None
    """Looks at a project and at the variables of its functions before anything starts; raises `FolderError`."""

    workers: Sequence[Worker] = ()
    """What works beside a running stack, such as a scheduler."""

    @property
    def program(self) -> str:
        """The name of the program, which its messages begin with."""
        return self.command.split()[-2]


STANDALONE = Application()
"""No application: the stack by itself, for any project."""
