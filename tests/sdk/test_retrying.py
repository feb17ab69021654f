"""What is tried again, and how long anything waits before: requests, feeds and Realtime ask one function."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monogram_sdk import Monogram, errors
from monogram_sdk._engine import retrying
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.retrying import LONGEST_REQUEST_PAUSE, REQUEST_PAUSE, backoff, pause
from monogram_sdk._live.channels import FIRST_PAUSE, LONGEST_PAUSE
from monogram_sdk._live.channels import pause as pause_of_channels


@given(failures=st.integers(-5, 10_000), first=st.floats(0.01, 5), longest=st.floats(0.01, 60), least=st.floats(0, 1))
def test_pauses_grow_up_to_a_limit(failures: int, first: float, longest: float, least: float) -> None:
    full = min(longest, first * 2.0 ** min(max(failures, 1) - 1, 32))
    assert least * full <= backoff(failures, first=first, longest=longest, least=least) <= full


def test_those_who_failed_together_do_not_come_back_together() -> None:
    assert len({pause(3, None) for _ in range(50)}) == 50
    assert max(pause(1, None) for _ in range(200)) <= REQUEST_PAUSE
    assert max(pause(99, None) for _ in range(200)) <= LONGEST_REQUEST_PAUSE
    assert pause(1, 7.0) == 7.0, "what the server asks for"
    assert FIRST_PAUSE / 2 <= pause_of_channels(0) <= FIRST_PAUSE
    assert LONGEST_PAUSE / 2 <= pause_of_channels(99) <= LONGEST_PAUSE


# What a gateway, a proxy or a network's login page may say in the place of a service.
PAGES = {
    "a page": b"<html>Something went wrong</html>",
    "text": b"upstream error",
    "nothing": b"",
    "JSON without a code": b'{"message": "Internal server error"}',
    "JSON without words": b'{"code": 42501}',
    "an RFC 9457 problem": b'{"title": "Error 1033", "status": 530, "error_code": 1033, "detail": "m"}',
    "a framework's": b'{"statusCode": 500, "error": "Internal Server Error", "message": "m"}',
    "JSON with the status as its code": b'{"code": 502, "message": "Bad gateway"}',
    "JSON with a number as its code": b'{"code": "1020", "message": "Access denied"}',
    "a list": b"[]",
    "half of it": b'{"code": "MG501", "mess',
}
STATUSES = (
    *(300, 302, 400, 401, 403, 404, 405, 407, 408, 409, 410, 413, 422, 425, 451, 499),
    *(500, 501, 502, 503, 504, 507, 511, 520, 524, 529, 530, 540, 599),
)
ID = "5eed0000-0000-4000-8000-000000000001"


def replying(status: int, body: bytes, seen: list[bytes]) -> Monogram:
    """Return a client of a service that always replies this."""

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(status, content=body)

    return Monogram.admin_client(
        url="http://127.0.0.1:9", key="sb_secret_x", transport=httpx.MockTransport(reply), retries=2
    )


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "pause", lambda _failures, _wanted: 0.0)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES)
def test_what_no_service_wrote_is_not_a_reply(body: bytes) -> None:
    for status in STATUSES:
        if status == 401 and b'"message"' in body and b'"error' not in body and not body.endswith(b"mess"):
            continue  # The platform's gateway writes so, and lets nobody in.
        seen: list[bytes] = []
        with replying(status, body, seen) as client:
            with pytest.raises(errors.MonogramError) as caught:
                client.spaces.remove_member(ID, ID)
            assert caught.value.uncertain, status
            assert len(seen) == 3 and len({*seen}) == 1, "it is sent again, under the same key"
            assert caught.value.code is None, "nobody sent one"
            assert isinstance(caught.value, errors.ServerError | errors.InvalidReplyError | errors.FileTooLargeError), (
                status
            )
            seen.clear()
            with pytest.raises(errors.MonogramError) as caught:
                client.admin.claim_jobs("test")
            assert caught.value.uncertain and len(seen) == 1, "what may not be repeated is not"
            seen.clear()
            with pytest.raises(errors.MonogramError) as caught:
                client.spaces.get(ID)
            assert len(seen) == 3 and not caught.value.uncertain, "reading changes nothing"


# How the services refuse, each with its status and the code that it says.
REFUSALS = {
    "PostgREST": (403, b'{"code": "42501", "message": "m", "details": null, "hint": null}', "/rest/v1/x"),
    "PostgREST's own": (500, b'{"code": "XX000", "message": "m", "details": null, "hint": null}', "/rest/v1/x"),
    "Auth": (422, b'{"code": 422, "error_code": "weak_password", "msg": "m"}', "/auth/v1/x"),
    "Auth of old": (400, b'{"error": "invalid_grant", "error_description": "m"}', "/auth/v1/x"),
    "Auth without a code": (500, b'{"code": 500, "msg": "m"}', "/auth/v1/x"),
    "Storage": (400, b'{"statusCode": "404", "error": "not_found", "message": "m"}', "/storage/v1/x"),
    "a function": (404, b'{"code": "MG401", "message": "m"}', "/functions/v1/x"),
    "the functions' gateway": (401, b'{"code": 401, "message": "Invalid JWT"}', "/functions/v1/x"),
    "the gateway": (401, b'{"message": "Invalid API key", "hint": "m"}', "/rest/v1/x"),
}


@pytest.mark.parametrize(("status", "body", "path"), REFUSALS.values(), ids=REFUSALS)
def test_what_a_service_refuses_is_a_reply(status: int, body: bytes, path: str) -> None:
    assert not retrying.leaves_outcome_open(Reply(status, {}, body), Request("POST", path))


def test_too_many_requests_are_not_carried_out() -> None:
    assert not retrying.leaves_outcome_open(Reply(429, {}, b"slow down"), Request("POST", "/rest/v1/x"))


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("status", [200, 201, 204])
def test_nothing_is_not_a_reply_where_there_must_be_one(status: int) -> None:
    seen: list[bytes] = []
    with replying(status, b"", seen) as client:
        with pytest.raises(errors.InvalidReplyError, match="The reply is empty") as caught:
            client.spaces.assign_curator(ID, ID)
        assert caught.value.uncertain and len(seen) == 3
        if status == 204:
            client.spaces.remove_member(ID, ID)
            assert len(seen) == 4, "what returns nothing is answered with nothing"
            return
        with pytest.raises(errors.InvalidReplyError, match=f'not "204 No Content" but {status} and empty') as caught:
            client.spaces.remove_member(ID, ID)
        assert caught.value.uncertain and len(seen) == 6
