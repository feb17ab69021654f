"""The program of the README runs as it is written."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from tests.conftest import ROOT, Api
from tests.docs.programs import run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_program_runs(api: Api, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    example = example.replace("ada@example.org", f"ada.{uuid.uuid4().hex}@example.org")
    # 50 for the response, 100 for the week's prompts, and a badge for the first of each.
    assert run(example, api, tmp_path) == (0, "350 tokens\n", "")


def test_it_names_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
