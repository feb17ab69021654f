"""`make demo` leaves newsletters behind: pages, PDFs and the emails that were sent."""

from __future__ import annotations

import email
import email.policy
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.conftest import ROOT


@pytest.mark.long
def test_the_demo_ends_with_newsletters_to_keep(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "examples.first_weeks"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    kept = tmp_path / ".monogram-demo"
    for week in (1, 2, 3):
        assert (kept / f"week-{week}.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert len(PdfReader(io.BytesIO((kept / f"week-{week}.pdf").read_bytes())).pages) >= 1
    newsletters = sorted((kept / "mails").glob("*-test-book-club-week-*.eml"))
    assert len(newsletters) == 15
    for path in newsletters:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert re.fullmatch(
            r"<http://127\.0\.0\.1:\d+/functions/v1/unsubscribe\?.+>", message["List-Unsubscribe"].strip()
        )
        parts = [message.get_body((kind,)) for kind in ("html", "plain")]
        for part in parts:
            assert part is not None
            assert "No more email from Test Book Club" in part.get_content()
