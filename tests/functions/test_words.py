"""All texts for people are in the catalogues, and the rest of the functions has none."""

from __future__ import annotations

from pathlib import Path

from tests.functions.units import WORDS, run_units


def test_the_catalogues_pass_their_tests(tmp_path: Path) -> None:
    run_units(tmp_path, *WORDS, permissions=("--allow-read",))
