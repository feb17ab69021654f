"""Programs that run the edge functions' sending on a real database, against servers that misbehave on purpose."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from supabase_embedded.deno import environment, executable

HERE = Path(__file__).parent


def run_program(name: str, *arguments: object, timeout: float = 280) -> dict[str, Any]:
    """Run a program of this folder and return the JSON object that it prints."""
    reply = subprocess.run(
        [
            executable(),
            "run",
            "--quiet",
            "--frozen",
            "--no-prompt",
            f"--config={HERE / 'deno.json'}",
            "--allow-net=127.0.0.1",
            "--allow-env",
            "--allow-read",
            "--allow-sys=hostname",
            HERE / name,
            *map(str, arguments),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert reply.returncode == 0, reply.stdout + reply.stderr
    result: dict[str, Any] = json.loads(reply.stdout)
    return result
