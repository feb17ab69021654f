"""Run the programs that the documentation shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import Api


def run(program: str, api: Api, folder: Path, **variables: str) -> tuple[int, str, str]:
    """Run a program in a folder, against an API and with warnings as errors; return its exit status, output and errors.

    Args:
        program: Its text.
        api: The API that its environment names.
        folder: The folder where it runs.
        variables: Other variables of its environment.
    """
    environment = {"SUPABASE_URL": api.url, "SUPABASE_PUBLISHABLE_KEY": api.publishable_key, "PATH": "", **variables}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
