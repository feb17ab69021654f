"""Fixtures for every test: a throwaway Postgres with the platform's roles and our migrations, and a whole stack.

Each test process has its own, started when the first test asks for it. Tests that speak HTTP use `api`; when
MONOGRAM_TEST_API_URL, MONOGRAM_TEST_PUBLISHABLE_KEY and MONOGRAM_TEST_SECRET_KEY are set they run against that project
(with our migrations and without anything precious in it), such as one of `supabase start`.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import psycopg
import pytest
from httpx._transports import default as _transports
from playwright.sync_api import Browser, sync_playwright

from monogram_sdk.local import Stack
from supabase_embedded.databases import Databases
from tests.support.actors import Actors
from tests.support.counts import CountsPlugin
from tests.support.order import OrderPlugin
from tests.support.pooler import databases_for_tests
from tests.support.ready import server_with_template, stack_folder

ROOT = Path(__file__).parent.parent

# How fast a machine is, is nothing that a test shows.
hypothesis.settings.register_profile("monogram", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("monogram")


# Seconds for a test that is marked as long, on a busy machine.
LONGEST = 1200

# Each client of httpx reads all certificates of the world, which takes longer than what most tests ask it. Those that
# want no others share them.
_certificates = cache(httpx.create_ssl_context)


def _shared_certificates(
    verify: ssl.SSLContext | str | bool = True, cert: Any = None, trust_env: bool = True
) -> ssl.SSLContext:
    if verify is True and cert is None and not os.environ.keys() & {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
        return _certificates()
    return httpx.create_ssl_context(verify, cert, trust_env)


_transports.create_ssl_context = _shared_certificates


def pytest_configure(config: pytest.Config) -> None:
    # Who is started in the background, as by `make test &`, ignores Ctrl-C, and so would all programs that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(CountsPlugin(), "monogram-counts")
    config.pluginmanager.register(OrderPlugin(), "monogram-order")


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in its own.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share something long-lived in one process, so that it is started once.

    What they share is a fixture of a file or a folder, for a file or the whole run. Fixtures of this file are left out:
    every process has them.
    """
    for item in items:
        if item.get_closest_marker("long") and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST))
        if isinstance(item, pytest.Function) and item.get_closest_marker("xdist_group") is None:
            used = {name: found[-1] for name, found in item._fixtureinfo.name2fixturedefs.items()}
            shared = {name: one for name, one in used.items() if one.scope in ("session", "module")}
            homes = {one.baseid for one in shared.values()} - {"", "tests"}
            if homes:
                variants = item.callspec.params if hasattr(item, "callspec") else {}
                chosen = "".join(f" {name}={variants[name]}" for name in sorted(shared) if name in variants)
                item.add_marker(pytest.mark.xdist_group(min(homes, key=len) + chosen))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while modules are imported and tests made of them: next to nothing of it is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what every test needs: all that was imported."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Api:
    """Where tests find a Supabase-compatible API with our migrations."""

    url: str
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded stack of this test process, seeded, for tests that need more of it than its API."""
    options = {"bcrypt_cost": 4}  # Signing up is most of what tests do; a cheap hash is enough for them.
    with (
        stack_folder(tmp_path_factory, "stack", seed=True) as folder,
        Stack(folder, durable=False, deliver=False, server_options=options) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Api:
    """The API under test: the one that the environment names, else that of this test process' stack."""
    if url := os.environ.get("MONOGRAM_TEST_API_URL"):
        return Api(url, os.environ["MONOGRAM_TEST_PUBLISHABLE_KEY"], os.environ["MONOGRAM_TEST_SECRET_KEY"])
    stack: Stack = request.getfixturevalue("stack")
    return Api(stack.api_url, stack.publishable_key, stack.secret_key)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Databases with our migrations and no seed, on a Postgres of this test process."""
    with server_with_template(tmp_path_factory) as server, databases_for_tests(server) as databases:
        yield databases


@pytest.fixture(scope="session")
def dsn(databases: Databases) -> str:
    """The URL, as `postgres`, of a database that tests share and in which nothing is ever committed."""
    return databases.clone("shared")


@pytest.fixture(scope="session")
def warm_connection(dsn: str) -> Iterator[psycopg.Connection]:
    """A connection for one test after another: a new session of Postgres compiles every function anew."""
    with closing(psycopg.connect(dsn)) as connection:
        yield connection


@pytest.fixture
def actors(warm_connection: psycopg.Connection) -> Iterator[Actors]:
    """People who act in one transaction that is rolled back."""
    with Actors(warm_connection) as actors:
        yield actors
    # What a session keeps beyond its transactions; prepared statements are psycopg's own.
    warm_connection.execute("reset all")
    warm_connection.execute("select pg_advisory_unlock_all()")
    warm_connection.commit()


@pytest.fixture
def fresh_dsn(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test alone, for what must be committed."""
    name = f"test_{uuid4().hex}"
    yield databases.clone(name)
    databases.drop(name)


@pytest.fixture
def committed(fresh_dsn: str) -> Iterator[Callable[[], Actors]]:
    """Make people who act in transactions that are committed, each set on a connection of its own."""
    connections: list[psycopg.Connection] = []

    def connect() -> Actors:
        connection = psycopg.connect(fresh_dsn)
        connections.append(connection)
        return Actors(connection, commit=True)

    yield connect
    for connection in connections:
        connection.close()


# A module at a time: while it runs, Playwright keeps an event loop in the main thread, where asyncio tests need theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window and without anything that it does by itself on the network."""
    path = shutil.which("chromium")
    assert path is not None, "Chromium is missing. Install it with: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()
