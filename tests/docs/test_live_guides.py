"""The examples of the guides to live updates and to editing run as they are written."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from monogram_sdk import Monogram
from supabase_embedded import deno
from tests.conftest import ROOT, Api
from tests.sdk.support import PASSWORD, new_email

GUIDES = ROOT / "docs" / "guides"
PINNED = ROOT / "tests" / "embedded" / "server"


def examples(guide: str, language: str) -> list[str]:
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@dataclass
class Reader:
    """A member of a space, who runs the programs of the guides."""

    api: Api
    client: Monogram
    email: str
    space_id: str
    prompt_id: str

    @property
    def settings(self) -> dict[str, str]:
        return {
            "url": self.api.url,
            "key": self.api.publishable_key,
            "email": self.email,
            "password": PASSWORD,
            "space_id": self.space_id,
        }


@pytest.fixture
def reader(api: Api) -> Iterator[Reader]:
    email = new_email("Ada")
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=email, password=PASSWORD, display_name="Ada")
        space = client.spaces.create(name="Test Book Club")
        prompt = client.prompts.create(space.id, question="What did you read?")
        client.prompts.publish(space.id)
        yield Reader(api, client, email, str(space.id), str(prompt.id))


def test_the_examples_of_the_sdk(reader: Reader) -> None:
    client = reader.client
    response = client.responses.submit(reader.prompt_id, content="Middlemarch")
    client.responses.select(reader.space_id, [response.id])
    client.newsletters.publish(client.newsletters.generate(reader.space_id).id)
    program = "".join(f"{name} = {value!r}\n" for name, value in reader.settings.items())
    program += "\n".join(examples("live.md", "python"))
    environment = {**os.environ, "SUPABASE_URL": reader.api.url, "SUPABASE_PUBLISHABLE_KEY": reader.api.publishable_key}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"4 a response: {response.id}", "6 week 2"]
    assert lines[2:5] == ["Middlemarch", "read again, week 2", "somebody is writing"]
    # The comment in the example names this line.
    assert "LIVE joined" in lines[5:]
    assert any(re.fullmatch(r"Ended; go on with after= 1:[0-9a-f-]{36}", line) for line in lines[5:])


def test_the_example_of_editing_on_two_devices(reader: Reader) -> None:
    (example,) = examples("editing.md", "python")
    program = f"prompt_id = {reader.prompt_id!r}\n"
    program += "".join(f"{name} = {value!r}\n" for name, value in reader.settings.items())
    environment = {**os.environ, "SUPABASE_URL": reader.api.url, "SUPABASE_PUBLISHABLE_KEY": reader.api.publishable_key}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program + example],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "Dune, again.\n\nEmma.\n")


class Program:
    """A running program, and its output."""

    def __init__(self, command: list[str | Path], environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
        self.printed = ""

    def until(self, *words: str) -> None:
        """Read its output until all of these words are in it."""
        assert self._process.stdout is not None
        give_up = time.monotonic() + 40
        while not all(word in self.printed for word in words):
            assert self._process.poll() is None and time.monotonic() < give_up, self.printed
            if select.select([self._process.stdout], [], [], 0.2)[0]:
                self.printed += os.read(self._process.stdout.fileno(), 65_536).decode()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_the_example_of_supabase_js(reader: Reader, tmp_path: Path) -> None:
    (example,) = examples("realtime-clients.md", "js")
    names = {"space_id": "spaceId"}
    constants = "".join(f"const {names.get(name, name)} = {value!r};\n" for name, value in reader.settings.items())
    (tmp_path / "example.js").write_text(constants + example, encoding="utf-8")
    options = [f"--config={PINNED / 'deno.json'}", f"--lock={PINNED / 'deno.lock'}", "--frozen", "--no-check"]
    command = [deno.executable(), "run", "--quiet", *options, "--allow-net=127.0.0.1", "--allow-env"]
    program = Program([*command, tmp_path / "example.js"], deno.environment(), tmp_path)
    try:
        program.until("broadcast SUBSCRIBED", "changes Subscribed to PostgreSQL")
        reader.client.responses.submit(reader.prompt_id, content="Middlemarch")
        program.until("1 member.joined\n", "3 prompts.published\n4 response.published", "INSERT Middlemarch")
    finally:
        program.close()


def test_the_example_of_supabase_py(reader: Reader, tmp_path: Path) -> None:
    (example,) = examples("realtime-clients.md", "python")
    constants = "".join(f"{name} = {value!r}\n" for name, value in reader.settings.items())
    program = Program([sys.executable, "-c", constants + example], dict(os.environ), tmp_path)
    try:
        program.until("broadcast RealtimeSubscribeStates.SUBSCRIBED", "changes Subscribed to PostgreSQL")
        reader.client.responses.submit(reader.prompt_id, content="Middlemarch")
        program.until("event 4", "change Middlemarch")
    finally:
        program.close()
