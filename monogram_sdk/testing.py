"""pytest fixtures for programs that use Monogram: a real backend, with people and spaces, fresh for each test.

Name the module in your top-level ``conftest.py``:

    pytest_plugins = ["monogram_sdk.testing"]

Then request `monogram`, or `async_monogram`, in a test:

    def test_the_digest(monogram):
        club = monogram.space("Boris", "Chloe", prompts=["What did you read?"])
        club.members[0].client.responses.submit(club.prompts[0].id, content="Dune")
        assert digest(club.leader.client, club.space.id) == "Boris: Dune"

The backend is the embedded stack of `monogram_sdk.local` (the extra ``local``). Each process of the test run, also with
pytest-xdist, starts one for its first test that needs it, and restores a fresh copy of the migrated database before
each further one. The stack stops with the test run, however that ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monogram_sdk._async._testbed import AsyncGroup, AsyncPerson, AsyncTestbed
from monogram_sdk._sync._testbed import Group, Person, Testbed

if TYPE_CHECKING:
    from monogram_sdk.local import Stack

__all__ = [
    "AsyncGroup",
    "AsyncPerson",
    "AsyncTestbed",
    "Group",
    "Person",
    "Testbed",
    "async_monogram",
    "fresh_monogram_stack",
    "monogram",
    "monogram_stack",
    "monogram_stack_options",
]


@pytest.fixture(scope="session")
def monogram_stack_options() -> dict[str, Any]:
    """Further arguments for `monogram_sdk.local.Stack`, such as ``project``; override this fixture to pass some."""
    return {}


@pytest.fixture(scope="session")
def monogram_stack(tmp_path_factory: pytest.TempPathFactory, monogram_stack_options: dict[str, Any]) -> Iterator[Stack]:
    """The embedded stack of this process, for access to the database and the mailbox."""
    try:
        from monogram_sdk.local import Stack
    except ModuleNotFoundError as exc:
        raise pytest.UsageError(
            f"The fixtures of monogram_sdk.testing need the embedded stack, which lacks {exc.name}."
            " Install it: pip install 'monogram-sdk[local]'"
        ) from exc

    folder = tmp_path_factory.mktemp("monogram") / "stack"
    # A cheap hash, because tests sign up very often.
    options: dict[str, Any] = {
        "seed": False,
        "durable": False,
        "server_options": {"bcrypt_cost": 4},
        **monogram_stack_options,
    }
    with _guarded(folder), Stack(folder, **options) as stack:
        yield stack


@contextmanager
def _guarded(folder: Path) -> Generator[None]:
    """Ensure that the stack of a folder is stopped even if this process is killed.

    A separate process waits for the end of a pipe, which this process holds open while it lives.
    """
    command = [sys.executable, "-m", "supabase_embedded.guard", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield


@pytest.fixture(scope="session")
def _monogram_is_used() -> list[bool]:
    """Not empty if a test has used the database since it was fresh. It is a list so that it can be changed."""
    return []


@pytest.fixture
def fresh_monogram_stack(monogram_stack: Stack, _monogram_is_used: list[bool]) -> Stack:
    """The embedded stack with a fresh database, and no files and emails."""
    if _monogram_is_used:
        monogram_stack.reset()
    _monogram_is_used[:] = [True]
    return monogram_stack


@pytest.fixture
def monogram(fresh_monogram_stack: Stack) -> Iterator[Testbed]:
    """An empty project, and clients for the people of the test."""
    with Testbed(**_address(fresh_monogram_stack)) as testbed:
        yield testbed


def _async_fixture() -> Callable[[Any], Any]:
    """Return the decorator for asynchronous fixtures: that of pytest-asyncio, if installed; anyio needs no other."""
    try:
        import pytest_asyncio
    except ModuleNotFoundError:
        return pytest.fixture
    return pytest_asyncio.fixture


@_async_fixture()
async def async_monogram(fresh_monogram_stack: Stack) -> AsyncIterator[AsyncTestbed]:
    """The same with async clients. It needs pytest-asyncio, or anyio's pytest plugin."""
    async with AsyncTestbed(**_address(fresh_monogram_stack)) as testbed:
        yield testbed


def _address(stack: Stack) -> dict[str, str]:
    return {"url": stack.api_url, "publishable_key": stack.publishable_key, "secret_key": stack.secret_key}
