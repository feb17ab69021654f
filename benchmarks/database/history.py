"""The results of every run that was kept: a line of JSON each, in a file for each version of PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "history"


def append(result: dict[str, Any], folder: Path = FOLDER) -> None:
    """Keep a result."""
    folder.mkdir(exist_ok=True)
    with _path(result["postgres"], folder).open("a", encoding="utf-8") as file:
        file.write(json.dumps(_rounded(result), separators=(",", ":")) + "\n")


def read(folder: Path = FOLDER) -> dict[int, list[dict[str, Any]]]:
    """Return the results by version, the newest version first and of each the oldest result."""
    found = {}
    for path in folder.glob("postgres-*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        found[int(path.stem.removeprefix("postgres-"))] = [json.loads(line) for line in lines]
    return dict(sorted(found.items(), reverse=True))


def _path(version: int, folder: Path) -> Path:
    return folder / f"postgres-{version}.jsonl"


def _rounded(value: object) -> object:
    """Keep four digits of every number: more than it was measured with."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
