"""The command `python -m supabase_embedded dev`, in the folder of a small project."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from supabase_embedded import background
from supabase_embedded._folder import StackFolder
from tests.embedded.conftest import copy

COMMAND = [sys.executable, "-m", "supabase_embedded", "dev"]
INTERRUPTED = "supabase_embedded: interrupted. The stack was not started, and nothing is left running."


@pytest.fixture
def folder(project: Path, ready_stack: Path) -> Iterator[Path]:
    """The folder of a project with a stack that has run before. The stack is stopped at the end."""
    copy(ready_stack, project / ".supabase")
    yield project
    background.stop(project / ".supabase")


def run(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    done = subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def error(folder: Path, *arguments: str) -> str:
    """Run a command that must fail, and return its one line on standard error."""
    done = run(folder, *arguments, code=1)
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes with a folder in their arguments."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def test_runs_in_the_background_until_it_is_stopped(folder: Path) -> None:
    started = run(folder, "--detach")
    assert "API URL" in started.stdout
    assert started.stderr.splitlines()[-1] == "Stop it with: python -m supabase_embedded dev stop"
    assert "already running" in run(folder, "--detach").stderr

    status = json.loads(run(folder, "status", "--output", "json").stdout)
    assert f'API_URL="{status["api_url"]}"\n' in run(folder, "status", "--output", "env").stdout
    headers = {"apikey": status["secret_key"]}
    things = f"{status['api_url']}/rest/v1/things"
    httpx.post(things, headers=headers, json={"name": "mine"}).raise_for_status()
    assert "The database was reset." in run(folder, "reset").stdout
    assert httpx.get(things, headers=headers, params={"select": "name"}).json() == [{"name": "seeded"}]

    assert run(folder, "stop").stdout == "Stopped.\n"
    assert processes_in(folder) == []
    assert run(folder, "stop").stdout == "No stack is running in .supabase.\n"


def test_runs_in_the_foreground_until_ctrl_c(folder: Path) -> None:
    with subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            while "Press Ctrl-C to stop." not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.stderr.read().splitlines()[-1] == "Stopping ..."
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert processes_in(folder) == []


def test_a_start_that_is_interrupted_is_undone(folder: Path) -> None:
    stack = StackFolder(folder / ".supabase")
    with subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while stack.read_state().starting is None:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1] == INTERRUPTED
    assert processes_in(folder) == []


def test_errors_are_one_line(folder: Path, tmp_path: Path) -> None:
    hint = "Start one with `python -m supabase_embedded dev`."
    for command in ("status", "reset"):
        assert error(folder, command) == f"supabase_embedded: No stack is running in {folder / '.supabase'}. {hint}"
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments in ((), ("--detach",)):
        assert "has no folder supabase/migrations. Choose the folder" in run(empty, *arguments, code=1).stderr
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            failed = run(folder, *arguments, "--port", str(port), code=1).stderr.splitlines()
        assert failed[-1].startswith(f"supabase_embedded: Port {port} for the API is taken by another program.")
    (folder / "supabase/migrations/20260103000000_bad.sql").write_text("create nonsense;")
    failed = run(folder, "--detach", code=1).stderr.splitlines()
    assert any(line.startswith("supabase_embedded: 20260103000000_bad.sql, line 1 (statement 1): ") for line in failed)
    assert processes_in(folder) == []


@pytest.mark.parametrize(("missing", "argument"), [("typer", "status"), ("rich", "reset"), ("psycopg", "--detach")])
def test_a_missing_package_is_reported_in_one_line(missing: str, argument: str, folder: Path) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from supabase_embedded.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "dev", argument], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("supabase_embedded: this command needs more packages: pip install ")
    assert missing in line


def test_a_wrong_option_is_refused_before_anything_is_created(project: Path) -> None:
    assert "Invalid value for '--port'" in run(project, "--port", "99999", code=2).stderr
    assert not (project / ".supabase").exists()


def test_the_help_lists_the_commands(project: Path) -> None:
    text = run(project, "--help").stdout
    for word in ("--detach", "--dir", "status", "reset", "stop", ".supabase"):
        assert word in text
