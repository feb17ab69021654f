"""What the commands print, on whatever they print to."""

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

# What a person at a terminal can do about an error whose own hint is for programs.
_REMEDIES = {
    "pass allow_url_from_env_file=True": "Set SUPABASE_URL in the environment, next to the key, or put both into .env.",
    "Pass url=": "Set SUPABASE_URL in the environment or in .env in the working folder.",
    "Pass key=": "Set {key} in the environment or in .env in the working folder.",
    "allow_secret_over_http=True": "Use https://.",
    "or pass url=": "Make it readable, or set the variables in the environment.",
}


INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended, as shells have it."""


class Commands(TyperGroup):
    """The commands; one that Ctrl-C ends says so in one line, with what that leaves."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _err.print(f"monogram: interrupted. {interrupt}".rstrip(), markup=False, style="red", soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None


@contextmanager
def interruptible(left: str) -> Generator[None]:
    """Run the block; if Ctrl-C ends it, have it said what that leaves.

    Args:
        left: A sentence for people.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(left) from None


def print_error(error: MonogramError) -> None:
    """Print an error in one line, with what can be done about it at a command line."""
    from monogram_sdk import errors

    if isinstance(error, errors.ConfigError):
        text = _for_terminals(error)
    elif isinstance(error, errors.HistoryReplacedError):
        text = error.message  # `watch` says how to go on.
    else:
        text = str(error)
    _err.print(f"monogram: {text}", markup=False, style="red", soft_wrap=True)


def _for_terminals(error: MonogramError) -> str:
    message, hint = error.message, error.hint or ""
    key = "SUPABASE_SECRET_KEY" if "secret" in message else "SUPABASE_PUBLISHABLE_KEY"
    if message.startswith("admin_client()"):
        message = "SUPABASE_SECRET_KEY holds a key that is not secret."
    for part, remedy in _REMEDIES.items():
        if part in hint:
            hint = remedy.format(key=key)
            break
    return f"{message} {hint}".strip()


def take_everything() -> None:
    """Let the output take every character: what its encoding lacks is written as an escape such as ``\\u201c``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def give_up(error: OSError) -> int:
    """End because the output cannot be written, or something cannot be read.

    Returns:
        The exit code.
    """
    # What waits to be written would fail once more when Python ends, with a traceback.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):  # Whoever read it has gone, as `head` does.
        where = f"{error.filename}" if error.filename is not None else "The output cannot be written"
        try:
            sys.stderr.write(f"monogram: {where}: {error.strerror or error}\n")
            sys.stderr.flush()
        except OSError:
            os.dup2(nowhere, sys.stderr.fileno())
    return 1
