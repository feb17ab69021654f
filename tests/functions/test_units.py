"""The edge functions' own tests, which stand beside them."""

from __future__ import annotations

import subprocess

from monogram_sdk.local._deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS


def test_what_functions_share_passes_its_tests() -> None:
    answer = subprocess.run(
        [
            executable(),
            "test",
            "--quiet",
            "--frozen",
            "--allow-net=127.0.0.1",
            "_shared/deliver",
            "_shared/platform",
            "mail-events",
            "music",
            "unsubscribe",
        ],
        cwd=FUNCTIONS,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
