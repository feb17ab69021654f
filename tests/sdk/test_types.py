"""Users' programs are checked: mypy and pyright, both strict, find each mistake and nothing else.

In the files with mistakes, each has a comment that silences it, and both checkers complain about comments that silence
nothing: so they find exactly these.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = Path(__file__).parent
PROGRAMS = [FOLDER / folder / "program.py" for folder in ("_async", "_sync")]
MISTAKES = [*(FOLDER / folder / "misuse.py" for folder in ("_async", "_sync")), FOLDER / "forgotten_await.py"]


def run(*command: str | Path) -> str:
    """Run a type checker, and return what it found."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


def without_silence(folder: Path) -> list[Path]:
    """Write the files with mistakes again without the comments that silence the checkers."""
    copies: list[Path] = []
    for path in MISTAKES:
        text = re.sub(r"  # (type|pyright): ignore(\[[\w, -]+\])?", "", path.read_text(encoding="utf-8"))
        copies.append(folder / f"{path.parent.name.strip('_')}_{path.name}")
        copies[-1].write_text(text, encoding="utf-8")
    return copies


def mistakes(path: Path) -> set[int]:
    """Return the numbers of the lines with mistakes in them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, start=1) if "# type: ignore" in line}


@pytest.mark.long
def test_mypy_finds_each_mistake_and_nothing_else(tmp_path: Path) -> None:
    mypy = ("mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}")
    assert run(*mypy, *PROGRAMS, *MISTAKES).startswith("Success: no issues found in 5 source files")
    text = run(*mypy, *without_silence(tmp_path))
    for path, copy in zip(MISTAKES, without_silence(tmp_path), strict=True):
        assert set(map(int, re.findall(rf"/{copy.name}:(\d+): error:", text))) == mistakes(path), text


@pytest.mark.long
def test_pyright_finds_each_mistake_and_nothing_else(tmp_path: Path) -> None:
    def found(paths: list[Path]) -> list[tuple[str, int]]:
        settings = {
            "typeCheckingMode": "strict",
            "enableTypeIgnoreComments": False,  # Those are for mypy.
            "include": [os.path.relpath(path, tmp_path) for path in paths],
            "venvPath": str(ROOT),
            "venv": ".venv",
            "extraPaths": [str(ROOT)],
        }
        project = tmp_path / "pyrightconfig.json"
        project.write_text(json.dumps(settings))
        report = json.loads(run("pyright", "--outputjson", "--project", project))
        assert report["summary"]["filesAnalyzed"] == len(paths), report
        errors = [one for one in report["generalDiagnostics"] if one["severity"] == "error"]
        return [(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in errors]

    assert found([*PROGRAMS, *MISTAKES]) == []
    copies = without_silence(tmp_path)
    errors = found(copies)
    for path, copy in zip(MISTAKES, copies, strict=True):
        assert {line for name, line in errors if name == copy.name} == mistakes(path), errors
