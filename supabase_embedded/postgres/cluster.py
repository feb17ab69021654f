"""Create a new database cluster: the data folder of a server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from supabase_embedded._address import SUPERUSER
from supabase_embedded.errors import PostgresError
from supabase_embedded.postgres.account import Account
from supabase_embedded.postgres.programs import Programs

_DISK_FULL = "No space left on device"  # The operating system's message.


class NewCluster:
    """A cluster that is to be created."""

    def __init__(self, programs: Programs, password: str, *, durable: bool, major_version: int) -> None:
        """Configure the cluster; nothing happens before `create()`.

        Args:
            programs: PostgreSQL's programs.
            password: The password of the superuser.
            durable: Whether to sync the files to disk.
            major_version: The version of the programs.
        """
        self._programs = programs
        self._password = password
        self._durable = durable
        self._major_version = major_version

    def create(self, data_dir: Path, unfinished: Path, account: Account) -> None:
        """Create the cluster beside its final path and move it there in one step, so that it is never half finished.

        Args:
            data_dir: Its final path; it does not exist.
            unfinished: The folder beside it; an earlier run may have left it there.
            account: The account that will own it.

        Raises:
            PostgresError: `initdb` failed; the message ends with its output.
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
            # The same collation everywhere: sorted by code point, with Unicode's rules for upper and lower case.
            # PostgreSQL has it built in since version 17; before, the operating system may provide it.
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if self._major_version < 17:
                locale = ["--locale=C.UTF-8"]
            reaches = [bindir, unfinished]
            code, output = self._programs.run(account, [*command, *locale], reaches=reaches)
            if "invalid locale" in output:
                code, output = self._programs.run(account, [*command, "--locale=C"], reaches=reaches)
            if _DISK_FULL in output:
                raise PostgresError(
                    f"PostgreSQL could not initialise {data_dir}: {_DISK_FULL}. Free some space, or choose another "
                    "folder with --dir."
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
