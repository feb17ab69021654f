"""An installed package: without a checkout, in an empty folder, and without network at the second start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UV = ROOT / ".venv" / "bin" / "uv"

PUBLISH = """
import json, sys, time
import httpx
from monogram_sdk import Monogram

status = json.load(sys.stdin)
email, = sys.argv[1:]
with Monogram(url=status["api_url"], key=status["publishable_key"]) as ada:
    ada.auth.sign_up(email=email, password="correct horse battery", display_name="Ada")
    space = ada.spaces.create(name="Reading Club")
    prompt = ada.prompts.create(space.id, question="What did you read?")
    ada.prompts.publish(space.id)
    response = ada.responses.submit(prompt.id, content="Middlemarch, again.")
    ada.responses.select(space.id, [response.id])
    newsletter = ada.newsletters.publish(ada.newsletters.generate(space.id).id)
    query = {"query": f'to:{email} subject:"{newsletter.title}"'}
    deadline = time.monotonic() + 90
    while not httpx.get(status["api_url"] + "/api/v1/search", params=query).json()["messages"]:
        assert time.monotonic() < deadline, "the email has not arrived"
        time.sleep(0.1)
    assert b"Middlemarch" in ada.newsletters.html(newsletter.id)
    assert ada.newsletters.pdf(newsletter.id).startswith(b"%PDF-1.7")
"""


class Installation:
    """A virtual environment with the wheel, an empty working folder and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        self._bin = folder / "venv" / "bin"
        self._env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SUPABASE_", "MONOGRAM_", "DENO_", "PYTHON"))
        } | {"SUPABASE_EMBEDDED_CACHE_DIR": str(folder / "cache"), "HOME": str(folder)}
        build = [UV, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT]
        subprocess.run(build, check=True, timeout=200)
        (wheel,) = (folder / "dist").glob("*.whl")
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True, timeout=100)
        install = [UV, "pip", "install", "--quiet", "--python", self._bin / "python", f"{wheel}[cli,local]"]
        subprocess.run(install, check=True, timeout=400)

    def run(self, program: str, *arguments: str, stdin: str | None = None, **env: str) -> str:
        """Run one of the environment's programs in the working folder, and return its output."""
        result = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self.work,
            env=self._env | env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def publish(self, email: str) -> None:
        """Publish a newsletter, and check its email, its page and its PDF."""
        self.run("python", "-c", PUBLISH, email, stdin=self.run("monogram", "dev", "status", "--output", "json"))


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.run("monogram", "dev", "stop")


@pytest.mark.long
def test_an_installed_package_publishes_and_needs_the_network_once(installed: Installation) -> None:
    assert list(installed.work.iterdir()) == []
    installed.run("monogram", "dev", "--detach")
    installed.publish("first@example.test")
    installed.run("monogram", "dev", "stop")

    # Nothing listens there, so every use of the network fails.
    proxy = "http://127.0.0.1:9"
    cut_off = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "NO_PROXY": "127.0.0.1,localhost"}
    installed.run("monogram", "dev", "--detach", **cut_off, **{name.lower(): value for name, value in cut_off.items()})
    installed.publish("second@example.test")
