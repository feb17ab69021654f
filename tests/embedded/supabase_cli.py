"""The real `supabase` command, from npm through Deno's cache, to compare our own results with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from supabase_embedded import deno

VERSION = "3.1.0"


def executable() -> Path:
    """Return the path of the `supabase` program, which is downloaded the first time."""
    system = {"linux": "linux", "darwin": "darwin"}[sys.platform]
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    package = f"@supabase/cli-{system}-{machine}"
    command = [deno.executable(), "cache", "--quiet", "--no-lock", "--no-config", f"npm:{package}@{VERSION}"]
    subprocess.run(command, env=deno.environment(), check=True)
    found = Path(deno.environment()["DENO_DIR"], "npm/registry.npmjs.org", package, VERSION, "bin/supabase")
    found.chmod(0o755)
    return found


def push(dsn: str, workdir: Path) -> str:
    """Run `supabase db push` with the seed, and return its output."""
    home = workdir / ".home"  # The command's own settings stay in this folder.
    home.mkdir(exist_ok=True)
    result = subprocess.run(
        [
            executable(),
            "db",
            "push",
            f"--remote={dsn}?sslmode=disable",
            "--include-seed",
            "--yes",
            f"--workdir={workdir}",
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def deploy_functions(api_url: str, workdir: Path) -> str:
    """Run `supabase functions deploy` against a replacement for the platform, and return its output."""
    home = workdir / ".home"
    home.mkdir(exist_ok=True)
    profile = home / "profile.yaml"
    profile.write_text(f"name: local\napi_url: {api_url}\ndashboard_url: {api_url}\nproject_host: 127.0.0.1\n")
    result = subprocess.run(
        [
            executable(),
            "functions",
            "deploy",
            "--use-api",
            "--yes",
            "--remote=abcdefghijklmnopqrst",
            f"--profile={profile}",
            f"--workdir={workdir}",
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SUPABASE_ACCESS_TOKEN": "sbp_" + 40 * "0",
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr
