"""The command's root, which gathers the groups of commands.

Exit codes: 0 it is done; 1 it could not be done, and one message on standard error says why; 2 the command was written
wrongly.
"""

from __future__ import annotations

import typer

from monogram_sdk.cli import dev, watch

app = typer.Typer(
    name="monogram",
    help="Groups that write a weekly newsletter together.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # They may hold keys.
)
app.add_typer(dev.app, name="dev")
app.command()(watch.watch)


@app.callback()
def root() -> None:
    """Groups that write a weekly newsletter together."""
