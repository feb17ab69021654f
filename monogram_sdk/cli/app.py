"""The root of the command, with its groups of commands.

Exit codes: 0 success; 1 failure, with one message on standard error; 2 wrong usage; 130 interrupted by Ctrl-C, with one
message about the state in which that leaves things.
"""

from __future__ import annotations

from importlib import metadata
from inspect import cleandoc
from typing import Annotated

import typer

from monogram_sdk.cli import dev, typefaces, verify, watch
from monogram_sdk.cli._output import Commands

app = typer.Typer(
    name="monogram",
    cls=Commands,
    help="Groups that write a weekly newsletter together.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # They may hold keys.
)
app.add_typer(dev.app, name="dev")
app.add_typer(verify.app, name="ledger")
app.add_typer(typefaces.app, name="typefaces")
app.command()(watch.watch)
app.command("verify")(verify.verify_newsletter)


def _unwrap_helps(group: typer.Typer) -> None:
    """Join the lines of each paragraph of help, so that paragraphs are as wide as the terminal."""
    for command in group.registered_commands:
        paragraphs = cleandoc(command.help or getattr(command.callback, "__doc__", None) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for part in group.registered_groups:
        if part.typer_instance is not None:
            _unwrap_helps(part.typer_instance)


_unwrap_helps(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"monogram {metadata.version('monogram-sdk')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Groups that write a weekly newsletter together."""
