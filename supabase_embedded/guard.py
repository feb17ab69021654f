"""Stop the stack of a folder when the parent process ends, for whatever reason.

    python -m supabase_embedded.guard DIRECTORY

Standard input is a pipe that nothing is written to: it reaches its end when the parent process ends.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from supabase_embedded.background import stop
from supabase_embedded.errors import LocalStackError

# A killed process may hold the lock of its folder a little longer.
_TIMEOUT_SECONDS = 30.0


def main(arguments: list[str]) -> int:
    """Run the program."""
    (directory,) = arguments
    sys.stdin.buffer.read()
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            stop(Path(directory))
        except (LocalStackError, psutil.Error):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
