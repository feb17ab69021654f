"""Writing an archive where there is no more room."""

from __future__ import annotations

import errno
import gc
import io
import os

import pytest

from monogram_sdk._export import Archive


class Filling(io.RawIOBase):
    """A file on a disk that is full after a number of writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("writes", range(9))
def test_whenever_the_disk_is_full_it_is_said_once(writes: int) -> None:
    """What Python says of an object that it lets go of is an error in tests."""
    with pytest.raises(OSError, match="No space left"), Archive(Filling(writes)) as archive:  # type: ignore[arg-type]
        with archive.part("settings") as rows:
            rows.add({"a": 1})
        archive.add_file("a.png", b"abc" * 100)
    gc.collect()
