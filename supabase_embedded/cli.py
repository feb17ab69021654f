"""The command group `dev`: the whole backend on this machine, for the project in a folder or for an application.

Exit codes: 0 success; 1 failure (`dev status`: no stack is running); 2 the command line was wrong; 130 interrupted with
Ctrl-C.
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
from typing import Annotated, Any, NoReturn, TypedDict, cast
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from supabase_embedded import _control

# Other modules are imported when a command runs: importing the database driver takes longer than `status` itself.
from supabase_embedded._status import StackStatus
from supabase_embedded.application import Application
from supabase_embedded.errors import LocalStackError

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

_NOT_STARTED = "The stack was not started, and nothing is left running."

Dir = Annotated[Path | None, typer.Option("--dir", help="The folder that holds the data and the running state.")]


class Output(StrEnum):
    """The output formats of `dev status`."""

    TEXT = "text"
    ENV = "env"
    JSON = "json"


def _address(given: str | None) -> str | None:
    """Check that an option is a URL."""
    if given is None:
        return None
    try:
        parts = urlsplit(given)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not given.isprintable() or " " in given:
        raise typer.BadParameter("it must begin with http:// or https:// and must not contain spaces")
    return given


def commands(application: Application) -> typer.Typer:
    """Return the group of commands, to add to an application's own command line."""
    group = typer.Typer(
        cls=_Group,
        help="Run the whole backend on this machine: database, API, storage and mailbox. "
        f"Its data is in `{application.directory}`, unless --dir names another folder.",
        context_settings={"obj": _Context(application)},
    )
    group.callback(invoke_without_command=True)(dev)
    for command in (status, reset, stop):
        group.command()(command)
    return group


class _Group(TyperGroup):
    """The commands. One that Ctrl-C interrupts prints one line about the state of the stack."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            print_error(ctx.obj.application, f"interrupted. {interrupt}".rstrip())
            raise typer.Exit(130) from None


@dataclass(frozen=True)
class _Context:
    """What the commands of a group have in common."""

    application: Application
    directory: Path | None = None
    """The folder that was given before the command: `dev --dir DIR stop` means the same as `dev stop --dir DIR`."""

    def folder(self, given: Path | None) -> Path:
        """Return the folder that was given after the command, or before it, or the default one."""
        return given or self.directory or self.application.directory


def dev(
    context: typer.Context,
    directory: Dir = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    project: Annotated[
        Path | None, typer.Option(help="The folder that contains `supabase/`; by default the application's own.")
    ] = None,
    seed: Annotated[bool, typer.Option(help="Load the project's seed data into a new database.")] = True,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The API's port; by default a free one.")] = None,
    db_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The database's port; by default a free one.")
    ] = None,
    site_url: Annotated[
        str | None, typer.Option(callback=_address, help="Where links in emails lead; overrides config.toml.")
    ] = None,
) -> None:
    """Start the stack and follow its log until Ctrl-C; with --detach, leave it running in the background."""
    group: _Context = context.obj
    context.obj = replace(group, directory=directory)
    if context.invoked_subcommand is not None:
        return
    if port is not None and port == db_port:
        raise typer.BadParameter("it is also the port of the API", param_hint="'--db-port'")
    options = _Options(project=project, seed=seed, port=port, db_port=db_port, site_url=site_url)
    with _readable_errors(group.application):
        (_start_detached if detach else _run)(group.application, group.folder(directory), options)


def status(
    context: typer.Context,
    directory: Dir = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people, for a shell, or for a program.")] = (
        Output.TEXT
    ),
) -> None:
    """Print the URLs and keys of the running stack. Exits with 1 when none is running."""
    group: _Context = context.obj
    with _readable_errors(group.application):
        found = StackStatus.of(group.folder(directory), application=group.application)
    match output:
        case Output.ENV:
            for name, value in found.to_env().items():
                _print_plain(f'{name}="{value}"')
        case Output.JSON:
            _print_plain(json.dumps(asdict(found), indent=2))
        case Output.TEXT:
            _show(found)


def reset(context: typer.Context, directory: Dir = None) -> None:
    """Replace the database of the running stack with a fresh, seeded one; delete stored files and emails."""
    group: _Context = context.obj
    with _readable_errors(group.application), interruptible(_control.UNCERTAIN):
        _print_plain(_control.reset(group.folder(directory), group.application))


def stop(context: typer.Context, directory: Dir = None) -> None:
    """Stop the stack and keep its data. Also cleans up after a stack that was killed."""
    from supabase_embedded import background

    outcome = "The stack may still be stopping; run the command again to be sure."
    group: _Context = context.obj
    with _readable_errors(group.application), interruptible(outcome):
        folder = group.folder(directory)
        stopped = background.stop(folder, application=group.application)
        _print_plain("Stopped." if stopped else f"No stack is running in {folder}.")


class _Options(TypedDict):
    """The options that `background.start()` and `Stack` have in common."""

    project: Path | None
    seed: bool
    port: int | None
    db_port: int | None
    site_url: str | None


def _start_detached(application: Application, directory: Path, options: _Options) -> None:
    from supabase_embedded import background

    try:
        found = StackStatus.of(directory, application=application)
        _print_progress(f"A stack is already running in {directory}.")
    except LocalStackError:
        with interruptible(_NOT_STARTED), _err.status("Starting ..."):
            found = background.start(directory, application=application, report=_print_progress, **options)
    _show(found)
    where = "" if directory == application.directory else f" --dir {shlex.quote(str(directory))}"
    _err.print(f"Stop it with: {application.command} stop{where}", style="dim", markup=False, soft_wrap=True)


def _run(application: Application, directory: Path, options: _Options) -> None:
    from rich.logging import RichHandler

    from supabase_embedded import Stack, background

    logging.basicConfig(handlers=[RichHandler(console=_err, show_path=False)], format="%(message)s")
    for package in ("supabase_embedded", *(worker.__module__.partition(".")[0] for worker in application.workers)):
        logging.getLogger(package).setLevel(logging.INFO)
    running = Stack(directory, application=application, report=_print_progress, **options)
    is_up = is_interrupted = False
    with background.until_asked_to_end():
        try:
            with _err.status("Starting ..."):
                running.start()
            is_up = True
            _show(running.status())
            _err.print("Press Ctrl-C to stop.", style="dim")
            _follow(running.server_log)
        except LocalStackError:
            running.stop()  # If the start failed, this does nothing.
            raise
        except BaseException as end:
            _err.print("Stopping ...")
            running.stop()
            is_interrupted = not is_up and end.args == (signal.SIGINT,)  # `dev stop` sends another signal.
            raise
    if is_interrupted:
        raise KeyboardInterrupt(_NOT_STARTED)


def _follow(log: Path) -> NoReturn:
    """Print what the API server logs from now on."""
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
    for label, value in values.items():  # A table would truncate keys in a narrow terminal.
        _out.print(Text.assemble((label.ljust(width), "bold"), "  ", value), soft_wrap=True)


def _print_progress(text: str) -> None:
    """Print a line that may contain file names. Brackets in them are not markup."""
    _err.print(text, markup=False, soft_wrap=True)


def print_error(application: Application, text: str) -> None:
    """Print an error, which may contain file names."""
    _err.print(f"{application.program}: {text}", markup=False, style="red", soft_wrap=True)


def _print_plain(text: str) -> None:
    """Print for a program: without wrapping or markup."""
    _out.print(text, markup=False, soft_wrap=True)


@contextmanager
def interruptible(outcome: str) -> Generator[None]:
    """Run the block; if Ctrl-C interrupts it, add to the exception in which state that leaves the stack.

    Args:
        outcome: A sentence for the person who pressed Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(outcome) from None


@contextmanager
def _readable_errors(application: Application) -> Generator[None]:
    """Print an error as one message, and exit with code 1."""
    try:
        yield
    except LocalStackError as error:
        print_error(application, str(error))
        raise typer.Exit(1) from None
