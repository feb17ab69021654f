"""The benchmark of the client still runs and still says what its tables are read for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.long
def test_it_compares_every_client_at_every_size() -> None:
    sizes = {"--rounds": "1", "--work": "1", "--entries": "3000", "--starts": "1"}
    command = [sys.executable, "-m", "benchmarks.client", *(word for option in sizes.items() for word in option)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    for row in ("monogram_sdk: models", "supabase-py: dictionaries", "supabase-py and model_validate"):
        assert done.stdout.count(f"| {row} |") >= 2, row
    assert "Iterating over 3,000 rows" in done.stdout
    assert "| `import monogram_sdk` |" in done.stdout
    more = (
        "monogram_sdk: the first client and its first call",
        "supabase-py: a further client",
        "`monogram dev reset`",
    )
    for row in more:
        assert f"| {row} |" in done.stdout, row
    assert "| pydantic: models, " in done.stdout
