"""The channels of one connection to Realtime as a state machine: given what was received, it returns what to send.

It implements version 1.0.0 of the protocol, in which every frame is a JSON object:

    {"topic": "realtime:space:...", "event": "phx_join", "payload": {...}, "ref": "7", "join_ref": "7"}

After a lost connection, a refusal or an expired token, channels are joined again and again, with growing pauses, until
they have no listener. A listener's methods are called in this order, over and over: `joined`, then `received` for each
frame, then `lost` with the reason.
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol, cast

from pydantic_core import from_json

from monogram_sdk._engine.retrying import backoff

VERSION = "1.0.0"
HEARTBEAT_SECONDS = 20.0
"""The server closes a connection that is silent for a minute."""

REPLY_SECONDS = 10.0
"""A join or a heartbeat without a reply in this time has failed."""

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0

PRESENCE_CALLS = 4
PRESENCE_WINDOW = 31.0
"""The platform closes a channel that tracks presence more than five times in 30 seconds."""

_PREFIX = "realtime:"

# The platform's refusals of a token contain one of these.
_TOKEN_REFUSALS = ("JWT", "JwtSignature", "Token has expired")


class Listener(Protocol):
    """Gets what happens on a channel. It is called while the lock of the channels is held, so it must be quick."""

    def joined(self) -> None:
        """The channel delivers frames from now on."""

    def lost(self, reason: str) -> None:
        """The channel delivers nothing for now. It will be joined again."""

    def received(self, event: str, payload: dict[str, Any]) -> None:
        """A frame was received."""

    def failed(self, error: BaseException) -> None:
        """The connection has ended for good."""


class BrokenConnection(Exception):
    """The connection is of no use any more: it ended, a reply is missing, or a frame is malformed. Connect again."""


class _State(Enum):
    IDLE = auto()
    JOINING = auto()
    JOINED = auto()


@dataclass
class _Channel:
    topic: str
    config: dict[str, Any]
    listeners: list[Listener] = field(default_factory=list[Listener])
    state: _State = _State.IDLE
    join_ref: str = ""
    act_at: float = 0.0
    """When to join, or when to stop waiting for the reply to a join."""
    failures: int = 0
    reason: str | None = None
    """Why it is not joined, if the server said so."""
    token: str | None = None
    """The token that was sent last."""
    presence: dict[str, Any] | None = None
    """The presence to send."""
    sent_presence: dict[str, Any] | None = None
    """The presence that was sent last."""
    presence_calls: deque[float] = field(default_factory=lambda: deque[float](maxlen=PRESENCE_CALLS))

    @property
    def presence_at(self) -> float:
        """When the presence may be sent; infinity when it has been."""
        if self.state is not _State.JOINED or self.presence is None or self.presence == self.sent_presence:
            return math.inf
        full = len(self.presence_calls) == PRESENCE_CALLS
        return self.presence_calls[0] + PRESENCE_WINDOW if full else 0.0


class Channels:
    """The channels of one connection. Not thread-safe: callers hold a lock.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._channels: dict[str, _Channel] = {}
        self._connected = False
        self._down: str | None = None
        self._refs = 0
        self._beat_at = 0.0
        self._beat: str | None = None
        self._outbox: list[dict[str, Any]] = []
        self.refused_token: str | None = None
        """A token that the server has refused; reset by the caller when it gets another one."""
        # Listeners to remove. Finalizers append to it, at any time and in any thread.
        self.released: deque[Listener] = deque()

    @property
    def empty(self) -> bool:
        """Whether nothing listens to any channel."""
        self._remove_released()
        return not self._channels

    def listeners(self, topic: str) -> int:
        """Return how many listeners a topic has."""
        self._remove_released()
        channel = self._channels.get(topic)
        return len(channel.listeners) if channel else 0

    # Listeners ------------------------------------------------------------------------------------------------------

    def attach(self, topic: str, listener: Listener, config: dict[str, Any]) -> None:
        """Listen to a topic.

        Args:
            topic: The topic, as in the policies of the database.
            listener: The listener, until it is added to `released`.
            config: The ``config`` of the join. That of the first listener counts.
        """
        self._remove_released()
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = _Channel(topic, config, act_at=self._clock())
        channel.listeners.append(listener)
        if channel.state is _State.JOINED:
            listener.joined()
        elif (reason := channel.reason or self._down) is not None:
            listener.lost(reason)

    def _remove_released(self) -> None:
        while self.released:
            gone = self.released.popleft()
            for channel in [one for one in self._channels.values() if gone in one.listeners]:
                channel.listeners.remove(gone)
                if not channel.listeners:
                    del self._channels[channel.topic]
                    if self._connected and channel.state is not _State.IDLE:
                        self._outbox.append(self._frame(channel, "phx_leave", {}))

    # The connection -------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Handle a new connection."""
        now = self._clock()
        self._connected, self._down = True, None
        self._beat, self._beat_at = None, now + HEARTBEAT_SECONDS
        self._outbox.clear()
        for channel in self._channels.values():
            channel.state, channel.act_at = _State.IDLE, now

    def lost(self, reason: str) -> None:
        """Handle the loss of the connection."""
        self._connected, self._down = False, reason
        self._remove_released()
        for channel in self._channels.values():
            channel.state = _State.IDLE
            self._notify_lost(channel, reason)

    def fail(self, error: BaseException) -> None:
        """End all channels with an error: there will be no connection any more."""
        self._connected = False
        self._remove_released()
        for channel in self._channels.values():
            for listener in tuple(channel.listeners):
                listener.failed(error)
        self._channels.clear()

    # What to send ---------------------------------------------------------------------------------------------------

    def frames(self, token: str | None) -> list[str]:
        """Return the frames to send now.

        Args:
            token: The person's token; ``None`` if the key of the connection is enough.

        Raises:
            BrokenConnection: No reply to a heartbeat has come.
        """
        if not self._connected:
            return []
        self._remove_released()
        now = self._clock()
        frames = self._outbox
        self._outbox = []
        if now >= self._beat_at:
            if self._beat is not None:
                raise BrokenConnection("the server does not reply")
            self._beat, self._beat_at = self._ref(), now + REPLY_SECONDS
            frames.append(
                {"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": self._beat, "join_ref": None}
            )
        for channel in self._channels.values():
            if channel.state is _State.JOINED:
                if token is not None and channel.token != token:
                    channel.token = token
                    frames.append(self._frame(channel, "access_token", {"access_token": token}))
                if now >= channel.presence_at:
                    channel.sent_presence = channel.presence
                    channel.presence_calls.append(now)
                    track = {"type": "presence", "event": "track", "payload": channel.presence}
                    frames.append(self._frame(channel, "presence", track))
            elif now >= channel.act_at:
                if channel.state is _State.JOINING:
                    self._retry(channel, "no reply to the join")
                else:
                    frames.append(self._join(channel, token, now))
        return [json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in frames]

    def due(self) -> float:
        """Return in how many seconds `frames` will return something new, as far as that is known."""
        waiting = [one.act_at for one in self._channels.values() if one.state is not _State.JOINED]
        presences = [one.presence_at for one in self._channels.values()]
        return max(0.0, min([self._beat_at, *waiting, *presences]) - self._clock())

    def track(self, topic: str, presence: dict[str, Any]) -> None:
        """Send a presence on a topic, now and after every join, as soon as the server allows another one."""
        channel = self._channels.get(topic)
        if channel is not None:
            channel.presence = presence

    def _join(self, channel: _Channel, token: str | None, now: float) -> dict[str, Any]:
        channel.state = _State.JOINING
        channel.act_at = now + REPLY_SECONDS
        channel.join_ref = self._ref()
        channel.token = token
        channel.sent_presence = None
        payload: dict[str, Any] = {"config": channel.config}
        if token is not None:
            payload["access_token"] = token
        frame = self._frame(channel, "phx_join", payload)
        return {**frame, "ref": channel.join_ref}

    def _frame(self, channel: _Channel, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "topic": _PREFIX + channel.topic,
            "event": event,
            "payload": payload,
            "ref": self._ref(),
            "join_ref": channel.join_ref,
        }

    def _ref(self) -> str:
        self._refs += 1
        return str(self._refs)

    # What was received ----------------------------------------------------------------------------------------------

    def receive(self, text: str | bytes) -> bool:
        """Handle a frame from the server, and call the listeners of its channel.

        Returns:
            Whether there may now be something to send.

        Raises:
            BrokenConnection: The frame is malformed.
        """
        try:
            frame: Any = from_json(text)
            topic, event, ref = str(frame["topic"]), str(frame["event"]), frame.get("ref")
            payload = cast("dict[str, Any]", frame.get("payload"))
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BrokenConnection("the server sent a malformed frame") from exc
        if not isinstance(payload, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            return False
        if topic == "phoenix":
            if ref is not None and ref == self._beat:
                self._beat, self._beat_at = None, self._clock() + HEARTBEAT_SECONDS
            return False
        channel = self._channels.get(topic.removeprefix(_PREFIX))
        if channel is None:
            return False
        if event == "phx_reply":
            if ref != channel.join_ref or channel.state is not _State.JOINING:
                return False
            self._joined(channel, payload)
            return True
        if event in ("phx_close", "phx_error"):
            # A join closes an older join of the same topic; then `ref` is that of the older one.
            if channel.state is _State.IDLE or ref != channel.join_ref:
                return False
            self._retry(channel, channel.reason or "the server closed the channel")
            return True
        if event == "system" and payload.get("status") == "error":
            channel.reason = str(payload.get("message"))
        for listener in tuple(channel.listeners):
            listener.received(event, payload)
        return False

    def _joined(self, channel: _Channel, payload: dict[str, Any]) -> None:
        if payload.get("status") != "ok":
            details: object = payload.get("response")
            reason = cast("dict[str, object]", details).get("reason") if isinstance(details, dict) else None
            self._retry(channel, str(reason or "the server refused the join"))
            return
        channel.state, channel.failures, channel.reason = _State.JOINED, 0, None
        for listener in tuple(channel.listeners):
            listener.joined()

    def _retry(self, channel: _Channel, reason: str) -> None:
        channel.state = _State.IDLE
        channel.act_at = self._clock() + pause(channel.failures)
        channel.failures += 1
        channel.reason = reason
        if any(word in reason for word in _TOKEN_REFUSALS):
            self.refused_token = channel.token
        self._notify_lost(channel, reason)

    def _notify_lost(self, channel: _Channel, reason: str) -> None:
        for listener in tuple(channel.listeners):
            listener.lost(reason)


def pause(failures: int) -> float:
    """Return how many seconds to wait after this many earlier failures: a random time that grows with them."""
    return backoff(failures + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
