"""Programs that share a session file, as processes of their own, when the session runs out."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from monogram_sdk import FileSessionStorage, Monogram
from monogram_sdk.local import Stack
from tests.conftest import ROOT
from tests.sdk.sharing import CALLS_AFTERWARDS, Report
from tests.sdk.support import PASSWORD, new_email
from tests.support.long import long

CLIENTS = ("Monogram", "AsyncMonogram")
MARGIN_SECONDS = 30
"""So long before its end a session is renewed."""


def start(client: str, stack: Stack, file: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SUPABASE_URL": stack.api_url, "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.sdk.sharing", client, str(file)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_together(stack: Stack, file: Path, seconds: float) -> list[Report]:
    """Run a program with each client; let the session expire so many seconds after both have begun."""
    with ExitStack() as running:
        programs = [running.enter_context(start(client, stack, file)) for client in CLIENTS]
        for program in programs:
            running.callback(program.kill)
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
        ((key, text),) = json.loads(file.read_text()).items()
        session = {**json.loads(text), "expires_at": int(time.time() + MARGIN_SECONDS + seconds)}
        FileSessionStorage(file).set_item(key, json.dumps(session))
        for program in programs:
            assert program.stdin is not None
            program.stdin.write("\n")
            program.stdin.flush()
        reports: list[Report] = []
        for program in programs:
            output, problems = program.communicate(timeout=60)
            assert (program.returncode, problems) == (0, "")
            reports.append(json.loads(output))
        return reports


@pytest.mark.parametrize("seconds", [*long(-MARGIN_SECONDS), 1.5], ids=["it has run out", "it runs out meanwhile"])
def test_each_refreshes_once_at_most_and_nobody_is_signed_out(stack: Stack, tmp_path: Path, seconds: float) -> None:
    file = tmp_path / "private" / "session.json"
    storage = FileSessionStorage(file)
    with Monogram(url=stack.api_url, key=stack.publishable_key, session_storage=storage) as client:
        person = client.auth.sign_up(email=new_email("ada"), password=PASSWORD).user.id
    reports = run_together(stack, file, seconds)
    refreshes = 0
    for report in reports:
        assert report["user_id"] == str(person)
        assert report["calls"] >= CALLS_AFTERWARDS
        assert report["events"] in ([], ["TOKEN_REFRESHED"])
        refreshes += len(report["events"])
    assert refreshes >= 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    left = sorted(file.parent.iterdir())
    assert left == [file, file.with_name("session.json.lock")], "nothing half-written is left, and who renewed locked"
    assert stat.S_IMODE(left[1].stat().st_mode) == 0o600 and left[1].read_bytes() == b""

    with Monogram(url=stack.api_url, key=stack.publishable_key, session_storage=storage) as client:
        assert client.tokens.balance() == 0
        refreshed = client.auth.refresh()
        assert refreshed.user.id == person, "what the file holds is good for more"
    with psycopg.connect(stack.db_url) as connection:
        row = connection.execute("select count(*) from auth.sessions where user_id = %s", [person]).fetchone()
    assert row == (1,), "it is one session all the time"
