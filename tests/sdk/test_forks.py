"""One client in several processes, and in one event loop after another: everybody gets their own replies."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trustme

from monogram_sdk import AsyncMonogram, FileSessionStorage, Monogram, errors
from monogram_sdk._engine.process import Lock
from monogram_sdk._forks import importing
from tests.sdk.forks import KEY, ask, async_ask, run_in_forks, serving


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of a server that tells who asked."""
    with serving() as url:
        yield url


def test_children_and_their_parent_each_get_their_own_replies(echo: str) -> None:
    with Monogram(url=echo, key=KEY, retries=0) as client:
        ask(client, 1)
        wait = run_in_forks(*(lambda who=who: ask(client, who) for who in range(2, 6)))  # type: ignore[misc]
        ask(client, 6)
        assert wait() == []
        ask(client, 7)


@pytest.mark.long
def test_the_same_on_encrypted_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(context) as url, Monogram(url=url.replace("http:", "https:"), key=KEY, retries=0) as client:
        ask(client, 1)
        wait = run_in_forks(lambda: ask(client, 2), lambda: ask(client, 3))
        ask(client, 4)
        assert wait() == []
        ask(client, 5)


@pytest.mark.long
async def test_the_same_for_the_async_client(echo: str) -> None:
    async with AsyncMonogram(url=echo, key=KEY, retries=0) as client:
        await async_ask(client, 1)
        wait = run_in_forks(*(lambda who=who: asyncio.run(async_ask(client, who)) for who in range(2, 5)))  # type: ignore[misc]
        await async_ask(client, 6)
        assert await asyncio.to_thread(wait) == []
        await async_ask(client, 7)


def test_a_child_of_a_child_is_a_process_too(echo: str) -> None:
    with Monogram(url=echo, key=KEY, retries=0) as client:
        ask(client, 1)

        def parent() -> None:
            wait = run_in_forks(lambda: ask(client, 2), lambda: ask(client, 3))
            ask(client, 4)
            assert wait() == []

        wait = run_in_forks(parent)
        ask(client, 5)
        assert wait() == []


def test_locks_that_others_held_are_free_in_a_child(echo: str, tmp_path: Path) -> None:
    storage = FileSessionStorage(tmp_path / "session.json")
    held, lock = threading.Event(), Lock()
    with Monogram(url=echo, key=KEY, session_storage=storage) as client:
        ask(client, 1)
        pools = client._core.engine.network._pools
        assert pools is not None
        over = threading.Event()

        def hold() -> None:
            with lock, client._core.engine.sessions.lock, storage._lock, pools._lock, client._core.socket.mutex:
                gc.disable()
                from monogram_sdk import _parse

                _parse._PAUSE.is_on = True
                held.set()
                over.wait(30)
                _parse._PAUSE.is_on = False
                gc.enable()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()

        def child() -> None:
            assert gc.isenabled()
            with lock:
                assert client.auth.session() is None
            ask(client, 2)
            client.close()

        wait = run_in_forks(child)
        problems = wait()
        over.set()
        thread.join()
        assert problems == []


def test_a_transport_that_was_given_and_used_is_the_parents(echo: str) -> None:
    with httpx.HTTPTransport() as transport, Monogram(url=echo, key=KEY, transport=transport) as client:

        def refused() -> None:
            with pytest.raises(errors.ConfigError, match="before the process was forked"):
                client.spaces.get(UUID(int=1))

        unused = run_in_forks(lambda: ask(client, 1))
        assert unused() == []
        ask(client, 2)
        assert run_in_forks(refused)() == []


@pytest.mark.long
def test_one_event_loop_after_another(echo: str) -> None:
    client = AsyncMonogram(url=echo, key=KEY, retries=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for who in range(1, 4):
            asyncio.run(async_ask(client, who))
            gc.collect()

        async def close() -> None:
            await async_ask(client, 4)
            await client.aclose()

        asyncio.run(close())
        gc.collect()
    assert [str(one.message) for one in caught] == [], "each loop has closed its connections"


def test_event_loops_at_the_same_time(echo: str) -> None:
    client = AsyncMonogram(url=echo, key=KEY, retries=0)
    failed: list[BaseException] = []

    def run(who: int) -> None:
        try:
            asyncio.run(async_ask(client, who))
        except BaseException as exc:
            failed.append(exc)

    threads = [threading.Thread(target=run, args=(who,)) for who in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_given_transport_belongs_to_its_event_loop(echo: str) -> None:
    client = AsyncMonogram(url=echo, key=KEY, transport=httpx.MockTransport(lambda _: httpx.Response(200, json=[])))
    asyncio.run(client.badges.list().all())  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="another event loop"):
        asyncio.run(client.badges.list().all())  # type: ignore[arg-type]


def test_no_process_is_forked_off_while_another_thread_loads_a_module() -> None:
    loading, loaded = threading.Event(), threading.Event()

    def load() -> None:
        with importing():
            loading.set()
            time.sleep(0.2)
            loaded.set()

    thread = threading.Thread(target=load)
    thread.start()
    loading.wait()

    def child() -> None:
        assert loaded.is_set()
        with importing():
            pass

    assert run_in_forks(child)() == []
    thread.join()
