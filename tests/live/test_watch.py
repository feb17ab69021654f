"""`monogram watch`, as a person at a terminal and as a program use it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monogram_sdk import Monogram
from monogram_sdk.cli.app import app
from monogram_sdk.models import Prompt, Space
from tests.conftest import Api
from tests.sdk.support import PASSWORD, PNG, new_email


class Home:
    """A space of Ada's, and the environment in which she runs the command."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.email = new_email("Ada")
        self.session_file = folder / "session.json"
        self.environment = {
            "SUPABASE_URL": api.url,
            "SUPABASE_PUBLISHABLE_KEY": api.publishable_key,
            "MONOGRAM_SESSION_FILE": str(self.session_file),
            "MONOGRAM_EMAIL": "",
            "MONOGRAM_PASSWORD": "",
        }
        self.client = Monogram(url=api.url, key=api.publishable_key)
        self.client.auth.sign_up(email=self.email, password=PASSWORD, display_name="Ada [bold]")
        self.space: Space = self.client.spaces.create(name="Test Book Club")
        self.prompt: Prompt = self.client.prompts.create(self.space.id, question="What did you read?")
        self.client.prompts.publish(self.space.id)

    def run(self, *arguments: str, code: int = 0, signed_in: bool = True) -> Result:
        env = self.environment | ({"MONOGRAM_EMAIL": self.email, "MONOGRAM_PASSWORD": PASSWORD} if signed_in else {})
        result = CliRunner().invoke(app, ["watch", *arguments], env=env, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    def command(
        self, *arguments: str, encoding: str = "utf-8", stdout: Any = subprocess.PIPE
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it in a process of its own."""
        words = [sys.executable, "-m", "monogram_sdk.cli", "watch", str(self.space.id), *arguments]
        env = os.environ | self.environment | {"MONOGRAM_EMAIL": self.email, "MONOGRAM_PASSWORD": PASSWORD}
        env["PYTHONIOENCODING"] = encoding
        return subprocess.run(words, env=env, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)


@pytest.fixture
def home(api: Api, tmp_path: Path) -> Iterator[Home]:
    home = Home(api, tmp_path)
    with home.client:
        yield home


# JSON is made without a thought of the output: what the least of them takes, the others do too.
@pytest.mark.long
@pytest.mark.parametrize(("as_json", "encoding"), [(False, "cp1252"), (True, "ascii")])
def test_an_output_that_cannot_take_a_character_gets_another(home: Home, encoding: str, as_json: bool) -> None:
    home.client.responses.submit(home.prompt.id, content="Dune \U0001f600 \u017d é")
    found = home.command("--once", *(["--json"] if as_json else []), encoding=encoding)
    assert found.returncode == 0, found.stderr
    if as_json:
        assert [json.loads(line)["kind"] for line in found.stdout.splitlines()][-1] == "response.published"
    else:
        assert "Dune \\U0001f600" in found.stdout.decode(encoding)


@pytest.mark.long
def test_an_output_that_takes_nothing_ends_it_in_one_line(home: Home) -> None:
    with Path("/dev/full").open("wb") as full:
        found = home.command("--once", stdout=full)
    assert (found.returncode, found.stderr.decode()) == (
        1, "monogram: The output cannot be written: No space left on device\n",
    )  # fmt: skip
    reader, writer = os.pipe()
    os.close(reader)
    found = home.command("--once", stdout=writer)
    os.close(writer)
    assert (found.returncode, found.stderr) == (1, b"")


def test_what_has_happened_so_far(home: Home) -> None:
    # Text by people is neither markup nor a command for the terminal.
    home.client.responses.submit(home.prompt.id, content="[red]Dune\x9b2J\n\nagain", music="https://example.org/x")
    lines = home.run("test book club", "--once").stdout.splitlines()
    assert [line.strip().split("  ", 2)[-1] for line in lines] == [
        "Ada [bold] joined",
        "Ada [bold] is the curator of week 1",
        "Week 1 asks: “What did you read?”",
        "Ada [bold] responded to “What did you read?”: [red]Dune 2J again [music: https://example.org/x]",
    ]
    assert home.session_file.stat().st_mode & 0o777 == 0o600
    # Signed in by now, so nobody has to be asked.
    (line,) = home.run(str(home.space.id), "--once", "--after", "3", signed_in=False).stdout.splitlines()
    assert line.split()[0] == "4"


def test_a_whole_week_in_words(home: Home) -> None:
    client, space = home.client, home.space
    response = client.responses.submit(home.prompt.id, content="Dune " * 50)
    client.responses.edit(response.id, content="Emma")
    client.responses.delete(response.id)
    client.newsletters.publish(client.newsletters.generate(space.id).id)
    text = home.run(str(space.id), "--once", "--after", "3").stdout
    for words in (
        "responded to “What did you read?” (and has deleted it since)",
        "changed the response to “What did you read?” (and has deleted it since)",
        "deleted a response",
        "The newsletter of week 1 is out",
        "Week 2 begins",
        "is the curator of week 2",
    ):
        assert words in text


def test_what_members_leave_behind(home: Home) -> None:
    """Somebody joins, responds with a picture, and leaves."""
    with Monogram(url=home.environment["SUPABASE_URL"], key=home.environment["SUPABASE_PUBLISHABLE_KEY"]) as boris:
        boris.auth.sign_up(email=new_email("Boris"), password=PASSWORD, display_name="Boris")
        boris.spaces.join(invite_code=home.client.spaces.create_invite(home.space.id).code)
        boris.responses.submit(home.prompt.id, content="Look", image=PNG)
        text = home.run(str(home.space.id), "--once", "--after", "3").stdout
        assert "Boris joined" in text and "Boris responded to “What did you read?”: Look [image]" in text
        boris.spaces.leave(home.space.id)
    # The name of somebody who has left cannot be read.
    assert "Somebody left" in home.run(str(home.space.id), "--once", "--after", "3").stdout


def test_a_session_that_has_ended_is_made_anew(home: Home) -> None:
    home.run(str(home.space.id), "--once")
    stored = json.loads(home.session_file.read_text())
    (key,) = [key for key in stored if key.endswith("-session")]
    session = json.loads(stored[key])
    session |= {"refresh_token": "of long ago", "expires_at": 1_700_000_000}
    home.session_file.write_text(json.dumps(stored | {key: json.dumps(session)}))
    assert "nobody can be asked" in home.run(str(home.space.id), "--once", code=1, signed_in=False).stderr
    assert "Week 1 asks" in home.run(str(home.space.id), "--once").stdout


def test_for_programs(home: Home) -> None:
    lines = home.run(str(home.space.id), "--once", "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert json.loads(lines[2])["payload"] == {"prompt_ids": [str(home.prompt.id)], "week_number": 1}


def test_what_goes_wrong_is_one_message(home: Home) -> None:
    assert "nobody can be asked" in home.run("x", "--once", code=1, signed_in=False).stderr
    assert "not in a space with the name 'x'" in home.run("x", "--once", code=1).stderr
    home.client.spaces.create(name="Test book club")
    assert "Use the id" in home.run("test book club", "--once", code=1).stderr
    home.run(str(home.space.id), "--once", "--after", "-1", code=2)
    stranger = "00000000-0000-4000-8000-000000000000"
    assert "No such space" in home.run(stranger, code=1).stderr
    assert "password is wrong" in home.run("x", "--email", new_email("nobody"), code=1).stderr


class Terminal:
    """A terminal with the command in it."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, "-m", "monogram_sdk.cli", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | environment | {"COLUMNS": "200"},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.screen = ""

    def until(self, words: str) -> None:
        """Read until this is on the screen."""
        give_up = time.monotonic() + 20
        while words not in self.screen:
            assert time.monotonic() < give_up, self.screen
            if select.select([self._master], [], [], 0.1)[0]:
                self.screen += os.read(self._master, 65_536).decode()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A run in the background inherits that interrupts are ignored; nobody at a terminal does.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_at_a_terminal_until_ctrl_c(home: Home) -> None:
    terminal = Terminal(["watch", "Test Book Club"], home.environment)
    try:
        terminal.until("Email: ")
        terminal.type(f"{home.email}\n")
        terminal.until(f"Password of {home.email}: ")
        terminal.type(f"{PASSWORD}\n")
        terminal.until("● live: joined")
        home.client.responses.submit(home.prompt.id, content="Middlemarch")
        terminal.until("Middlemarch")
        assert PASSWORD not in terminal.screen and " joined\r\n" not in terminal.screen.replace("live: joined", "")
        began = time.monotonic()
        terminal.type("\x03")
        assert terminal.process.wait(60) == 0
        assert time.monotonic() - began < 15
        assert "Traceback" not in terminal.screen
    finally:
        terminal.close()
