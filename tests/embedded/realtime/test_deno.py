"""Run the tests that are written in TypeScript."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from supabase_embedded import deno
from tests.embedded.realtime.conftest import RealtimeServer

HERE = Path(__file__).parent / "deno"
# The configuration that pins supabase-js for tests.
PINNED = Path(__file__).parent.parent / "server"


def deno_test(name: str, options: list[str], environment: dict[str, str] | None = None) -> None:
    command = [
        deno.executable(),
        "test",
        "--quiet",
        "--no-check",
        "--frozen",
        *options,
        "--allow-env",
        str(HERE / name),
    ]
    done = subprocess.run(
        command, env=deno.environment() | (environment or {}), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_parts() -> None:
    deno_test("parts_test.ts", deno.pinned())


@pytest.mark.long
def test_limits(server: RealtimeServer) -> None:
    deno_test(
        "limits_test.ts",
        [*deno.pinned(), "--allow-net=127.0.0.1", "--allow-sys"],
        {"SERVER_CONFIG": json.dumps(asdict(server.config))},
    )


def test_supabase_js(server: RealtimeServer) -> None:
    deno_test(
        "supabase_js_test.ts",
        [f"--config={PINNED / 'deno.json'}", f"--lock={PINNED / 'deno.lock'}", "--allow-net=127.0.0.1"],
        {"API_URL": server.http_url, "PUBLISHABLE_KEY": server.config.publishable_key},
    )
