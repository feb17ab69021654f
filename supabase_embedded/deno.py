"""Run the embedded server's TypeScript with Deno, from a separate cache.

The lock file beside the server pins every module. Missing modules are downloaded once; after that the stack starts
without the network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from supabase_embedded.errors import MissingDependencyError, ServerError
from supabase_embedded.project import INSTALL, PACKAGE, SERVER_DIR, Project, cache_dir

Report = Callable[[str], None]
"""Called with one line for the person who waits."""


def executable() -> str:
    """Return the path of Deno: the one in this Python environment, or else the one on the PATH.

    Raises:
        MissingDependencyError: Deno is not installed.
    """
    beside_python = Path(sys.executable).parent / ("deno.exe" if os.name == "nt" else "deno")
    found = str(beside_python) if beside_python.exists() else shutil.which("deno")
    if found is None:
        raise MissingDependencyError(f"Deno is not installed. {INSTALL}")
    return found


def environment() -> dict[str, str]:
    """Return the environment for Deno: ours, with the separate cache, and without colours and update checks."""
    return dict(os.environ) | {"DENO_DIR": str(cache_dir() / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}


def pinned() -> list[str]:
    """Return the options that pin the modules to the server's configuration and lock file."""
    return [f"--config={SERVER_DIR / 'deno.json'}", f"--lock={SERVER_DIR / 'deno.lock'}", "--frozen"]


def ensure_cached(report: Report) -> None:
    """Download the server's modules, unless they were downloaded before for this lock file.

    Raises:
        ServerError: The download failed.
    """
    modules = [SERVER_DIR / "main.ts", PACKAGE / "bootstrap" / "platform_schema.ts"]
    _ensure_cached("the embedded server", SERVER_DIR / "deno.lock", pinned(), modules, report)


def ensure_functions_cached(project: Project, report: Report) -> None:
    """Download the modules of a project's edge functions, unless they were downloaded before for this lock file.

    This needs a lock file beside `supabase/functions/deno.json`. Without one, functions download their modules when
    they first run.

    Raises:
        ServerError: The download failed.
    """
    folder = project.functions_dir
    modules = sorted(folder.glob("[!_]*/index.ts"))
    config, lock = folder / "deno.json", folder / "deno.lock"
    if modules and config.exists() and lock.exists():
        options = [f"--config={config}", f"--lock={lock}", "--frozen"]
        _ensure_cached("the edge functions", lock, options, modules, report)


def _ensure_cached(whose: str, lock: Path, options: list[str], modules: list[Path], report: Report) -> None:
    names = "\n".join(str(module) for module in modules)
    digest = hashlib.sha256(lock.read_bytes() + names.encode()).hexdigest()[:16]
    marker = cache_dir() / f"deno-{digest}.complete"
    if marker.exists():
        return
    from filelock import FileLock

    with FileLock(cache_dir() / "deno.lock"):
        if marker.exists():
            return
        report(f"Downloading the modules of {whose} (once) ...")
        command: list[str | Path] = [executable(), "cache", "--quiet", *options, *modules]
        result = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ServerError(
                f"The modules of {whose} could not be downloaded. Check the network connection, then try again. "
                f"Deno said:\n{result.stderr.strip()[:1000]}"
            )
        marker.touch()
