"""Drive a server with PostgreSQL's own pgbench, so that the driver takes as little of the machine as it can."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from supabase_embedded.postgres import SUPERUSER, PostgresServer
from supabase_embedded.postgres.programs import Programs, environment

THREADS = min(2, os.cpu_count() or 1)


_ENDING = 10.0  # Seconds that connections may take to end.


@dataclass(frozen=True)
class Run:
    """What one run of pgbench measured."""

    rate: float
    """Transactions a second, without the time that connecting took."""

    latency: float
    """Milliseconds a transaction, on average."""

    done: int
    """How many transactions there were."""

    processor: float = 0.0
    """Seconds of the processor that the server's connections took for all of them."""

    @property
    def rate_of_processor(self) -> float:
        """Transactions for each second of the processor: the same however busy the machine is."""
        # The system counts in hundredths of a second.
        return self.done / max(self.processor, 0.01)


@dataclass(frozen=True)
class Load:
    """How a case is driven: from how many connections, and for how long or how often from each."""

    connections: int
    seconds: float = 1.0
    transactions: int | None = None

    def option(self, factor: int = 1) -> str:
        """Return how long or how often, for pgbench; so many times as long."""
        if self.transactions is not None:
            return f"--transactions={self.transactions}"
        return f"--time={max(1, round(self.seconds)) * factor}"


class Pgbench:
    """The pgbench of the newest PostgreSQL that we have: it drives servers of every version."""

    def __init__(self, server: PostgresServer, *, service_password: str) -> None:
        self._server = server
        self._service_password = service_password
        self._program = Programs().bindir / "pgbench"

    def fill_tpcb(self, database: str, scale: int) -> None:
        """Create pgbench's own tables: 100,000 accounts for each unit of scale."""
        self._run(database, SUPERUSER, "--initialize", "--quiet", "--scale", str(scale))

    def tpcb(self, database: str, *, load: Load, protocol: str) -> Run:
        """Run pgbench's own transaction, which resembles TPC-B; the small tables are vacuumed before."""
        return self._drive(database, SUPERUSER, ["--builtin", "tpcb-like"], load, protocol)

    def script(
        self,
        database: str,
        script: str,
        *,
        load: Load,
        protocol: str,
        user: str = "authenticator",
        variables: Mapping[str, int] | None = None,
    ) -> Run:
        """Run a script again and again on several connections.

        Args:
            database: Where.
            script: In pgbench's language.
            load: From how many connections, and for how long.
            protocol: `simple`, `extended` or `prepared`.
            user: Who logs in.
            variables: What the script knows as `:name`.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            defined = [f"--define={name}={value}" for name, value in (variables or {}).items()]
            options = ["--no-vacuum", f"--file={file.name}", *defined]
            return self._drive(database, user, options, load, protocol)

    def latency(
        self,
        database: str,
        query: str,
        *,
        times: int,
        user: str,
        settings: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
    ) -> float:
        """Execute a prepared query on one connection; return the lower quartile of the times in milliseconds.

        Args:
            database: Where.
            query: The query, with parameters as `:name`.
            times: How often; the first of them also prepare it and fill the caches.
            user: Who logs in.
            settings: Of the session.
            variables: The parameters.
        """
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "query.sql")
            script.write_text(query.strip().rstrip(";") + ";\n", encoding="utf-8")
            defined = [f"--define={name}={value}" for name, value in (variables or {}).items()]
            logged = ["--log", f"--log-prefix={folder}/log"]
            options = ["--no-vacuum", "--protocol=prepared", f"--file={script}", f"--transactions={times}"]
            self._run(database, user, *options, *logged, *defined, settings=settings)
            (log,) = Path(folder).glob("log.*")
            return usual_latency(log.read_text(encoding="utf-8"))

    def _drive(self, database: str, user: str, options: list[str], load: Load, protocol: str) -> Run:
        number = load.connections
        options = [*options, f"--client={number}", f"--jobs={min(number, THREADS)}", f"--protocol={protocol}"]
        for factor in (1, 4, 16):
            before = self._processor()
            run = parse(self._run(database, user, *options, load.option(factor)))
            # On a very busy machine a short run may end before its first transaction does.
            if run.done:
                return replace(run, processor=self._processor() - before)
        raise RuntimeError(f"pgbench completed nothing with {load.option(factor)}: {' '.join(options)}")

    def _processor(self) -> float:
        """Return how many seconds of the processor all connections took that have ended."""
        assert self._server.pid is not None
        server = psutil.Process(self._server.pid)
        deadline = time.monotonic() + _ENDING
        while time.monotonic() < deadline and any(_is_connection(child) for child in server.children()):
            time.sleep(0.01)
        times = server.cpu_times()
        return float(times.children_user + times.children_system)

    def _run(self, database: str, user: str, *options: str, settings: Mapping[str, str] | None = None) -> str:
        address = self._server.address
        password = address.password if user == SUPERUSER else self._service_password
        place = ["--host=127.0.0.1", f"--port={address.port}", f"--username={user}"]
        command: list[str | Path] = [self._program, *place, *options, database]
        # Spaces separate options from each other.
        pairs = [f"{name}={value}".replace(" ", "\\ ") for name, value in (settings or {}).items()]
        chosen = " ".join(f"-c {pair}" for pair in pairs)
        env = {**environment(), "PGPASSWORD": password, "PGOPTIONS": chosen}
        result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"pgbench failed ({' '.join(options)}):\n{result.stderr.strip()[-2000:]}")
        return result.stdout


def parse(output: str) -> Run:
    """Read what pgbench prints at its end."""
    done = re.search(r"(?m)^number of transactions actually processed: (\d+)", output)
    if done is not None and done[1] == "0":
        return Run(0.0, 0.0, 0)
    rate = re.search(r"(?m)^tps = ([\d.]+) \(without initial connection time\)", output)
    latency = re.search(r"(?m)^latency average = ([\d.]+) ms", output)
    if done is None or rate is None or latency is None:
        raise ValueError(f"pgbench printed something else:\n{output}")
    return Run(float(rate[1]), float(latency[1]), int(done[1]))


def _is_connection(process: psutil.Process) -> bool:
    """Return True for the process of a connection, whose title says where it comes from, or which has lost its title.

    It loses that when it ends, and is counted when the server has noticed that it has ended.
    """
    try:
        title = " ".join(process.cmdline())
        return not title or "127.0.0.1(" in title
    except psutil.ZombieProcess:
        return True
    except psutil.NoSuchProcess:
        return False


def usual_latency(log: str) -> float:
    """Return the lower quartile of the times in a log of pgbench, in milliseconds.

    Half of the executions may be interrupted by other programs on a busy machine, and long ones more often than short
    ones, so the median would change with the machine. The clock of a virtual machine that was halted may stand still
    meanwhile, so that something takes no time.
    """
    times = sorted(int(line.split()[2]) for line in log.splitlines())
    return max(times[len(times) // 4], 1) / 1000
