"""A reset by the process that runs the stack, on request of another one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from supabase_embedded import Application, LocalStackError, MigrationError, NotRunningError, Stack, plain, runs
from supabase_embedded import _control as module
from supabase_embedded._control import Control, request_reset
from supabase_embedded._folder import Run, StackFolder, State
from supabase_embedded._keys import Keys
from supabase_embedded._processes import ProcessIdentity
from tests.embedded.conftest import copy


@pytest.fixture
def folder(tmp_path: Path) -> StackFolder:
    """The folder of a stack that this process seems to run."""
    folder = StackFolder(tmp_path)
    Keys.of(folder.keys, may_generate=True)
    return folder


@contextmanager
def serving(folder: StackFolder, reset: Callable[[], None]) -> Iterator[Control]:
    """Take requests."""
    control, me = Control(reset), ProcessIdentity.current()
    run = Run(me, me, "x", True, control_port=control.port, control_token=control.token)
    folder.write_state(State(run=run))
    thread = threading.Thread(target=control.serve)
    thread.start()
    try:
        yield control
    finally:
        control.close()
        thread.join(10)
        assert not thread.is_alive()


def test_each_request_is_one_reset(folder: StackFolder) -> None:
    done: list[None] = []
    with serving(folder, lambda: done.append(None)):
        assert request_reset(folder) and request_reset(folder)
    assert len(done) == 2
    assert not request_reset(folder), "nobody listens any more"


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (MigrationError("It was refused."), MigrationError, r"^It was refused\.$"),
        (RuntimeError("odd"), LocalStackError, r"^The database could not be reset: odd$"),
    ],
)
def test_an_error_is_passed_on(folder: StackFolder, raised: Exception, kind: type[LocalStackError], text: str) -> None:
    def reset() -> None:
        raise raised

    with serving(folder, reset):
        for _ in range(2):
            with pytest.raises(kind, match=text) as caught:
                request_reset(folder)
            assert type(caught.value) is kind


def test_nobody_without_the_token_can_reset(folder: StackFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST_TIMEOUT", 0.05)
    done: list[None] = []
    with serving(folder, lambda: done.append(None)) as control:
        for sent in (b"\n", b"wrong\n", control.token.encode()[:-1] + b"\n", b"x" * 10_000, "ä\n".encode(), b""):
            with socket.create_connection(("127.0.0.1", control.port)) as connection:
                connection.sendall(sent)  # The last one says nothing, and waits.
                try:
                    assert connection.recv(100) == b""
                except ConnectionResetError:  # Not all of it was read.
                    pass
        assert done == []
        assert request_reset(folder) and len(done) == 1
        assert control.token not in repr(folder.read_state())
        assert (folder.root / "state.json").stat().st_mode & 0o077 == 0


def test_a_stack_that_ends_meanwhile_is_reported(folder: StackFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        me = ProcessIdentity.current()
        run = Run(me, me, "x", True, control_port=server.getsockname()[1], control_token="x")
        folder.write_state(State(run=run))
        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises((LocalStackError, ConnectionError), match=r"either unchanged or reset|reset by peer"):
            request_reset(folder)
        thread.join()


def test_a_stack_of_an_earlier_version_is_reset_here(folder: StackFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    me, done = ProcessIdentity.current(), list[Path]()
    folder.write_state(State(run=Run(me, me, "x", True)))
    monkeypatch.setattr(runs, "reset", lambda directory, **_options: done.append(directory))
    assert module.reset(folder.root, Application()).startswith("The database was reset. (")
    assert done == [folder.root]


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        (["dev", "reset"], ".supabase"),
        (["dev", "reset", "--dir", "x y"], "x y"),
        (["dev", "reset", "--dir"], None),
        (["dev", "reset", "--dir", ""], None),
        (["dev", "reset", "--dir", "--help"], None),
        (["dev", "reset", "--help"], None),
        (["dev", "reset", "x"], None),
        (["dev", "--dir", "x", "reset"], None),
        (["dev", "status"], None),
        (["dev"], None),
        ([], None),
    ],
)
def test_only_a_plain_line_is_run_without_typer(
    arguments: list[str], directory: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Path] = []

    def reset(directory: Path, _application: Application) -> str:
        given.append(directory)
        return "Reset."

    monkeypatch.setattr(module, "reset", reset)
    assert plain.run(arguments, Application()) == (None if directory is None else 0)
    assert given == ([] if directory is None else [Path(directory)])
    assert capsys.readouterr().out == ("" if directory is None else "Reset.\n")


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (NotRunningError("No stack [red]here[/]."), 1, "supabase_embedded: No stack [red]here[/].\n"),
        (KeyboardInterrupt(), 130, f"supabase_embedded: interrupted. {module.UNCERTAIN}\n"),
    ],
)
def test_a_failure_is_one_line(
    raised: BaseException, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reset(_directory: Path, _application: Application) -> str:
        raise raised

    monkeypatch.setattr(module, "reset", reset)
    assert plain.run(["dev", "reset"], Application()) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", text)


RESET = """
import sys
from {module} import main
sys.argv[1:] = ["dev", "reset", "--dir", sys.argv[1]]
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = ["asyncio", "filelock", "psycopg", "pydantic", "rich", "typer", "httpx", "monogram_sdk.errors"]
print("loaded:", *(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize("program", ["monogram_sdk.cli", "supabase_embedded.__main__"])
def test_the_command_loads_neither_typer_nor_the_driver(program: str, project: Path, ready_stack: Path) -> None:
    folder = copy(ready_stack, project / "stack")
    with Stack(folder, project=project, durable=False):
        mine = folder / "storage" / "mine"
        mine.touch()
        command = [sys.executable, "-c", RESET.format(module=program), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        outcome, loaded = done.stdout.splitlines()
        assert outcome.startswith("The database was reset. (") and loaded == "loaded:"
        assert not mine.exists()


def test_a_state_of_an_earlier_version_is_read(folder: StackFolder) -> None:
    me = ProcessIdentity.current()
    run = Run(me, me, "x", True, control_port=1, control_token="x")
    folder.write_state(State(run=run))
    path = folder.root / "state.json"
    content = json.loads(path.read_text())
    del content["run"]["control_port"], content["run"]["control_token"]
    path.write_text(json.dumps(content))
    assert folder.read_state().run == replace(run, control_port=None, control_token=None)
