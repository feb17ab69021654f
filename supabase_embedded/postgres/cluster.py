"""Make a new database cluster: the data folder of a server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from supabase_embedded.errors import PostgresError
from supabase_embedded.postgres.account import Account
from supabase_embedded.postgres.address import SUPERUSER
from supabase_embedded.postgres.programs import Programs

_FULL = "No space left on device"  # as the operating system says it


class NewCluster:
    """What a new cluster is made with."""

    def __init__(self, programs: Programs, password: str, *, durable: bool, major_version: int) -> None:
        """Describe it.

        Args:
            programs: PostgreSQL's programs.
            password: The password of the superuser.
            durable: Whether the files are to be on disk before it is done.
            major_version: The version of the programs.
        """
        self._programs = programs
        self._password = password
        self._durable = durable
        self._major_version = major_version

    def make(self, data_dir: Path, unfinished: Path, account: Account) -> None:
        """Make the cluster beside its final place and move it there in one step, so that it is never half there.

        Args:
            data_dir: Its final place; it does not exist.
            unfinished: The folder beside it, which a run before may have left.
            account: The account whose it will be.

        Raises:
            PostgresError: PostgreSQL refused; the message ends with what it said.
        """
        bindir = self._programs.bindir
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        password_file = unfinished.with_name(unfinished.name + ".password")
        try:
            password_file.touch(mode=0o600)
            password_file.write_text(self._password + "\n", encoding="utf-8")
            for path in (unfinished, password_file):
                account.give(path)
            command: list[str | Path] = [
                bindir / "initdb",
                "-D",
                unfinished,
                "-U",
                SUPERUSER,
                "-E",
                "UTF8",
                "--data-checksums",
            ]
            command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
            command += [] if self._durable else ["--no-sync"]
            # The same collation everywhere: characters by code point, upper and lower case as Unicode has them.
            # PostgreSQL brings it along since version 17; before, it is the operating system's, if it has it.
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if self._major_version < 17:
                locale = ["--locale=C.UTF-8"]
            reaches = [bindir, unfinished]
            code, output = self._programs.run(account, [*command, *locale], reaches=reaches)
            if "invalid locale" in output:
                code, output = self._programs.run(account, [*command, "--locale=C"], reaches=reaches)
            if _FULL in output:
                raise PostgresError(
                    f"PostgreSQL could not initialise {data_dir}: {_FULL}. Free some, or choose another folder "
                    "with --dir."
                )
            if code != 0:
                raise PostgresError(f"PostgreSQL could not initialise {data_dir}:\n{output.strip()}")
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(data_dir)
        if self._durable:
            _sync_folder(data_dir.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
