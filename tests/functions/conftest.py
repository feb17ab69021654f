"""A stack whose functions run by themselves, and a stand-in for the providers of music."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from monogram_sdk.local import Stack
from tests.support.ready import stack_folder


class Providers(ThreadingHTTPServer):
    """Stands in for all providers of music."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.is_broken = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Providers

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(500 if self.server.is_broken else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"title": "La mer", "author_name": "Charles Trenet - Topic"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def providers() -> Iterator[Providers]:
    """A server that replies as the providers do."""
    with Providers() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def delivering(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that sends its emails by itself, and whose functions ask `providers` about music."""
    environment = {"MUSIC_PROVIDERS_FOR_TESTS": providers.url}
    options = {"bcrypt_cost": 4}
    with (
        stack_folder(tmp_path_factory, "delivering", seed=False) as folder,
        Stack(folder, seed=False, durable=False, function_environment=environment, server_options=options) as stack,
    ):
        yield stack
