"""Write small files that other processes read: private, and never half written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, and replace the old one atomically."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def empty(folder: Path) -> None:
    """Delete the content of a folder and keep the folder."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def open_log(path: Path, *, rotate_at: int = 5_000_000) -> int:
    """Open a log file for appending and return the file descriptor. A file over `rotate_at` bytes is renamed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > rotate_at:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
