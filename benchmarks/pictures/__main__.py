"""What it costs the function `pictures` to make a picture ready to be shown: processor and memory of a whole process.

    python -m benchmarks.pictures [--tries 3] [--write]

Each picture is uploaded to a stack and made ready by a process of the function that has done nothing before: the
figures hold Deno, the modules, the codecs, the download and the uploads. Of several tries the cheapest counts, since
other work on the machine makes a processor slower, never faster. The budget is 1 s of processor, and 180 MB above a
process that had nothing to do.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from benchmarks.report import Table, machine, run
from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from tests.corpus import pictures
from tests.support.memory import peak_bytes

CASES: dict[str, Callable[[], bytes]] = {
    "JPEG, 12 megapixels, a photograph": pictures.photograph,
    "JPEG, 12 megapixels, progressive": lambda: pictures.photograph(progressive=True),
    "JPEG, 16 megapixels, progressive": lambda: pictures.photograph((4600, 3450), quality=90, progressive=True),
    "JPEG, 50 megapixels": lambda: pictures.photograph((8640, 5760), quality=50),
    "JPEG, 51 megapixels": lambda: pictures.photograph((8660, 5890), quality=50),
    "PNG, 12 megapixels": lambda: pictures.save(pictures.scene((4032, 3024)), "PNG"),
    "PNG, 8 megapixels, transparent": lambda: pictures.save(pictures.scene((3264, 2448), (0, 0, 0, 0)), "PNG"),
    "WebP, 8 megapixels": lambda: pictures.save(pictures.scene((3264, 2448)), "WEBP", method=0),
    "GIF, 8 megapixels": lambda: pictures.save(pictures.scene((3264, 2448)).quantize(64), "GIF"),
}


@dataclass(frozen=True)
class Cost:
    """What one process has cost."""

    seconds: float
    peak_mb: float


class Bench:
    """A stack, and a folder of somebody's in it."""

    def __init__(self, stack: Stack, folder: str) -> None:
        self.stack = stack
        self.folder = folder
        self._count = 0

    def offer(self, data: bytes) -> str:
        """Upload a picture, and ask for it."""
        self._count += 1
        path = f"{self.folder}/{self._count}"
        reply = httpx.post(
            f"{self.stack.api_url}/storage/v1/object/responses/{path}",
            headers={"apikey": self.stack.secret_key, "content-type": "image/jpeg"},
            content=data,
        )
        reply.raise_for_status()
        with psycopg.connect(self.stack.db_url) as connection:
            connection.execute("select private.ask_for_picture('responses', %s)", [path])
        return path

    def call(self, jobs: int) -> Cost:
        """Call the function in a process that has done nothing yet."""
        if (running := self._process()) is not None:
            running.kill()
            running.wait(10)
        url, headers = f"{self.stack.api_url}/functions/v1/pictures", {"apikey": self.stack.secret_key}
        reply = httpx.post(url, headers=headers, json={"chain": False}, timeout=60)
        done: dict[str, Any] = reply.json()
        assert done["jobs"] == jobs, done
        process = self._process()
        assert process is not None
        times = process.cpu_times()
        return Cost(times.user + times.system, peak_bytes(process.pid) / 2**20)

    def result(self, path: str) -> str:
        """Say what came of a picture."""
        query = "select refusal, files from private.pictures where path = %s"
        with psycopg.connect(self.stack.db_url) as connection:
            ((refusal, files),) = connection.execute(query, [path]).fetchall()
        return refusal or ", ".join(f"`{use}` {file['bytes'] // 1000} kB" for use, file in sorted(files.items()))

    def _process(self) -> psutil.Process | None:
        log = self.stack.server_log.read_text()
        started = re.findall(r'"function started".*?"function":"pictures","pid":(\d+)', log)
        try:
            return psutil.Process(int(started[-1])) if started else None
        except psutil.NoSuchProcess:
            return None


def measure(tries: int) -> str:
    """Make each picture ready, and return a table of what that cost."""
    table = Table("picture", "file", "processor", "above idle", "peak", "made of it")
    options = {"bcrypt_cost": 4}
    with tempfile.TemporaryDirectory() as folder:
        with Stack(Path(folder), seed=False, deliver=False, server_options=options) as stack:
            with Monogram(url=stack.api_url, key=stack.publishable_key) as ada:
                ada.auth.sign_up(email="ada@example.test", password="correct horse battery", display_name="Ada")
                space = ada.spaces.create(name="Everybody")
                bench = Bench(stack, f"{space.id}/{ada.profiles.get().id}")
            idle = min((bench.call(0) for _ in range(tries)), key=lambda cost: cost.peak_mb)
            table.add("none", "", f"{idle.seconds:.2f} s", "", f"{idle.peak_mb:.0f} MB", "")
            for name, make in CASES.items():
                data = make()
                costs, path = [], ""
                for _ in range(tries):
                    path = bench.offer(data)
                    costs.append(bench.call(1))
                best = min(costs, key=lambda cost: cost.seconds)
                peak = min(cost.peak_mb for cost in costs)
                above = f"{peak - idle.peak_mb:.0f} MB"
                size = f"{len(data) / 1e6:.1f} MB"
                table.add(name, size, f"{best.seconds:.2f} s", above, f"{peak:.0f} MB", bench.result(path))
    return f"{machine()}\n\n{table}"


def main() -> None:
    """Measure, print, and with `--write` keep it."""
    run(__file__, __doc__, measure)


if __name__ == "__main__":
    main()
