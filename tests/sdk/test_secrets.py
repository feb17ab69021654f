"""No key, token or password shows in an error, in whatever form, also when a server repeats what it was sent."""

from __future__ import annotations

import json
import pickle
import string
import traceback

import httpx
from hypothesis import given
from hypothesis import strategies as st

from monogram_sdk import _http, _refusals
from monogram_sdk._http import Outgoing

ALPHABET = string.ascii_letters + string.digits + "-_"
opaque = st.text(ALPHABET, min_size=20, max_size=60)
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
    outgoing = Outgoing("POST", "http://x/auth/v1/token", {}, body.encode(), repeatable=False, as_person=False)
    echo = f"{key} {token} {password} {refresh}"
    answers = [
        {"code": "x", "message": echo, "details": {"sent": body}, "hint": echo},
        {"error": echo, "error_description": echo},
        [echo],
    ]
    for answer in [*(json.dumps(one).encode() for one in answers), echo.encode(), body.encode()]:
        secrets = _http.secrets_of(outgoing, key, token)
        error = _refusals.refusal(
            status, {}, answer, method="POST", path=outgoing.path(), signed_in=True, secrets=secrets
        )
        text = shown(error)
        for secret in (key, token, refresh, password, json.dumps(password)[1:-1], repr(password)[1:-1]):
            assert secret not in text


@given(key=keys, token=tokens)
def test_what_the_network_says_is_cleaned_as_well(key: str, token: str) -> None:
    exc = httpx.ConnectError(f"could not send {key} with {token}")
    text = str(_http.transport_error(exc, 1.0, method="GET", path="/rest/v1/users"))
    assert key not in text and token not in text and "[secret]" in text


def test_edge_functions_bodies_are_kept() -> None:
    body = {"code": "MG401", "message": "No such newsletter.", "details": {"id": 7}}
    error = _refusals.refusal(
        404,
        {"x-request-id": "r7"},
        json.dumps(body).encode(),
        method="POST",
        path="/functions/v1/newsletter",
        signed_in=True,
    )
    assert type(error).__name__ == "NewsletterNotFoundError"
    assert (error.message, error.detail, error.request_id) == ("No such newsletter.", '{"id": 7}', "r7")
