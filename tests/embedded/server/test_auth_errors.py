"""Errors of Auth, with GoTrue's codes, which the clients turn into exceptions."""

from __future__ import annotations

import json
import time
from urllib.parse import quote
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest

from supabase import AuthApiError, Client
from tests.embedded.server.conftest import PASSWORD, Person, Server
from tests.embedded.server.emails import code_in, latest_email

AUTH = "/auth/v1"


def code_of(reply: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error; it must have a message, too."""
    body = reply.json()
    assert body["msg"]
    return reply.status_code, body["error_code"]


# Other spellings of the address of an existing account.
MALFORMED = (
    '"ada"@example.test', "ada@example.test.", "ada@b\u00fccher.example", "\uff41da@example.test", "ada@@example.test",
    "ada(c)@example.test", f"{'a' * 250}@example.test",
)  # fmt: skip


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
        *(("otp", {"email": email}, 400, "validation_failed") for email in MALFORMED),
        *(("signup", {"email": email, "password": PASSWORD}, 400, "validation_failed") for email in MALFORMED),
        *(("recover", {"email": email}, 400, "validation_failed") for email in MALFORMED),
        ("verify", {"type": "email", "email": MALFORMED[0], "token": "123456"}, 422, "validation_failed"),
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
def test_calls_without_an_account(server: Server, path: str, body: dict[str, str], status: int, code: str) -> None:
    assert code_of(server.http().post(f"{AUTH}/{path}", json=body)) == (status, code)


@pytest.mark.parametrize("path", ["signup", "otp", "verify", "recover", "token?grant_type=password"])
def test_invalid_json(server: Server, path: str) -> None:
    assert code_of(server.http().post(f"{AUTH}/{path}", content="nonsense")) == (400, "bad_json")


NOT_KEPT = pytest.mark.parametrize("wrong", ["\0", "a\0b@example.test", "\ud800"], ids=["NUL", "NUL within", "half"])


@NOT_KEPT
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "signup", {"email": "$", "password": PASSWORD}),
        ("POST", "signup", {"email": "nul@example.test", "password": f"{PASSWORD}$"}),
        ("POST", "signup", {"email": "nul@example.test", "password": PASSWORD, "data": {"name": "$"}}),
        ("POST", "signup", {"email": "nul@example.test", "password": PASSWORD, "data": {"$": [1]}}),
        ("POST", "token?grant_type=password", {"email": "$", "password": "x"}),
        ("POST", "token?grant_type=password", {"email": "nul@example.test", "password": "$"}),
        ("POST", "token?grant_type=refresh_token", {"refresh_token": "$"}),
        ("POST", "token?grant_type=pkce", {"auth_code": "$", "code_verifier": "x"}),
        ("POST", "token?grant_type=$", {}),
        ("POST", "otp", {"email": "$"}),
        ("POST", "otp", {"email": "nul@example.test", "data": {"name": "$"}}),
        ("POST", "recover", {"email": "$"}),
        ("POST", "resend", {"type": "signup", "email": "$"}),
        ("POST", "verify", {"type": "email", "email": "a@example.test", "token": "$"}),
        ("POST", "verify", {"type": "email", "token_hash": "$"}),
        ("GET", "verify?type=magiclink&token=$", None),
        ("GET", "authorize?provider=$", None),
        ("PUT", "user", {"data": {"name": "$"}}),
        ("PUT", "user", {"email": "$"}),
        ("PUT", "user", {"password": PASSWORD, "nonce": "$"}),
        ("POST", "logout?scope=$", {}),
        ("POST", "admin/users", {"email": "$"}),
        ("POST", "admin/users", {"email": "nul@example.test", "user_metadata": {"name": "$"}}),
        ("GET", "admin/users/$", None),
        ("PUT", "admin/users/$", {"role": "x"}),
        ("POST", "admin/generate_link", {"type": "signup", "email": "$", "password": PASSWORD}),
        ("POST", "invite", {"email": "nul@example.test", "data": {"name": "$"}}),
    ],
)
def test_text_that_cannot_be_stored(
    server: Server, boris_once: Person, method: str, path: str, body: object, wrong: str
) -> None:
    token, key = boris_once.token, server.config.publishable_key
    if path.startswith(("admin", "invite")):
        token, key = server.config.secret_key, server.config.secret_key
    escaped = quote(wrong.encode("utf-8", "surrogatepass"))
    reply = server.http(key, token).request(
        method,
        f"{AUTH}/{path.replace('$', escaped)}",
        content=None if body is None else json.dumps(body).replace("$", json.dumps(wrong)[1:-1]),
    )
    in_body = body is not None and "$" in str(body)
    assert reply.status_code < 500, reply.text
    assert reply.status_code in (303, 400, 401, 404) if not in_body else code_of(reply) == (400, "validation_failed")


@pytest.fixture(scope="module")
def boris_once(server: Server) -> Person:
    """A person whom tests do not change."""
    client, email = server.client(), f"boris-{uuid4().hex}@example.test"
    reply = client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Boris"}}})
    assert reply.user is not None and reply.session is not None
    return Person(reply.user.id, email, reply.session.access_token, client)


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


def test_an_expired_token_has_another_error_than_a_wrong_one(server: Server, ada: Person) -> None:
    claims = {"sub": ada.id, "role": "authenticated", "aud": "authenticated", "exp": time.time() - 10}
    expired = jwt.encode(claims, server.config.jwt_secret, "HS256")
    reply = server.http(token=expired).get(f"{AUTH}/user")
    assert code_of(reply) == (403, "bad_jwt")
    assert "token is expired" in reply.json()["msg"]


@pytest.mark.parametrize("provider", ["google", "nonsense", ""])
def test_providers_that_are_not_set_up(server: Server, provider: str) -> None:
    reply = server.http().get(f"{AUTH}/authorize", params={"provider": provider})
    assert code_of(reply) == (400, "validation_failed")
    assert "Unsupported provider" in reply.json()["msg"]


@pytest.mark.parametrize("kind", ["magiclink", "email", "recovery"])
def test_an_invalid_link_redirects_with_an_error(server: Server, kind: str) -> None:
    reply = server.http().get(f"{AUTH}/verify", params={"token": "nonsense", "type": kind})
    assert reply.status_code == 303
    target, _, fragment = reply.headers["location"].partition("#")
    assert target == "http://localhost:3000"
    assert "error=access_denied" in fragment and "error_code=otp_expired" in fragment


def test_sign_out_scopes(server: Server, ada: Person) -> None:
    other = server.client()
    session = other.auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).session
    assert session is not None
    http = server.http(token=ada.token)
    assert code_of(http.post(f"{AUTH}/logout", params={"scope": "nonsense"})) == (400, "validation_failed")
    ada.client.auth.sign_out({"scope": "others"})
    body = {"refresh_token": session.refresh_token}
    assert server.http().post(f"{AUTH}/token?grant_type=refresh_token", json=body).status_code == 400
    assert http.get(f"{AUTH}/user").status_code == 200


def test_a_new_address_applies_after_its_confirmation(server: Server, ada: Person) -> None:
    moved = f"{uuid4().hex}@example.test"
    changed = ada.client.auth.update_user({"email": moved}).user
    assert (changed.email, changed.new_email) == (ada.email, moved)
    old, new = latest_email(server, ada.email), latest_email(server, moved)
    assert old["Subject"] == new["Subject"] == "Confirm your new email address"
    assert code_in(old) != code_in(new)
    for address, message in ((ada.email, old), (moved, new)):
        assert server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).user
        ada.client.auth.verify_otp({"email": address, "token": code_in(message), "type": "email_change"})
    assert server.client().auth.sign_in_with_password({"email": moved, "password": PASSWORD}).user


def test_reauthentication_sends_a_code(server: Server, ada: Person) -> None:
    ada.client.auth.reauthenticate()
    message = latest_email(server, ada.email)
    assert message["Subject"] == "Your confirmation code"
    assert "Enter this code to continue: " in message["Text"]


def age_sessions(server: Server, person: Person, interval: str) -> None:
    """Move the time of a person's sign-in into the past."""
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute(
            "update auth.sessions set created_at = created_at - %s::interval where user_id = %s", [interval, person.id]
        )


def nonce_for(server: Server, person: Person, age: str = "0 s") -> str:
    """Request a reauthentication code, and move its time into the past."""
    assert server.http(token=person.token).get(f"{AUTH}/reauthenticate").json() == {}
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute(
            "update auth.users set reauthentication_sent_at = reauthentication_sent_at - %s::interval where id = %s",
            [age, person.id],
        )
    return latest_email(server, person.email)["Text"].strip()[-6:]


def test_a_reauthentication_code_does_not_sign_in(server: Server, ada: Person) -> None:
    """lite accepted such a code for a new session, although it is sent to somebody who is signed in."""
    nonce = nonce_for(server, ada)
    with psycopg.connect(server.superuser_dsn) as connection:
        row = connection.execute("select reauthentication_token from auth.users where id = %s", [ada.id]).fetchone()
    assert row is not None
    unknown = ("reauthentication", "nonsense", "sms")
    for kind in (*unknown, "email", "magiclink", "recovery", "signup", "invite", "email_change"):
        for proof in ({"email": ada.email, "token": nonce}, {"token_hash": row[0]}):
            reply = server.http().post(f"{AUTH}/verify", json={"type": kind, **proof})
            expected = (400, "validation_failed") if kind in unknown else (403, "otp_expired")
            assert code_of(reply) == expected, kind
    opened = server.http().get(f"{AUTH}/verify", params={"type": "reauthentication", "token": row[0]})
    assert code_of(opened) == (400, "validation_failed")
    age_sessions(server, ada, "25 hours")
    changed = {"password": "another horse battery 8", "nonce": nonce}
    assert server.http(token=ada.token).put(f"{AUTH}/user", json=changed).status_code == 200, "it still works"


def test_an_old_session_needs_a_code_to_set_a_password(server: Server, ada: Person, boris: Person) -> None:
    http, new = server.http(token=ada.token), {"password": "another horse battery 8"}
    age_sessions(server, ada, "24 hours 1 minute")
    assert code_of(http.put(f"{AUTH}/user", json=new)) == (400, "reauthentication_needed")
    assert http.put(f"{AUTH}/user", json={"data": {"name": "Ada L."}}).status_code == 200, "nothing else takes a code"
    others = nonce_for(server, boris)
    nonce = nonce_for(server, ada)
    for wrong in ("000000", others, nonce + "0", "x" * 10_000):
        refused = http.put(f"{AUTH}/user", json=new | {"nonce": wrong})
        assert code_of(refused) == (422, "reauthentication_not_valid"), wrong[:10]
    for nothing in ("", None, 5, []):
        refused = http.put(f"{AUTH}/user", json=new | {"nonce": nothing})
        assert refused.status_code == 400, nothing
    weak = http.put(f"{AUTH}/user", json={"password": "short", "nonce": nonce})
    assert code_of(weak) == (422, "weak_password"), "which does not use up the code"
    assert http.put(f"{AUTH}/user", json=new | {"nonce": nonce}).status_code == 200
    again = http.put(f"{AUTH}/user", json={"password": "a third horse battery 9", "nonce": nonce})
    assert code_of(again) == (422, "reauthentication_not_valid"), "a code works once"
    assert server.client().auth.sign_in_with_password({"email": ada.email, **new}).session


def test_a_reauthentication_code_expires(server: Server, ada: Person) -> None:
    age_sessions(server, ada, "2 days")
    changed = {"password": "another horse battery 8", "nonce": nonce_for(server, ada, age="61 minutes")}
    reply = server.http(token=ada.token).put(f"{AUTH}/user", json=changed)
    assert code_of(reply) == (422, "reauthentication_not_valid")
    assert nonce_for(server, ada), "another may be had"
    assert code_of(server.http(token=ada.token).get(f"{AUTH}/reauthenticate")) == (429, "over_email_send_rate_limit")


def test_a_recent_sign_in_needs_no_code_but_a_refresh_does_not_count(server: Server, ada: Person) -> None:
    new = {"password": "another horse battery 8"}
    age_sessions(server, ada, "25 hours")
    refreshed = ada.client.auth.refresh_session().session
    assert refreshed is not None
    reply = server.http(token=refreshed.access_token).put(f"{AUTH}/user", json=new)
    assert code_of(reply) == (400, "reauthentication_needed")
    fresh = server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).session
    assert fresh is not None
    assert server.http(token=fresh.access_token).put(f"{AUTH}/user", json=new).status_code == 200
    # A token without a session is not proof of a sign-in.
    claims = {"sub": ada.id, "role": "authenticated", "aud": "authenticated", "exp": time.time() + 60}
    bare = jwt.encode(claims, server.config.jwt_secret, "HS256")
    reply = server.http(token=bare).put(f"{AUTH}/user", json={"password": "a third horse battery 9"})
    assert code_of(reply) == (400, "reauthentication_needed")


@pytest.mark.parametrize("by", ["the owner", "a server"])
def test_a_new_password_ends_the_other_sessions(server: Server, secret: Client, ada: Person, by: str) -> None:
    other = server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).session
    assert other is not None
    if by == "the owner":
        ada.client.auth.update_user({"password": "another horse battery 8"})
        assert ada.client.auth.refresh_session().session
    else:
        secret.auth.admin.update_user_by_id(ada.id, {"password": "another horse battery 8"})
        assert code_of(server.http(token=ada.token).get(f"{AUTH}/user"))[1] == "session_not_found"
    body = {"refresh_token": other.refresh_token}
    assert server.http().post(f"{AUTH}/token?grant_type=refresh_token", json=body).status_code == 400
    assert code_of(server.http(token=other.access_token).get(f"{AUTH}/user"))[1] == "session_not_found"


# The admin API


def test_a_link_to_another_address(server: Server, secret: Client, ada: Person) -> None:
    moved = f"{uuid4().hex}@example.test"
    change = {"email": ada.email, "new_email": moved}
    current = secret.auth.admin.generate_link({"type": "email_change_current", **change}).properties.action_link
    new = secret.auth.admin.generate_link({"type": "email_change_new", **change}).properties.action_link
    for link in (current, new):
        assert "type=email_change&" in link
        assert httpx.get(link).status_code == 303
    assert server.client().auth.sign_in_with_password({"email": moved, "password": PASSWORD}).user


def test_an_address_is_confirmed_and_a_role_given(server: Server, secret: Client) -> None:
    email = f"{uuid4().hex}@example.test"
    user = secret.auth.admin.create_user({"email": email, "password": PASSWORD}).user
    assert secret.auth.admin.update_user_by_id(user.id, {"email_confirm": True, "role": "service_role"}).user.role
    session = server.client().auth.sign_in_with_password({"email": email, "password": PASSWORD}).session
    assert session is not None
    assert jwt.decode(session.access_token, options={"verify_signature": False})["role"] == "service_role"


def test_an_invited_user_can_be_invited_again_and_sign_up(server: Server, secret: Client) -> None:
    email = f"{uuid4().hex}@example.test"
    first = secret.auth.admin.invite_user_by_email(email).user
    stale = code_in(latest_email(server, email))
    assert secret.auth.admin.invite_user_by_email(email).user.id == first.id
    fresh = code_in(latest_email(server, email))
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
def test_calls_with_the_secret_key(
    server: Server, method: str, path: str, body: object, status: int, code: str
) -> None:
    reply = server.http(server.config.secret_key).request(method, f"{AUTH}/admin/{path}", json=body)
    assert code_of(reply) == (status, code)


def test_the_message_of_a_trigger_is_reported(server: Server) -> None:
    email = f"{uuid4().hex}@example.test"
    body = {"email": email, "user_metadata": {"name": "forbidden"}}
    http = server.http(server.config.secret_key)
    reply = http.post(f"{AUTH}/admin/users", json=body)
    assert code_of(reply) == (500, "unexpected_failure")
    assert "profiles_name_check" in reply.json()["msg"]
    assert http.post(f"{AUTH}/admin/users", json={"email": email}).status_code == 200, "nothing of it was kept"
