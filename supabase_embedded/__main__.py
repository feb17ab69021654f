"""Run the stack for any project: `python -m supabase_embedded dev`, in the folder that contains `supabase/`.

Exit codes: 0 success; 1 failure, and one message on standard error says why; 2 the command line was wrong;
130 interrupted with Ctrl-C, and one message says in which state that leaves the stack.
"""

from __future__ import annotations

import sys

_MISSING = "supabase_embedded: this command needs more packages: pip install 'monogram-sdk[cli,local]'"


def main() -> None:
    """Run the command."""
    try:
        from supabase_embedded import plain
        from supabase_embedded.application import STANDALONE

        code = plain.run(sys.argv[1:], STANDALONE)
        if code is not None:
            sys.exit(code)

        import typer

        from supabase_embedded.cli import commands

        app = typer.Typer(
            name="supabase_embedded",
            help="Supabase for development and tests, from pip alone.",
            no_args_is_help=True,
            pretty_exceptions_show_locals=False,  # They may contain keys.
        )
        app.add_typer(commands(STANDALONE), name="dev")
        app.callback()(lambda: None)
        app()  # Commands import what they alone need.
    except KeyboardInterrupt:  # During the imports; `cli` handles it later.
        sys.stderr.write("supabase_embedded: interrupted.\n")
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == "supabase_embedded":
            raise
        sys.stderr.write(f"{_MISSING} (missing: {error.name})\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
