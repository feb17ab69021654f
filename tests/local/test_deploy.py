"""`supabase functions deploy` uploads every file that a function needs, and its access settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from supabase_embedded.deno import environment, executable
from tests.embedded import supabase_cli

SUPABASE = Path(__file__).parent.parent.parent / "supabase"

# Readers have no account, and the key of cron is not a token: these functions check their callers themselves.
OPEN = {"deliver", "mail-events", "music", "newsletter", "pictures", "tick", "unsubscribe"}


class Platform(ThreadingHTTPServer):
    """The part of the platform's management API that receives functions."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.metadata: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, bytes]] = {}


class Handler(BaseHTTPRequestHandler):
    server: Platform
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Do not log."""

    def do_GET(self) -> None:
        self._reply(200, [])

    def do_PUT(self) -> None:
        self._body()
        self._reply(200, {})

    def do_POST(self) -> None:
        (name,) = parse_qs(urlsplit(self.path).query)["slug"]
        form = BytesParser().parsebytes(f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode() + self._body())
        self.server.files[name] = {}
        for part in form.walk():
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes):
                continue
            if (path := part.get_filename()) is not None:
                self.server.files[name][path] = content
            else:
                self.server.metadata[name] = json.loads(content)
        self._reply(201, {"id": name, "slug": name, "name": name, "status": "ACTIVE", "version": 1})

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform to which the functions of the project were deployed."""
    project = tmp_path / "project"
    shutil.copytree(SUPABASE, project / "supabase", ignore=shutil.ignore_patterns(".env", ".temp", ".branches"))
    with Platform() as platform:
        thread = threading.Thread(target=platform.serve_forever)
        thread.start()
        supabase_cli.deploy_functions(f"http://127.0.0.1:{platform.server_address[1]}", project)
        platform.shutdown()
        thread.join()
        yield platform


def modules(folder: Path, entrypoint: str, config: str) -> list[dict[str, Any]]:
    """Return every module that a function loads, including dynamic imports."""
    result = subprocess.run(
        [executable(), "info", "--json", "--no-lock", f"--config={folder / config}", folder / entrypoint],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(result.stdout)["modules"]
    return found


@pytest.mark.long
def test_deployed_functions_are_complete(platform: Platform, tmp_path: Path) -> None:
    names = {path.parent.name for path in SUPABASE.glob("functions/*/index.ts")}
    assert set(platform.files) == names
    for name, files in platform.files.items():
        metadata = platform.metadata[name]
        assert metadata["verify_jwt"] is (name not in OPEN), name
        entrypoint, config = metadata["entrypoint_path"], metadata["import_map_path"]
        folder = tmp_path / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        loaded = modules(folder, entrypoint, config)
        assert [module["error"] for module in loaded if "error" in module] == []

        def own(loaded: list[dict[str, Any]], folder: Path) -> set[str]:
            root = folder.as_uri() + "/"
            return {one["specifier"].removeprefix(root) for one in loaded if one["specifier"].startswith(root)}

        wanted = own(modules(SUPABASE.parent, entrypoint, config), SUPABASE.parent)
        assert entrypoint in wanted
        assert own(loaded, folder) == wanted
