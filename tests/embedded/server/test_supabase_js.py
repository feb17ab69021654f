"""Run the tests that are written with supabase-js."""

from __future__ import annotations

import subprocess
from pathlib import Path

from supabase_embedded import deno
from tests.embedded.server.conftest import Server

HERE = Path(__file__).parent


def test_supabase_js(server: Server) -> None:
    environment = deno.environment() | {
        "API_URL": server.url,
        "PUBLISHABLE_KEY": server.config.publishable_key,
        "SECRET_KEY": server.config.secret_key,
    }
    command = [
        deno.executable(),
        "test",
        "--quiet",
        "--no-check",
        "--frozen",
        f"--config={HERE / 'deno.json'}",
        f"--lock={HERE / 'deno.lock'}",
        f"--allow-net={server.config.host}",
        "--allow-env",
        str(HERE / "supabase_js_test.ts"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
