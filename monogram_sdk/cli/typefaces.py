"""`monogram typefaces push`: store the typefaces in a project that are too large to be deployed with its functions.

It needs the project's secret key, from SUPABASE_URL and SUPABASE_SECRET_KEY in the environment or a .env file.

Exit codes: 0 success; 1 failure, with one message on standard error; 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from monogram_sdk.cli._output import interruptible, print_error

app = typer.Typer(
    help="The typefaces of Chinese, Japanese and Korean. Needs the project's secret key.", no_args_is_help=True
)

_out = Console(highlight=False)

_PACKAGE = Path(__file__).parent.parent
_FOLDER = Path("functions/_shared/render/typefaces")


@app.callback()
def typefaces() -> None:
    """The typefaces of Chinese, Japanese and Korean. Needs the project's secret key."""


@app.command()
def push() -> None:
    """Store them in the project, replacing those of an earlier version. Do this once after each update of Monogram.

    PDFs of a project without them have boxes for Chinese, Japanese and Korean characters; `newsletters.preview` warns
    of that.
    """
    from monogram_sdk import Monogram, errors
    from monogram_sdk._sync._files import TYPEFACES, Files

    try:
        left = "The files listed above are stored; the others are unchanged. Run it again."
        with interruptible(left), Monogram.admin_client() as client:
            files = Files(client.admin._engine)  # pyright: ignore[reportPrivateUsage]
            for file in found():
                data = file.read_bytes()
                files.put(TYPEFACES, file.name, data)
                _out.print(f"{file.name}: {len(data) / 1_000_000:.1f} MB", markup=False)
    except errors.MonogramError as error:
        print_error(error)
        raise typer.Exit(1) from None


def found() -> list[Path]:
    """Return the files, which are part of this package: in `supabase` of a checkout, or in the installed wheel."""
    for supabase in (_PACKAGE / "_project" / "supabase", _PACKAGE.parent / "supabase"):
        if files := sorted((supabase / _FOLDER).glob("*.ttf.br")):
            return files
    raise FileNotFoundError("This installation has no typefaces. Install monogram-sdk again.")
