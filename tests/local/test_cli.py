"""The command `monogram dev`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from monogram_sdk.cli.app import app
from monogram_sdk.local import Stack
from supabase_embedded import background, cli, databases
from supabase_embedded._folder import Run, StackFolder
from supabase_embedded._processes import ProcessIdentity
from supabase_embedded._status import StackStatus
from tests.embedded.conftest import copy
from tests.functions.render.conftest import FUNCTIONS
from tests.support.long import long

COMMAND = [sys.executable, "-m", "monogram_sdk.cli"]


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command in this process, which saves the time of starting Python."""
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_the_hint_how_to_stop_it_has_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = StackStatus(*(["x"] * 5), 25, *(["x"] * 5), 1)  # type: ignore[arg-type]
    monkeypatch.setattr(StackStatus, "of", lambda _directory, **_others: status)
    folder = tmp_path / "my stack"
    assert f"Stop it with: monogram dev stop --dir '{folder}'\n" in run("dev", "--detach", "--dir", folder).stderr
    assert "Stop it with: monogram dev stop\n" in run("dev", "--detach").stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--port", "99999"), ("--port", "0"), ("--db-port", "-1"), ("--site-url", "x y"),
        ("--port", "80", "--db-port", "80"),
        ("--site-url", "http://x y"), ("--site-url", "ftp://x"), ("--site-url", ""), ("--site-url", "http://[::1"),
    ],
)  # fmt: skip
def test_an_invalid_option_is_refused_before_anything_is_created(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    folder = tmp_path / "stack"
    assert "Invalid value for '--" in run("dev", "--detach", "--dir", folder, *wrong, code=2).stderr
    assert not folder.exists()


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes with a folder in their arguments."""
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


@pytest.fixture
def ready_folder(folder: Path, ready_stack: Path) -> Path:
    """The folder of a stack that has run before."""
    return copy(ready_stack, folder)


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
    assert "The database was reset." in run("dev", "reset", "--dir", folder).stdout
    assert httpx.get(things, headers=headers).json() == [{"name": "seeded"}]

    assert run("dev", "stop", "--dir", folder).stdout == "Stopped.\n"
    assert processes_of(folder) == []
    assert "No stack is running" in run("dev", "status", "--dir", folder, code=1).stderr
    assert "No stack is running" in run("dev", "reset", "--dir", folder, code=1).stderr
    assert "No stack is running" in run("dev", "stop", "--dir", folder).stdout


@pytest.mark.parametrize("before", ["new", *long("stopped", "killed")])
def test_a_starting_stack_is_reported_and_can_be_stopped(
    folder: Path, ready_stack: Path, project: Path, before: str
) -> None:
    if before != "new":
        copy(ready_stack, folder)
    if before == "killed":
        gone = ProcessIdentity(1, 0.0)
        stack = StackFolder(folder)
        stack.write_state(replace(stack.read_state(), run=Run(gone, gone, "x", True)))
    arguments = [*COMMAND, "dev", "--dir", folder, "--project", project]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            while not (folder / "state.json").exists() or StackFolder(folder).read_state().starting is None:
                time.sleep(0.005)
                assert process.poll() is None
            process.send_signal(signal.SIGSTOP)  # Now the start takes as long as the test wants.
            for name in ("status", "reset"):
                assert "is starting" in run("dev", name, "--dir", folder, code=1).stderr
            assert "is starting" in run("dev", "--detach", "--dir", folder, code=1).stderr
            process.send_signal(signal.SIGCONT)
            assert run("dev", "stop", "--dir", folder).stdout == "Stopped.\n"
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert "No stack is running" in run("dev", "status", "--dir", folder, code=1).stderr


def test_keys_are_not_truncated_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "sb_secret_" + "a" * 200
    monkeypatch.setattr(cli, "_out", Console(width=30, highlight=False))
    status = StackStatus(**{one.name: 0 if one.type == "int" else key for one in fields(StackStatus)})
    cli._show(status)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [key] * 6


def test_runs_in_the_foreground_until_ctrl_c(ready_folder: Path, project: Path) -> None:
    arguments = [*COMMAND, "dev", "--dir", ready_folder, "--project", project]
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
            with (ready_folder / "logs" / "server.log").open("a") as log:
                log.write('a line of somebody else\n{"event": "something"}\n')
            while "a line of somebody else" not in process.stderr.readline():
                pass
            assert '{"event": "something"}' in process.stderr.readline(), "as it is"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert processes_of(ready_folder) == []


def interrupt(*_arguments: object, **_options: object) -> None:
    """Interrupt this process as Ctrl-C does."""
    signal.raise_signal(signal.SIGINT)


def test_an_interrupted_start_in_the_background_is_undone(
    folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_print_progress", interrupt)  # When it reports that it creates a database.
    interrupted = run("dev", "--detach", "--dir", folder, "--project", project, code=130)
    assert (
        interrupted.stderr.splitlines()[-1]
        == "monogram: interrupted. The stack was not started, and nothing is left running."
    )
    assert processes_of(folder) == []
    assert not background.stop(folder), "there is nothing to clean up"


@pytest.mark.parametrize(
    ("place", "arguments", "outcome"),
    [
        ("supabase_embedded.Stack.start", ("dev",), "The stack was not started, and nothing is left running."),
        ("supabase_embedded._control.request_reset", ("dev", "reset"), "The database is either unchanged or reset."),
        ("supabase_embedded.background.stop", ("dev", "stop"), "The stack may still be stopping;"),
        ("supabase_embedded._status.StackStatus.of", ("dev", "status"), ""),
        ("monogram_sdk.Monogram.admin_client", ("verify", __file__), ""),
        ("monogram_sdk.Monogram.admin_client", ("ledger", "verify"), ""),
        ("monogram_sdk.Monogram.admin_client", ("typefaces", "push"), "The files listed above are stored;"),
    ],
)
def test_ctrl_c_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, arguments: tuple[str, ...], outcome: str
) -> None:
    monkeypatch.setattr(place, interrupt)
    monkeypatch.setattr("monogram_sdk.cli.verify.read_mark", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    *before, line = run(*arguments, code=130).stderr.splitlines()
    assert line.startswith(f"monogram: interrupted. {outcome}".rstrip())
    assert before in ([], ["Stopping ..."])


def test_an_interrupted_reset_is_completed(ready_folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stack(ready_folder, project=project, durable=False) as stack:
        mine = ready_folder / "storage" / "mine"
        mine.touch()
        rename = databases._rename

        def rename_and_interrupt(*arguments: Any) -> None:
            rename(*arguments)
            if arguments[1] == "postgres":  # At this moment it does not exist.
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(databases, "_rename", rename_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            stack.reset()
        assert not mine.exists()
        with psycopg.connect(stack.db_url) as connection:
            assert connection.execute("select name from public.things").fetchall() == [("seeded",)]


@pytest.mark.long
def test_a_killed_supervisor_is_reported_cleaned_up_and_replaced(ready_folder: Path, project: Path) -> None:
    run("dev", "--detach", "--dir", ready_folder, "--project", project)
    status = json.loads(run("dev", "status", "--output", "json", "--dir", ready_folder).stdout)
    headers = {"apikey": status["secret_key"]}
    httpx.post(f"{status['api_url']}/rest/v1/things", headers=headers, json={"name": "mine"}).raise_for_status()
    os.kill(status["supervisor_pid"], signal.SIGKILL)
    time.sleep(0.1)
    assert "was killed. Its data is safe" in run("dev", "status", "--dir", ready_folder, code=1).stderr
    leftovers = processes_of(ready_folder)
    assert len(leftovers) >= 2

    run("dev", "--detach", "--dir", ready_folder, "--project", project)
    again = json.loads(run("dev", "status", "--output", "json", "--dir", ready_folder).stdout)
    assert (again["api_url"], again["db_url"]) == (status["api_url"], status["db_url"])
    names = httpx.get(f"{again['api_url']}/rest/v1/things?select=name&order=id", headers=headers).json()
    assert names == [{"name": "seeded"}, {"name": "mine"}]
    assert not {process.pid for process in leftovers} & {process.pid for process in processes_of(ready_folder)}

    os.kill(again["supervisor_pid"], signal.SIGKILL)
    assert run("dev", "stop", "--dir", ready_folder).stdout == "Stopped.\n"
    assert processes_of(ready_folder) == []


def test_errors_in_the_background_are_reported_in_the_foreground(ready_folder: Path, project: Path) -> None:
    (project / "supabase/migrations/20260103000000_bad.sql").write_text("create nonsense;")
    failed = run("dev", "--detach", "--dir", ready_folder, "--project", project, code=1)
    assert "20260103000000_bad.sql, line 1 (statement 1): syntax error" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert processes_of(ready_folder) == []


def test_an_invalid_setting_is_reported_before_anything_is_created(tmp_path: Path, project: Path) -> None:
    (project / "supabase/config.toml").write_text('[auth]\n"odd[/name]" = true\njwt_expiry = -5\n')
    failed = run("dev", "--dir", tmp_path / "state", "--project", project, code=1)
    assert "`jwt_expiry` below `[auth]` has to be between 1 and 604,800, not -5." in failed.stderr
    assert "Traceback" not in failed.stderr and not (tmp_path / "state" / "postgres").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("MAIL_REPLY_TO=replies+{spcae}@example.org", "The only placeholder that it takes is `{space}`."),
        ("MAIL_REPLY_TO='A, B <a@example.org>'", "MAIL_REPLY_TO must be one mailbox"),
        ("MAIL_FROM=nobody", "MAIL_FROM must be one mailbox"),
        ("NEWSLETTER_URL=https://letters.example.org/{ID}", "NEWSLETTER_URL must be an address"),
    ],
)
def test_invalid_email_settings_are_reported_before_anything_is_created(
    tmp_path: Path, project: Path, setting: str, words: str
) -> None:
    functions = project / "supabase/functions"
    functions.mkdir(exist_ok=True)
    copy(FUNCTIONS / "_shared", functions / "_shared")
    (functions / ".env").write_text(f"OTHER=1\n{setting}\n")
    failed = run("dev", "--dir", tmp_path / "state", "--project", project, code=1)
    said = " ".join(failed.stderr.split())
    assert words in said and f"{functions / '.env'}:" in said
    assert "Traceback" not in failed.stderr and not (tmp_path / "state" / "postgres").exists()


def test_brackets_in_reported_lines_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    cli._print_progress("config.toml says below [auth]: odd[/name], [red]x[/].")  # pyright: ignore[reportPrivateUsage]
    assert capsys.readouterr().err == "config.toml says below [auth]: odd[/name], [red]x[/].\n"


def test_bad_input_gets_one_message(tmp_path: Path) -> None:
    assert (
        "has no folder supabase/migrations" in run("dev", "--dir", tmp_path / "x", "--project", tmp_path, code=1).stderr
    )
    (tmp_path / "file").touch()
    assert "Choose another" in run("dev", "status", "--dir", tmp_path / "file", code=1).stderr
    assert "Choose a" in run("dev", "--detach", "--dir", tmp_path / "file", code=1).stderr
    run("dev", "status", "--output", "yaml", code=2)


@pytest.mark.parametrize(("missing", "argument"), [("typer", "status"), ("rich", "reset"), ("psycopg", "--detach")])
def test_a_missing_package_is_reported_in_one_line(missing: str, argument: str, tmp_path: Path) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from monogram_sdk.cli import main; main()"
    command = [sys.executable, "-c", program, "dev", argument, "--dir", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "pip install 'monogram-sdk[cli,local]'" in result.stderr
    assert missing in result.stderr


def test_the_help_says_what_each_command_does() -> None:
    result = subprocess.run([*COMMAND, "dev", "--help"], capture_output=True, text=True, check=True, timeout=60)
    for word in ("--detach", "--dir", "status", "reset", "stop"):
        assert word in result.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"monogram {metadata.version('monogram-sdk')}\n"


def test_a_failed_start_does_not_print_stopping(tmp_path: Path, project: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("dev", "--dir", tmp_path / "file", "--project", project, code=1).stderr
    assert "cannot be used" in refused or "not a folder" in refused
    assert "Stopping" not in refused


@pytest.mark.parametrize(
    ("content", "said"),
    [("[auth]\n".encode("utf-16"), "is not encoded in UTF-8. Save it as UTF-8"), (b"[auth\n", "is not valid TOML")],
)
def test_an_unreadable_configuration_is_reported(tmp_path: Path, project: Path, content: bytes, said: str) -> None:
    config = copy(project, tmp_path / "other") / "supabase/config.toml"
    config.write_bytes(content)
    refused = run("dev", "--dir", tmp_path / "stack", "--project", tmp_path / "other", code=1).stderr
    assert said in " ".join(refused.split()) and "codec" not in refused
