"""The benchmark of the database still runs and still says what its table is read for."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_it_measures_every_size_side_by_side() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.database",
        "--scale",
        "0.01",
        "0.02",
        "--rounds",
        "2",
        "--seconds",
        "0.1",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "| statement | ms at x0.01 | ms at x0.02 | x0.02 / x0.01 |" in done.stdout
    assert "| gifts / bare transfers |" in done.stdout
