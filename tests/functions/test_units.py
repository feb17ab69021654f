"""The edge functions' own tests, which stand beside them."""

from __future__ import annotations

from pathlib import Path

from tests.functions.units import other_folders, run_units


def test_what_functions_share_passes_its_tests(tmp_path: Path) -> None:
    run_units(tmp_path, *other_folders(), permissions=("--allow-net=127.0.0.1", "--allow-read=../.."))
