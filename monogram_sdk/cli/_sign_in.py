"""Sign in at the terminal, and stay signed in: the session is stored in a file that only its owner can read."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

if TYPE_CHECKING:
    from monogram_sdk import Monogram

SESSION_FILE = "MONOGRAM_SESSION_FILE"
EMAIL = "MONOGRAM_EMAIL"
PASSWORD = "MONOGRAM_PASSWORD"

_err = Console(stderr=True, highlight=False)


@contextmanager
def signed_in(email: str | None) -> Generator[Monogram]:
    """Make a client with the stored session, or sign in.

    Args:
        email: The address to sign in with; by default that of the stored session.

    Raises:
        MonogramError: Signing in failed, or the password cannot be asked for, without a terminal.
    """
    from monogram_sdk import FileSessionStorage, Monogram, errors

    path = os.environ.get(SESSION_FILE) or Path(typer.get_app_dir("monogram"), "session.json")
    email = email or os.environ.get(EMAIL) or None
    with Monogram(session_storage=FileSessionStorage(path)) as client:
        try:
            session = client.auth.session()
        except errors.SessionExpiredError:
            session = None
        if session is None or (email is not None and session.user.email != email):
            email = email or _ask("Email")
            password = os.environ.get(PASSWORD) or _ask(f"Password of {email}", hidden=True)
            client.auth.sign_in_with_password(email=email, password=password)
        yield client


def _ask(what: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        from monogram_sdk import errors

        raise errors.NotSignedInError(
            "Nobody is signed in, and without a terminal nobody can be asked for a password.",
            hint=f"Set {EMAIL} and {PASSWORD} in the environment.",
        )
    entered: str = typer.prompt(what, hide_input=hidden, err=True)
    return entered
