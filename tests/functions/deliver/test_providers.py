"""SMTP and Resend against servers on this machine; what is tested is in `providers_test.ts`."""

from __future__ import annotations

import subprocess

from supabase_embedded.deno import environment, executable
from tests.functions.deliver.conftest import HERE


def test_providers() -> None:
    reply = subprocess.run(
        [
            executable(),
            "test",
            "--quiet",
            "--no-check",
            "--frozen",
            f"--config={HERE / 'deno.json'}",
            "--allow-net=127.0.0.1",
            "--allow-env",
            "--allow-read",
            "--allow-sys=hostname",
            HERE / "providers_test.ts",
        ],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert reply.returncode == 0, reply.stdout + reply.stderr
