"""What a program loads: only what it uses, because loading everything takes several times as long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from pydoc import plaintext, render_doc

import pytest

from monogram_sdk import AsyncMonogram, Monogram
from tests.support.resources import resources


def loaded(code: str, *names: str) -> list[str]:
    """Return which of these packages a program has loaded at its end."""
    code += "\nprint('loaded:', *sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    # Measuring coverage loads modules of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", f"import sys\n{code}", *names]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.rpartition("loaded:")[2].split()


HEAVY = ["dotenv", "httpcore", "httpx", "postgrest", "psycopg", "pydantic", "realtime", "rich", "storage3", "supabase"]
HEAVY += ["opentelemetry", "supabase_auth", "typer", "websockets"]


def test_importing_loads_nothing_heavy() -> None:
    assert loaded("import monogram_sdk", *HEAVY, "asyncio", "inspect", "logging") == []
    assert loaded("from monogram_sdk import AsyncMonogram, Monogram, errors", *HEAVY) == []
    assert loaded("from monogram_sdk import models", *HEAVY) == []
    assert loaded("from monogram_sdk.models import Space", *HEAVY) == ["pydantic"]


def test_a_star_import_gives_all_that_is_public() -> None:
    code = (
        "from monogram_sdk import *\nfrom monogram_sdk.models import *\nMonogram, Space, errors.APIError, models.Space"
    )
    assert loaded(code, "httpx", "supabase_auth") == []


def test_the_status_of_the_stack_does_without_the_client_and_the_database(tmp_path: Path) -> None:
    code = (
        "from monogram_sdk.cli.app import app\n"
        "try: app(['dev', 'status', '--dir', sys.argv.pop()])\n"
        "except SystemExit as end: assert end.code == 1, end.code"
    )
    heavy = set(HEAVY) - {"rich", "typer", "pydantic"}  # The first two are the command itself, which loads the third.
    assert loaded(code, *heavy, "filelock", str(tmp_path)) == []


# What is done with a client, and which packages that loads besides pydantic.
USES = {
    "client.aclose": [],
    "client.spaces, client.responses, client.newsletters, client.live": [],
    "client.profiles.avatar_url('me.png')": [],
    "client.spaces.list_public().first_page()": ["httpcore"],
    "client.auth": ["httpx", "supabase_auth"],
    "client.responses.image_bytes('path')": ["httpcore", "httpx", "storage3"],
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", ["Monogram", "AsyncMonogram"])
def test_a_client_loads_what_is_used(use: str, kind: str) -> None:
    if kind == "Monogram":
        use_it = use.replace("aclose", "close")
    else:
        use_it = f"asyncio.run({use})" if use.endswith(("first_page()", "('path')")) else use
    code = (
        f"import asyncio\nfrom monogram_sdk import {kind}, errors\n"
        f"client = {kind}(url='http://127.0.0.1:1', key='sb_publishable_x', retries=0)\n"
        f"try: {use_it}\nexcept errors.ConnectionFailedError: pass"
    )
    heavy = set(HEAVY) - {"rich"}  # httpx loads it where it is installed.
    assert loaded(code, *heavy) == sorted(["pydantic", *USES[use]])


def test_a_session_that_is_stored_needs_no_library_of_accounts(tmp_path: Path) -> None:
    code = (
        "from monogram_sdk import FileSessionStorage, Monogram, errors\n"
        "storage = FileSessionStorage(sys.argv.pop())\n"
        "client = Monogram(url='http://127.0.0.1:1', key='sb_publishable_x', session_storage=storage)\n"
        "try: client.settings.get()\nexcept errors.NotSignedInError: pass"
    )
    assert loaded(code, *HEAVY, str(tmp_path / "session.json")) == ["pydantic"]


@pytest.mark.parametrize("kind", [Monogram, AsyncMonogram])
def test_a_resource_stays_the_same_and_is_listed_and_explained(kind: type[Monogram | AsyncMonogram]) -> None:
    client = kind(url="http://127.0.0.1:1", key="sb_publishable_x")
    names = list(resources(client))
    assert len(names) == 14 and set(names) <= set(dir(client)) & set(dir(kind))
    assert all(getattr(client, name) is getattr(client, name) for name in names)
    assert all(getattr(client.with_options(), name) is not getattr(client, name) for name in names)
    text = render_doc(kind, renderer=plaintext)
    assert all(getattr(kind, name).__doc__ in text for name in names)


def test_threads_that_use_a_resource_at_once_get_the_same_one() -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nfrom threading import Barrier\n"
        "from monogram_sdk import Monogram\n"
        "client, barrier = Monogram(url='http://127.0.0.1:1', key='sb_publishable_x'), Barrier(8)\n"
        "def get(_): barrier.wait(); return client.auth, client.spaces\n"
        "with ThreadPoolExecutor(8) as threads: assert len(set(threads.map(get, range(8)))) == 1"
    )
    assert loaded(code, "supabase_auth") == ["supabase_auth"]
