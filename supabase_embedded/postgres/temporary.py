"""The folder of a temporary server: in memory if there is room, and deleted even if this process is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ENOUGH_MEMORY = 2_000_000_000  # Bytes.


@contextmanager
def deleted_if_killed(folder: Path) -> Generator[None]:
    """Stop the temporary server and delete its folder even if this process is killed in the block.

    A second process does this. It waits for the end of its standard input, which comes when this process ends.
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
    """Return a folder in memory with enough room, or None."""
    folder = Path("/dev/shm")
    if folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ENOUGH_MEMORY:
        return folder
    return None
