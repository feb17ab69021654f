"""The channels of one connection, frame by frame, by a clock of the test's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monogram_sdk._live import channels as rules
from monogram_sdk._live.channels import BrokenConnection, Channels


class Ear:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def joined(self) -> None:
        self.log.append("joined")

    def lost(self, reason: str) -> None:
        self.log.append(f"lost: {reason}")

    def received(self, event: str, payload: dict[str, Any]) -> None:
        self.log.append(f"{event}: {payload}")

    def failed(self, error: BaseException) -> None:
        self.log.append(f"failed: {error}")


class Line:
    """Channels, and the server at the other end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.channels = Channels(clock=lambda: self.now)
        self.token: str | None = "first"

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.channels.frames(self.token)]

    def say(self, event: str, payload: object, *, topic: str = "a", ref: object = None) -> bool:
        frame = {"topic": f"realtime:{topic}", "event": event, "payload": payload, "ref": ref}
        return self.channels.receive(json.dumps(frame))

    def join(self, topic: str = "a") -> tuple[Ear, dict[str, Any]]:
        """Listen, and let the server agree; return the frame of the join."""
        ear = Ear()
        self.channels.attach(topic, ear, {"private": True})
        self.channels.opened()
        (frame,) = [one for one in self.sent() if one["topic"] == f"realtime:{topic}"]
        assert self.say("phx_reply", {"status": "ok", "response": {}}, topic=topic, ref=frame["ref"])
        assert ear.log.pop() == "joined"
        return ear, frame


@pytest.fixture
def line() -> Line:
    return Line()


def test_joining_hearing_and_leaving(line: Line) -> None:
    ear, frame = line.join()
    assert (frame["event"], frame["ref"]) == ("phx_join", frame["join_ref"])
    assert frame["payload"] == {"config": {"private": True}, "access_token": "first"}
    line.say("broadcast", {"event": "x"})
    line.say("broadcast", {"event": "x"}, topic="b")
    assert ear.log == ["broadcast: {'event': 'x'}"]
    line.channels.released.append(ear)
    (leave,) = line.sent()
    assert (leave["event"], leave["join_ref"]) == ("phx_leave", frame["join_ref"])
    assert line.channels.empty


def test_a_channel_is_shared_until_the_last_one_leaves(line: Line) -> None:
    one, _frame = line.join()
    other = Ear()
    line.channels.attach("a", other, {})
    assert other.log == ["joined"] and line.sent() == []
    line.channels.released.append(one)
    assert line.sent() == []
    line.channels.released.append(other)
    assert [frame["event"] for frame in line.sent()] == ["phx_leave"]


def test_a_new_token_is_told_once(line: Line) -> None:
    _ear, frame = line.join()
    line.token = "second"
    (told,) = line.sent()
    assert (told["event"], told["payload"]) == ("access_token", {"access_token": "second"})
    assert told["join_ref"] == frame["join_ref"]
    assert line.sent() == []


def test_a_closed_channel_is_joined_again(line: Line) -> None:
    ear, frame = line.join()
    assert not line.say("phx_close", {}, ref="an older join's")
    line.say("system", {"status": "error", "message": "Token has expired 1 seconds ago", "extension": "system"})
    ear.log.clear()
    assert line.say("phx_close", {}, ref=frame["ref"])
    assert ear.log == ["lost: Token has expired 1 seconds ago"]
    assert line.channels.refused_token == "first"
    assert line.sent() == []
    line.now += rules.FIRST_PAUSE
    (again,) = line.sent()
    assert again["event"] == "phx_join" and again["ref"] != frame["ref"]


def test_refusals_are_followed_by_longer_and_longer_pauses(line: Line) -> None:
    ear = Ear()
    line.channels.attach("a", ear, {})
    line.channels.opened()
    pauses = []
    for _ in range(12):
        (frame,) = line.sent()
        line.say("phx_reply", {"status": "error", "response": {"reason": "Unauthorized: no"}}, ref=frame["ref"])
        assert ear.log.pop() == "lost: Unauthorized: no"
        pauses.append(line.channels.due())
        line.now += pauses[-1]
        if line.now >= rules.HEARTBEAT_SECONDS:
            line.channels.opened()  # A new connection, so that no heartbeat is among the frames.
    assert pauses[0] <= rules.FIRST_PAUSE
    assert max(pauses) <= rules.LONGEST_PAUSE < 2 * pauses[-1] + 0.001
    assert line.channels.refused_token is None


def test_a_join_without_a_reply_is_tried_again(line: Line) -> None:
    ear = Ear()
    line.channels.attach("a", ear, {})
    line.channels.opened()
    line.sent()
    line.now += rules.REPLY_SECONDS
    assert line.sent() == []
    assert ear.log == ["lost: no reply to the join"]


def test_a_server_that_does_not_reply_is_left(line: Line) -> None:
    line.join()
    line.now += rules.HEARTBEAT_SECONDS
    (beat,) = line.sent()
    assert (beat["topic"], beat["event"]) == ("phoenix", "heartbeat")
    reply = {"topic": "phoenix", "event": "phx_reply", "payload": {"status": "ok"}, "ref": beat["ref"]}
    line.channels.receive(json.dumps(reply))
    line.now += rules.HEARTBEAT_SECONDS
    assert len(line.sent()) == 1
    line.now += rules.REPLY_SECONDS
    with pytest.raises(BrokenConnection):
        line.sent()


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"topic":"a"}', "null"])
def test_a_malformed_frame_breaks_the_connection(line: Line, text: str) -> None:
    with pytest.raises(BrokenConnection):
        line.channels.receive(text)


def test_a_lost_connection_is_told_and_everything_joined_again(line: Line) -> None:
    one, first = line.join()
    line.channels.lost("cut")
    late = Ear()
    line.channels.attach("b", late, {})
    assert (one.log, late.log) == (["lost: cut"], ["lost: cut"])
    assert line.sent() == []
    line.channels.opened()
    assert {frame["topic"] for frame in line.sent()} == {"realtime:a", "realtime:b"}
    # What was on its way from the old connection's channel ends nothing.
    assert not line.say("phx_close", {}, ref=first["ref"])


def test_presence_is_told_after_each_join_and_not_too_often(line: Line) -> None:
    line.join()
    for number in range(20):
        line.channels.track("a", {"n": number})
        for frame in line.sent():
            assert frame["payload"] == {"type": "presence", "event": "track", "payload": {"n": number}}
        line.now += 0.01
    calls = rules.PRESENCE_CALLS
    assert line.channels.due() > 1
    line.now = rules.PRESENCE_WINDOW + 0.0
    (frame,) = [one for one in line.sent() if one["event"] == "presence"]
    assert frame["payload"]["payload"] == {"n": 19}
    assert calls == 4
    line.channels.lost("cut")
    line.channels.opened()
    (join,) = line.sent()
    line.say("phx_reply", {"status": "ok", "response": {}}, ref=join["ref"])
    line.now += rules.PRESENCE_WINDOW
    line.channels.opened()
    (join,) = line.sent()
    line.say("phx_reply", {"status": "ok", "response": {}}, ref=join["ref"])
    assert [one["payload"]["payload"] for one in line.sent()] == [{"n": 19}]
