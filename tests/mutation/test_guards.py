"""A guard that no test would miss is a guard that nobody keeps."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import date
from typing import Any

import psycopg
import pytest

from tests.mutation.mutants import find_mutants, statements
from tests.mutation.run import KILLERS, REASONS, ROOT
from tests.support.counts import count


def run(*options: str, seconds: int) -> dict[str, Any]:
    """Try mutants in a process of their own, which has its own server, and count them."""
    command = [sys.executable, "-m", "tests.mutation.run", f"--seconds={seconds}", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "{\n" in result.stdout, result.stdout + result.stderr
    report: dict[str, Any] = json.loads(result.stdout[result.stdout.index("{\n") :])
    count("mutants killed", report["killed"])
    count("mutants listed with a reason", report["listed"])
    assert report["survived"] == [], "guards that no test misses: write one, or say why in tests/mutation/reasons.toml"
    assert report["reasons without a guard"] == [], "reasons for guards that are not there"
    assert result.returncode == 0, result.stdout + result.stderr
    return report


@pytest.mark.timeout(600)
def test_guards_that_a_change_touches_and_a_sample_of_the_others() -> None:
    report = run("--sample", f"--seed={date.today().toordinal()}", "--near=40", seconds=10)
    assert report["killed"] > 5


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_every_guard() -> None:
    report = run("--near=24", seconds=1000)
    assert report["not tried"] == 0
    assert report["killed"] + report["listed"] == report["mutants"] > 1_000


def test_of_every_guard_a_test_or_a_reason_is_known(dsn: str) -> None:
    """Rights and CHECKs have theirs elsewhere: tests/access/expected_grants.txt, tests/sql/violations.py."""
    with psycopg.connect(dsn) as connection:
        guards = {mutant.id for mutant in find_mutants(connection) if mutant.function}
    known = json.loads(KILLERS.read_text(encoding="utf-8"))["killers"].keys()
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8")).keys()
    assert guards - known - reasons == set(), "run `python -m tests.mutation.run --update --new --near 60`"


def test_guards_are_found_whatever_stands_in_their_arguments() -> None:
    source = """
      begin
        perform private.fail('MG001', 'a; b', format('it''s (%s)', f(1)));
        if x then perform private.lock_space(new.space_id); end if;
        perform private.notify(a);
        perform
          private.require_leader(s);
      end
    """
    assert [source[start:end].split("(")[0].split()[-1] for start, end in statements(source)] == [
        "private.fail", "private.lock_space", "private.require_leader",
    ]  # fmt: skip


def test_what_is_taken_away_comes_back(dsn: str) -> None:
    """Spoiled, one guard is missing; restored, the database is as it was."""
    with psycopg.connect(dsn) as connection:
        mutants = find_mutants(connection)
        for mutant in [one for one in mutants if one.kind == "guard of a function"][:20:5]:
            connection.execute(mutant.spoil.encode())
            found = {one.id for one in find_mutants(connection)}
            assert {one.id for one in mutants} - found, mutant.id
            connection.execute(mutant.restore.encode())
            assert {one.id for one in find_mutants(connection)} == {one.id for one in mutants}
        connection.rollback()
