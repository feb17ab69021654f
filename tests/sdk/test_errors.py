"""The tree of errors, and the errors for the servers' replies."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk._cursor import Cursor
from monogram_sdk._engine import refusals
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._images import Image
from monogram_sdk._sync._files import Files
from monogram_sdk.errors import MonogramError
from monogram_sdk.models import ResponsePublished

MIGRATIONS = Path(__file__).parents[2] / "supabase" / "migrations"


def all_errors(root: type[MonogramError] = MonogramError) -> list[type[MonogramError]]:
    """Return a class and all below it."""
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


def refusal(
    status: int, body: object, *, signed_in: bool = True, headers: dict[str, str] | None = None
) -> MonogramError:
    """Return the error for a reply."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Reply(status, headers or {}, content)
    # Only Storage states the status in the body.
    path = "/storage/v1/x" if isinstance(body, dict) and "statusCode" in body else "/rest/v1/x"
    return refusals.refusal(reply, Request("POST", path), signed_in=signed_in)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_speaks_for_itself_and_travels(kind: type[MonogramError]) -> None:
    error = kind(status=400, detail="column", hint="Do this.", method="GET", path="/x", request_id="r", uncertain=True)
    assert error.message == kind.default_message() and len(error.message) > 10
    assert "Do this." in str(error) and "HTTP 400, GET /x" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and copy.__dict__ == error.__dict__ and str(copy) == str(error)
    assert issubclass(kind, errors.ConfigError | errors.TransportError | errors.ReplyError | errors.APIError) or (
        kind is MonogramError
    )


def test_the_database_and_the_sdk_know_the_same_codes() -> None:
    sql = "\n".join(path.read_text() for path in MIGRATIONS.glob("*_errors.sql"))
    in_database = set(re.findall(r"^  \('(MG\d{3})', '", sql, re.MULTILINE))
    in_sdk = {code for code in errors.known_codes() if code.startswith("MG")}
    assert in_database and in_database <= in_sdk
    assert in_sdk == in_database


def test_two_classes_cannot_claim_one_code() -> None:
    with pytest.raises(TypeError, match="MG501"):
        type("Twin", (errors.APIError,), {}, code="MG501")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": "MG501", "message": "m", "details": "d", "hint": "h"}, errors.InsufficientTokensError),
        (403, {"code": "42501", "message": "permission denied for table x"}, errors.PermissionDeniedError),
        (409, {"code": "23505", "message": "duplicate key"}, errors.ConflictError),
        (401, {"code": "PGRST303", "message": "JWT expired"}, errors.AuthenticationError),
        (404, {"code": "PGRST202", "message": "no function"}, errors.MigrationsMissingError),
        (500, {"code": "57014", "message": "canceling statement"}, errors.StatementTimeoutError),
        (500, {"code": "55P03", "message": "canceling statement due to lock timeout"}, errors.BusyError),
        (400, {"code": "MG999", "message": "from a newer database"}, errors.InvalidValueError),
        (400, {"code": 400, "error_code": "invalid_credentials", "msg": "m"}, errors.InvalidCredentialsError),
        (422, {"code": "weak_password", "message": "m"}, errors.WeakPasswordError),
        (400, {"statusCode": "404", "error": "not_found", "message": "m"}, errors.NotFoundError),
        (400, {"statusCode": "403", "error": "Unauthorized", "message": "m"}, errors.PermissionDeniedError),
        (400, {"statusCode": "409", "error": "Duplicate", "message": "m"}, errors.ConflictError),
        (413, {"statusCode": "413", "error": "Payload too large", "message": "m"}, errors.FileTooLargeError),
        (418, {"code": "TEAPOT", "message": "teapot"}, errors.APIError),
        (418, {"message": "teapot"}, errors.InvalidReplyError),
        (403, b"<html>Forbidden</html>", errors.InvalidReplyError),
        (502, b"<html>Bad gateway</html>", errors.ServerError),
        (503, b"", errors.ServerError),
        (429, b"[]", errors.RateLimitError),
    ],
)
def test_refusals_become_the_right_error(status: int, body: object, kind: type[MonogramError]) -> None:
    error = refusal(status, body)
    assert type(error) is kind
    assert error.message and error.path is not None and error.path.endswith("/v1/x")


def test_nothing_that_the_server_said_is_lost() -> None:
    error = refusal(
        400, {"code": "MG001", "message": "No.", "details": "name", "hint": "Try."}, headers={"sb-request-id": "r1"}
    )
    facts = (error.message, error.code, error.detail, error.hint, error.status, error.request_id)
    assert facts == ("No.", "MG001", "name", "Try.", 400, "r1")
    assert "Bad gateway" in refusal(502, b"<html>Bad gateway</html>").message
    assert refusal(400, {"code": "MG001", "message": "m", "details": {"a": 1}}).detail == '{"a": 1}'


def test_what_the_database_calls_its_functions_are_calls_here() -> None:
    folder = Path(__file__).parents[2] / "supabase" / "migrations"
    migration = (folder / "20261123000110_errors.sql").read_text(encoding="utf-8")
    hints = re.findall(r"\('MG\d{3}', '\w+', '(?:[^']|'')*', '((?:[^']|'')*)'\)", migration)
    assert len(hints) > 40
    named = []
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x") as client:
        for hint in (
            *hints,
            "Run verify_ledger() with a secret key; mail_state() shows it, and resume_mail() goes on.",
        ):
            said = refusal(400, {"code": "MG001", "message": "m", "hint": hint, "details": hint}).hint
            assert said is not None and "table" not in said
            for call in re.findall(r"([\w.]+)\(\)", said):
                resource, _, method = call.partition(".")
                assert callable(getattr(getattr(client, resource), method)), call
                named.append(call)
    assert len(named) > 10 and "spaces.members" in named and "responses.select" in named


def test_a_person_who_is_not_signed_in_is_told_to_sign_in() -> None:
    body = {"code": "42501", "message": "permission denied for table spaces"}
    assert type(refusal(401, body, signed_in=False)) is errors.NotSignedInError
    assert type(refusal(401, body, signed_in=True)) is errors.PermissionDeniedError


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("-1", 0.0), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0), ("soon", None)],
)
def test_when_to_come_back(header: str, seconds: float | None) -> None:
    error = refusal(429, b"{}", headers={"retry-after": header})
    assert isinstance(error, errors.RateLimitError) and error.retry_after == seconds
    assert refusals.retry_after({}) is None


def test_errors_hold_no_secrets() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    error = refusal(400, {"message": f"bad {jwt}", "hint": "sb_secret_abc_DEF", "details": "sb_publishable_x1"})
    assert "[secret]" in error.message
    for text in (str(error), repr(error), *map(str, error.__dict__.values())):
        assert jwt not in text and "abc_DEF" not in text and "publishable" not in text


def test_a_password_that_is_the_present_one_is_not_called_too_short() -> None:
    error = refusal(
        422, {"code": "same_password", "message": "New password should be different from the old password."}
    )
    assert isinstance(error, errors.WeakPasswordError)
    assert "Choose a password that differs" in str(error) and "longer" not in str(error)
    assert "longer" in str(refusal(422, {"code": "weak_password", "message": "m"}))


@pytest.mark.parametrize("code", ["22P02", "22003", "22007", "22008", "23502", "23514"])
def test_what_postgres_says_without_a_hint_has_one(code: str) -> None:
    said = {"code": code, "message": "It is refused.", "details": None, "hint": None}
    error = refusal(400, said)
    assert type(error) is errors.InvalidValueError and error.message == "It is refused."
    assert error.hint and error.hint != errors.InvalidValueError.default_message()
    assert refusal(400, said | {"hint": "Try."}).hint == "Try."


def test_a_replaced_history_says_how_to_go_on() -> None:
    newest = ResponsePublished.model_construct(seq=9, id=UUID(int=7))
    error = Cursor.parse(999).replaced(newest)
    assert error.resume == f"9:{UUID(int=7)}"
    assert "Read again" in str(error) and f"after=error.resume ({error.resume})" in str(error)


def test_an_upload_that_is_one_too_many_is_not_called_row_level_security() -> None:
    refused = {
        "statusCode": "403", "code": "AccessDenied", "error": "Unauthorized",
        "message": "new row violates row-level security policy",
    }  # fmt: skip
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=refused))
    with Monogram.admin_client(url="http://127.0.0.1:9", key="sb_secret_x", transport=transport) as client:
        with pytest.raises(errors.PermissionDeniedError, match=r"reached the daily limit: try again tomorrow") as one:
            Files(client._core.engine).upload("avatars", "me.png", Image(b"x", "image/png", "png"))
    assert "row-level" not in str(one.value) and one.value.code == "AccessDenied"
