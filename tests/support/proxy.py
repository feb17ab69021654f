"""A faulty HTTP proxy on loopback: real connections, between a client and a server, that go wrong on demand.

It runs in a thread of its own, so the sync and the async client can use it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

FAULTS = (
    "hang up",  # The connection ends before the request is read to its end.
    "drop before",  # The request is read, and the connection ends; the server gets nothing.
    "drop after",  # The server acts, and the connection ends without a reply.
    "cut head",  # The server acts; the reply ends in the middle of its headers.
    "cut body",  # The server acts; the reply ends in the middle of its body.
    "late",  # The server gets the request when the client has long given up waiting for the reply.
    "slow",  # The server acts at once; the reply comes when the client has given up.
    "twice",  # The server gets the request twice, and the first reply is sent on.
    "twice, last",  # The same, and the second reply is sent on.
    "stale",  # All goes well, and then the connection ends without notice: the next request meets a dead one.
    "429",  # The gateway refuses, and names no time.
    "429 seconds",  # It names a number of seconds.
    "429 date",  # It names a date.
    "502",  # The gateway could not reach the server.
    "503",
    "504",
    "502 after",  # The gateway lost the server's reply.
    "504 after",
    "garbage",  # Bytes that are not HTTP.
    "login page",  # A network's own page with status 200; the server gets nothing.
    "login page after",  # The same, and the server acts.
)

LAST_REPLY = "twice, last"

_HEAD_END = b"\r\n\r\n"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}(\.\w+)?")
_PAGE = b"<!doctype html><title>Welcome to the airport</title><p>Please accept our terms."


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    """Without the query."""
    raw: bytes

    @property
    def point(self) -> str:
        """The kind of request: method and path, with ids left out."""
        return f"{self.method} {_ID.sub('*', self.path)}"


Plan = Callable[[Request], str | None]
"""Says what goes wrong with a request: one of `FAULTS`, or ``None``."""


class FaultyProxy:
    """Passes requests on to a server, or not.

    Used as a context manager; at its end it waits for what it still holds back.

    Args:
        target: The server's URL.
        hold: How many seconds requests and replies are held back by "late" and "slow".
    """

    def __init__(self, target: str, *, hold: float = 1.0) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._hold = hold
        self.plan: Plan = lambda _request: None
        """What goes wrong; nothing unless set."""
        self.met: Counter[tuple[str, str]] = Counter()
        """How often a kind of request met a fault."""
        self.requests: Counter[str] = Counter()
        """How often each kind of request came."""
        self._held: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty proxy", daemon=True)
        self.url = ""

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0)).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def drain(self) -> None:
        """Wait until the server has got all that was held back."""
        self._call(self._drain()).result()

    def count(self, point: str) -> int:
        """Return how many requests of a kind came."""
        return self.requests[point]

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _drain(self) -> None:
        while self._held:
            await asyncio.wait(self._held)

    async def _end(self) -> None:
        await self._drain()
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # Transports close in the loop's next turn,
        await asyncio.sleep(0)  # and their sockets in the one after it.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The client has hung up, or we have.
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
                self._writers.discard(writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection is of further use."""
        head = await reader.readuntil(_HEAD_END)
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        early = Request(method, target.partition("?")[0], head)
        self.requests[early.point] += 1
        fault = self.plan(early)
        if fault is not None:
            self.met[early.point, fault] += 1
        if fault == "hang up":
            return False
        request = Request(early.method, early.path, head + await reader.readexactly(_length(head)))
        return await self._reply(request, fault, writer)

    async def _reply(self, request: Request, fault: str | None, writer: asyncio.StreamWriter) -> bool:
        match fault:
            case None:
                writer.write(await self._forward(request))
            case "stale":
                writer.write(await self._forward(request))
                await writer.drain()
                return False
            case "drop before":
                return False
            case "drop after":
                await self._forward(request)
                return False
            case "cut head" | "cut body":
                reply = await self._forward(request)
                head = reply.index(_HEAD_END) + len(_HEAD_END)
                writer.write(reply[: head // 2] if fault == "cut head" else reply[: (head + len(reply)) // 2])
                await writer.drain()
                return False
            case "late":
                await self._later(self._forward_late(request))
                return False
            case "slow":
                reply = await self._forward(request)
                await asyncio.sleep(self._hold)
                writer.write(reply)
            case "twice" | "twice, last":
                replies = [await self._forward(request), await self._forward(request)]
                writer.write(replies[0 if fault == "twice" else 1])
            case "garbage":
                writer.write(random.randbytes(64) + _HEAD_END)
                await writer.drain()
                return False
            case "login page" | "login page after":
                if fault.endswith("after"):
                    await self._forward(request)
                writer.write(_response(200, _PAGE))
            case _:
                status, _, more = fault.partition(" ")
                if more == "after":
                    await self._forward(request)
                wanted = {"seconds": "1", "date": format_datetime(datetime.now(UTC), usegmt=True)}.get(more)
                writer.write(_response(int(status), _PAGE, {"retry-after": wanted} if wanted else {}))
        await writer.drain()
        return True

    async def _later(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do something even if the client's connection ends meanwhile; wait for it as long as it does not."""
        task = asyncio.create_task(coroutine)
        self._held.add(task)
        task.add_done_callback(self._held.discard)
        await asyncio.shield(task)

    async def _forward_late(self, request: Request) -> None:
        await asyncio.sleep(self._hold)
        await self._forward(request)

    async def _forward(self, request: Request) -> bytes:
        """Send a request to the server, on a connection of its own, and return the whole reply."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            line, _, rest = request.raw.partition(b"\r\n")
            writer.write(line + b"\r\nconnection: close\r\n" + _without(rest, b"connection"))
            await writer.drain()
            raw = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        head, _, body = raw.partition(_HEAD_END)
        if b"\r\ntransfer-encoding: chunked" in head.lower():
            body = b"".join(_chunks(body))
        for name in (b"transfer-encoding", b"content-length", b"connection"):
            head = _without(head, name)
        return head + b"\r\ncontent-length: %d" % len(body) + _HEAD_END + body


class EveryFault:
    """A plan that meets every kind of request with every fault, in an order of its own, and lets half of them pass.

    Args:
        seed: Another one gives other orders.
        natural: Points at which a request that is repeated by the network, and whose second reply is sent on, looks to
            every client like somebody else's work: what they ask for has no key or id of its own.
    """

    def __init__(self, seed: int, natural: re.Pattern[str]) -> None:
        self._random = random.Random(seed)
        self._natural = natural
        self._bags: dict[str, list[str | None]] = {}

    def __call__(self, request: Request) -> str | None:
        bag = self._bags.get(request.point)
        if not bag:
            bag = self._bags[request.point] = [*self.faults_of(request.point), *[None] * len(FAULTS)]
            self._random.shuffle(bag)
        return bag.pop()

    def faults_of(self, point: str) -> list[str]:
        """Return what can go wrong with this kind of request."""
        return [fault for fault in FAULTS if fault != LAST_REPLY or not self._natural.search(point)]


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def _without(lines: bytes, name: bytes) -> bytes:
    """Return a head or a request without the header lines of this name."""
    head, end, body = lines.partition(_HEAD_END)
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(name + b":")]
    return b"\r\n".join(kept) + end + body


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        yield body[:length]
        body = body[length + 2 :]


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} x", "content-type: text/html", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + _HEAD_END + body
