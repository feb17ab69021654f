"""What it takes to import the SDK, to make the first client, and to start the command. Programs run in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory

from benchmarks.report import Table

_MEASURED = """
import sys, time, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, "")
started = time.process_time(), time.perf_counter()
{code}
print(time.process_time() - started[0], time.perf_counter() - started[1])
"""

_CLIENT = "('http://127.0.0.1:1', 'sb_publishable_benchmark')"

PROGRAMS = {
    "import monogram_sdk": "import monogram_sdk",
    "import supabase": "import supabase",
    "from monogram_sdk import Monogram, errors, models": "from monogram_sdk import Monogram, errors, models",
    "a client of monogram_sdk": (
        "from monogram_sdk import Monogram\nclient = Monogram(url='http://127.0.0.1:1', key='sb_publishable_benchmark')"
    ),
    "a client of supabase-py": (
        f"from supabase import create_client\nclient = create_client{_CLIENT}\nclient.table('spaces'), client.storage"
    ),
}

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "monogram --help": ["-m", "monogram_sdk.cli", "--help"],
    "monogram dev status": ["-m", "monogram_sdk.cli", "dev", "status"],
}


def report(starts: int) -> str:
    """Measure, and return the tables."""
    with TemporaryDirectory() as folder:
        # As on a user's machine: Python compiles a module once, also where this process is not to leave files behind.
        environment = dict(os.environ)
        if starts > 1:
            environment["PYTHONPYCACHEPREFIX"] = f"{folder}/cache"
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return "\n\n".join([_imports(starts, environment), _commands(starts, environment, folder)])


def _imports(starts: int, environment: dict[str, str]) -> str:
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for number in range(-1 if starts > 1 else 0, starts):
        for name, code in PROGRAMS.items():
            command = [sys.executable, "-c", _MEASURED.format(code=code)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            cpu, wall = map(float, done.stdout.split())
            if number >= 0:  # The one before compiles.
                figures[name].append((1000 * cpu, 1000 * wall))
    table = Table("Starting", "ms, CPU (wall)", "times `import supabase`")
    for name, measured in figures.items():
        cpus, walls = zip(*measured, strict=True)
        pairs = zip(cpus, (other for other, _ in figures["import supabase"]), strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        table.add(f"`{name}`", f"{statistics.median(cpus):.0f} ({statistics.median(walls):.0f})", f"{ratio:.2f}")
    return str(table)


def _commands(starts: int, environment: dict[str, str], folder: str) -> str:
    environment = {**environment, "PYTHONPATH": os.getcwd()}
    figures: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(-1 if starts > 1 else 0, starts):
        for name, arguments in COMMANDS.items():
            before = os.times()
            subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
            after = os.times()
            if number >= 0:
                used = after.children_user + after.children_system - before.children_user - before.children_system
                figures[name].append(1000 * used)
    table = Table("Command, from its start to its end", "ms of CPU")
    for name, measured in figures.items():
        table.add(f"`{name}`", f"{statistics.median(measured):.0f}")
    return str(table)
