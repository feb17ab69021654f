"""What `make test` runs of two clients of which one is generated from the other."""

from __future__ import annotations

from pathlib import Path

import pytest

TWINS = Path(__file__).parent / "_sync"
# What waiting is done by differs between the two: tasks here, threads there.
OF_EACH = {"test_auth.py", "test_deadlines.py", "test_spaces.py", "test_story.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what the generated client has in common with its source to `make test-long`."""
    for item in items:
        if item.path.parent == TWINS and item.path.name not in OF_EACH:
            item.add_marker(pytest.mark.long)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Remove the project's variables from the environment, and move to an empty folder."""
    for name in ("URL", "PUBLISHABLE_KEY", "ANON_KEY", "SECRET_KEY", "SERVICE_ROLE_KEY"):
        monkeypatch.delenv(f"SUPABASE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
