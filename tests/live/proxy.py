"""A bad network between clients and a stack: it cuts connections, and loses, doubles and delays broadcasts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_TEXT = 0x81


def _answer(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


_ANSWERS = {
    "refused": _answer("403 Forbidden", json.dumps({"error": "Realtime was disabled for this tenant"})),
    "page": _answer("200 OK", "<h1>Welcome to our wireless network</h1>"),
    "reset": b"",
}


class Proxy:
    """Forwards everything to a stack. Frames from Realtime go through the faults that are set, others pass."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = parts.hostname or "", parts.port or 0
        self.drop = 0.0
        """The probability that a broadcast is lost."""
        self.double = 0.0
        """The probability that it comes twice."""
        self.delay = 0.0
        """How many seconds it takes at most. Each takes another time, so they overtake each other."""
        self.realtime = "on"
        """What becomes of WebSockets: ``on``, ``refused``, ``swallowed`` (no reply), ``page`` (a page of the
        network's own), ``deaf`` (they open, and nothing comes from the server), or ``reset``."""
        self.is_away = False
        """Whether new connections, of whatever kind, are closed at once."""
        self.turned_away = 0
        """How many WebSockets have not been let through."""
        self.forwarded: list[bytes] = []
        """The broadcasts that have been forwarded."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._sockets: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Cut all connections to Realtime, without a word, and return how many there were."""

        async def cut() -> int:
            for writer in tuple(self._sockets):
                writer.transport.abort()
            return len(self._sockets)

        return self._run(cut())

    @property
    def sockets(self) -> int:
        """How many connections to Realtime are open."""
        return len(self._sockets)

    def _run(self, what: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return future.result(30)

    async def _start(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_away:
            writer.close()
            return
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            is_socket = b"/realtime/v1/websocket" in head.partition(b"\r\n")[0]
            if is_socket and self.realtime in _ANSWERS:
                self.turned_away += 1
                writer.write(_ANSWERS[self.realtime])
                await writer.drain()
                return
            if is_socket and self.realtime == "swallowed":
                self.turned_away += 1
                await reader.read()
                return
            back, there = await asyncio.open_connection(*self._target)
            there.write(head)
            if is_socket:
                self._sockets.add(writer)
            forward = self._frames(back, writer) if is_socket else _pipe(back, writer)
            pipes = [asyncio.ensure_future(one) for one in (_pipe(reader, there), forward)]
            try:
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in pipes:
                    one.cancel()
                await asyncio.gather(*pipes, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass  # Either side hung up; the other one notices when its connection is closed below.
        finally:
            self._sockets.discard(writer)
            for one in (writer, there):
                if one is not None:
                    one.close()

    async def _frames(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await back.readuntil(b"\r\n\r\n"))
        while self.realtime == "deaf":
            await _frame(back)
        while True:
            frame, payload = await _frame(back)
            if frame[0] != _TEXT or b'"event":"broadcast"' not in payload:
                writer.write(frame)
            elif random.random() >= self.drop:
                for _copy in range(2 if random.random() < self.double else 1):
                    self.forwarded.append(payload)
                    if self.delay:
                        self._loop.call_later(random.uniform(0, self.delay), _late(writer, frame))
                    else:
                        writer.write(frame)
            await writer.drain()


def _late(writer: asyncio.StreamWriter, frame: bytes) -> Callable[[], None]:
    def write() -> None:
        if not writer.is_closing():
            writer.write(frame)

    return write


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read a frame of a server, and return it whole and its payload."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        more = await reader.readexactly(2 if length == 126 else 8)
        head, length = head + more, int.from_bytes(more, "big")
    payload = await reader.readexactly(length)
    return head + payload, payload
