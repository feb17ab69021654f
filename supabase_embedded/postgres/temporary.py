"""A folder for a server that is thrown away: in memory where there is room, and gone whatever happens to us."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ENOUGH_MEMORY = 2_000_000_000  # Bytes.


@contextmanager
def cleaned_up_if_we_are_killed(folder: Path) -> Generator[None]:
    """Let another process stop the temporary server and delete its folder if this process dies in the block.

    That process waits for the end of its standard input, which comes with our end, however that happens.
    """
    script = 'read -r _ || { kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; sleep 1; rm -rf "$1"; } 2>/dev/null'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watcher:
        try:
            yield
        finally:
            watcher.kill()


def memory_folder() -> Path | None:
    """Return a folder kept in memory with ample room, or None."""
    folder = Path("/dev/shm")
    if folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ENOUGH_MEMORY:
        return folder
    return None
