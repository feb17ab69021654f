"""The programs of the guide to newsletters run as they are written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from uuid import uuid4

from tests.conftest import ROOT, Api
from tests.docs.programs import run

GUIDE = (ROOT / "docs" / "guides" / "newsletters.md").read_text(encoding="utf-8")
FUNCTIONS = (ROOT / "docs" / "guides" / "functions.md").read_text(encoding="utf-8")
CHECK_APP = "\nassert callable(letters)\n"


def test_its_programs_run(api: Api, tmp_path: Path) -> None:
    first, app, themes, languages = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    output, coloured, said = re.findall(r"```output\n(.*?)```", GUIDE, re.DOTALL)
    for program, expected in ((first, output), (themes, coloured), (languages, said)):
        assert run(program.replace("@example.org", f".{uuid4().hex}@example.org"), api, tmp_path) == (0, expected, "")
    assert run(app + CHECK_APP, api, tmp_path) == (0, "", "")


def test_the_guide_names_every_function() -> None:
    named = set(re.findall(r"^\| `([a-z-]+)` \|", FUNCTIONS, re.MULTILINE))
    config = tomllib.loads((ROOT / "supabase" / "config.toml").read_text(encoding="utf-8"))
    there = {path.parent.name for path in (ROOT / "supabase" / "functions").glob("[!_]*/index.ts")}
    assert named == there == set(config["functions"])


def test_it_names_variables_that_functions_read() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "supabase" / "functions").rglob("*.ts"))
    for name in re.findall(r"supabase secrets set (\w+)=", FUNCTIONS):
        assert name in sources, name
