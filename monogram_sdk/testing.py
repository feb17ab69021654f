"""Fixtures of pytest for programs that use Monogram: a real backend, people and a space, anew for each test.

Name the module in your top-level ``conftest.py``:

    pytest_plugins = ["monogram_sdk.testing"]

Then a test asks for `monogram`, or for `async_monogram`:

    def test_the_digest(monogram):
        club = monogram.space("Boris", "Chloe", prompts=["What did you read?"])
        club.members[0].client.responses.submit(club.prompts[0].id, content="Dune")
        assert digest(club.leader.client, club.space.id) == "Boris: Dune"

The backend is the embedded stack of `monogram_sdk.local` (the extra ``local``). Each process of the test run starts one
when its first test asks, also under pytest-xdist, and puts a fresh copy of the migrated database in place before each
test that asks. It ends with the test run, however that ends.
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
    """Further arguments of `monogram_sdk.local.Stack`, such as ``project``; override this fixture to give some."""
    return {}


@pytest.fixture(scope="session")
def monogram_stack(tmp_path_factory: pytest.TempPathFactory, monogram_stack_options: dict[str, Any]) -> Iterator[Stack]:
    """The embedded stack of this process, for what needs more than the API: the database, the mailbox."""
    try:
        from monogram_sdk.local import Stack
    except ModuleNotFoundError as exc:
        raise pytest.UsageError(
            f"The fixtures of monogram_sdk.testing need the embedded stack, which lacks {exc.name}."
            " Install it: pip install 'monogram-sdk[local]'"
        ) from exc

    folder = tmp_path_factory.mktemp("monogram") / "stack"
    # A cheap hash: signing up is most of what tests do.
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
    """Have the stack of a folder stopped when this process is killed and cannot do so itself.

    A process of its own waits for the end of the pipe that this process holds open as long as it lives.
    """
    command = [sys.executable, "-m", "supabase_embedded.guard", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield


@pytest.fixture(scope="session")
def _monogram_is_used() -> list[bool]:
    """Whether a test has had the database since it was fresh, as something that can be changed."""
    return []


@pytest.fixture
def fresh_monogram_stack(monogram_stack: Stack, _monogram_is_used: list[bool]) -> Stack:
    """The same, with a database, files and mails that no test has touched."""
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
    """Return what makes an asynchronous fixture: pytest-asyncio's own if there is one; anyio's plugin needs none."""
    try:
        import pytest_asyncio
    except ModuleNotFoundError:
        return pytest.fixture
    return pytest_asyncio.fixture


@_async_fixture()
async def async_monogram(fresh_monogram_stack: Stack) -> AsyncIterator[AsyncTestbed]:
    """The same for asyncio. It needs pytest-asyncio, or anyio's plugin."""
    async with AsyncTestbed(**_address(fresh_monogram_stack)) as testbed:
        yield testbed


def _address(stack: Stack) -> dict[str, str]:
    return {"url": stack.api_url, "publishable_key": stack.publishable_key, "secret_key": stack.secret_key}
