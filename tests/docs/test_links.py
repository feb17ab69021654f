"""Every link in the documentation to something in this repository leads to something that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "benchmarks").rglob("*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_each_page_is_named_by_an_index() -> None:
    """The index of the documentation names the page, or the index of its folder, which names it."""
    index = ROOT / "docs" / "README.md"
    named = targets(index)
    for page in list(named):
        if page.name == "README.md" and page.is_relative_to(ROOT / "docs"):
            named |= targets(page)
    pages = set((ROOT / "docs").rglob("*.md")) - {index}
    assert pages <= named, sorted(str(page) for page in pages - named)


def targets(index: Path) -> set[Path]:
    """Return the files that a page links to."""
    found = re.findall(r"\]\((?!https?:)([^)#]+)", index.read_text(encoding="utf-8"))
    return {(index.parent / target).resolve() for target in found}
