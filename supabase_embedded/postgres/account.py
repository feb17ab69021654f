"""Run PostgreSQL's programs as an ordinary account if we are root, because they refuse to run as root.

Only the data folder then belongs to that account. The folders above it, and the folder with PostgreSQL's programs, may
be closed to everyone but root (`/root` usually is). Opening them would weaken the machine, so the programs get a
capability to bypass folder permissions instead, through `setpriv` of util-linux, which every common Linux distribution
installs.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supabase_embedded.errors import FolderError, MissingDependencyError

_CANDIDATES = ("postgres", "nobody")

# Either capability is enough. The first allows reading only; containers often have just the second.
_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True)
class Account:
    """The account under which PostgreSQL's programs run."""

    uid: int
    gid: int
    is_ours: bool
    """Whether it is the account of this process, so that no switch is needed."""

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)

    def popen(
        self, arguments: Sequence[str | Path], *, reaches: Sequence[Path], log: int, env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a program under the account.

        The child runs in a session of its own, so that Ctrl-C in a terminal does not reach it.

        Args:
            arguments: The program and its arguments.
            reaches: The paths that the program must be able to reach.
            log: The file descriptor for the program's output.
            env: The program's whole environment.

        Raises:
            MissingDependencyError: The account cannot reach some path, and this machine has no way to permit it.
        """
        command = [str(argument) for argument in arguments]
        closed = [] if self.is_ours else [path for path in reaches if not self._reaches(path)]
        if closed:
            command = self._setpriv_command(closed[0]) + command
        switched = not self.is_ours and not closed
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
            user=self.uid if switched else None,
            group=self.gid if switched else None,
            extra_groups=[] if switched else None,
        )

    def _setpriv_command(self, closed: Path) -> list[str]:
        """Return the command that switches to the account and lets it enter folders that are closed to it."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise MissingDependencyError(
                f"PostgreSQL refuses to run as root, and the account it would run as cannot reach {closed}. "
                "Run as an ordinary user, install `setpriv` (package util-linux), or choose a folder that every "
                "account may enter."
            )
        capability = _held_capability()
        return [
            setpriv,
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            # Without this bit, access(2) would ignore the capability of an account that is not root.
            "--securebits=+no_setuid_fixup",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
        ]

    def _reaches(self, path: Path) -> bool:
        """Return True if the account may enter every folder above `path`."""
        for folder in path.resolve().parents:
            status = folder.stat()
            if status.st_uid == self.uid:
                bit = stat.S_IXUSR
            elif status.st_gid == self.gid:
                bit = stat.S_IXGRP
            else:
                bit = stat.S_IXOTH
            if not status.st_mode & bit:
                return False
        return True


def postgres_account(data_dir: Path) -> Account:
    """Choose the account for the server whose data is, or will be, in `data_dir`.

    Raises:
        FolderError: The data belongs to an account that this process cannot switch to.
        MissingDependencyError: This process runs as root, and the machine has no ordinary account to switch to.
    """
    owner = data_dir.stat().st_uid if data_dir.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise FolderError(
                f"{data_dir} belongs to another account ({_name(owner)}), so PostgreSQL would refuse it. "
                "Use that account, or choose another folder."
            )
        return Account(os.geteuid(), os.getegid(), is_ours=True)
    if owner:  # It belongs to an ordinary user, or to the account of an earlier run as root: keep the owner.
        return Account(owner, data_dir.stat().st_gid, is_ours=False)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, is_ours=False)
    raise MissingDependencyError(
        "PostgreSQL refuses to run as root, and there is neither a `postgres` nor a `nobody` account. "
        "Create one (`useradd --system postgres`), or run as an ordinary user."
    )


def _held_capability() -> str:
    """Return the weakest capability to bypass folder permissions that this process may pass on."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    for name, bit in _CAPABILITIES.items():
        if bounding >> bit & 1:
            return name
    raise MissingDependencyError(
        "PostgreSQL refuses to run as root, and this container may not let another account enter root's folders. "
        "Run as an ordinary user, or choose a folder that every account may enter."
    )


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "nobody"
    except KeyError:
        return f"number {uid}"
