"""`monogram ledger verify`: the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from monogram_sdk import Monogram
from monogram_sdk.cli.app import app
from monogram_sdk.cli.verify import _PROBLEMS
from monogram_sdk.local import Stack
from tests.conftest import ROOT, Api
from tests.sdk.support import PASSWORD, new_email


@pytest.fixture
def client(api: Api) -> Iterator[Monogram]:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("Ada"), password=PASSWORD, display_name="Ada")
        yield client


def run(api: Api, *arguments: str | Path, code: int = 0, key: str | None = None) -> Result:
    env = {"SUPABASE_URL": api.url, "SUPABASE_SECRET_KEY": api.secret_key if key is None else key}
    found = CliRunner().invoke(app, list(map(str, arguments)), env=env, catch_exceptions=False)
    assert found.exit_code == code, found.output
    return found


def test_a_ledger_that_is_whole(api: Api) -> None:
    assert run(api, "ledger", "verify").stdout == "The ledger is whole.\n"
    assert json.loads(run(api, "ledger", "verify", "--recent", "--json").stdout) == {"whole": True, "faults": []}


def test_every_problem_of_a_ledger_has_its_words() -> None:
    told = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs/explanation/ledger.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(_PROBLEMS) == sorted(told)


def test_a_ledger_that_is_not(api: Api, stack: Stack, client: Monogram) -> None:
    me = client.profiles.get().id
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        for balance, code in ((7, 1), (0, 0)):
            connection.execute("update public.users set token_balance = %s where id = %s", [balance, me])
            found = run(api, "ledger", "verify", code=code)
            said = f"balance (person {me}): the balance is not the sum of the transactions, or differs from the newest "
            assert (said in found.stdout) == bool(code)
            assert ("--json prints" in found.stderr) == bool(code)
            result = json.loads(run(api, "ledger", "verify", "--json", code=code).stdout)
            assert [fault["problem"] for fault in result["faults"]] == ["balance"] * code
            assert result["whole"] == (not code)
