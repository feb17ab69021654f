"""Accounts and sessions, as people use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt
import psycopg
import pytest

from supabase import AuthApiError, AuthWeakPasswordError
from tests.embedded.server.conftest import PASSWORD, Person, Server, SignUp, StartServer
from tests.embedded.server.emails import code_in, latest_email, link_in


def test_signing_up_signs_in_and_makes_rows(server: Server, ada: Person) -> None:
    with psycopg.connect(server.superuser_dsn) as connection:
        row = connection.execute(
            "select raw_user_meta_data ->> 'name', jsonb_typeof(raw_user_meta_data), left(encrypted_password, 4),"
            " email_confirmed_at is not null from auth.users where id = %s",
            [ada.id],
        ).fetchone()
        assert row is not None
        assert row[0] == "Ada"
        assert row[1] == "object"
        assert row[2] in ("$2a$", "$2b$")
        assert row[3] is True
        identities = connection.execute("select provider from auth.identities where user_id = %s", [ada.id]).fetchall()
        assert identities == [("email",)]
    assert ada.client.table("profiles").select("name").execute().data == [{"name": "Ada"}]


def test_the_token_has_the_claims_of_gotrue(server: Server, ada: Person) -> None:
    claims = jwt.decode(ada.token, server.config.jwt_secret, algorithms=["HS256"], audience="authenticated")
    assert claims["sub"] == ada.id
    assert claims["iss"] == f"{server.url}/auth/v1"
    assert claims["role"] == "authenticated"
    assert claims["email"] == ada.email
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["user_metadata"]["name"] == "Ada"
    assert claims["aal"] == "aal1"
    assert claims["amr"][0]["method"] == "password"
    assert claims["is_anonymous"] is False
    assert claims["exp"] - claims["iat"] == 3600
    verified = ada.client.auth.get_claims()
    assert verified is not None
    assert verified["claims"]["sub"] == ada.id


def test_a_refreshed_token_has_the_sign_in_method_and_time(server: Server, ada: Person) -> None:
    server.http().post("/auth/v1/otp", json={"email": ada.email}).raise_for_status()
    code = {"type": "email", "email": ada.email, "token": code_in(latest_email(server, ada.email))}
    by_mail = server.http().post("/auth/v1/verify", json=code).json()
    by_password = ada.client.auth.get_session()
    assert by_password is not None
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update auth.sessions set created_at = created_at - interval '10 minutes'")
    for token, method in ((by_mail["refresh_token"], "otp"), (by_password.refresh_token, "password")):
        asked = server.http().post(
            "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": token}
        )
        claims = jwt.decode(asked.json()["access_token"], options={"verify_signature": False})
        (proof,) = claims["amr"]
        assert proof["method"] == method
        assert claims["iat"] - proof["timestamp"] >= 600


def test_signing_up_twice(server: Server, ada: Person) -> None:
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_up({"email": ada.email.upper(), "password": PASSWORD})
    assert (refused.value.code, refused.value.status) == ("user_already_exists", 422)


def test_a_failing_trigger_leaves_no_user(server: Server) -> None:
    email = f"{uuid4().hex}@example.test"
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "forbidden"}}})
    assert (refused.value.code, refused.value.status) == ("unexpected_failure", 500)
    assert refused.value.message == "Database error saving new user"
    with psycopg.connect(server.superuser_dsn) as connection:
        assert connection.execute("select 1 from auth.users where email = %s", [email]).fetchone() is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "not an address", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "x@example.test", "password": ""}, 400, "validation_failed"),
        ({"email": "x@example.test", "password": "short"}, 422, "weak_password"),
    ],
)
def test_bad_sign_ups(server: Server, body: dict[str, str], status: int, code: str) -> None:
    reply = server.http().post("/auth/v1/signup", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (status, code)
    assert reply.json()["msg"]


def test_weak_passwords_have_their_own_error(server: Server) -> None:
    with pytest.raises(AuthWeakPasswordError):
        server.client().auth.sign_up({"email": f"{uuid4().hex}@example.test", "password": "short"})


def test_signing_in(server: Server, ada: Person) -> None:
    session = server.client().auth.sign_in_with_password({"email": ada.email.upper(), "password": PASSWORD}).session
    assert session is not None
    assert session.user.id == ada.id
    for email, password in ((ada.email, "wrong password"), ("nobody@example.test", PASSWORD)):
        with pytest.raises(AuthApiError) as refused:
            server.client().auth.sign_in_with_password({"email": email, "password": password})
        assert refused.value.code == "invalid_credentials"


def test_a_seeded_user_signs_in(server: Server) -> None:
    client = server.client()
    reply = client.auth.sign_in_with_password({"email": "seeded@example.test", "password": "seed-password"})
    assert reply.user is not None
    assert reply.user.identities is not None
    assert reply.user.identities[0].provider == "email"
    assert client.table("profiles").select("name").execute().data == [{"name": "Seeded"}]


def test_refresh_tokens_are_used_once(server: Server, ada: Person) -> None:
    first = ada.client.auth.get_session()
    assert first is not None
    second = ada.client.auth.refresh_session(first.refresh_token).session
    assert second is not None
    assert second.refresh_token != first.refresh_token
    third = ada.client.auth.refresh_session(second.refresh_token).session
    assert third is not None
    claims = jwt.decode(third.access_token, options={"verify_signature": False})
    assert claims["app_metadata"]["provider"] == "email"
    stale = server.http().post(
        "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": first.refresh_token}
    )
    assert (stale.status_code, stale.json()["error_code"]) == (400, "refresh_token_already_used")


def test_a_failed_refresh_leaves_the_token_valid(server: Server, ada: Person) -> None:
    session = ada.client.auth.get_session()
    assert session is not None
    trigger = f"no_new_tokens_{ada.id.replace('-', '_')}"
    with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
        connection.execute(
            f"""
            create function auth.{trigger}() returns trigger language plpgsql as $$
            begin
              if new.user_id::text = '{ada.id}' then raise exception 'half way'; end if;
              return new;
            end $$;
            create trigger {trigger} before insert on auth.refresh_tokens
              for each row execute function auth.{trigger}();
            """.encode()
        )
        body = {"refresh_token": session.refresh_token}
        failed = server.http().post("/auth/v1/token", params={"grant_type": "refresh_token"}, json=body)
        connection.execute(f"drop function auth.{trigger}() cascade".encode())
    assert failed.status_code == 500
    again = server.http().post("/auth/v1/token", params={"grant_type": "refresh_token"}, json=body)
    assert again.status_code == 200, again.text


def test_unknown_refresh_tokens_are_refused(server: Server) -> None:
    reply = server.http().post(
        "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": str(uuid4())}
    )
    assert (reply.status_code, reply.json()["error_code"]) == (400, "refresh_token_not_found")


def test_signing_out_ends_the_session(server: Server, ada: Person) -> None:
    session = ada.client.auth.get_session()
    assert session is not None
    ada.client.auth.sign_out()
    reply = server.http().post(
        "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": session.refresh_token}
    )
    assert reply.status_code == 400
    assert server.http(token=ada.token).get("/auth/v1/user").json()["error_code"] == "session_not_found"


def test_people_change_their_account(server: Server, ada: Person) -> None:
    user = ada.client.auth.update_user({"data": {"colour": "blue"}}).user
    assert user.user_metadata["colour"] == "blue"
    assert user.user_metadata["name"] == "Ada"
    ada.client.auth.update_user({"password": "another password"})
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": "another password"}).user
    with pytest.raises(AuthApiError):
        server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD})


def test_users_cannot_make_themselves_admin(server: Server, ada: Person) -> None:
    reply = server.http(token=ada.token).put("/auth/v1/user", json={"app_metadata": {"role": "admin"}})
    assert reply.json()["app_metadata"] == {"provider": "email", "providers": ["email"]}
    ada.client.auth.update_user({"data": {"role": "admin"}})
    ada.client.auth.refresh_session()
    assert ada.client.table("admin_only").select("id").execute().data == []


def test_the_user_endpoint_requires_a_user_token(server: Server) -> None:
    assert server.http().get("/auth/v1/user").status_code == 401
    assert server.http(token="a.b.c").get("/auth/v1/user").json()["error_code"] == "bad_jwt"


def test_settings_health_and_keys(server: Server) -> None:
    settings = server.http().get("/auth/v1/settings").json()
    assert settings["external"]["email"] is True
    assert settings["mailer_autoconfirm"] is True
    assert server.http().get("/auth/v1/health").json()["name"] == "GoTrue"
    assert server.http(key="").get("/auth/v1/.well-known/jwks.json").json() == {"keys": []}


def test_two_sign_ups_at_the_same_moment(server: Server, sign_up: SignUp) -> None:
    email = f"{uuid4().hex}@example.test"

    def attempt(_number: int) -> int:
        body = {"email": email, "password": PASSWORD, "data": {"name": "Once"}}
        return server.http().post("/auth/v1/signup", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(attempt, range(4)))
    assert statuses == [200, 422, 422, 422]
    assert sign_up("Later").id


def test_the_settings_of_a_project_apply(start_server: StartServer) -> None:
    server = start_server(
        enable_signup=True,
        minimum_password_length=10,
        jwt_expiry=120,
        otp_expiry=1,
        site_url="https://club.example.test",
    )
    http = server.http()
    weak = http.post("/auth/v1/signup", json={"email": "ada@example.test", "password": "9 letters"}).json()
    assert weak["error_code"] == "weak_password"
    admin = server.http(server.config.secret_key)
    weak = admin.post("/auth/v1/admin/users", json={"email": "b@example.test", "password": "9 letters"}).json()
    assert weak["error_code"] == "weak_password"
    session = http.post("/auth/v1/signup", json={"email": "ada@example.test", "password": "ten letter"}).json()
    assert session["expires_in"] == 120
    assert http.post("/auth/v1/recover", json={"email": "ada@example.test"}).is_success
    message = latest_email(server, "ada@example.test")
    assert parse_qs(urlsplit(link_in(message)).query)["redirect_to"] == ["https://club.example.test"]
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update auth.users set recovery_sent_at = recovery_sent_at - interval '2 seconds'")
    proof = {"email": "ada@example.test", "token": code_in(message), "type": "recovery"}
    assert http.post("/auth/v1/verify", json=proof).json()["error_code"] == "otp_expired"


@pytest.mark.parametrize("setting", ["enable_signup", "enable_email_signup"])
def test_sign_ups_can_be_disabled(start_server: StartServer, setting: str) -> None:
    server = start_server(**{setting: False})
    person = {"email": "ada@example.test", "password": PASSWORD}
    assert server.http().post("/auth/v1/signup", json=person).is_client_error
    for path in ("otp", "magiclink"):
        refused = server.http().post(f"/auth/v1/{path}", json={"email": "ada@example.test"})
        assert (refused.status_code, refused.json()["error_code"]) == (422, "signup_disabled")
    assert server.http(server.config.secret_key).post("/auth/v1/admin/users", json=person).is_success
