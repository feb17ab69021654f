"""No key, token or password shows in an error, in whatever form, also when a server repeats what it was sent."""

from __future__ import annotations

import json
import pickle
import string
import traceback

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monogram_sdk._config import Options
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.failures import failure
from monogram_sdk._engine.refusals import refusal
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._engine.secrets import redact, secrets_of

ALPHABET = string.ascii_letters + string.digits + "-_"
# No word of the package begins like this, so that it cannot occur in an error by chance.
opaque = st.builds("9-{}".format, st.text(ALPHABET, min_size=20, max_size=60))
keys = st.builds("{}{}".format, st.sampled_from(["sb_secret_", "sb_publishable_"]), opaque)
tokens = st.builds("eyJ{}.{}.{}".format, opaque, opaque, opaque)
# With what JSON writes in more than one way.
passwords = opaque.map(lambda text: f'{text[:10]}"é\\{text[10:]}')


def shown(error: Exception) -> str:
    """Return all that an error shows."""
    unpickled = pickle.loads(pickle.dumps(error))
    parts = [str(error), repr(error), repr(error.args), repr(error.__dict__), str(unpickled), repr(unpickled.__dict__)]
    return "\n".join([*parts, *traceback.format_exception(error)])


@given(
    key=keys, token=tokens, password=passwords, refresh=opaque, status=st.sampled_from([400, 401, 403, 422, 429, 500])
)
def test_a_server_that_repeats_everything_gives_nothing_away(
    key: str, token: str, password: str, refresh: str, status: int
) -> None:
    body = json.dumps({"email": "ada@example.test", "password": password, "nested": {"refresh_token": refresh}})
    request = Request("POST", "/auth/v1/token", body.encode())
    echo = f"{key} {token} {password} {refresh}"
    answers = [
        {"code": "x", "message": echo, "details": {"sent": body}, "hint": echo},
        {"error": echo, "error_description": echo},
        [echo],
    ]
    for answer in [*(json.dumps(one).encode() for one in answers), echo.encode(), body.encode()]:
        secrets = secrets_of(request, {"apikey": key, "authorization": f"Bearer {token}"})
        error = refusal(Reply(status, {}, answer), request, signed_in=True, secrets=secrets)
        text = shown(error)
        for secret in (key, token, refresh, password, json.dumps(password)[1:-1], repr(password)[1:-1]):
            assert secret not in text


@given(key=keys, token=tokens)
def test_what_the_network_says_is_cleaned_as_well(key: str, token: str) -> None:
    exc = httpcore.ConnectError(f"could not send {key} with {token}")
    text = str(failure(exc, Call(None, Options(), None), Request("GET", "/rest/v1/users")))
    assert key not in text and token not in text and "[secret]" in text


def test_edge_functions_bodies_are_kept() -> None:
    body = {"code": "MG401", "message": "No such newsletter.", "details": {"id": 7}}
    reply = Reply(404, {"x-request-id": "r7"}, json.dumps(body).encode())
    error = refusal(reply, Request("POST", "/functions/v1/newsletter"), signed_in=True)
    assert type(error).__name__ == "NewsletterNotFoundError"
    assert (error.message, error.detail, error.request_id) == ("No such newsletter.", '{"id": 7}', "r7")


CODES = {
    "invalid_credentials": "InvalidCredentialsError",
    "weak_password": "WeakPasswordError",
    "user_not_found": "NotFoundError",
    "over_request_rate_limit": "RateLimitError",
    "MG103": "InviteInvalidError",
}


@pytest.mark.parametrize("password", ["a", "invalid", "invalid_credentials", "weak_password", "error", "1", "MG103"])
def test_a_password_that_is_a_part_of_a_code_changes_no_code(password: str) -> None:
    request = Request("POST", "/auth/v1/token?grant_type=password", json.dumps({"password": password}).encode())
    for code, kind in CODES.items():
        for body in ({"code": 400, "error_code": code, "msg": f"No: {password}."}, {"code": code, "message": "No."}):
            reply = Reply(400, {}, json.dumps(body).encode())
            error = refusal(reply, request, signed_in=False, secrets=secrets_of(request, {}))
            assert (type(error).__name__, error.code) == (kind, code)
    words = Reply(418, {}, json.dumps({"error": f"with {password}", "message": "No."}).encode())
    error = refusal(words, request, signed_in=False, secrets=secrets_of(request, {}))
    assert len(password) < 4 or error.code is None, "where others have a code, this has words with a secret"


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("a", "a password is a secret", "a password is a secret"),
        ("123456", "code 123456 of 1234567 is wrong", "code [secret] of 1234567 is wrong"),
        ("hunter2", "xhunter2 is not hunter2.", "xhunter2 is not [secret]."),
        ("correct horse", "xcorrect horsey", "x[secret]y"),
        ('say "é"!!', 'sent "say \\"\\u00e9\\"!!"', 'sent "[secret]"'),
    ],
)
def test_short_secrets_are_taken_out_where_they_stand_by_themselves(secret: str, text: str, shown: str) -> None:
    assert redact(text, [secret]) == shown
