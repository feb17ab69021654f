"""Renders newsletters with the edge functions' renderer, and opens a browser to look at them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Page

from supabase_embedded.deno import environment, executable
from tests.support.memory import peak_bytes

HERE = Path(__file__).parent
FUNCTIONS = HERE.parent.parent.parent / "supabase" / "functions"
PICTURES = HERE / "fixtures" / "pictures"

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
NARROW = {"width": 320, "height": 640}
MIDNIGHT = {"paper": "#12131a", "ink": "#f2efe6", "accent": "#e8b64c"}
SHAPES = {"wide": (800, 533), "tall": (600, 800), "screen": (400, 866), "panorama": (1200, 300), "small": (120, 90)}

Job = dict[str, Any]
Render = Callable[[Job], dict[str, Any]]
Look = Callable[..., Page]


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
        reply = self._process.stdout.readline()
        assert reply, "The renderer has stopped; what it said is above."
        return json.loads(reply)

    def peak_bytes(self) -> int:
        """Return the most memory that the process ever had."""
        return peak_bytes(self._process.pid)

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
    """A newsletter with some of everything: scripts, pictures, music, quotes, a prompt without responses."""
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
    """Attempts to get markup past the renderer."""
    return json.loads((HERE / "fixtures" / "markup.json").read_text())


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page of the browser for one newsletter after another; a page for each would be a process for each."""
    window = browser.new_page()
    window.add_init_script("window.steal = () => console.error('A script ran.')")
    yield window
    window.close()


@pytest.fixture
def look(window: Page, render: Render, tmp_path: Path) -> Iterator[Look]:
    """Render a job and open the page; whatever it asks the network for, or complains of, fails the test."""
    complaints: list[str] = []

    def note(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    listeners: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "dialog": note,
        "request": lambda request: (
            None if request.url.startswith(("file:", "data:")) else complaints.append(request.url)
        ),
    }
    for event, listener in listeners.items():
        window.on(event, listener)

    def look(job: Job, *, viewport: Any = DESK, color_scheme: Any = "light") -> Page:
        path = tmp_path / "page.html"
        result = render(job | {"page": str(path)})
        assert result["pageProblems"] == []
        window.set_viewport_size(viewport)
        window.emulate_media(media="screen", color_scheme=color_scheme)
        window.goto(path.as_uri())
        window.evaluate("document.fonts.ready")
        return window

    yield look
    window.wait_for_load_state()
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    assert complaints == []


def picture(name: str, size: tuple[int, int], folder: Path) -> str:
    """A picture of some size; what is on it does not matter."""

    path = folder / f"{name}.jpg"
    Image.new("RGB", size, (90, 120, 140)).save(path, quality=50)
    return str(path)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("shapes")
    return {name: picture(name, size, folder) for name, size in SHAPES.items()}
