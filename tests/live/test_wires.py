"""The WebSockets of both clients, with TLS and without, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from monogram_sdk._config import Config
from monogram_sdk._live import wires
from monogram_sdk._live.channels import BrokenConnection
from monogram_sdk._live.wires import Wire, async_open_wire, open_wire

KEY = "sb_publishable_test"
Behaviour = Callable[[ServerConnection], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


class Peer:
    """A server in a thread of its own, with a behaviour that tests choose."""

    def __init__(self, folder: Path, *, secure: bool) -> None:
        self.behaviour: Behaviour = echo
        self.refusal: int | None = None
        self.requests: list[Request] = []
        self._behaviours: dict[ServerConnection, Behaviour] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        context = None
        if secure:
            authority = trustme.CA()
            self.authority = folder / "authority.pem"
            authority.cert_pem.write_to_path(self.authority)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server = self.run(self._start(context))
        port = self._server.sockets[0].getsockname()[1]
        self.config = Config(f"{'https' if secure else 'http'}://127.0.0.1:{port}", KEY)

    async def _start(self, context: ssl.SSLContext | None) -> Server:
        return await serve(
            self._handle, "127.0.0.1", 0, ssl=context, process_request=self._answer, compression=None, max_size=None
        )

    async def _handle(self, connection: ServerConnection) -> None:
        await self._behaviours.pop(connection)(connection)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        self._behaviours[connection] = self.behaviour
        return None if self.refusal is None else connection.respond(self.refusal, "no\n")

    def run(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def close(self) -> None:
        async def close() -> None:
            for connection in self._server.connections:
                connection.transport.abort()
            self._server.close()
            await self._server.wait_closed()

        self.run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(params=["ws", "wss"])
def peer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    peer = Peer(tmp_path, secure=request.param == "wss")
    if request.param == "wss":
        monkeypatch.setenv("SSL_CERT_FILE", str(peer.authority))
    yield peer
    peer.close()


class Ear:
    """What comes over a connection, and when it ends."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.rung = threading.Event()
        self.changed = threading.Condition()

    def take(self, frame: bytes) -> None:
        with self.changed:
            self.frames.append(frame)
            self.changed.notify()

    def until(self, count: int) -> list[bytes]:
        """Wait until so many frames have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.frames) >= count, 10), self.frames
        return self.frames

    def open(self, peer: Peer) -> Wire:
        return open_wire(peer.config, self.take, self.rung.set)

    def broken(self, wire: Wire) -> str:
        """Wait until a connection has ended, and return why."""
        assert self.rung.wait(60)
        with pytest.raises(BrokenConnection) as caught:
            wire.check()
        with pytest.raises(BrokenConnection):
            wire.send("too late")
        wire.close()
        return str(caught.value)


def test_frames_go_and_come(peer: Peer) -> None:
    ear = Ear()
    wire = ear.open(peer)
    # Short ones, and ones that need many records of TLS and more than the network takes at once.
    texts = ["ä🌿", "", "x" * 3_000_000, "y" * 70_000]
    for text in texts:
        wire.send(text)
    assert [frame.decode() for frame in ear.until(4)] == texts
    wire.check()
    wire.close()
    wire.close()
    with pytest.raises(BrokenConnection):
        wire.send("too late")
    (request,) = peer.requests
    assert request.path == f"/realtime/v1/websocket?apikey={KEY}&vsn=1.0.0"
    assert request.headers["user-agent"].startswith("monogram-sdk/")


def test_the_same_for_the_async_client(peer: Peer) -> None:
    async def run() -> None:
        ear, ended = Ear(), asyncio.Event()
        wire = await async_open_wire(peer.config, ear.take, ended.set)
        for text in ("ä🌿", "x" * 3_000_000):
            await wire.send(text)
        while len(ear.frames) < 2:
            wire.check()
            await asyncio.sleep(0.01)
        assert [frame.decode() for frame in ear.frames] == ["ä🌿", "x" * 3_000_000]

        async def leave(connection: ServerConnection) -> None:
            await connection.close(4002, "This client reads too slowly")

        peer.behaviour = leave
        other = await async_open_wire(peer.config, ear.take, ended.set)
        await asyncio.wait_for(ended.wait(), 10)
        with pytest.raises(BrokenConnection, match=r"4002.*This client reads too slowly"):
            other.check()
        await other.aclose()
        await wire.aclose()
        with pytest.raises(BrokenConnection):
            await wire.send("too late")

    asyncio.run(run())


def test_parts_of_a_frame_and_pings_are_no_frames(peer: Peer) -> None:
    ponged = threading.Event()

    async def talk(connection: ServerConnection) -> None:
        await (await connection.ping())
        ponged.set()
        await connection.send(["in ", "three ", "parts"])
        await connection.wait_closed()

    peer.behaviour = talk
    ear = Ear()
    wire = ear.open(peer)
    assert ear.until(1) == [b"in three parts"]
    assert ponged.is_set()
    wire.close()


def test_what_comes_right_behind_the_handshake_is_not_lost(peer: Peer) -> None:
    async def greet(connection: ServerConnection) -> None:
        for number in range(200):
            await connection.send(str(number))
        await connection.wait_closed()

    peer.behaviour = greet
    for _ in range(5):
        ear = Ear()
        wire = ear.open(peer)
        assert ear.until(200) == [str(number).encode() for number in range(200)]
        wire.close()


def test_many_threads_send_and_one_reads_for_all(peer: Peer) -> None:
    ears = [Ear() for _ in range(6)]
    before = threading.active_count()
    opened = [ear.open(peer) for ear in ears]
    assert threading.active_count() <= before + 1
    with ThreadPoolExecutor(12) as pool:
        for number in range(50):
            for wire in opened:
                pool.submit(wire.send, f"{number} " + "z" * 50_000)
    for ear in ears:
        numbers = [int(frame.split()[0]) for frame in ear.until(50)]
        assert sorted(numbers) == list(range(50))
        assert {len(frame.split()[1]) for frame in ear.frames} == {50_000}
    for wire in opened:
        wire.close()


def test_a_server_that_says_goodbye(peer: Peer) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(4000, "The server is stopping")

    peer.behaviour = leave
    ear = Ear()
    reason = ear.broken(ear.open(peer))
    assert "4000" in reason and "The server is stopping" in reason


def test_a_connection_that_is_cut(peer: Peer) -> None:
    async def cut(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    peer.behaviour = cut
    ear, other = Ear(), Ear()
    wire = ear.open(peer)
    peer.behaviour = echo
    untouched = other.open(peer)
    wire.send("cut me")
    assert ear.broken(wire)
    untouched.send("still here")
    assert other.until(1) == [b"still here"]
    untouched.close()


def test_a_frame_that_is_too_large(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "_LARGEST_FRAME", 1000)
    ear = Ear()
    wire = ear.open(peer)
    wire.send("x" * 1001)
    assert "1009" in ear.broken(wire)
    assert ear.frames == []


def test_what_a_listener_raises_ends_its_connection_and_no_other(peer: Peer) -> None:
    class Nonsense(Exception):
        pass

    def refuse(_frame: bytes) -> None:
        raise Nonsense

    rung, ear = threading.Event(), Ear()
    broken, sound = open_wire(peer.config, refuse, rung.set), ear.open(peer)
    broken.send("x")
    assert rung.wait(60)
    with pytest.raises(Nonsense):
        broken.check()
    with pytest.raises(BrokenConnection):
        broken.send("x")
    broken.close()
    sound.send("y")
    assert ear.until(1) == [b"y"]
    sound.close()


def test_a_server_that_does_not_read(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "_SEND_SECONDS", 0.3)

    async def ignore(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    def fill() -> None:
        for _ in range(50):
            wire.send("x" * 1_000_000)

    peer.behaviour = ignore
    ear, other = Ear(), Ear()
    wire = ear.open(peer)
    peer.behaviour = echo
    untouched = other.open(peer)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(fill)
        # Nobody else waits for that.
        untouched.send("hello")
        assert other.until(1) == [b"hello"]
        with pytest.raises(BrokenConnection, match="does not read"):
            stuck.result(20)
    assert "does not read" in ear.broken(wire)
    untouched.close()


@pytest.mark.parametrize("status", [403, 426, 502])
def test_a_refused_handshake(peer: Peer, status: int) -> None:
    peer.refusal = status
    with pytest.raises(BrokenConnection, match=str(status)) as caught:
        Ear().open(peer)
    assert KEY not in str(caught.value)
    with pytest.raises(BrokenConnection, match=str(status)):
        asyncio.run(async_open_wire(peer.config, Ear().take, lambda: None))


def test_a_certificate_of_somebody_unknown(tmp_path: Path) -> None:
    peer = Peer(tmp_path, secure=True)
    try:
        with pytest.raises(BrokenConnection, match="CERTIFICATE_VERIFY_FAILED"):
            Ear().open(peer)
        with pytest.raises(BrokenConnection, match="CERTIFICATE_VERIFY_FAILED"):
            asyncio.run(async_open_wire(peer.config, Ear().take, lambda: None))
    finally:
        peer.close()


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nno\n", b"nonsense\r\n\r\n"])
def test_a_handshake_that_comes_to_nothing(says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "_OPEN_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = Config(f"http://127.0.0.1:{listening.getsockname()[1]}", KEY)

        def answer() -> None:
            for _ in range(2):
                connection, _address = listening.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(says)
                    connection.recv(1)  # Until the client has had enough.

        with ThreadPoolExecutor(1) as pool:
            answering = pool.submit(answer)
            began = time.monotonic()
            with pytest.raises(BrokenConnection):
                open_wire(config, Ear().take, lambda: None)
            with pytest.raises(BrokenConnection):
                asyncio.run(async_open_wire(config, Ear().take, lambda: None))
            answering.result(10)
            assert time.monotonic() - began < 8
