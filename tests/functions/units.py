"""Runs the tests that stand beside the edge functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS


def run_units(tmp_path: Path, *folders: str, permissions: tuple[str, ...]) -> None:
    """Run all tests below some folders of the edge functions, and fail with what Deno says when one fails.

    They are imported by one module: Deno loads everything anew for each module of tests that it is given, and the
    renderer is much to load.
    """
    found = sorted(path for folder in folders for path in (FUNCTIONS / folder).rglob("*_test.ts"))
    assert found
    together = tmp_path / "all_test.ts"
    together.write_text("".join(f'import "{path.as_uri()}";\n' for path in found), encoding="utf-8")
    command = [executable(), "test", "--quiet", "--no-check", "--frozen", "--config=deno.json", *permissions, together]
    answer = subprocess.run(command, cwd=FUNCTIONS, env=environment(), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
