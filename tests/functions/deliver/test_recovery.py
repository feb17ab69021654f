"""Email that becomes due while something is down: it goes out once the stack has recovered."""

from __future__ import annotations

import itertools
import json
import logging
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from monogram_sdk.local import Stack
from monogram_sdk.local._deliverer import Deliverer
from tests.support.actors import Actors
from tests.support.stories import found_club
from tests.support.trouble import eventually, listener


@pytest.fixture(scope="module")
def delivering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that sends its emails by itself, and that these tests may break."""
    with Stack(tmp_path_factory.mktemp("delivering"), seed=False, durable=False) as stack:
        yield stack


def ask(stack: Stack) -> str:
    """Publish questions, past the API, and return the address of a member, who is due an email about them."""
    with psycopg.connect(stack.db_url) as connection, Actors(connection, commit=True) as actors:
        space = found_club(actors, "Ada", "Boris")
        space.ask("What did you read?")
        member = next(one for one in space.everybody if one is not space.curator)
        return str(actors.one("select email from auth.users where id = %s", member.id))


def emails(stack: Stack, address: str) -> list[Any]:
    """Return the emails about new questions that came to an address."""
    query = {"query": f'to:{address} subject:"New questions"'}
    found: list[Any] = httpx.get(f"{stack.api_url}/api/v1/search", params=query).raise_for_status().json()["messages"]
    return found


@pytest.mark.long
@pytest.mark.xdist_group("delivering")
def test_after_a_reset_it_listens_to_the_new_database(delivering: Stack) -> None:
    before = ask(delivering)
    eventually(lambda: emails(delivering, before))
    delivering.reset()
    after = ask(delivering)
    assert len(eventually(lambda: emails(delivering, after))) == 1
    assert emails(delivering, before) == [], "the reset emptied the mailbox"


@pytest.mark.long
@pytest.mark.xdist_group("delivering")
def test_a_server_that_dies_in_the_middle_of_a_call_is_called_again(
    delivering: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    port = httpx.URL(delivering.api_url).port
    server = listener(port)
    server.send_signal(signal.SIGSTOP)  # It takes connections and never replies.
    address = ask(delivering)

    def is_called() -> bool:
        return any(one.raddr and one.raddr.port == port for one in psutil.Process().net_connections())

    eventually(is_called)
    with caplog.at_level(logging.WARNING, "monogram_sdk.local._deliverer"):
        server.kill()
        assert len(eventually(lambda: emails(delivering, address))) == 1
    assert "deliver could not be called" in caplog.text


@pytest.mark.long
@pytest.mark.xdist_group("delivering")
def test_a_database_that_dies_is_listened_to_again(delivering: Stack) -> None:
    def session() -> Any:
        query = "select pid from pg_stat_activity where application_name = 'monogram deliver'"
        with psycopg.connect(delivering.db_url) as connection:
            return connection.execute(query).fetchone()

    psutil.Process(eventually(session)[0]).kill()  # PostgreSQL ends all sessions and recovers, as after any crash.
    address = eventually(lambda: ask(delivering))
    assert len(eventually(lambda: emails(delivering, address))) == 1


class Refusing(BaseHTTPRequestHandler):
    """A function that fails at the first call, has more to do after the second, and is done after the third."""

    server: Recorder

    def do_POST(self) -> None:
        """Reply to one call."""
        self.rfile.read(int(self.headers["content-length"]))
        self.server.keys.append(self.headers["apikey"])
        status, body = [(500, b"{}"), (200, b'{"more": true}'), (200, b'{"more": false}')][len(self.server.keys) - 1]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Patient(BaseHTTPRequestHandler):
    """Two functions: `pictures` is at work until `deliver` has been called twice."""

    server: Meeting

    def do_POST(self) -> None:
        """Reply to one call."""
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/deliver":
            self.server.delivered.release()
            more = next(self.server.deliveries) < 2
        else:
            more = False
            self.server.met = all(self.server.delivered.acquire(timeout=60) for _ in range(2))
            self.server.made.set()
        body = json.dumps({"more": more}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Meeting(ThreadingHTTPServer):
    """Lets one function see the calls of another."""

    delivered: threading.Semaphore
    deliveries: Iterator[int]
    made: threading.Event
    met = False


class Recorder(HTTPServer):
    """Remembers the keys of the calls."""

    keys: list[str]


def test_a_function_that_fails_is_called_again_until_it_has_no_more_to_do(
    fresh_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = threading.Event()
    with Recorder(("127.0.0.1", 0), Refusing) as function, caplog.at_level(logging.WARNING, "monogram_sdk"):
        function.keys = []
        function.timeout = 60
        url = f"http://127.0.0.1:{function.server_port}"
        deliverer = Deliverer(fresh_dsn, url, "sb_secret_0123")
        with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
            found_club(actors, "Ada", "Boris").ask("What did you read?")
        working = threading.Thread(target=deliverer.run, args=[stopping])
        working.start()
        try:
            for _ in range(3):
                function.handle_request()
        finally:
            stopping.set()
            working.join()
    assert function.keys == ["sb_secret_0123"] * 3
    assert "deliver could not be called: it replied with status 500" in caplog.text
    assert "sb_secret" not in caplog.text


def test_emails_go_out_while_a_picture_is_being_made(fresh_dsn: str) -> None:
    stopping = threading.Event()
    with Meeting(("127.0.0.1", 0), Patient) as functions:
        functions.delivered, functions.made = threading.Semaphore(0), threading.Event()
        functions.deliveries = itertools.count(1)
        url = f"http://127.0.0.1:{functions.server_port}"
        with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
            club = found_club(actors, "Ada", "Boris")
            club.ask("What did you read?")
            path = f"{club.leader.id}/me.png"
            actors.run("insert into storage.objects (bucket_id, name) values ('avatars', %s)", path)
            club.leader.update("users", club.leader.id, avatar_path=path)
        serving = threading.Thread(target=functions.serve_forever)
        working = threading.Thread(target=Deliverer(fresh_dsn, url, "sb_secret_0123").run, args=[stopping])
        serving.start()
        working.start()
        try:
            assert functions.made.wait(90)
        finally:
            stopping.set()
            working.join()
            functions.shutdown()
            serving.join()
    assert functions.met
