"""What it takes to import the SDK, to make clients, and to start the command. Programs run in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

from benchmarks.report import Table

_MEASURED = """
import sys, time, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, "")
url, key, unreachable = sys.argv[1], "sb_publishable_benchmark", "https://127.0.0.1:1"
{before}
started = time.process_time(), time.perf_counter()
{code}
print(time.process_time() - started[0], time.perf_counter() - started[1])
"""

_OURS = "from monogram_sdk import Monogram\nclient = Monogram(url=url, key=key)\n"
_THEIRS = "from supabase import create_client\nclient = create_client(url, key)\n"
_OUR_CALL = "client.spaces.list_public().first()"
_THEIR_CALL = "client.table('spaces').select('*').limit(1).execute()"

# What is measured: the program, and the one that it is compared with, if it is not the same.
STARTS = {
    "import monogram_sdk": ("import monogram_sdk", "import supabase"),
    "import supabase": ("import supabase", None),
    "from monogram_sdk import Monogram, errors, models": (
        "from monogram_sdk import Monogram, errors, models",
        "import supabase",
    ),
    "monogram_sdk: the first client": (_OURS, "supabase-py: the first client"),
    "supabase-py: the first client": (_THEIRS, None),
    "monogram_sdk: the first client and its first call": (
        _OURS + _OUR_CALL,
        "supabase-py: the first client and its first call",
    ),
    "supabase-py: the first client and its first call": (_THEIRS + _THEIR_CALL, None),
    "monogram_sdk: the first client, with what it needs to sign in": (
        f"{_OURS}client.auth",
        "supabase-py: the first client",
    ),
}

# A client more, in a process that has several. Nobody listens at its address, so its first request ends when the TLS
# context is made and the connection is refused.
_OUR_NEXT = "other = Monogram(url=unreachable, key=key, retries=0)\n"
_THEIR_NEXT = "other = create_client(unreachable, key)\n"
_REFUSED = "try:\n    {}\nexcept Exception as error:\n    assert 'onnect' in type(error).__name__, error\n"
_OUR_REQUEST = _REFUSED.format(_OUR_CALL.replace("client", "other"))
FURTHER = {
    "monogram_sdk: a further client": (_OURS + _OUR_NEXT + _OUR_REQUEST, _OUR_NEXT, "supabase-py: a further client"),
    "supabase-py: a further client": (_THEIRS + _THEIR_NEXT, _THEIR_NEXT, None),
    "monogram_sdk: a further client and its first request": (
        _OURS + _OUR_NEXT + _OUR_REQUEST,
        _OUR_NEXT + _OUR_REQUEST,
        "supabase-py: a further client",
    ),
}

_MONOGRAM = ["-m", "monogram_sdk.cli"]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "monogram --help": [*_MONOGRAM, "--help"],
    "monogram dev status": [*_MONOGRAM, "dev", "status"],
    "monogram dev reset": [*_MONOGRAM, "dev", "reset"],
}

# A stack prepares the next reset when it has been reset.
_PREPARATION_SECONDS = 2.0

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


def report(url: str, starts: int) -> str:
    """Measure, and return the tables.

    Args:
        url: The server of the first calls.
        starts: How often each program is started.
    """
    with TemporaryDirectory() as folder:
        # As on a user's machine: Python compiles a module once, also where this process is not to leave files behind.
        environment = {**os.environ, "PYTHONPATH": os.getcwd()}
        if starts > 1:
            environment["PYTHONPYCACHEPREFIX"] = f"{folder}/cache"
            environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, *arguments]
            return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

        first = {name: ("", code, other) for name, (code, other) in STARTS.items()}
        return "\n\n".join(
            [
                _programs("Starting", "{:.0f}", first, url, starts, run),
                _programs("A further client, `https`", "{:.2f}", FURTHER, url, starts, run),
                _commands(starts, run),
            ]
        )


def _programs(
    title: str, form: str, programs: dict[str, tuple[str, str, str | None]], url: str, starts: int, run: Run
) -> str:
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for number in range(-1 if starts > 1 else 0, starts):
        for name, (before, code, _) in programs.items():
            done = run(["-c", _MEASURED.format(before=before, code=code), url])
            assert done.returncode == 0, done.stderr
            cpu, wall = map(float, done.stdout.split())
            if number >= 0:  # The one before compiles.
                figures[name].append((1000 * cpu, 1000 * wall))
    table = Table(title, "ms, CPU (wall)", "CPU, times that of supabase-py")
    for name, measured in figures.items():
        cpus, walls = zip(*measured, strict=True)
        others = [cpu for cpu, _ in figures[programs[name][2] or name]]
        ratio = statistics.median(one / other for one, other in zip(cpus, others, strict=True))
        times = f"{form} ({form})".format(statistics.median(cpus), statistics.median(walls))
        table.add(f"`{name}`" if "import" in name else name, times, f"{ratio:.2f}")
    return str(table)


def _commands(starts: int, run: Run) -> str:
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    started = run([*_MONOGRAM, "dev", "--detach"])
    assert started.returncode == 0, started.stderr
    try:
        for number in range(-1 if starts > 1 else 0, starts):
            for name, arguments in COMMANDS.items():
                if "reset" in arguments and starts > 1:
                    time.sleep(_PREPARATION_SECONDS)
                before, begin = os.times(), time.perf_counter()
                done = run(arguments)
                wall, after = time.perf_counter() - begin, os.times()
                assert done.returncode == 0, done.stderr
                if number >= 0:
                    cpu = after.children_user + after.children_system - before.children_user - before.children_system
                    figures[name].append((1000 * cpu, 1000 * wall))
    finally:
        run([*_MONOGRAM, "dev", "stop"])
    table = Table("Command, from its start to its end", "ms, CPU (wall)", "least wall")
    for name, measured in figures.items():
        cpus, walls = zip(*measured, strict=True)
        table.add(f"`{name}`", f"{statistics.median(cpus):.0f} ({statistics.median(walls):.0f})", f"{min(walls):.0f}")
    return str(table)
