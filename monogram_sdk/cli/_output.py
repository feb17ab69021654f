"""The output of the commands, and their error messages."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

if TYPE_CHECKING:
    from monogram_sdk import MonogramError

_err = Console(stderr=True, highlight=False)

# Hints for the command line, in place of hints for programs that contain these words.
_REMEDIES = {
    "pass allow_url_from_env_file=True": "Set SUPABASE_URL in the environment, next to the key, or put both into .env.",
    "Pass url=": "Set SUPABASE_URL in the environment or in .env in the working folder.",
    "Pass key=": "Set {key} in the environment or in .env in the working folder.",
    "allow_secret_over_http=True": "Use https://.",
    "or pass url=": "Make it readable, or set the variables in the environment.",
}


INTERRUPTED = 130
"""The exit code after Ctrl-C, as in shells."""


class Commands(TyperGroup):
    """The commands. After Ctrl-C, a command prints one line, with the state in which it leaves things."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _err.print(f"monogram: interrupted. {interrupt}".rstrip(), markup=False, style="red", soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None


@contextmanager
def interruptible(left: str) -> Generator[None]:
    """Run the block; if Ctrl-C ends it, print the state in which that leaves things.

    Args:
        left: The sentence to print.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(left) from None


def print_error(error: MonogramError) -> None:
    """Print an error in one line, with a hint for the command line."""
    from monogram_sdk import errors

    if isinstance(error, errors.ConfigError):
        text = _for_terminals(error)
    elif isinstance(error, errors.HistoryReplacedError):
        text = error.message  # `watch` prints how to go on.
    else:
        text = str(error)
    _err.print(f"monogram: {text}", markup=False, style="red", soft_wrap=True)


def _for_terminals(error: MonogramError) -> str:
    message, hint = error.message, error.hint or ""
    key = "SUPABASE_SECRET_KEY" if "secret" in message else "SUPABASE_PUBLISHABLE_KEY"
    if message.startswith("admin_client()"):
        message = "The key in SUPABASE_SECRET_KEY is not a secret key."
    for part, remedy in _REMEDIES.items():
        if part in hint:
            hint = remedy.format(key=key)
            break
    return f"{message} {hint}".strip()


def accept_all_characters() -> None:
    """Make the output accept every character: those that its encoding lacks are escaped, such as ``\\u201c``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def report_os_error(error: OSError) -> int:
    """Print an error of the operating system, such as for output that cannot be written.

    Returns:
        The exit code.
    """
    # Writing the rest of the buffer would fail again when Python exits, with a traceback.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):  # Its reader has ended, as `head` does.
        where = f"{error.filename}" if error.filename is not None else "The output cannot be written"
        try:
            sys.stderr.write(f"monogram: {where}: {error.strerror or error}\n")
            sys.stderr.flush()
        except OSError:
            os.dup2(nowhere, sys.stderr.fileno())
    return 1
