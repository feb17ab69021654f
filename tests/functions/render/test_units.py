"""The renderer's own tests, which stand beside it, and the modules that are made from packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS
from tests.functions.units import RENDERER, run_units


def deno(*arguments: str) -> None:
    reply = subprocess.run(
        [executable(), *arguments], cwd=FUNCTIONS, env=environment(), capture_output=True, text=True, check=False
    )
    assert reply.returncode == 0, reply.stdout + reply.stderr


@pytest.mark.long
def test_the_renderer_passes_its_tests(tmp_path: Path) -> None:
    run_units(tmp_path, *RENDERER, permissions=("--allow-read=../..",))


@pytest.mark.long  # `make lint` says so as well of what is made quickly.
def test_the_generated_modules_are_up_to_date() -> None:
    config = "--config=_shared/render/generate/deno.json"
    options = ["--quiet", "--frozen", config, "--allow-read", "--allow-run", "--unstable-raw-imports"]
    deno("run", *options, "_shared/render/generate.ts", "--check")
