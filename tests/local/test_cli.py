"""The command `monogram dev`, run as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner, Result

from monogram_sdk.cli.app import app
from monogram_sdk.local import background

COMMAND = [sys.executable, "-m", "monogram_sdk.cli"]


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command in this process, which saves the time of starting Python over and over."""
    answer = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert answer.exit_code == code, answer.output
    return answer


def processes_of(folder: Path) -> list[psutil.Process]:
    """Whatever runs with something of the folder among its arguments."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        named = any(str(folder) in argument for argument in process.info["cmdline"] or ())
        if named and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    background.stop(folder)
    assert processes_of(folder) == []


def test_runs_in_the_background_until_it_is_stopped(folder: Path, project: Path) -> None:
    started = run("dev", "--detach", "--dir", folder, "--project", project)
    assert "http://127.0.0.1:" in started.stdout

    environment = dict(
        line.split("=", 1) for line in run("dev", "status", "--output", "env", "--dir", folder).stdout.splitlines()
    )
    status = json.loads(run("dev", "status", "--output", "json", "--dir", folder).stdout)
    assert environment["API_URL"] == f'"{status["api_url"]}"'
    assert status["secret_key"] in run("dev", "--dir", folder, "status").stdout
    headers = {"apikey": status["secret_key"]}
    things = f"{status['api_url']}/rest/v1/things?select=name"
    assert httpx.get(things, headers=headers).json() == [{"name": "seeded"}]

    assert "already running" in run("dev", "--detach", "--dir", folder).stderr
    assert "already running" in run("dev", "--dir", folder, code=1).stderr

    httpx.post(f"{status['api_url']}/rest/v1/things", headers=headers, json={"name": "mine"}).raise_for_status()
    assert "The database is as new." in run("dev", "reset", "--dir", folder).stdout
    assert httpx.get(things, headers=headers).json() == [{"name": "seeded"}]

    assert run("dev", "stop", "--dir", folder).stdout == "Stopped.\n"
    assert processes_of(folder) == []
    assert "No stack is running" in run("dev", "status", "--dir", folder, code=1).stderr
    assert "No stack is running" in run("dev", "reset", "--dir", folder, code=1).stderr
    assert "No stack is running" in run("dev", "stop", "--dir", folder).stdout


def test_runs_in_the_foreground_until_ctrl_c(folder: Path, project: Path) -> None:
    arguments = [*COMMAND, "dev", "--dir", folder, "--project", project]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            api_url = re.search(r"http://\S+", process.stdout.readline())
            assert api_url is not None
            while "Press Ctrl-C" not in process.stderr.readline():
                pass
            httpx.get(f"{api_url[0]}/health").raise_for_status()
            while "GET /health 200" not in process.stderr.readline():
                pass
            with (folder / "logs" / "server.log").open("a") as log:
                log.write('a line of somebody else\n{"event": "something"}\n')
            while "a line of somebody else" not in process.stderr.readline():
                pass
            assert '{"event": "something"}' in process.stderr.readline(), "as it is"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert processes_of(folder) == []


def test_a_killed_supervisor_is_explained_cleaned_up_and_replaced(folder: Path, project: Path) -> None:
    run("dev", "--detach", "--dir", folder, "--project", project)
    status = json.loads(run("dev", "status", "--output", "json", "--dir", folder).stdout)
    headers = {"apikey": status["secret_key"]}
    httpx.post(f"{status['api_url']}/rest/v1/things", headers=headers, json={"name": "mine"}).raise_for_status()
    os.kill(status["supervisor_pid"], signal.SIGKILL)
    time.sleep(0.1)
    assert "was killed. Its data is safe" in run("dev", "status", "--dir", folder, code=1).stderr
    leftovers = processes_of(folder)
    assert len(leftovers) >= 2

    run("dev", "--detach", "--dir", folder, "--project", project)
    again = json.loads(run("dev", "status", "--output", "json", "--dir", folder).stdout)
    assert (again["api_url"], again["db_url"]) == (status["api_url"], status["db_url"])
    names = httpx.get(f"{again['api_url']}/rest/v1/things?select=name&order=id", headers=headers).json()
    assert names == [{"name": "seeded"}, {"name": "mine"}]
    assert not {process.pid for process in leftovers} & {process.pid for process in processes_of(folder)}

    os.kill(again["supervisor_pid"], signal.SIGKILL)
    assert run("dev", "stop", "--dir", folder).stdout == "Stopped.\n"
    assert processes_of(folder) == []


def test_what_goes_wrong_in_the_background_is_said_in_the_foreground(folder: Path, project: Path) -> None:
    (project / "supabase/migrations/20260103000000_bad.sql").write_text("create nonsense;")
    failed = run("dev", "--detach", "--dir", folder, "--project", project, code=1)
    assert "20260103000000_bad.sql, line 1 (statement 1): syntax error" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert processes_of(folder) == []


def test_bad_input_gets_one_message(tmp_path: Path) -> None:
    assert (
        "has no folder supabase/migrations" in run("dev", "--dir", tmp_path / "x", "--project", tmp_path, code=1).stderr
    )
    (tmp_path / "file").touch()
    assert "Choose another" in run("dev", "status", "--dir", tmp_path / "file", code=1).stderr
    assert "Choose a" in run("dev", "--detach", "--dir", tmp_path / "file", code=1).stderr
    run("dev", "status", "--output", "yaml", code=2)


@pytest.mark.parametrize("missing", ["typer", "psycopg"])
def test_a_missing_extra_is_named_in_one_line(missing: str, tmp_path: Path) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from monogram_sdk.cli import main; main()"
    command = [sys.executable, "-c", program, "dev", "reset", "--dir", tmp_path]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "pip install 'monogram-sdk[cli,local]'" in answer.stderr
    assert missing in answer.stderr


def test_the_help_says_what_each_command_does() -> None:
    answer = subprocess.run([*COMMAND, "dev", "--help"], capture_output=True, text=True, check=True, timeout=60)
    for word in ("--detach", "--dir", "status", "reset", "stop"):
        assert word in answer.stdout
