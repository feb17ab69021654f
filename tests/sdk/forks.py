"""Helpers for tests that fork the process."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

from monogram_sdk import AsyncMonogram, Monogram

KEY = "sb_publishable_x"


ROUNDS = 20


class Echo(BaseHTTPRequestHandler):
    """Returns the space that is asked for, which nobody else asks for, a moment later."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Reply."""
        asked = UUID(self.path.partition("id=eq.")[2].partition("&")[0])
        time.sleep(0.002)
        body = json.dumps([space(asked)]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def space(space_id: UUID) -> dict[str, object]:
    """Return a space as the Data API does."""
    some = "00000000-0000-4000-8000-000000000000"
    then = "2026-11-23T00:04:29.673123+00:00"
    return {
        "id": str(space_id), "name": "Club", "description": None, "cover_path": None, "leader_id": some,
        "current_curator_id": some, "rotation_type": "ROUND_ROBIN", "current_week": 1, "is_public": True,
        "newsletter_visibility": "PUBLIC", "language": None, "version": 1, "created_at": then, "updated_at": then,
    }  # fmt: skip


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Generator[str]:
    """Run a server that tells who asked; yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def run_in_forks(*works: Callable[[], object]) -> Callable[[], list[str]]:
    """Do each in a process that is forked off here; return what waits for their ends and says what failed."""
    children: list[tuple[int, int]] = []
    for work in works:
        out, into = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # From Python 3.12 on: there are threads.
            child = os.fork()
        if child == 0:
            os.close(out)
            said = ""
            try:
                work()
            except BaseException:
                said = traceback.format_exc()
            os.write(into, said[-4000:].encode())
            os._exit(0)
        os.close(into)
        children.append((child, out))

    def wait() -> list[str]:
        problems: list[str] = []
        for child, out in children:
            end = time.monotonic() + 30
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
                time.sleep(0.01)
            if ended == (0, 0):
                os.kill(child, 9)
                os.waitpid(child, 0)
                problems.append("it hangs")
            with os.fdopen(out, "rb") as pipe:
                if said := pipe.read().decode():
                    problems.append(said)
        return problems

    return wait


def ask(client: Monogram, who: int) -> None:
    for number in range(ROUNDS):
        asked = UUID(int=(who << 64) + number + 1)
        assert client.spaces.get(asked).id == asked


async def async_ask(client: AsyncMonogram, who: int) -> None:
    for number in range(ROUNDS):
        asked = UUID(int=(who << 64) + number + 1)
        assert (await client.spaces.get(asked)).id == asked


SLOW_IMPORTS = """
import sys, threading, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.1)
            print("loaded beside:", name, flush=True)

sys.meta_path.insert(0, Slow())
"""
