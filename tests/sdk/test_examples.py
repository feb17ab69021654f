"""Examples are run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Api

ROOT = Path(__file__).parents[2]


def test_the_example_for_asyncio(api: Api) -> None:
    environment = {**os.environ, "SUPABASE_URL": api.url, "SUPABASE_PUBLISHABLE_KEY": api.publishable_key}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.asyncio_client"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert lines[0].startswith("Too late: ")
    assert lines[1] == "Ada: ADMIN"
    assert [line.split(". ")[0] for line in lines[3:]] == [str(number) for number in range(1, len(lines) - 2)]
