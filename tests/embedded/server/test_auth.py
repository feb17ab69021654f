"""Accounts and sessions, as people use them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest

from supabase import AuthApiError, AuthWeakPasswordError, Client
from tests.embedded.server.conftest import PASSWORD, Person, Server, SignUp, StartServer


def latest_mail(server: Server, address: str) -> dict[str, str]:
    """Return the newest mail to an address."""
    http = server.http(key="")
    found = http.get("/api/v1/search", params={"query": f"to:{address}"}).json()["messages"]
    assert found, f"no mail to {address}"
    message: dict[str, str] = http.get(f"/api/v1/message/{found[0]['ID']}").json()
    return message


def code_in(mail: dict[str, str]) -> str:
    found = re.search(r"code: (\d{6})$", mail["Text"], re.MULTILINE)
    assert found
    return found.group(1)


def link_in(mail: dict[str, str]) -> str:
    found = re.search(r"https?://\S+/auth/v1/verify\S+", mail["Text"])
    assert found
    return found.group(0)


def age_mails(server: Server, email: str, seconds: int = 5) -> None:
    """Let some time pass since the mails to an account were sent; if negative, none passes while a test goes on."""
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute(
            "update auth.users set confirmation_sent_at = confirmation_sent_at - %(age)s,"
            " email_change_sent_at = email_change_sent_at - %(age)s where email = %(email)s",
            {"age": timedelta(seconds=seconds), "email": email},
        )


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


def test_the_token_says_what_gotrues_says(server: Server, ada: Person) -> None:
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


def test_a_refreshed_token_says_how_and_when_somebody_signed_in(server: Server, ada: Person) -> None:
    server.http().post("/auth/v1/otp", json={"email": ada.email}).raise_for_status()
    code = {"type": "email", "email": ada.email, "token": code_in(latest_mail(server, ada.email))}
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


def test_a_trigger_that_refuses_leaves_no_user(server: Server) -> None:
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
    answer = server.http().post("/auth/v1/signup", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["msg"]


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
    answer = client.auth.sign_in_with_password({"email": "seeded@example.test", "password": "seed-password"})
    assert answer.user is not None
    assert answer.user.identities is not None
    assert answer.user.identities[0].provider == "email"
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


def test_a_refresh_that_fails_half_way_leaves_the_token_as_it_was(server: Server, ada: Person) -> None:
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
    answer = server.http().post(
        "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": str(uuid4())}
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, "refresh_token_not_found")


def test_signing_out_ends_the_session(server: Server, ada: Person) -> None:
    session = ada.client.auth.get_session()
    assert session is not None
    ada.client.auth.sign_out()
    answer = server.http().post(
        "/auth/v1/token", params={"grant_type": "refresh_token"}, json={"refresh_token": session.refresh_token}
    )
    assert answer.status_code == 400
    assert server.http(token=ada.token).get("/auth/v1/user").json()["error_code"] == "session_not_found"


def test_people_change_their_account(server: Server, ada: Person) -> None:
    user = ada.client.auth.update_user({"data": {"colour": "blue"}}).user
    assert user.user_metadata["colour"] == "blue"
    assert user.user_metadata["name"] == "Ada"
    ada.client.auth.update_user({"password": "another password"})
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": "another password"}).user
    with pytest.raises(AuthApiError):
        server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD})


def test_nobody_makes_themselves_admin(server: Server, ada: Person) -> None:
    answer = server.http(token=ada.token).put("/auth/v1/user", json={"app_metadata": {"role": "admin"}})
    assert answer.json()["app_metadata"] == {"provider": "email", "providers": ["email"]}
    ada.client.auth.update_user({"data": {"role": "admin"}})
    ada.client.auth.refresh_session()
    assert ada.client.table("admin_only").select("id").execute().data == []


def test_the_user_endpoint_wants_a_users_token(server: Server) -> None:
    assert server.http().get("/auth/v1/user").status_code == 401
    assert server.http(token="a.b.c").get("/auth/v1/user").json()["error_code"] == "bad_jwt"


def test_a_code_by_mail_signs_in_and_up(server: Server, anonymous: Client) -> None:
    email = f"otto-{uuid4().hex}@example.test"
    anonymous.auth.sign_in_with_otp({"email": email, "options": {"data": {"name": "Otto"}}})
    code = code_in(latest_mail(server, email))
    with pytest.raises(AuthApiError) as refused:
        anonymous.auth.verify_otp({"email": email, "token": "000000" if code != "000000" else "1", "type": "email"})
    assert refused.value.code == "otp_expired"
    assert anonymous.auth.verify_otp({"email": email, "token": code, "type": "email"}).session
    assert anonymous.table("profiles").select("name").execute().data == [{"name": "Otto"}]
    with pytest.raises(AuthApiError):
        server.client().auth.verify_otp({"email": email, "token": code, "type": "email"})


def test_a_code_for_nobody_can_be_refused(server: Server) -> None:
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_in_with_otp(
            {"email": f"{uuid4().hex}@example.test", "options": {"should_create_user": False}}
        )
    assert refused.value.code == "otp_disabled"


def test_a_link_by_mail_resets_the_password(server: Server, ada: Person) -> None:
    recovery = {"email": ada.email}
    server.http().post("/auth/v1/recover", params={"redirect_to": "http://localhost:5173/reset"}, json=recovery)
    answer = httpx.get(link_in(latest_mail(server, ada.email)))
    assert answer.status_code == 303
    target, _, fragment = answer.headers["location"].partition("#")
    assert target == "http://localhost:5173/reset"
    assert "type=recovery" in fragment
    token = re.search(r"access_token=([^&]+)", fragment)
    assert token
    changed = server.http(token=token.group(1)).put("/auth/v1/user", json={"password": "a new password"})
    assert changed.status_code == 200
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": "a new password"}).user


def test_links_lead_to_places_of_this_machine_only(server: Server, ada: Person) -> None:
    server.client().auth.reset_password_for_email(ada.email, {"redirect_to": "https://attacker.example/"})
    link = link_in(latest_mail(server, ada.email))
    assert parse_qs(urlsplit(link).query)["redirect_to"] == ["http://localhost:3000"]
    forged = link.replace(quote("http://localhost:3000", safe=""), quote("https://attacker.example/", safe=""))
    assert forged != link
    assert httpx.get(forged).headers["location"].startswith("http://localhost:3000/?code=")


@pytest.mark.parametrize(
    ("asked", "referer", "leads_to"),
    [
        (None, None, "http://localhost:3000"),
        ("http://127.0.0.1:8000/in?a=b", "http://localhost:5173/", "http://127.0.0.1:8000/in?a=b"),
        ("https://attacker.example/", "http://localhost:5173/", "http://localhost:5173/"),
        ("http://localhost@attacker.example/", "https://attacker.example/", "http://localhost:3000"),
        ("http://localhost.attacker.example/", None, "http://localhost:3000"),
        ("http://127.0.0.1:3000\\@attacker.example/", None, "http://localhost:3000"),
        ("javascript:alert(1)//localhost", None, "http://localhost:3000"),
        ("somewhere", None, "http://localhost:3000"),
        ("", "", "http://localhost:3000"),
    ],
)
def test_what_a_link_may_not_lead_to_is_passed_over(
    server: Server, asked: str | None, referer: str | None, leads_to: str
) -> None:
    """GoTrue says nothing of it either: the mail is sent, with the site in the place of what was asked for."""
    email = f"{uuid4().hex}@example.test"
    params = {} if asked is None else {"redirect_to": asked}
    headers = {} if referer is None else {"referer": referer}
    answer = server.http().post("/auth/v1/otp", params=params, json={"email": email}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert parse_qs(urlsplit(link_in(latest_mail(server, email))).query)["redirect_to"] == [leads_to]
    admin = server.http(server.config.secret_key)
    made = {"type": "magiclink", "email": email}
    link = admin.post("/auth/v1/admin/generate_link", params=params, json=made, headers=headers).json()
    assert link["redirect_to"] == leads_to
    invited = f"{uuid4().hex}@example.test"
    assert admin.post("/auth/v1/invite", params=params, json={"email": invited}, headers=headers).is_success
    assert parse_qs(urlsplit(link_in(latest_mail(server, invited))).query)["redirect_to"] == [leads_to]


def test_a_recovery_for_nobody_says_nothing(server: Server) -> None:
    email = f"{uuid4().hex}@example.test"
    server.client().auth.reset_password_for_email(email)
    assert server.http().get("/api/v1/search", params={"query": f"to:{email}"}).json()["count"] == 0


def test_with_confirmation(start_server: StartServer) -> None:
    server = start_server(confirm_email=True)
    email = "eve@example.test"
    client = server.client()
    answer = client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Eve"}}})
    assert answer.session is None
    with pytest.raises(AuthApiError) as refused:
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert refused.value.code == "email_not_confirmed"
    first = code_in(latest_mail(server, email))
    age_mails(server, email, -60)
    with pytest.raises(AuthApiError) as early:
        client.auth.resend({"type": "signup", "email": email})
    assert (early.value.status, early.value.code) == (429, "over_email_send_rate_limit")
    age_mails(server, email, 65)
    client.auth.resend({"type": "signup", "email": email})
    second = code_in(latest_mail(server, email))
    assert first != second
    assert client.auth.verify_otp({"email": email, "token": second, "type": "email"}).session
    assert client.auth.sign_in_with_password({"email": email, "password": PASSWORD}).session
    assert client.table("profiles").select("name").execute().data == [{"name": "Eve"}]
    assert server.http().get("/auth/v1/settings").json()["mailer_autoconfirm"] is False


def test_a_change_of_address_is_sent_again(server: Server, ada: Person) -> None:
    new = f"new-{uuid4().hex}@example.test"
    ada.client.auth.update_user({"email": new})
    first = [code_in(latest_mail(server, address)) for address in (ada.email, new)]
    age_mails(server, ada.email)
    ada.client.auth.resend({"type": "email_change", "email": ada.email})
    second = [code_in(latest_mail(server, address)) for address in (ada.email, new)]
    assert first[0] != second[0] and first[1] != second[1]
    age_mails(server, ada.email, -60)
    with pytest.raises(AuthApiError) as early:
        ada.client.auth.resend({"type": "email_change", "email": ada.email})
    assert (early.value.status, early.value.code) == (429, "over_email_send_rate_limit")
    assert address_of(server, ada) == (ada.email, True, new)
    for address, code, expected in ((ada.email, second[0], ada.email), (new, second[1], new)):
        verify(server, {"email": address, "token": code})
        assert address_of(server, ada)[0] == expected


def address_of(server: Server, person: Person) -> tuple[object, ...]:
    """Return somebody's address, whether it is confirmed, and the one that it is to become."""
    with psycopg.connect(server.superuser_dsn) as connection:
        query = "select email, email_confirmed_at is not null, email_change from auth.users where id = %s"
        row = connection.execute(query, [person.id]).fetchone()
    assert row is not None
    return row


def verify(server: Server, how: dict[str, str]) -> dict[str, object]:
    """Answer one of the two mails of a change of address."""
    answer: dict[str, object] = server.http().post("/auth/v1/verify", json={"type": "email_change", **how}).json()
    return answer


HALF = "Confirmation link accepted. Please proceed to confirm link sent to the other email"


@pytest.mark.parametrize("new_first", [True, False])
@pytest.mark.parametrize("how", ["code", "hash", "link", "pkce"])
def test_a_change_of_address_takes_both_mailboxes(server: Server, ada: Person, how: str, new_first: bool) -> None:
    new = f"new-{uuid4().hex}@example.test"
    verifier = "v" * 43
    challenge = {"code_challenge": verifier, "code_challenge_method": "plain"} if how == "pkce" else {}
    bearer = {"authorization": f"Bearer {ada.token}"}
    assert server.http().put("/auth/v1/user", json={"email": new, **challenge}, headers=bearer).is_success
    for turn, address in enumerate([new, ada.email] if new_first else [ada.email, new]):
        assert address_of(server, ada) == (ada.email, True, new)
        mail = latest_mail(server, address)
        link = link_in(mail)
        token = parse_qs(urlsplit(link).query)["token"][0]
        if how in ("code", "hash"):
            proof = {"email": address, "token": code_in(mail)} if how == "code" else {"token_hash": token}
            answer = verify(server, proof)
            assert (answer.get("msg") == HALF) is (turn == 0)
            assert ("access_token" in answer) is (turn == 1)
            assert verify(server, proof)["error_code"] == "otp_expired", "it works once"
        else:
            place = urlsplit(server.http(key="").get(link).headers["location"])
            brought = {**parse_qs(place.query), **parse_qs(place.fragment)}
            assert (brought.get("message") == [HALF]) is (turn == 0)
            assert (("code" if how == "pkce" else "access_token") in brought) is (turn == 1)
    assert address_of(server, ada) == (new, True, None)


def test_half_a_change_of_address_is_none_of_another_one(server: Server, ada: Person, sign_up: SignUp) -> None:
    first, second = (f"{name}-{uuid4().hex}@example.test" for name in ("first", "second"))
    ada.client.auth.update_user({"email": first})
    assert verify(server, {"email": first, "token": code_in(latest_mail(server, first))})["msg"] == HALF
    ada.client.auth.update_user({"email": second})
    assert verify(server, {"email": second, "token": code_in(latest_mail(server, second))})["msg"] == HALF
    # An address that another account took meanwhile is not to be had.
    other = sign_up("Other")
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update auth.users set email = %s where id = %s", [second, other.id])
    refused = verify(server, {"email": ada.email, "token": code_in(latest_mail(server, ada.email))})
    assert refused["error_code"] == "email_exists"
    assert address_of(server, ada)[0] == ada.email


def test_a_change_of_address_that_the_new_mailbox_alone_confirms(start_server: StartServer) -> None:
    server = start_server(double_confirm_changes=False)
    client = server.client()
    client.auth.sign_up({"email": "old@example.test", "password": PASSWORD})
    client.auth.update_user({"email": "new@example.test"})
    age_mails(server, "old@example.test")
    client.auth.resend({"type": "email_change", "email": "old@example.test"})
    assert server.http().get("/api/v1/search", params={"query": "to:old@example.test"}).json()["count"] == 0
    proof = {"email": "new@example.test", "token": code_in(latest_mail(server, "new@example.test"))}
    assert "access_token" in verify(server, proof)


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


def test_what_a_project_says_about_accounts_holds(start_server: StartServer) -> None:
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
    mail = latest_mail(server, "ada@example.test")
    assert parse_qs(urlsplit(link_in(mail)).query)["redirect_to"] == ["https://club.example.test"]
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update auth.users set recovery_sent_at = recovery_sent_at - interval '2 seconds'")
    proof = {"email": "ada@example.test", "token": code_in(mail), "type": "recovery"}
    assert http.post("/auth/v1/verify", json=proof).json()["error_code"] == "otp_expired"


@pytest.mark.parametrize("setting", ["enable_signup", "enable_email_signup"])
def test_nobody_signs_up_where_that_is_off(start_server: StartServer, setting: str) -> None:
    server = start_server(**{setting: False})
    person = {"email": "ada@example.test", "password": PASSWORD}
    assert server.http().post("/auth/v1/signup", json=person).is_client_error
    for path in ("otp", "magiclink"):
        refused = server.http().post(f"/auth/v1/{path}", json={"email": "ada@example.test"})
        assert (refused.status_code, refused.json()["error_code"]) == (422, "signup_disabled")
    assert server.http(server.config.secret_key).post("/auth/v1/admin/users", json=person).is_success
