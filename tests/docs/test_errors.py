"""SQL, documentation and SDK have the same refusals."""

from __future__ import annotations

import builtins
import re

import pydantic

import monogram_sdk
from monogram_sdk import errors
from scripts.errors_page import PAGE, Refusal, page, refusals
from tests.conftest import ROOT
from tests.support.actors import Actors


def test_the_page_is_what_the_migration_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_class_that_the_sdk_raises() -> None:
    found = re.findall(r"^\| (?:`MG\d+` \| `\w+` \| )?`(\w+Error)` \|", page(), re.MULTILINE)
    public = {name for name in monogram_sdk.__all__ if name.endswith("Error")}
    assert public <= set(found)
    assert len(found) == len(set(found))
    for name in ("HistoryReplacedError", "MembershipEndedError", "ClientClosedError", "DeadlineExceededError"):
        assert name in found


def test_the_database_has_what_the_page_says(actors: Actors) -> None:
    rows = actors.run("select code, name, message, hint from private.error_codes")
    assert sorted(Refusal(**row) for row in rows) == sorted(refusals())


def test_the_sdk_has_one_public_class_for_each_and_no_other() -> None:
    classes = {code: cls.__name__ for code, cls in errors.known_codes().items() if code.startswith("MG")}
    assert classes == {refusal.code: refusal.class_name for refusal in refusals()}
    assert set(classes.values()) <= set(monogram_sdk.__all__)


def test_documentation_names_only_errors_that_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for file in pages for name in re.findall(r"`(\w+Error)`", file.read_text(encoding="utf-8"))}
    assert "BusyError" in named
    homes = (errors, builtins, pydantic)
    assert [name for name in sorted(named) if not any(hasattr(home, name) for home in homes)] == []
