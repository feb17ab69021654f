"""The benchmark of the database still runs and still says what its table is read for."""

from __future__ import annotations

import pytest

from benchmarks.database.__main__ import report
from supabase_embedded.databases import Databases


@pytest.mark.long
def test_it_measures_every_size_side_by_side(databases: Databases) -> None:
    tables = report(databases, [0.01, 0.02], rounds=2, seconds=0.1)
    assert "| statement | ms at x0.01 | ms at x0.02 | x0.02 / x0.01 |" in tables
    assert "| gifts / bare transfers |" in tables
