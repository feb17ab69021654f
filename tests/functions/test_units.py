"""The edge functions' own tests, which stand beside them."""

from __future__ import annotations

from pathlib import Path

from tests.functions.units import run_units

FOLDERS = ("_shared/deliver", "_shared/platform", "deliver", "mail-events", "music", "unsubscribe")


def test_what_functions_share_passes_its_tests(tmp_path: Path) -> None:
    run_units(tmp_path, *FOLDERS, permissions=("--allow-net=127.0.0.1", "--allow-read=../migrations"))
