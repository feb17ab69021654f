"""Each block of Python in the documentation can be pasted and run, or says which block it continues."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
GOES_ON = re.compile(r"# .*\babove\b|goes on where\s+the one before ended")


def undefined(code: str) -> set[str]:
    """Return the names that a program uses and does not define."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
    return set(re.findall(r"Undefined name `(\w+)`", done.stdout))


def faults(text: str) -> list[tuple[int, set[str]]]:
    """Return the number of each block with names that neither it defines nor the page explains, and these names."""
    explained = set(re.findall(r"`(\w+)`", BLOCK.sub("", text)))
    whole_page_goes_on = GOES_ON.search(BLOCK.sub("", text)) is not None
    found: list[tuple[int, set[str]]] = []
    before = ""
    for number, block in enumerate(map(dedent, BLOCK.findall(text)), 1):
        goes_on = whole_page_goes_on or GOES_ON.search(block) is not None
        if missing := undefined(f"{before}\n{block}" if goes_on else block) - explained:
            found.append((number, missing))
        before += f"\n{block}"
    return found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text("utf-8"))], ids=lambda page: page.name
)
def test_each_block_defines_what_it_uses(page: Path) -> None:
    assert faults(page.read_text("utf-8")) == []


def test_missing_names_are_found() -> None:
    first, second = "```python\nimport os\n\nx = 1\n```\n", "```python\nprint(os, x, y)\n```\n"
    assert faults(f"{first}{second}") == [(2, {"os", "x", "y"})]
    assert faults(f"Each program goes on where the one before ended.\n{first}`y` is yours.\n{second}") == []
