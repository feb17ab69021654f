"""Run the embedded server's TypeScript with Deno, from a cache of our own.

Everything is pinned by the lock file beside the server. What the cache lacks is downloaded once; after that every
start runs without the network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from filelock import FileLock

from monogram_sdk.local._errors import FolderError, MissingDependencyError, ServerError
from monogram_sdk.local._paths import PACKAGE, SERVER_DIR, Project, cache_dir

Report = Callable[[str], None]
"""Takes one line for the person who waits."""

_MAIL_SETTINGS = frozenset(
    {"MAIL_FROM", "MAIL_REPLY_TO", "SMTP_URL", "RESEND_API_KEY", "APP_URL", "UNSUBSCRIBE_URL", "NEWSLETTER_URL"}
)


def executable() -> str:
    """Return the path of Deno: of the wheel in this environment, or else of the machine.

    Raises:
        MissingDependencyError: There is none.
    """
    beside_python = Path(sys.executable).parent / ("deno.exe" if os.name == "nt" else "deno")
    found = str(beside_python) if beside_python.exists() else shutil.which("deno")
    if found is None:
        raise MissingDependencyError("Deno is not installed. Install it with: pip install 'monogram-sdk[local]'")
    return found


def environment() -> dict[str, str]:
    """Return the environment for Deno: ours, with our cache, and without colours and update checks."""
    return dict(os.environ) | {"DENO_DIR": str(cache_dir() / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}


def pinned() -> list[str]:
    """Return the options that pin every module to the server's configuration and lock file."""
    return [f"--config={SERVER_DIR / 'deno.json'}", f"--lock={SERVER_DIR / 'deno.lock'}", "--frozen"]


def ensure_cached(report: Report) -> None:
    """Download what the server needs, unless it was done before for this lock file.

    Raises:
        ServerError: The download failed.
    """
    modules = [SERVER_DIR / "main.ts", PACKAGE / "platform_schema.ts"]
    _ensure_cached("the embedded server", SERVER_DIR / "deno.lock", pinned(), modules, report)


def ensure_functions_cached(project: Project, report: Report) -> None:
    """Download what a project's edge functions need, unless it was done before for this lock file.

    It takes a lock file beside `supabase/functions/deno.json`. Functions that are pinned by none download what they
    need when they first run.

    Raises:
        ServerError: The download failed.
    """
    folder = project.functions_dir
    modules = sorted(folder.glob("[!_]*/index.ts"))
    config, lock = folder / "deno.json", folder / "deno.lock"
    if modules and config.exists() and lock.exists():
        options = [f"--config={config}", f"--lock={lock}", "--frozen"]
        _ensure_cached("the edge functions", lock, options, modules, report)


def check_mail_settings(project: Project, given: Mapping[str, str]) -> None:
    """Check what functions are told of mail, as `deliver` will, which says so in its log only.

    Args:
        project: The project; its `supabase/functions/.env` overrides what is given.
        given: What they are told besides.

    Raises:
        FolderError: A setting is damaged; the message says which, and what it has to be.
    """
    folder = project.functions_dir
    check, file = folder / "_shared" / "deliver" / "check.ts", folder / ".env"
    told = dict(given)
    if file.is_file():
        told |= {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}
    told = {name: value for name, value in told.items() if name in _MAIL_SETTINGS}
    if not told or not check.exists():
        return
    usual = {"SMTP_URL": "smtp://127.0.0.1", "MAIL_FROM": "monogram@example.org"}
    command: list[str | Path] = [executable(), "run", "--quiet", "--no-check", "--no-config", "--allow-env", check]
    answer = subprocess.run(command, env=environment() | usual | told, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        where = file if file.is_file() else "The settings of mail"
        raise FolderError(f"{where}: {(answer.stdout or answer.stderr).strip()[:1000]}")


def _ensure_cached(whose: str, lock: Path, options: list[str], modules: list[Path], report: Report) -> None:
    names = "\n".join(str(module) for module in modules)
    digest = hashlib.sha256(lock.read_bytes() + names.encode()).hexdigest()[:16]
    marker = cache_dir() / f"deno-{digest}.complete"
    if marker.exists():
        return
    with FileLock(cache_dir() / "deno.lock"):
        if marker.exists():
            return
        report(f"Downloading the modules of {whose} (once) ...")
        command: list[str | Path] = [executable(), "cache", "--quiet", *options, *modules]
        answer = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise ServerError(
                f"The modules of {whose} could not be downloaded. Check the network connection, then try again. "
                f"Deno said:\n{answer.stderr.strip()[:1000]}"
            )
        marker.touch()
