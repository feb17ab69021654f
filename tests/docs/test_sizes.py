"""A file is read in one go: what is written by hand has at most 400 lines."""

from __future__ import annotations

import subprocess

from tests.conftest import ROOT

LINES = 400
KINDS = {".js", ".py", ".sh", ".sql", ".ts"}
# What knows `@supabase/lite`, until something of our own replaces it.
LARGER = {"supabase_embedded/server/auth_admin.ts", "supabase_embedded/server/shims/auth_service.ts"}


def test_no_file_is_too_long() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.splitlines()]
    written = [path for path in paths if path.suffix in KINDS and path.is_file() and ".generated." not in path.name]
    written = [path for path in written if "_sync" not in path.parts]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in written}
    assert {name for name, count in lines.items() if count > LINES} == LARGER
