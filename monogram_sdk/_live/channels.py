"""The channels of one connection to Realtime as a state machine: told what came, it says what to send and when.

It speaks version 1.0.0 of the protocol, in which every frame is a JSON object:

    {"topic": "realtime:space:...", "event": "phx_join", "payload": {...}, "ref": "7", "join_ref": "7"}

Channels are joined again for ever, after a lost connection, a refusal or an expired token, with pauses that grow up to
a limit. Who listens hears `joined`, then what is `received`, then `lost` and why, over and over.
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

ANSWER_SECONDS = 10.0
"""A join or a heartbeat that is not answered in this time has failed."""

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0

PRESENCE_CALLS = 4
PRESENCE_WINDOW = 31.0
"""The platform closes a channel that says more than five times in 30 seconds who is present."""

_PREFIX = "realtime:"

# In the platform's refusals of a token, those with a code and those in words.
_ABOUT_TOKENS = ("JWT", "JwtSignature", "Token has expired")


class Listener(Protocol):
    """Who wants to know what happens on a channel. Called with the channels' lock held, so it must be quick."""

    def joined(self) -> None:
        """The channel delivers from now on."""

    def lost(self, reason: str) -> None:
        """The channel delivers nothing now. It will be joined again."""

    def received(self, event: str, payload: dict[str, Any]) -> None:
        """A frame came."""

    def failed(self, error: BaseException) -> None:
        """The connection has ended for good."""


class BrokenConnection(Exception):
    """The server said something that makes no sense, or nothing. Connect again."""


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
    """When to join, or when to stop waiting for the answer."""
    failures: int = 0
    reason: str | None = None
    """Why it is not joined, as far as the server said."""
    token: str | None = None
    """The token that the server knows."""
    presence: dict[str, Any] | None = None
    """How we want to be present."""
    told_presence: dict[str, Any] | None = None
    """How the server knows us."""
    presence_calls: deque[float] = field(default_factory=lambda: deque[float](maxlen=PRESENCE_CALLS))

    @property
    def presence_at(self) -> float:
        """When the server may be told how we are present; infinity when it knows."""
        if self.state is not _State.JOINED or self.presence is None or self.presence == self.told_presence:
            return math.inf
        full = len(self.presence_calls) == PRESENCE_CALLS
        return self.presence_calls[0] + PRESENCE_WINDOW if full else 0.0


class Channels:
    """The channels of one connection. Not safe for several threads: who uses it sees to that.

    Args:
        clock: Seconds that only go forward.
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
        """A token that the server has refused; whoever gets another one takes this away."""
        # Who listens no more. Finalizers add to it, at any time and in any thread.
        self.released: deque[Listener] = deque()

    @property
    def empty(self) -> bool:
        """Whether nobody listens."""
        self._let_go()
        return not self._channels

    def listeners(self, topic: str) -> int:
        """Return how many listen to a topic."""
        self._let_go()
        channel = self._channels.get(topic)
        return len(channel.listeners) if channel else 0

    # Who listens ----------------------------------------------------------------------------------------------------

    def attach(self, topic: str, listener: Listener, config: dict[str, Any]) -> None:
        """Listen to a topic. The first to do so decides how it is joined.

        Args:
            topic: The topic, as the policies of the database know it.
            listener: Who listens, until they are `released`.
            config: The ``config`` of the join.
        """
        self._let_go()
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = _Channel(topic, config, act_at=self._clock())
        channel.listeners.append(listener)
        if channel.state is _State.JOINED:
            listener.joined()
        elif (reason := channel.reason or self._down) is not None:
            listener.lost(reason)

    def _let_go(self) -> None:
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
        """Take note of a new connection."""
        now = self._clock()
        self._connected, self._down = True, None
        self._beat, self._beat_at = None, now + HEARTBEAT_SECONDS
        self._outbox.clear()
        for channel in self._channels.values():
            channel.state, channel.act_at = _State.IDLE, now

    def lost(self, reason: str) -> None:
        """Take note that there is no connection."""
        self._connected, self._down = False, reason
        self._let_go()
        for channel in self._channels.values():
            channel.state = _State.IDLE
            self._tell_lost(channel, reason)

    def fail(self, error: BaseException) -> None:
        """Tell everybody that there will be no connection any more."""
        self._connected = False
        self._let_go()
        for channel in self._channels.values():
            for listener in tuple(channel.listeners):
                listener.failed(error)
        self._channels.clear()

    # What to send ---------------------------------------------------------------------------------------------------

    def frames(self, token: str | None) -> list[str]:
        """Return what to send now.

        Args:
            token: The person's token; ``None`` to go by the key of the connection.

        Raises:
            BrokenConnection: The server has not answered a heartbeat.
        """
        if not self._connected:
            return []
        self._let_go()
        now = self._clock()
        frames = self._outbox
        self._outbox = []
        if now >= self._beat_at:
            if self._beat is not None:
                raise BrokenConnection("the server does not answer")
            self._beat, self._beat_at = self._ref(), now + ANSWER_SECONDS
            frames.append(
                {"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": self._beat, "join_ref": None}
            )
        for channel in self._channels.values():
            if channel.state is _State.JOINED:
                if token is not None and channel.token != token:
                    channel.token = token
                    frames.append(self._frame(channel, "access_token", {"access_token": token}))
                if now >= channel.presence_at:
                    channel.told_presence = channel.presence
                    channel.presence_calls.append(now)
                    track = {"type": "presence", "event": "track", "payload": channel.presence}
                    frames.append(self._frame(channel, "presence", track))
            elif now >= channel.act_at:
                if channel.state is _State.JOINING:
                    self._retry(channel, "the join was not answered")
                else:
                    frames.append(self._join(channel, token, now))
        return [json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in frames]

    def due(self) -> float:
        """Return in how many seconds `frames` will have something new, as far as that is known."""
        waiting = [one.act_at for one in self._channels.values() if one.state is not _State.JOINED]
        presences = [one.presence_at for one in self._channels.values()]
        return max(0.0, min([self._beat_at, *waiting, *presences]) - self._clock())

    def track(self, topic: str, presence: dict[str, Any]) -> None:
        """Be present on a topic, now and after every join, as soon as the server allows another call."""
        channel = self._channels.get(topic)
        if channel is not None:
            channel.presence = presence

    def _join(self, channel: _Channel, token: str | None, now: float) -> dict[str, Any]:
        channel.state = _State.JOINING
        channel.act_at = now + ANSWER_SECONDS
        channel.join_ref = self._ref()
        channel.token = token
        channel.told_presence = None
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

    # What came ------------------------------------------------------------------------------------------------------

    def receive(self, text: str | bytes) -> bool:
        """Take a frame from the server, and tell whom it concerns.

        Returns:
            Whether there may now be something to send.

        Raises:
            BrokenConnection: It is none.
        """
        try:
            frame: Any = from_json(text)
            topic, event, ref = str(frame["topic"]), str(frame["event"]), frame.get("ref")
            payload = cast("dict[str, Any]", frame.get("payload"))
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BrokenConnection("the server sent what is no frame") from exc
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
            # A join that replaced an older one closes that: its `ref` is the older one's.
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
            answer: object = payload.get("response")
            reason = cast("dict[str, object]", answer).get("reason") if isinstance(answer, dict) else None
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
        if any(word in reason for word in _ABOUT_TOKENS):
            self.refused_token = channel.token
        self._tell_lost(channel, reason)

    def _tell_lost(self, channel: _Channel, reason: str) -> None:
        for listener in tuple(channel.listeners):
            listener.lost(reason)


def pause(failures: int) -> float:
    """Return how many seconds to wait after one more failure than these: longer and longer, and not all the same."""
    return backoff(failures + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
