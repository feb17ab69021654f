"""`monogram typefaces push`, as an operator runs it."""

from __future__ import annotations

import hashlib
import re

import pytest
from typer.testing import CliRunner

from monogram_sdk import Monogram, errors
from monogram_sdk._sync._files import TYPEFACES, Files
from monogram_sdk.cli import typefaces
from monogram_sdk.cli.app import app
from tests.conftest import ROOT, Api


def push(api: Api, key: str) -> tuple[int, str]:
    env = {"SUPABASE_URL": api.url, "SUPABASE_SECRET_KEY": key}
    result = CliRunner().invoke(app, ["typefaces", "push"], env=env, catch_exceptions=False)
    return result.exit_code, result.output


def test_they_are_stored_whole_and_as_often_as_wanted(api: Api) -> None:
    digests = re.findall(
        r'file: "(.*)",\s+digest: "(\w+)"',
        (ROOT / "supabase/functions/_shared/render/fonts/typefaces.generated.ts").read_text(encoding="utf-8"),
    )
    assert len(digests) == 4
    for _ in range(2):
        code, said = push(api, api.secret_key)
        assert code == 0, said
        assert [line.split(":")[0] for line in said.splitlines()] == [file.name for file in typefaces.found()]
    with Monogram.admin_client(url=api.url, key=api.secret_key) as client:
        files = Files(client.admin._engine)
        for name, digest in digests:
            assert hashlib.sha256(files.download(TYPEFACES, name)).hexdigest() == digest


def test_only_a_secret_key_may(api: Api) -> None:
    code, said = push(api, api.publishable_key)
    assert code == 1
    assert said.startswith("monogram: ")
    with Monogram(url=api.url, key=api.publishable_key) as client, pytest.raises(errors.MonogramError):
        Files(client.admin._engine).put(TYPEFACES, "noto-serif-sc.ttf.br", b"something else")
