"""One client in several processes, and in one event loop after another: everybody gets their own replies."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trustme

from monogram_sdk import AsyncMonogram, FileSessionStorage, LiveStatus, MemorySessionStorage, Monogram, errors
from monogram_sdk._engine.process import Lock
from monogram_sdk._forks import importing
from tests.conftest import Api
from tests.sdk.support import PASSWORD, new_email
from tests.support.long import long

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


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of a server that tells who asked."""
    with serving() as url:
        yield url


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


SLOW_IMPORTS = """
import sys, threading, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.1)
            print("loaded beside:", name, flush=True)

sys.meta_path.insert(0, Slow())
"""

LIVE_CHILDREN = """
import os, signal
from monogram_sdk import Monogram, errors
url, key, token, refresh, space = sys.argv[1:]
with Monogram(url=url, key=key) as client:
    client.auth.set_session(access_token=token, refresh_token=refresh)
    for number in range(10):
        feed, responses = client.live.events(space, after=0), client.live.responses(space, after=0)
        feed.__enter__()
        assert next(feed).seq == 1, "and there are more at hand"
        responses.__enter__()
        if (child := os.fork()) == 0:
            signal.alarm(10)
            try:
                for old in (feed, responses):
                    try:
                        next(old)
                    except errors.ConfigError as exc:
                        assert "before the process was forked" in str(exc)
                    else:
                        raise AssertionError("the parent's feed goes on")
                    old.close()
                with client.live.events(space, after=0) as mine:
                    assert [next(mine).seq, next(mine).seq] == [1, 2]
            except BaseException:
                __import__("traceback").print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
        assert next(feed).seq == 2
        feed.close()
        responses.close()
"""


@pytest.mark.long
@pytest.mark.parametrize("host", ["127.0.0.1", *long("localhost")])
def test_a_child_that_is_forked_off_right_after_a_feed_began(api: Api, host: str) -> None:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space, session = client.spaces.create(name="Forked"), client.auth.session()
        assert session is not None
        client.prompts.create(space.id, question="What did you read?")
        client.prompts.publish(space.id)
    arguments = [api.url.replace("127.0.0.1", host), api.publishable_key, session.access_token]
    more = [session.refresh_token, str(space.id)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SLOW_IMPORTS + LIVE_CHILDREN, *arguments, *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_room_is_the_parents(api: Api) -> None:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space = client.spaces.create(name="Forked")
        with client.live.presence(space.id) as room:
            uses: list[Callable[[], object]] = [lambda: room.here, lambda: next(room), lambda: room.set_writing(True)]

            def child() -> None:
                for use in uses:
                    with pytest.raises(errors.ConfigError, match="before the process was forked"):
                        use()
                room.close()

            assert run_in_forks(child)() == []
            assert len(room.here) == 1


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


def test_a_session_and_what_is_live_go_on_in_children_and_in_other_loops(api: Api) -> None:
    storage = MemorySessionStorage()
    options = {"url": api.url, "key": api.publishable_key}
    with Monogram(**options, session_storage=storage) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space = client.spaces.create(name="Forked")
        with client.live.events(space.id, after=0) as feed:
            seen = [next(feed).seq]
            while feed.status is not LiveStatus.LIVE:
                client.live._socket.flush()
                time.sleep(0.05)

            def child() -> None:
                with pytest.raises(errors.ConfigError, match="before the process was forked"):
                    while True:
                        next(feed)
                statuses: list[LiveStatus] = []
                with client.live.events(space.id, after=0, on_status=lambda one, _: statuses.append(one)) as mine:
                    first = next(mine)
                    client.spaces.update(space.id, name="In the child")
                    assert first.seq == 1
                    end = time.monotonic() + 20
                    while mine.status is not LiveStatus.LIVE and time.monotonic() < end:
                        mine._reader._advance()
                    assert mine.status is LiveStatus.LIVE
                client.close()

            assert run_in_forks(child, child)() == []
            assert seen == [1] and feed.status is LiveStatus.LIVE

    async def follow(client: AsyncMonogram) -> None:
        feed = client.live.events(space.id, after=0)
        async with feed:
            assert (await anext(feed)).seq == 1
            end = time.monotonic() + 20
            while feed.status is not LiveStatus.LIVE and time.monotonic() < end:
                await feed._reader._advance()
            assert feed.status is LiveStatus.LIVE

    other = AsyncMonogram(**options, session_storage=storage)
    asyncio.run(follow(other))
    asyncio.run(follow(other))
