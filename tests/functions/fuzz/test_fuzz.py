"""Whatever the input, no reply of the edge functions is a 500 or shows internals. See `fuzz.ts`."""

from __future__ import annotations

import http.client
import json
import random
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from monogram_sdk.local import Stack
from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS
from tests.support.counts import count

PROGRAM = Path(__file__).parent / "fuzz.ts"
NAMES = ("deliver", "tick", "mail-events", "music", "newsletter", "unsubscribe")
INTERNAL = re.compile(rb"file://|/supabase/functions|\.ts:\d+|SQLSTATE|PGRST\d|private\.|TypeError|RangeError|ApiError")


def throw(first: int, number: int) -> None:
    """Send a number of inputs to the handlers, one for each seed."""
    reply = subprocess.run(
        [
            executable(),
            "run",
            "--quiet",
            "--frozen",
            "--no-prompt",
            f"--config={FUNCTIONS / 'deno.json'}",
            "--allow-net=127.0.0.1",
            "--allow-env",
            "--allow-read",
            PROGRAM,
            str(first),
            str(number),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert reply.returncode == 0, reply.stdout + reply.stderr
    result = json.loads(reply.stdout)
    assert result["failures"] == []
    assert result["inputs"] == number
    assert set(result["replies"]) == set(NAMES)
    count("fuzz inputs (edge functions)", number)


def test_a_few_inputs() -> None:
    throw(1, 400)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_many_inputs(part: int) -> None:
    throw(10_000 + part * 3_000, 3_000)


LETTER = "/00000000-0000-4000-8000-00000000000a"
PATHS = [
    "", "/", "//", "/%00", "/%", "/%zz", "/%ff%fe", "/..%2f..%2fetc/passwd", "/" + "x" * 3000, "?a=%00&token=%00",
    "?token=%ff", "?token=" + "x" * 300, "?scope=%F0%9F%98%80", f"{LETTER}%00", "/x.pdf?size=%00",
    f"{LETTER}/pictures/..%2f..%2fx", "#x", f"{LETTER}/card.png", f"/keepsakes{LETTER}.pdf", "/keepsakes/%00.pdf",
    f"/spaces{LETTER}", f"/spaces{LETTER}/feed.atom", "/spaces/" + "f" * 36, f"/spaces{LETTER}%00/feed.atom",
]  # fmt: skip
BODIES: list[bytes] = [
    b"", b"{", b"[]", b"null", b"\x00", b'{"url":"https://a.example/\\u0000"}', b'{"url":"\\ud800"}', b"\xff\xfe{}",
    b"x" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000, b"[" * 5000, b'{"chain":null,"first":[]}',
    b"scope=%00&scope=%ff", b'--x\r\ncontent-disposition: form-data; name="scope"\r\n\r\n\x00\r\n',
    b'{"type":"email.bounced","data":{"to":["a\\u0000@b.example"]}}',
]  # fmt: skip
METHODS = ["GET", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "\x01",
    "",
]


def over_http(stack: Stack, seed: int, number: int) -> None:
    """Send a number of inputs to the functions of a running stack.

    Some start `deliver`, which goes on after the last reply. So the stack is one that works by itself: its tests do not
    assume that nothing else changes what is stored.
    """
    chance = random.Random(seed)
    api = httpx.URL(stack.api_url)
    keys = ["", stack.publishable_key, stack.secret_key, "sb_secret_x", "x.y.z", "\xff\x00"[:1]]
    for _ in range(number):
        name, method = (
            chance.choice(NAMES),
            chance.choice(["GET", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]),
        )
        path = f"/functions/v1/{name}{chance.choice(PATHS)}"
        body = chance.choice(BODIES) if method not in ("GET", "HEAD") else None
        headers = {"content-type": chance.choice(TYPES)} if chance.random() < 0.7 else {}
        if chance.random() < 0.7:
            headers["apikey"] = chance.choice(keys)
        if chance.random() < 0.4:
            headers["authorization"] = f"Bearer {chance.choice(keys)}"
        shown = (seed, method, path[:100], headers, (body or b"")[:60])
        connection = http.client.HTTPConnection(api.host, api.port, timeout=60)
        try:
            connection.request(method, path, body, {key: value.strip("\x01") for key, value in headers.items()})
            reply = connection.getresponse()
            said = reply.read()
        finally:
            connection.close()
        # The webhook has no secret here, and says so.
        unset = name == "mail-events" and reply.status == 503 and b"NOT_CONFIGURED" in said
        assert reply.status < 500 or unset, (shown, reply.status, said[:300])
        assert not INTERNAL.search(said), (shown, said[:300])
    count("fuzz inputs (edge functions)", number)


@pytest.mark.long
def test_a_few_inputs_where_functions_run(delivering: Stack) -> None:
    over_http(delivering, 1, 100)


@pytest.mark.long
def test_many_inputs_where_functions_run(delivering: Stack) -> None:
    over_http(delivering, 2, 1500)
