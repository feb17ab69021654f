"""PgBouncer in transaction mode in front of a server, as hosted projects have a pooler on port 6543.

With MONOGRAM_TEST_POOLED set, tests of the database reach it through the pooler. Programs that use one prepare no
statements by name, since the next transaction may be in another session; so psycopg is told not to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from supabase_embedded._address import SUPERUSER
from supabase_embedded._ports import pick_port
from supabase_embedded.bootstrap import POSTGRES_PASSWORD
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.postgres.account import postgres_account
from tests.support.parts import pgbouncer
from tests.support.ready import SERVICE_PASSWORD, databases_of

POOLED = "MONOGRAM_TEST_POOLED" in os.environ

_SERVICES = ("authenticator", "supabase_auth_admin", "supabase_storage_admin")

_SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits, options
server_idle_timeout = 5
"""


@dataclass(frozen=True)
class PooledDatabases(Databases):
    """The databases of a server, which are made and dropped past the pooler, and used through it."""

    pooler_port: int = 0

    def dsn(self, name: str = "postgres", *, user: str = "postgres") -> str:
        """Return the URL of a database at the pooler; templates and the superuser are not for applications."""
        if user == SUPERUSER or name.startswith("embedded_"):
            return super().dsn(name, user=user)
        password = POSTGRES_PASSWORD if user == "postgres" else self.service_password
        return replace(self.server, port=self.pooler_port).dsn(name, user=user, password=password)


@contextmanager
def pooler(server: PostgresServer, *, size: int = 20) -> Iterator[int]:
    """Run PgBouncer in front of a server, and yield its port.

    Args:
        server: The server.
        size: How many sessions it has at most for each user and database.
    """
    port = pick_port(requested=None, remembered=None, purpose="the pooler", option="")
    account = postgres_account(server.data_dir)
    program = pgbouncer()
    folder = Path(tempfile.mkdtemp(prefix="monogram-pooler-"))
    try:
        settings = folder / "pgbouncer.ini"
        settings.write_text(_SETTINGS.format(server_port=server.port, port=port, folder=folder, size=size))
        roles = {"postgres": POSTGRES_PASSWORD} | dict.fromkeys(_SERVICES, SERVICE_PASSWORD)
        (folder / "users").write_text("".join(f'"{role}" "{password}"\n' for role, password in roles.items()))
        for path in (folder, settings, folder / "users"):
            account.give(path)
        with (folder / "log").open("wb") as log:
            libraries = str(program.parent.parent / "lib" / "x86_64-linux-gnu")
            process = account.popen(
                [program, settings], reaches=[program, folder], log=log.fileno(), env={"LD_LIBRARY_PATH": libraries}
            )
        try:
            _wait_until_ready(process, server, port, folder / "log")
            yield port
        finally:
            process.terminate()  # At once, also if there are clients.
            process.wait(timeout=30)
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(process: subprocess.Popen[bytes], server: PostgresServer, port: int, log: Path) -> None:
    dsn = replace(server.address, port=port).dsn("postgres", user="postgres", password=POSTGRES_PASSWORD)
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(dsn).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(log.read_text()) from error
            time.sleep(0.02)


@contextmanager
def databases_for_tests(server: PostgresServer) -> Iterator[Databases]:
    """Yield the databases of a server with our migrations, behind a pooler if the tests are run with one."""
    databases = databases_of(server)
    if not POOLED:
        yield databases
        return
    with pooler(server) as port, without_prepared_statements():
        yield PooledDatabases(
            databases.server,
            databases.project,
            service_password=databases.service_password,
            with_seed=databases.with_seed,
            pooler_port=port,
        )


@contextmanager
def without_prepared_statements() -> Iterator[None]:
    """Let `psycopg.connect` prepare nothing by itself, as its argument `prepare_threshold=None` does."""
    defaults = psycopg.Connection.connect.__func__.__kwdefaults__  # type: ignore[attr-defined]
    before = defaults["prepare_threshold"]
    defaults["prepare_threshold"] = None
    try:
        yield
    finally:
        defaults["prepare_threshold"] = before
