"""`monogram_sdk.testing`, as somebody uses it who has read the guide."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")
FILES = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE, re.DOTALL)
CONFTEST, WITH_OPTIONS = (text for name, text in FILES if name == "conftest.py")
TESTS = {name: text for name, text in FILES if name != "conftest.py"}


def run(folder: Path, *arguments: str, plugins: Sequence[str] = ("asyncio",)) -> tuple[int, str]:
    """Run pytest in a folder as a program of its own, with these plugins."""
    # Those of this project's own tests have no place there.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = [word for plugin in plugins for word in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", "-W", "error", *options, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def write(folder: Path, conftest: str, *names: str) -> None:
    """Write files of the guide."""
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (folder / "conftest.py").write_text(conftest)
    for name in names:
        (folder / name).write_text(TESTS[name])


@pytest.mark.long
def test_the_guide_works_as_it_stands(tmp_path: Path) -> None:
    write(tmp_path, CONFTEST, "test_digest.py", "test_two_spaces.py", "test_async.py")
    code, text = run(tmp_path)
    assert code == 0 and "5 passed" in text, text


@pytest.mark.long
def test_each_worker_has_a_stack_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, CONFTEST, "test_digest.py", "test_async.py")
    code, text = run(tmp_path, "-n", "2", "--dist", "loadfile", plugins=["asyncio", "xdist"])
    assert code == 0 and "4 passed" in text, text


@pytest.mark.long
def test_anyio_s_plugin_will_do_for_asyncio(tmp_path: Path) -> None:
    conftest = "import sys\nsys.modules['pytest_asyncio'] = None\n" + CONFTEST + BACKEND
    write(tmp_path, conftest, "test_async.py")
    test = tmp_path / "test_async.py"
    test.write_text(test.read_text().replace("pytest.mark.asyncio", "pytest.mark.anyio"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    code, text = run(tmp_path, plugins=["anyio"])
    assert code == 0 and "1 passed" in text, text


@pytest.mark.long
def test_the_stack_takes_options(tmp_path: Path) -> None:
    write(tmp_path, WITH_OPTIONS, "test_seed.py")
    code, text = run(tmp_path)
    assert code == 0 and "2 passed" in text, text


@pytest.mark.long
def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path, "import sys\nsys.modules['psycopg'] = None\n" + CONFTEST, "test_digest.py")
    code, text = run(tmp_path)
    assert code == 1 and "lacks psycopg. Install it: pip install 'monogram-sdk[local]'" in text, text


def test_the_package_does_not_load_it() -> None:
    code = "import sys, monogram_sdk; monogram_sdk.Monogram; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


BACKEND = """
import pytest
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

HANGS = """
import signal, time
# A run in the background inherits that interrupts are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
def test_that_hangs(monogram, tmp_path_factory):
    (tmp_path_factory.getbasetemp() / "ready").touch()
    time.sleep(600)
"""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_no_process_outlives_the_run(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, CONFTEST)
    (tmp_path / "test_hangs.py").write_text(HANGS)
    base = tmp_path / "base"
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", f"--basetemp={base}"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: (base / "ready").exists() or process.poll() is not None)
        assert processes_of(base), "the stack runs"
        process.send_signal(number)
        process.wait()
    wait_until(lambda: not processes_of(base))


def processes_of(folder: Path) -> list[str]:
    """Return the commands of the processes that work in a folder."""
    found: list[str] = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        at_home = (process.info["cwd"] or "").startswith(str(folder))
        if process.info["status"] != psutil.STATUS_ZOMBIE and (at_home or f"{folder}/" in command):
            found.append(command)
    return found


def wait_until(condition: object, seconds: float = 60) -> None:
    """Wait for a condition."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
