"""Renders newsletters with the edge functions' renderer, and opens a browser to look at them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supabase_embedded.deno import environment, executable

HERE = Path(__file__).parent
FUNCTIONS = HERE.parent.parent.parent / "supabase" / "functions"
PICTURES = HERE / "fixtures" / "pictures"

Job = dict[str, Any]
Render = Callable[[Job], dict[str, Any]]


class Renderer:
    """A Deno process that renders one job after another."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [
                executable(),
                "run",
                "--quiet",
                "--frozen",
                f"--config={FUNCTIONS / 'deno.json'}",
                "--allow-read",
                "--allow-write",
                "--allow-env",
                HERE / "render.ts",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )

    def __call__(self, job: Job) -> dict[str, Any]:
        """Render a job (see `render.ts`) and return what came of it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "The renderer has stopped; what it said is above."
        return json.loads(answer)

    def peak_bytes(self) -> int:
        """Return the most memory that the process ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])

    def close(self) -> None:
        """Stop the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def render() -> Iterator[Renderer]:
    """Render jobs in one process."""
    renderer = Renderer()
    yield renderer
    renderer.close()


@pytest.fixture
def fresh_render() -> Iterator[Callable[[], Renderer]]:
    """Start processes that have rendered nothing yet."""
    started: list[Renderer] = []

    def start() -> Renderer:
        started.append(Renderer())
        return started[-1]

    yield start
    for renderer in started:
        renderer.close()


@pytest.fixture(scope="session")
def book_club() -> Job:
    """A newsletter with some of everything: scripts, pictures, music, quotes, a prompt without answers."""
    job: Job = json.loads((HERE / "fixtures" / "book_club.json").read_text())
    given = job["pictures"]
    job["pictures"] = {
        "cover": str(PICTURES / given["cover"]),
        "responses": {path: str(PICTURES / name) for path, name in given["responses"].items()},
        "avatars": {path: str(PICTURES / name) for path, name in given["avatars"].items()},
    }
    return job


@pytest.fixture(scope="session")
def markup_attempts() -> list[str]:
    """What somebody might write to get markup past the renderer."""
    return json.loads((HERE / "fixtures" / "markup.json").read_text())
