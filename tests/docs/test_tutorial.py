"""The program of the tutorial, from its first line to its last, prints what the tutorial says."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

from tests.conftest import ROOT, Api
from tests.docs.programs import run

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_it_runs_as_it_is_written(api: Api, tmp_path: Path) -> None:
    program = "".join(re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL))
    output = "".join(re.findall(r"```output\n(.*?)```", TUTORIAL, re.DOTALL))
    assert program and output
    program = program.replace("@example.org", f".{uuid4().hex}@example.org")
    assert run(program, api, tmp_path) == (0, output, "")
    code, _, said = run(program, api, tmp_path)
    assert code != 0 and "UserExistsError" in said and "UserExistsError" in TUTORIAL
