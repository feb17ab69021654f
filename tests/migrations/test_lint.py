"""squawk reads the migrations; what it may not say anything about is listed here, with the reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MIGRATIONS = sorted((Path(__file__).parent.parent.parent / "supabase" / "migrations").glob("*.sql"))

EXCEPTIONS = {
    "adding-foreign-key-constraint": "memberships and space_invites refer to each other, and both are empty then",
    "constraint-missing-not-valid": "the same constraint, on an empty table",
    "prefer-bigint-over-int": "weeks, counters of one person's responses and orders of ten do not outgrow an integer",
    "require-lock-timeout": "nobody uses the tables of a migration that makes them",
    "require-statement-timeout": "nothing in them is slow",
}


def test_squawk_finds_nothing_else() -> None:
    squawk = Path(sys.executable).parent / "squawk"
    command: list[str | Path] = [
        squawk,
        "--assume-in-transaction",
        "--pg-version=15.0",
        f"--exclude={','.join(EXCEPTIONS)}",
        *MIGRATIONS,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_migration_touches_what_the_platform_owns() -> None:
    """The platform lets migrations make policies and triggers on its tables, and fails on anything else."""
    for path in MIGRATIONS:
        text = path.read_text(encoding="utf-8").lower()
        for schema in ("realtime", "storage", "auth"):
            assert f"alter table {schema}." not in text, path.name
            assert f"create function {schema}." not in text, path.name
            assert f"create table {schema}." not in text, path.name


def test_no_migration_is_longer_than_a_topic() -> None:
    lengths = {path.name: path.read_text(encoding="utf-8").count("\n") for path in MIGRATIONS}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
