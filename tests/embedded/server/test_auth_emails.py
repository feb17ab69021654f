"""Codes and links in emails: sign-in, recovery and confirmation."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import httpx
import pytest

from supabase import AuthApiError, Client
from tests.embedded.server.conftest import PASSWORD, Person, Server, StartServer
from tests.embedded.server.emails import age_emails, code_in, latest_email, link_in


def test_a_code_by_email_signs_in_and_up(server: Server, anonymous: Client) -> None:
    email = f"otto-{uuid4().hex}@example.test"
    anonymous.auth.sign_in_with_otp({"email": email, "options": {"data": {"name": "Otto"}}})
    code = code_in(latest_email(server, email))
    with pytest.raises(AuthApiError) as refused:
        anonymous.auth.verify_otp({"email": email, "token": "000000" if code != "000000" else "1", "type": "email"})
    assert refused.value.code == "otp_expired"
    assert anonymous.auth.verify_otp({"email": email, "token": code, "type": "email"}).session
    assert anonymous.table("profiles").select("name").execute().data == [{"name": "Otto"}]
    with pytest.raises(AuthApiError):
        server.client().auth.verify_otp({"email": email, "token": code, "type": "email"})


def test_a_code_for_an_unknown_address_can_be_refused(server: Server) -> None:
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_in_with_otp(
            {"email": f"{uuid4().hex}@example.test", "options": {"should_create_user": False}}
        )
    assert refused.value.code == "otp_disabled"


def test_a_link_by_email_resets_the_password(server: Server, ada: Person) -> None:
    recovery = {"email": ada.email}
    server.http().post("/auth/v1/recover", params={"redirect_to": "http://localhost:5173/reset"}, json=recovery)
    reply = httpx.get(link_in(latest_email(server, ada.email)))
    assert reply.status_code == 303
    target, _, fragment = reply.headers["location"].partition("#")
    assert target == "http://localhost:5173/reset"
    assert "type=recovery" in fragment
    token = re.search(r"access_token=([^&]+)", fragment)
    assert token
    changed = server.http(token=token.group(1)).put("/auth/v1/user", json={"password": "a new password"})
    assert changed.status_code == 200
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": "a new password"}).user


def test_links_redirect_to_this_machine_only(server: Server, ada: Person) -> None:
    server.client().auth.reset_password_for_email(ada.email, {"redirect_to": "https://attacker.example/"})
    link = link_in(latest_email(server, ada.email))
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
def test_redirects_that_are_not_allowed_are_ignored(
    server: Server, asked: str | None, referer: str | None, leads_to: str
) -> None:
    """As in GoTrue, the email is sent without an error, with a redirect to the site."""
    email = f"{uuid4().hex}@example.test"
    params = {} if asked is None else {"redirect_to": asked}
    headers = {} if referer is None else {"referer": referer}
    reply = server.http().post("/auth/v1/otp", params=params, json={"email": email}, headers=headers)
    assert (reply.status_code, reply.json()) == (200, {})
    assert parse_qs(urlsplit(link_in(latest_email(server, email))).query)["redirect_to"] == [leads_to]
    admin = server.http(server.config.secret_key)
    made = {"type": "magiclink", "email": email}
    link = admin.post("/auth/v1/admin/generate_link", params=params, json=made, headers=headers).json()
    assert link["redirect_to"] == leads_to
    invited = f"{uuid4().hex}@example.test"
    assert admin.post("/auth/v1/invite", params=params, json={"email": invited}, headers=headers).is_success
    assert parse_qs(urlsplit(link_in(latest_email(server, invited))).query)["redirect_to"] == [leads_to]


def test_a_recovery_for_an_unknown_address_sends_nothing(server: Server) -> None:
    email = f"{uuid4().hex}@example.test"
    server.client().auth.reset_password_for_email(email)
    assert server.http().get("/api/v1/search", params={"query": f"to:{email}"}).json()["count"] == 0


def test_with_confirmation(start_server: StartServer) -> None:
    server = start_server(confirm_email=True)
    email = "eve@example.test"
    client = server.client()
    reply = client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Eve"}}})
    assert reply.session is None
    with pytest.raises(AuthApiError) as refused:
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert refused.value.code == "email_not_confirmed"
    first = code_in(latest_email(server, email))
    age_emails(server, email, -60)
    with pytest.raises(AuthApiError) as early:
        client.auth.resend({"type": "signup", "email": email})
    assert (early.value.status, early.value.code) == (429, "over_email_send_rate_limit")
    age_emails(server, email, 65)
    client.auth.resend({"type": "signup", "email": email})
    second = code_in(latest_email(server, email))
    assert first != second
    assert client.auth.verify_otp({"email": email, "token": second, "type": "email"}).session
    assert client.auth.sign_in_with_password({"email": email, "password": PASSWORD}).session
    assert client.table("profiles").select("name").execute().data == [{"name": "Eve"}]
    assert server.http().get("/auth/v1/settings").json()["mailer_autoconfirm"] is False
