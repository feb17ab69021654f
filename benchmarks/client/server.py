"""A server that replies from memory, in a process of its own, so that only the clients are measured."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from uuid import UUID

from pydantic_core import to_json

_LIMIT = re.compile(rb"[?&]limit=(\d+)")
_ENTRIES = re.compile(rb"[?&]balance_after=lte\.(\d+)")
_BEFORE = re.compile(rb"[?&]seq=lt\.(\d+)")


def main() -> None:
    """Serve until the process is ended; print the port."""
    asyncio.run(_serve())


@contextmanager
def running() -> Generator[str]:
    """Run the server; yield its URL."""
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    """Requests without a body, one after another."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._transport.write(_answer(head.split(b" ", 2)[1]))


def _answer(target: bytes) -> bytes:
    limit = _LIMIT.search(target)
    rows = int(limit[1]) if limit else 1
    if b"/transactions" not in target:
        return _spaces(rows)
    before = _BEFORE.search(target)
    entries = _ENTRIES.search(target)
    newest = int((before or entries or (b"", b"1"))[1]) - bool(before)
    return _response([_entry(seq) for seq in range(newest, max(newest - rows, 0), -1)])


@cache
def _spaces(rows: int) -> bytes:
    return _response([_space(number) for number in range(rows)])


def _response(rows: list[dict[str, object]]) -> bytes:
    body = to_json(rows)
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n"
        f"content-range: 0-{len(rows) - 1}/*\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _space(number: int) -> dict[str, object]:
    return {
        "id": UUID(int=number),
        "name": f"Test Book Club {number}",
        "description": "We read a chapter a week and write down what it did to us.",
        "cover_path": None,
        "leader_id": UUID(int=number + 1),
        "current_curator_id": UUID(int=number + 2),
        "rotation_type": "ROUND_ROBIN",
        "current_week": 7,
        "is_public": True,
        "newsletter_visibility": "PUBLIC",
        "language": None,
        "version": 1,
        "created_at": "2026-11-23T00:04:29.673123+00:00",
        "updated_at": "2026-11-23T00:04:29.673123+00:00",
    }


def _entry(seq: int) -> dict[str, object]:
    return {
        "id": UUID(int=seq),
        "seq": seq,
        "user_id": UUID(int=1),
        "type": "EARN_RESPONSE",
        "amount": 50,
        "balance_after": 50 * seq,
        "reference_type": "prompt",
        "reference_id": UUID(int=seq),
        "description": None,
        "idempotency_key": f"response:{UUID(int=seq)}",
        "limit_reached": False,
        "created_at": "2026-11-23T00:04:29.673123+00:00",
    }


if __name__ == "__main__":
    main()
