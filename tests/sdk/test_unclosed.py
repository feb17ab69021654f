"""A client that is forgotten says so, as files and sockets do, and one that is not says nothing."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from monogram_sdk import AsyncMonogram, Monogram
from monogram_sdk._engine._async.pools import AsyncPools
from monogram_sdk._engine._sync.pools import Pools
from monogram_sdk.errors import ConfigError
from tests.sdk.forks import KEY, run_in_forks, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that says what it was asked for."""
    with serving() as address:
        yield address


def told(task: Callable[[], object]) -> list[warnings.WarningMessage]:
    """Return the warnings about clients that something causes, while it runs or because of what it leaves behind."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task()
        gc.collect()
    return [one for one in caught if "Monogram(" in str(one.message)]


def forget(url: str) -> None:
    """Use a client and drop it."""
    Monogram(url=url, key=KEY).spaces.get(UUID(int=1))


async def async_forget(url: str) -> None:
    """Use a client and drop it while its event loop goes on."""
    await AsyncMonogram(url=url, key=KEY).spaces.get(UUID(int=1))
    gc.collect()


def test_a_client_that_is_dropped_is_named_with_the_way_out_and_where_it_was_made(url: str) -> None:
    assert told(lambda: (Monogram(url=url, key=KEY), AsyncMonogram(url=url, key=KEY))) == []  # Loads what is slow.
    tracemalloc.start(10)
    try:
        (sync,) = told(lambda: forget(url))
        (other,) = told(lambda: asyncio.run(async_forget(url)))
        places = [tracemalloc.get_object_traceback(one.source) for one in (sync, other)]
    finally:
        tracemalloc.stop()
    assert str(sync.message) == f"Monogram(url='{url}') was not closed. Use it in `with`, or call its `close()`."
    assert str(other.message) == (
        f"AsyncMonogram(url='{url}') was not closed. Use it in `async with`, or call its `aclose()`."
    )
    assert sync.category is other.category is ResourceWarning
    for place in places:
        assert any(frame.filename == __file__ for frame in place or ()), place


def test_who_closes_in_any_way_hears_nothing(url: str) -> None:
    def sync() -> None:
        with Monogram(url=url, key=KEY) as client:
            client.with_options(retries=0).spaces.get(UUID(int=1))
        client = Monogram(url=url, key=KEY)
        client.spaces.get(UUID(int=2))
        client.close()
        client.close()

    async def other() -> None:
        async with AsyncMonogram(url=url, key=KEY) as client:
            await client.with_options(retries=0).spaces.get(UUID(int=1))
        client = AsyncMonogram(url=url, key=KEY)
        await client.spaces.get(UUID(int=2))
        await client.aclose()

    assert told(sync) == told(lambda: asyncio.run(other())) == []


def test_nothing_is_lost_with_a_client_that_was_not_used_or_whose_event_loop_is_over(url: str) -> None:
    def unused() -> None:
        Monogram(url=url, key=KEY)
        AsyncMonogram(url=url, key=KEY)

    def after_its_loop() -> None:
        client = AsyncMonogram(url=url, key=KEY)
        asyncio.run(client.spaces.get(UUID(int=1)))

    assert told(unused) == told(after_its_loop) == []


def test_a_resource_may_outlive_its_client(url: str) -> None:
    def borrow() -> None:
        spaces = Monogram(url=url, key=KEY).spaces
        gc.collect()
        for number in (1, 2):
            assert spaces.get(UUID(int=number)).id == UUID(int=number)

    assert len(told(borrow)) == 1, "nobody could close it"


def test_the_parents_connections_are_not_the_childs_to_close(url: str) -> None:
    clients = [Monogram(url=url, key=KEY)]
    clients[0].spaces.get(UUID(int=1))

    def drop() -> None:
        assert told(clients.clear) == []

    assert run_in_forks(drop)() == []
    with clients.pop() as client:
        client.spaces.get(UUID(int=2))


def test_a_client_that_was_never_quite_made_ends_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for half in (Pools, AsyncPools):
        half.__new__(half).__del__()
    monkeypatch.setenv("http_proxy", "nonsense://proxy")
    for kind in (Monogram, AsyncMonogram):
        with pytest.raises(ConfigError):
            kind(url="http://project.example", key=KEY)
    assert told(lambda: None) == []


def test_the_end_of_a_script_closes_what_it_has_forgotten(url: str) -> None:
    script = """
import asyncio, sys
from monogram_sdk import AsyncMonogram, Monogram
from uuid import UUID

url, key = sys.argv[1:]
forgotten, other = Monogram(url=url, key=key), AsyncMonogram(url=url, key=key)
forgotten.spaces.get(UUID(int=1))
asyncio.run(other.spaces.get(UUID(int=1)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", script, url, KEY], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
