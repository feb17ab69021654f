"""The command group `dev`: the whole backend on this machine, for the project in a folder or for an application.

Exit codes: 0 it is done; 1 it could not be done (`dev status`: no stack is running); 2 the command was written wrongly;
130 Ctrl-C has ended it before it was done.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn, TypedDict, cast
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

# What a command needs beyond this is loaded when it runs: the database's driver takes longer than `status` itself.
from supabase_embedded._status import StackStatus
from supabase_embedded.application import Application
from supabase_embedded.errors import LocalStackError

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

_NOT_STARTED = "The start was undone: nothing is left running."

Dir = Annotated[Path | None, typer.Option("--dir", help="The folder that holds the data and the running state.")]


class Output(StrEnum):
    """How `dev status` prints."""

    TEXT = "text"
    ENV = "env"
    JSON = "json"


def _address(given: str | None) -> str | None:
    """Return what was given, if it is an address."""
    if given is None:
        return None
    try:
        parts = urlsplit(given)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not given.isprintable() or " " in given:
        raise typer.BadParameter("it begins with http:// or https:// and has no blanks")
    return given


def commands(application: Application) -> typer.Typer:
    """Return the group of commands, for a command line of the application's own."""
    group = typer.Typer(
        help="Run the whole backend on this machine: database, API, storage and mailbox. "
        f"Its data is in `{application.directory}`, unless --dir names another folder.",
        context_settings={"obj": _Chosen(application)},
    )
    group.callback(invoke_without_command=True)(dev)
    for command in (status, reset, stop):
        group.command()(command)
    return group


@dataclass(frozen=True)
class _Chosen:
    """What the commands of a group share."""

    application: Application
    directory: Path | None = None
    """The folder that was named before the command: `dev --dir DIR stop` means the same as `dev stop --dir DIR`."""

    def folder(self, named: Path | None) -> Path:
        """Return the folder named after the command, or before it, or the usual one."""
        return named or self.directory or self.application.directory


def dev(
    context: typer.Context,
    directory: Dir = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    project: Annotated[
        Path | None, typer.Option(help="The folder that contains `supabase/`; the application's own when left out.")
    ] = None,
    seed: Annotated[bool, typer.Option(help="Put the project's seed into a new database.")] = True,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The API's port; a free one when left out.")
    ] = None,
    db_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The database's port; a free one when left out.")
    ] = None,
    site_url: Annotated[
        str | None, typer.Option(callback=_address, help="Where links in mails lead, if not where config.toml says.")
    ] = None,
) -> None:
    """Start the stack, and follow its log until Ctrl-C; with --detach, leave it running in the background."""
    chosen: _Chosen = context.obj
    context.obj = replace(chosen, directory=directory)
    if context.invoked_subcommand is not None:
        return
    if port is not None and port == db_port:
        raise typer.BadParameter("it is the port of the API, too", param_hint="'--db-port'")
    options = _Options(project=project, seed=seed, port=port, db_port=db_port, site_url=site_url)
    with _readable_errors(chosen.application):
        (_start_detached if detach else _run)(chosen.application, chosen.folder(directory), options)


def status(
    context: typer.Context,
    directory: Dir = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people, for a shell, or for a program.")] = (
        Output.TEXT
    ),
) -> None:
    """Print the URLs and keys of the running stack. Exits with 1 when none is running."""
    chosen: _Chosen = context.obj
    with _readable_errors(chosen.application):
        found = StackStatus.of(chosen.folder(directory), application=chosen.application)
    match output:
        case Output.ENV:
            for name, value in found.to_env().items():
                _plain(f'{name}="{value}"')
        case Output.JSON:
            _plain(json.dumps(asdict(found), indent=2))
        case Output.TEXT:
            _show(found)


def reset(context: typer.Context, directory: Dir = None) -> None:
    """Put a fresh, migrated and seeded database into the running stack; delete its stored files and mails."""
    from supabase_embedded import runs

    left = "The database is either as it was or as new."
    chosen: _Chosen = context.obj
    with _readable_errors(chosen.application), interruptible(left):
        begin = time.perf_counter()
        runs.reset(chosen.folder(directory), application=chosen.application)
        _out.print(f"The database is as new. ({1000 * (time.perf_counter() - begin):.0f} ms)")


def stop(context: typer.Context, directory: Dir = None) -> None:
    """Stop the stack. The data stays. Also cleans up after one that was killed."""
    from supabase_embedded import background

    left = "A stack that has been told to stop goes on stopping; run it again to be sure."
    chosen: _Chosen = context.obj
    with _readable_errors(chosen.application), interruptible(left):
        folder = chosen.folder(directory)
        stopped = background.stop(folder, application=chosen.application)
        _plain("Stopped." if stopped else f"No stack is running in {folder}.")


class _Options(TypedDict):
    """What `background.start()` and `Stack` take alike."""

    project: Path | None
    seed: bool
    port: int | None
    db_port: int | None
    site_url: str | None


def _start_detached(application: Application, directory: Path, options: _Options) -> None:
    from supabase_embedded import background

    try:
        found = StackStatus.of(directory, application=application)
        _note(f"A stack is already running in {directory}.")
    except LocalStackError:
        with interruptible(_NOT_STARTED), _err.status("Starting ..."):
            found = background.start(directory, application=application, report=_note, **options)
    _show(found)
    where = "" if directory == application.directory else f" --dir {shlex.quote(str(directory))}"
    _err.print(f"Stop it with: {application.command} stop{where}", style="dim", markup=False, soft_wrap=True)


def _run(application: Application, directory: Path, options: _Options) -> None:
    from rich.logging import RichHandler

    from supabase_embedded import Stack, background

    logging.basicConfig(handlers=[RichHandler(console=_err, show_path=False)], format="%(message)s")
    for package in ("supabase_embedded", *(worker.__module__.partition(".")[0] for worker in application.workers)):
        logging.getLogger(package).setLevel(logging.INFO)
    running = Stack(directory, application=application, report=_note, **options)
    is_up = is_cut = False
    with background.until_asked_to_end():
        try:
            with _err.status("Starting ..."):
                running.start()
            is_up = True
            _show(running.status())
            _err.print("Press Ctrl-C to stop.", style="dim")
            _follow(running.server_log)
        except LocalStackError:
            running.stop()  # What did not start has stopped already.
            raise
        except BaseException as end:
            _err.print("Stopping ...")
            running.stop()
            is_cut = not is_up and end.args == (signal.SIGINT,)  # `dev stop` sends another signal, and is told itself.
            raise
    if is_cut:
        raise KeyboardInterrupt(_NOT_STARTED)


def _follow(log: Path) -> NoReturn:
    """Print what the API server logs, from now on."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(0, os.SEEK_END)
        while True:
            for line in lines:
                _err.print(_pretty(line.rstrip()), style="dim", markup=False, soft_wrap=True)
            time.sleep(0.2)


def _pretty(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or "path" not in record:
        return line
    request = cast("dict[str, object]", record)
    return f"{request.get('method')} {request['path']} {request.get('status')} {request.get('ms')} ms"


def _show(found: StackStatus) -> None:
    values = {
        "API URL": found.api_url,
        "Database URL": found.db_url,
        "Mailbox": found.mailbox_url,
        "Publishable key": found.publishable_key,
        "Secret key": found.secret_key,
        "JWT secret": found.jwt_secret,
    }
    width = max(map(len, values))
    for label, value in values.items():  # No table: it cuts what is wider than the terminal, and a cut key is no key.
        _out.print(Text.assemble((label.ljust(width), "bold"), "  ", value), soft_wrap=True)


def _note(text: str) -> None:
    """Say something that holds names and paths of other people's: brackets in them are no markup."""
    _err.print(text, markup=False, soft_wrap=True)


def _plain(text: str) -> None:
    """Print for a program: no wrapping, no markup."""
    _out.print(text, markup=False, soft_wrap=True)


@contextmanager
def interruptible(left: str) -> Generator[None]:
    """Run the block; if Ctrl-C ends it, have it said what that leaves.

    Args:
        left: A sentence for people, for whoever prints the interrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(left) from None


@contextmanager
def _readable_errors(application: Application) -> Generator[None]:
    """Turn what can go wrong into one message and exit code 1."""
    try:
        yield
    except LocalStackError as error:
        _err.print(f"{application.program}: {error}", markup=False, style="red", soft_wrap=True)
        raise typer.Exit(1) from None
