"""The command `monogram`.

It needs the extra `cli`, and `monogram dev` the extra `local` as well. Without them it says so in one line.
"""

from __future__ import annotations

import sys

_MISSING = "monogram: this command needs more packages. Install them with: pip install 'monogram-sdk[cli,local]'"


def main() -> None:
    """Run the command; the entry point of the package."""
    try:
        try:
            try:
                _run(sys.argv[1:])
            finally:
                sys.stdout.flush()
        except OSError as error:
            from monogram_sdk.cli._output import report_os_error

            sys.exit(report_os_error(error))
    except KeyboardInterrupt:  # During the imports.
        sys.stderr.write("monogram: interrupted.\n")
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == "monogram_sdk":
            raise
        sys.stderr.write(f"{_MISSING} (missing: {error.name})\n")
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    if arguments[:2] == ["dev", "reset"]:
        from monogram_sdk.local._application import MONOGRAM
        from supabase_embedded import plain

        code = plain.run(arguments, MONOGRAM)
        if code is not None:
            sys.exit(code)

    from monogram_sdk.cli._output import accept_all_characters
    from monogram_sdk.cli.app import app

    accept_all_characters()
    app()  # Commands import what only they need.
