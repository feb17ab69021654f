"""NOTICE names everything that the functions contain, with its licence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.functions.render.conftest import FUNCTIONS

NOTICE = FUNCTIONS / "_shared" / "NOTICE"
GENERATED = [path for path in FUNCTIONS.rglob("*.generated.*") if "npm package" in path.read_text("utf-8")[:300]]
# These say at each part what it is from.
GENERATED = [path for path in GENERATED if path.name != "codecs.generated.ts"]

# The tools that cut typefaces into slices are not in any of them.
TOOLS = re.compile(r"(wawoff2|argparse)\b")


@pytest.fixture(scope="module")
def notice() -> str:
    return NOTICE.read_text(encoding="utf-8")


def test_every_package_is_named(notice: str) -> None:
    for lock in (FUNCTIONS / "deno.lock", FUNCTIONS / "_shared/render/generate/deno.lock"):
        for key in json.loads(lock.read_text(encoding="utf-8"))["npm"]:
            name, version = re.match(r"(.[^@]*)@([^_]+)", key).groups()  # type: ignore[union-attr]
            is_held = not name.startswith("@types/") and not TOOLS.match(key)
            assert (f"\n{name}@{version}\n" in notice) == is_held, key


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_what_a_module_is_made_from_is_named(notice: str, path: Path) -> None:
    (said,) = re.findall(r"from the npm packages? (?:of )?(.*)\. Do not", path.read_text("utf-8")[:300])
    for name in re.split(r", | and ", said):
        assert re.search(rf"\n{re.escape(name)}@\d" if name != "@fontsource" else rf"\n{name}/", notice), name


def test_the_licences_that_ask_for_it_are_there_whole(notice: str) -> None:
    assert "Twitter, Inc and other contributors, licensed under CC-BY 4.0" in notice
    assert "https://creativecommons.org/licenses/by/4.0/" in notice
    assert "SIL OPEN FONT LICENSE Version 1.1" in notice
    assert "OTHER DEALINGS IN THE FONT SOFTWARE." in notice
    for licence in FUNCTIONS.rglob("LICENSE*.txt"):
        assert licence.read_text(encoding="utf-8").strip() in notice, licence.name
    for family in (
        "The Amiri Project Authors",
        "notofonts/khmer",
        "The Literata Project Authors",
        "@fontsource/noto-serif-jp@",
    ):
        assert family in notice, family


def test_it_comes_with_the_package() -> None:
    project = (FUNCTIONS.parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert '"supabase" = "monogram_sdk/_project/supabase"' in project
    assert 'license-files = ["LICENSE", "supabase/functions/_shared/NOTICE"]' in project
