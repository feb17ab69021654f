"""Changes of an email address, and their confirmations."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg
import pytest

from supabase import AuthApiError
from tests.embedded.server.conftest import PASSWORD, Person, Server, SignUp, StartServer
from tests.embedded.server.emails import age_emails, code_in, latest_email, link_in


def test_a_change_of_address_is_sent_again(server: Server, ada: Person) -> None:
    new = f"new-{uuid4().hex}@example.test"
    ada.client.auth.update_user({"email": new})
    first = [code_in(latest_email(server, address)) for address in (ada.email, new)]
    age_emails(server, ada.email)
    ada.client.auth.resend({"type": "email_change", "email": ada.email})
    second = [code_in(latest_email(server, address)) for address in (ada.email, new)]
    assert first[0] != second[0] and first[1] != second[1]
    age_emails(server, ada.email, -60)
    with pytest.raises(AuthApiError) as early:
        ada.client.auth.resend({"type": "email_change", "email": ada.email})
    assert (early.value.status, early.value.code) == (429, "over_email_send_rate_limit")
    assert address_of(server, ada) == (ada.email, True, new)
    for address, code, expected in ((ada.email, second[0], ada.email), (new, second[1], new)):
        verify(server, {"email": address, "token": code})
        assert address_of(server, ada)[0] == expected


def address_of(server: Server, person: Person) -> tuple[object, ...]:
    """Return a person's address, whether it is confirmed, and the requested new one."""
    with psycopg.connect(server.superuser_dsn) as connection:
        query = "select email, email_confirmed_at is not null, email_change from auth.users where id = %s"
        row = connection.execute(query, [person.id]).fetchone()
    assert row is not None
    return row


def verify(server: Server, how: dict[str, str]) -> dict[str, object]:
    """Confirm one of the two emails of a change of address."""
    reply: dict[str, object] = server.http().post("/auth/v1/verify", json={"type": "email_change", **how}).json()
    return reply


HALF = "Confirmation link accepted. Please proceed to confirm link sent to the other email"


@pytest.mark.parametrize("new_first", [True, False])
@pytest.mark.parametrize("how", ["code", "hash", "link", "pkce"])
def test_a_change_of_address_needs_both_confirmations(server: Server, ada: Person, how: str, new_first: bool) -> None:
    new = f"new-{uuid4().hex}@example.test"
    verifier = "v" * 43
    challenge = {"code_challenge": verifier, "code_challenge_method": "plain"} if how == "pkce" else {}
    bearer = {"authorization": f"Bearer {ada.token}"}
    assert server.http().put("/auth/v1/user", json={"email": new, **challenge}, headers=bearer).is_success
    for turn, address in enumerate([new, ada.email] if new_first else [ada.email, new]):
        assert address_of(server, ada) == (ada.email, True, new)
        message = latest_email(server, address)
        link = link_in(message)
        token = parse_qs(urlsplit(link).query)["token"][0]
        if how in ("code", "hash"):
            proof = {"email": address, "token": code_in(message)} if how == "code" else {"token_hash": token}
            reply = verify(server, proof)
            assert (reply.get("msg") == HALF) is (turn == 0)
            assert ("access_token" in reply) is (turn == 1)
            assert verify(server, proof)["error_code"] == "otp_expired", "it works once"
        else:
            place = urlsplit(server.http(key="").get(link).headers["location"])
            result = {**parse_qs(place.query), **parse_qs(place.fragment)}
            assert (result.get("message") == [HALF]) is (turn == 0)
            assert (("code" if how == "pkce" else "access_token") in result) is (turn == 1)
    assert address_of(server, ada) == (new, True, None)


def test_a_confirmation_does_not_count_for_another_change(server: Server, ada: Person, sign_up: SignUp) -> None:
    first, second = (f"{name}-{uuid4().hex}@example.test" for name in ("first", "second"))
    ada.client.auth.update_user({"email": first})
    assert verify(server, {"email": first, "token": code_in(latest_email(server, first))})["msg"] == HALF
    ada.client.auth.update_user({"email": second})
    assert verify(server, {"email": second, "token": code_in(latest_email(server, second))})["msg"] == HALF
    # Another account has taken the address meanwhile.
    other = sign_up("Other")
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update auth.users set email = %s where id = %s", [second, other.id])
    refused = verify(server, {"email": ada.email, "token": code_in(latest_email(server, ada.email))})
    assert refused["error_code"] == "email_exists"
    assert address_of(server, ada)[0] == ada.email


def test_a_change_of_address_that_needs_only_the_new_address(start_server: StartServer) -> None:
    server = start_server(double_confirm_changes=False)
    client = server.client()
    client.auth.sign_up({"email": "old@example.test", "password": PASSWORD})
    client.auth.update_user({"email": "new@example.test"})
    age_emails(server, "old@example.test")
    client.auth.resend({"type": "email_change", "email": "old@example.test"})
    assert server.http().get("/api/v1/search", params={"query": "to:old@example.test"}).json()["count"] == 0
    proof = {"email": "new@example.test", "token": code_in(latest_email(server, "new@example.test"))}
    assert "access_token" in verify(server, proof)
