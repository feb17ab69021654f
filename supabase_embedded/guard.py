"""Stop the stack of a folder when the process that started this one has ended, in whatever way.

    python -m supabase_embedded.guard DIRECTORY

Standard input is a pipe that nothing is written to: it ends when the other process does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from supabase_embedded.background import stop
from supabase_embedded.errors import LocalStackError

# How long a process that was killed may hold its folder while it ends.
_PATIENCE_SECONDS = 30.0


def main(arguments: list[str]) -> int:
    """Run the program."""
    (directory,) = arguments
    sys.stdin.buffer.read()
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            stop(Path(directory))
        except (LocalStackError, psutil.Error):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
