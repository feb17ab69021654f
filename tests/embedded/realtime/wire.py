"""A client that sends and receives single frames, so that tests see exactly what is on the wire."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import websockets
from realtime.message import ServerMessageAdapter
from websockets.asyncio.client import ClientConnection

Payload = dict[str, Any]
TIMEOUT = 15.0

# The creation of a new space may still be on its way through the log when a test joins it.
FOUNDING = {"curator.assigned", "member.joined"}


@dataclass(frozen=True)
class Frame:
    """A frame from the server."""

    topic: str
    event: str
    payload: Payload
    ref: str | None
    join_ref: str | None = None


class Wire:
    """A WebSocket and the frames from it, which `take` returns in order."""

    def __init__(self, url: str, *, version: int = 1, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.version = version
        self._headers = headers or {}
        self._refs = itertools.count(1)
        self._join_refs: dict[str, str] = {}
        self._frames: asyncio.Queue[Frame | bytes] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await websockets.connect(
            f"{self.url}&vsn={self.version}.0.0", additional_headers=self._headers, max_size=None
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                frame = message if isinstance(message, bytes) else self._parse(message)
                if not _is_of_founding(frame):
                    self._frames.put_nowait(frame)
        except websockets.ConnectionClosedError:
            pass  # Tests check the close code if it matters.

    def _parse(self, text: str) -> Frame:
        value = json.loads(text)
        if self.version == 2:
            join_ref, ref, topic, event, payload = value
            return Frame(topic, event, payload, ref, join_ref)
        # The Python client drops what it cannot parse, and only logs it.
        ServerMessageAdapter.validate_json(text)
        assert set(value) == {"topic", "event", "payload", "ref"}
        return Frame(value["topic"], value["event"], value["payload"], value["ref"])

    async def send(self, topic: str, event: str, payload: Any, *, join_ref: str | None = None) -> str:
        """Send a frame and return its ref."""
        ref = str(next(self._refs))
        join_ref = join_ref or self._join_refs.get(topic)
        if self.version == 2:
            await self.socket.send(json.dumps([join_ref, ref, topic, event, payload]))
        else:
            await self.socket.send(
                json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})
            )
        return ref

    async def join(self, name: str, *, token: str | None = None, **config: Any) -> Frame:
        """Join a channel and return the reply."""
        topic = f"realtime:{name}"
        payload: Payload = {"config": config}
        if token is not None:
            payload["access_token"] = token
        ref = str(next(self._refs))
        self._join_refs[topic] = ref
        message = {"topic": topic, "event": "phx_join", "payload": payload, "ref": ref, "join_ref": ref}
        await self.socket.send(json.dumps([ref, ref, topic, "phx_join", payload] if self.version == 2 else message))
        return await self.reply(ref)

    def join_ref(self, name: str) -> str:
        """Return the reference of the last join of a channel."""
        return self._join_refs[f"realtime:{name}"]

    async def enter(self, name: str, *, token: str | None = None, **config: Any) -> Frame:
        """Join a channel, which must succeed; with Postgres Changes, wait until they are delivered."""
        reply = await self.join(name, token=token, **config)
        assert reply.payload["status"] == "ok", reply
        if config.get("postgres_changes"):
            system = await self.take("system")
            assert system.payload["message"] == "Subscribed to PostgreSQL", system
        return reply

    async def call(self, name: str, event: str, payload: Any) -> Frame:
        """Send a frame and return the reply to it."""
        return await self.reply(await self.send(f"realtime:{name}", event, payload))

    async def broadcast(self, name: str, event: str, payload: Any) -> str:
        """Send a broadcast."""
        message = {"type": "broadcast", "event": event, "payload": payload}
        return await self.send(f"realtime:{name}", "broadcast", message)

    async def reply(self, ref: str) -> Frame:
        return await self.take("phx_reply", lambda frame: frame.ref == ref)

    async def take(self, event: str, condition: Callable[[Frame], bool] = lambda _frame: True) -> Frame:
        """Return the next frame of this kind, and drop the frames before it."""

        async def search() -> Frame:
            while True:
                frame = await self._frames.get()
                if isinstance(frame, Frame) and frame.event == event and condition(frame):
                    return frame

        return await asyncio.wait_for(search(), TIMEOUT)

    async def next(self) -> Frame:
        """Return the next frame, whatever it is."""
        frame = await asyncio.wait_for(self._frames.get(), TIMEOUT)
        assert isinstance(frame, Frame)
        return frame

    async def next_bytes(self) -> bytes:
        """Return the next frame, which must be a binary one."""
        frame = await asyncio.wait_for(self._frames.get(), TIMEOUT)
        assert isinstance(frame, bytes), frame
        return frame

    async def heard(self) -> list[Frame]:
        """Return all frames up to now: up to the reply to a heartbeat that is sent now."""
        ref = await self.send("phoenix", "heartbeat", {})
        frames: list[Frame] = []
        while True:
            frame = await self.next()
            if frame.event == "phx_reply" and frame.ref == ref:
                return frames
            frames.append(frame)

    async def closed(self) -> int | None:
        """Wait until the server has closed the socket, and return the close code."""
        await asyncio.wait_for(self.socket.wait_closed(), TIMEOUT)
        return self.socket.close_code


def _is_of_founding(frame: Frame | bytes) -> bool:
    return isinstance(frame, Frame) and frame.event == "broadcast" and frame.payload.get("event") in FOUNDING
