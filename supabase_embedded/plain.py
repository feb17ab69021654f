"""`dev reset` without Typer and Rich, which take longer to load than a reset takes.

Only a line that needs no reading to speak of is run here. Every other one, also a wrong one, is left to `cli`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from supabase_embedded import _control
from supabase_embedded.application import Application
from supabase_embedded.errors import LocalStackError


def run(arguments: Sequence[str], application: Application) -> int | None:
    """Run a command line if it is a plain `dev reset`.

    Args:
        arguments: The command line, without the program's name.
        application: The application whose command it is.

    Returns:
        The exit code; None if it is another line.
    """
    match arguments:
        case ["dev", "reset"]:
            directory = application.directory
        case ["dev", "reset", "--dir", name] if name and not name.startswith("-"):
            directory = Path(name)
        case _:
            return None
    try:
        sys.stdout.write(f"{_control.reset(directory, application)}\n")
    except LocalStackError as error:
        return _fail(application, str(error), 1)
    except KeyboardInterrupt:
        return _fail(application, f"interrupted. {_control.UNCERTAIN}", 130)
    return 0


def _fail(application: Application, text: str, code: int) -> int:
    from supabase_embedded.cli import print_error

    print_error(application, text)
    return code
