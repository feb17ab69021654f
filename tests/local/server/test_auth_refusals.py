"""What people and programs do wrong with accounts, and GoTrue's codes for it, which the clients turn into errors."""

from __future__ import annotations

import time
from uuid import uuid4

import httpx
import jwt
import pytest

from supabase import AuthApiError, Client
from tests.local.server.conftest import PASSWORD, Person, Server
from tests.local.server.test_auth import code_in, latest_mail

AUTH = "/auth/v1"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """The status of a refusal and its code; it says something, too."""
    body = answer.json()
    assert body["msg"]
    return answer.status_code, body["error_code"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("token", {}, 400, "invalid_credentials"),
        ("token?grant_type=nonsense", {}, 400, "invalid_credentials"),
        ("token?grant_type=password", {}, 400, "validation_failed"),
        ("token?grant_type=refresh_token", {}, 400, "validation_failed"),
        ("signup", {}, 422, "anonymous_provider_disabled"),
        ("signup", {"email": "a@example.test"}, 400, "validation_failed"),
        ("signup", {"email": "a@example.test", "password": "x" * 73}, 400, "validation_failed"),
        ("otp", {}, 400, "validation_failed"),
        ("otp", {"email": "nonsense"}, 400, "validation_failed"),
        ("recover", {}, 400, "validation_failed"),
        ("recover", {"email": "nonsense"}, 400, "validation_failed"),
        ("verify", {}, 400, "validation_failed"),
        ("verify", {"type": "nonsense", "email": "a@example.test", "token": "123456"}, 400, "validation_failed"),
        ("verify", {"type": "email", "email": "a@example.test", "token": "123456"}, 403, "otp_expired"),
        ("verify", {"type": "recovery", "token_hash": "nonsense"}, 403, "otp_expired"),
        ("resend", {"type": "nonsense", "email": "a@example.test"}, 400, "validation_failed"),
        ("logout", {}, 401, "no_authorization"),
    ],
)
def test_calls_of_nobody(server: Server, path: str, body: dict[str, str], status: int, code: str) -> None:
    assert code_of(server.http().post(f"{AUTH}/{path}", json=body)) == (status, code)


@pytest.mark.parametrize("path", ["signup", "otp", "verify", "recover", "token?grant_type=password"])
def test_what_is_no_json(server: Server, path: str) -> None:
    assert code_of(server.http().post(f"{AUTH}/{path}", content="nonsense")) == (400, "bad_json")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"password": PASSWORD}, 422, "same_password"),
        ({"password": "short"}, 422, "weak_password"),
        ({"email": "seeded@example.test"}, 422, "email_exists"),
        ({"email": "nonsense"}, 400, "validation_failed"),
    ],
)
def test_changes_of_an_account(server: Server, ada: Person, body: dict[str, str], status: int, code: str) -> None:
    assert code_of(server.http(token=ada.token).put(f"{AUTH}/user", json=body)) == (status, code)
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).user


def test_an_expired_token_is_told_from_a_wrong_one(server: Server, ada: Person) -> None:
    claims = {"sub": ada.id, "role": "authenticated", "aud": "authenticated", "exp": time.time() - 10}
    expired = jwt.encode(claims, server.config.jwt_secret, "HS256")
    answer = server.http(token=expired).get(f"{AUTH}/user")
    assert code_of(answer) == (403, "bad_jwt")
    assert "token is expired" in answer.json()["msg"]


@pytest.mark.parametrize("provider", ["google", "nonsense", ""])
def test_providers_that_are_not_set_up(server: Server, provider: str) -> None:
    answer = server.http().get(f"{AUTH}/authorize", params={"provider": provider})
    assert code_of(answer) == (400, "validation_failed")
    assert "Unsupported provider" in answer.json()["msg"]


@pytest.mark.parametrize("kind", ["magiclink", "email", "recovery"])
def test_a_link_that_leads_nowhere_tells_the_application(server: Server, kind: str) -> None:
    answer = server.http().get(f"{AUTH}/verify", params={"token": "nonsense", "type": kind})
    assert answer.status_code == 303
    target, _, fragment = answer.headers["location"].partition("#")
    assert target == "http://localhost:3000"
    assert "error=access_denied" in fragment and "error_code=otp_expired" in fragment


def test_signing_out_somewhere(server: Server, ada: Person) -> None:
    other = server.client()
    session = other.auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).session
    assert session is not None
    http = server.http(token=ada.token)
    assert code_of(http.post(f"{AUTH}/logout", params={"scope": "nonsense"})) == (400, "validation_failed")
    ada.client.auth.sign_out({"scope": "others"})
    body = {"refresh_token": session.refresh_token}
    assert server.http().post(f"{AUTH}/token?grant_type=refresh_token", json=body).status_code == 400
    assert http.get(f"{AUTH}/user").status_code == 200


def test_a_new_address_counts_once_it_is_confirmed(server: Server, ada: Person) -> None:
    moved = f"{uuid4().hex}@example.test"
    changed = ada.client.auth.update_user({"email": moved}).user
    assert (changed.email, changed.new_email) == (ada.email, moved)
    old, new = latest_mail(server, ada.email), latest_mail(server, moved)
    assert old["Subject"] == new["Subject"] == "Confirm your new email address"
    assert code_in(old) != code_in(new)
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).user
    # Unlike the platform, which asks for the code of the new address as well, lite moves the account at this one.
    ada.client.auth.verify_otp({"email": ada.email, "token": code_in(old), "type": "email_change"})
    assert server.client().auth.sign_in_with_password({"email": moved, "password": PASSWORD}).user


def test_a_code_to_confirm_what_is_delicate(server: Server, ada: Person) -> None:
    ada.client.auth.reauthenticate()
    mail = latest_mail(server, ada.email)
    assert mail["Subject"] == "Your confirmation code"
    assert "Enter this code to continue: " in mail["Text"]


# What a server may do to accounts


def test_a_link_to_another_address(server: Server, secret: Client, ada: Person) -> None:
    moved = f"{uuid4().hex}@example.test"
    link = secret.auth.admin.generate_link({"type": "email_change_current", "email": ada.email, "new_email": moved})
    assert "type=email_change&" in link.properties.action_link
    assert httpx.get(link.properties.action_link).status_code == 303
    assert server.client().auth.sign_in_with_password({"email": moved, "password": PASSWORD}).user


def test_an_address_is_confirmed_and_a_role_given(server: Server, secret: Client) -> None:
    email = f"{uuid4().hex}@example.test"
    user = secret.auth.admin.create_user({"email": email, "password": PASSWORD}).user
    assert secret.auth.admin.update_user_by_id(user.id, {"email_confirm": True, "role": "service_role"}).user.role
    session = server.client().auth.sign_in_with_password({"email": email, "password": PASSWORD}).session
    assert session is not None
    assert jwt.decode(session.access_token, options={"verify_signature": False})["role"] == "service_role"


def test_who_was_invited_may_be_invited_again_and_sign_up(server: Server, secret: Client) -> None:
    email = f"{uuid4().hex}@example.test"
    first = secret.auth.admin.invite_user_by_email(email).user
    stale = code_in(latest_mail(server, email))
    assert secret.auth.admin.invite_user_by_email(email).user.id == first.id
    fresh = code_in(latest_mail(server, email))
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.verify_otp({"email": email, "token": stale, "type": "invite"})
    assert refused.value.code == "otp_expired"
    assert server.client().auth.verify_otp({"email": email, "token": fresh, "type": "invite"}).session


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "users", {"email": 5}, 400, "validation_failed"),
        ("POST", "users", {"email": "y@example.test", "password": "x" * 73}, 422, "validation_failed"),
        ("POST", "users", [], 400, "bad_json"),
        ("PUT", "users/00000000-0000-4000-8000-000000000000", {"email_confirm": True}, 404, "user_not_found"),
        ("POST", "generate_link", {"type": "recovery"}, 400, "validation_failed"),
        ("POST", "generate_link", {"type": "signup", "email": "y@example.test"}, 400, "validation_failed"),
        ("POST", "generate_link", {"type": "signup", "email": "seeded@example.test"}, 422, "email_exists"),
        (
            "POST",
            "generate_link",
            {"type": "email_change_new", "email": "seeded@example.test"},
            400,
            "validation_failed",
        ),
    ],
)
def test_calls_of_a_server(server: Server, method: str, path: str, body: object, status: int, code: str) -> None:
    answer = server.http(server.config.secret_key).request(method, f"{AUTH}/admin/{path}", json=body)
    assert code_of(answer) == (status, code)


def test_a_trigger_that_refuses_is_quoted_to_the_server(server: Server) -> None:
    email = f"{uuid4().hex}@example.test"
    body = {"email": email, "user_metadata": {"name": "forbidden"}}
    http = server.http(server.config.secret_key)
    answer = http.post(f"{AUTH}/admin/users", json=body)
    assert code_of(answer) == (500, "unexpected_failure")
    assert "profiles_name_check" in answer.json()["msg"]
    assert http.post(f"{AUTH}/admin/users", json={"email": email}).status_code == 200, "nothing of it was kept"
