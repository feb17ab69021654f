"""The file in which a session is stored."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from monogram_sdk import FileSessionStorage, errors

URL = "https://project.supabase.co"
pytestmark = pytest.mark.usefixtures("bare")


def test_folders_of_a_session_are_their_owners(bare: Path) -> None:
    old = os.umask(0o022)
    try:
        storage = FileSessionStorage(bare / "one" / "two" / "session.json")
        storage.set_item("a", "b")
    finally:
        os.umask(old)
    for folder in (bare / "one", bare / "one" / "two"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((bare / "one" / "two" / "session.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b'{"a": 1}', b"", b"[]"])
def test_a_session_file_that_is_none_is_named(bare: Path, content: bytes) -> None:
    (bare / "session.json").write_bytes(content)
    with pytest.raises(errors.ConfigError, match="is not a session file"):
        FileSessionStorage(bare / "session.json").get_item("a")
    with pytest.raises(errors.ConfigError, match="cannot be read"):
        FileSessionStorage(bare).get_item("a")


def test_a_session_file_is_followed_closed_and_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "there" / "real.json", tmp_path / "link.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o644)
    link.symlink_to(real)
    storage = FileSessionStorage(link)
    assert storage.get_item("a") is None and stat.S_IMODE(real.stat().st_mode) == 0o600
    storage.set_item("a", "1" * 99)
    assert link.is_symlink() and FileSessionStorage(real).get_item("a") == "1" * 99

    def busy(*_paths: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    inode = real.stat().st_ino
    storage.set_item("a", "2")
    assert FileSessionStorage(real).get_item("a") == "2" and real.stat().st_ino == inode
    assert list(real.parent.iterdir()) == [real]
