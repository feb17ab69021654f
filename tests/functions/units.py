"""Runs the tests that stand beside the edge functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS

# Folders whose tests run on their own, since they take long or need other permissions.
RENDERER = ("_shared/newsletters", "_shared/render", "newsletter")
WORDS = ("_shared/words",)


def other_folders() -> tuple[str, ...]:
    """Return the folders with tests that are not named above: a function's, or one that functions share."""
    paths = [path.relative_to(FUNCTIONS).parts for path in FUNCTIONS.rglob("*_test.ts")]
    found = {"/".join(parts[:2]) if parts[0] == "_shared" else parts[0] for parts in paths}
    return tuple(sorted(found.difference(RENDERER, WORDS)))


def run_units(tmp_path: Path, *folders: str, permissions: tuple[str, ...]) -> None:
    """Run all tests below some folders of the edge functions, and fail with Deno's output if one fails.

    They are imported by one module: Deno loads everything anew for each module of tests that it is given, and the
    renderer is slow to load.
    """
    found = {folder: sorted((FUNCTIONS / folder).rglob("*_test.ts")) for folder in folders}
    assert all(found.values()), found
    together = tmp_path / "all_test.ts"
    imports = [f'import "{path.as_uri()}";\n' for paths in found.values() for path in paths]
    together.write_text("".join(imports), encoding="utf-8")
    command = [executable(), "test", "--quiet", "--no-check", "--frozen", "--config=deno.json", *permissions, together]
    result = subprocess.run(command, cwd=FUNCTIONS, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
