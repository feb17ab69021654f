"""What the README shows is run, as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from pathlib import Path

from tests.conftest import ROOT, Api

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run(api: Api, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    example = example.replace("ada@example.org", f"ada.{uuid.uuid4().hex}@example.org")
    environment = {"SUPABASE_URL": api.url, "SUPABASE_PUBLISHABLE_KEY": api.publishable_key, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # 50 for the response, 100 for the week's prompts, and a badge for the first of each.
    assert (done.returncode, done.stdout, done.stderr) == (0, "350 tokens\n", "")


def test_it_names_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
