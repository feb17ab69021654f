"""Stop the stack of a folder when the process that started this one has ended, in whatever way.

    python -m monogram_sdk.local.guard DIRECTORY

Standard input is a pipe that nothing is written to: it ends when the other process does.
"""

from __future__ import annotations

import sys
from pathlib import Path

from monogram_sdk.local.background import stop


def main(arguments: list[str]) -> int:
    """Run the program."""
    (directory,) = arguments
    sys.stdin.buffer.read()
    stop(Path(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
