"""The command's root, which gathers the groups of commands.

Exit codes: 0 it is done; 1 it could not be done, and one message on standard error says why; 2 the command was written
wrongly; 130 Ctrl-C has ended it, and one message says what that leaves.
"""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from monogram_sdk.cli import dev, ledger, typefaces, watch
from monogram_sdk.cli._output import Commands

app = typer.Typer(
    name="monogram",
    cls=Commands,
    help="Groups that write a weekly newsletter together.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # They may hold keys.
)
app.add_typer(dev.app, name="dev")
app.add_typer(ledger.app, name="ledger")
app.add_typer(typefaces.app, name="typefaces")
app.command()(watch.watch)
app.command("verify")(ledger.verify_newsletter)


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
