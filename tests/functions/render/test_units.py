"""The renderer's own tests, which stand beside it, and the modules that are made from packages."""

from __future__ import annotations

import subprocess

from monogram_sdk.local._deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS


def deno(*arguments: str) -> None:
    answer = subprocess.run(
        [executable(), *arguments], cwd=FUNCTIONS, env=environment(), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_renderer_passes_its_tests() -> None:
    deno("test", "--quiet", "--frozen", "--parallel", "--allow-read=../..", "_shared/render")


def test_the_generated_modules_are_up_to_date() -> None:
    script = "_shared/render/generate.ts"
    deno("run", "--quiet", "--frozen", "--allow-read", "--unstable-raw-imports", script, "--check")
