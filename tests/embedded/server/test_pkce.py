"""Links in emails that return a code, which only the client that requested the email can exchange for a session."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest

from tests.embedded.server.conftest import PASSWORD, Person, Server, StartServer
from tests.embedded.server.emails import latest_email, link_in

PLACE = "http://127.0.0.1:3000/in"


@dataclass
class Flow:
    """A code challenge with its verifier."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    method: str = "s256"

    @property
    def fields(self) -> dict[str, str]:
        digest = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        return {
            "code_challenge": digest if self.method == "s256" else self.verifier,
            "code_challenge_method": self.method,
        }


def ask(server: Server, path: str, **body: object) -> httpx.Response:
    return server.http().post(f"/auth/v1/{path}", params={"redirect_to": f"{PLACE}?from=mail"}, json=body)


def follow(server: Server, email: str) -> httpx.URL:
    """Open the link in the newest email, and return the redirect."""
    reply = httpx.get(link_in(latest_email(server, email)))
    assert reply.status_code == 303
    return httpx.URL(reply.headers["location"])


def exchange(server: Server, code: str | None, verifier: str | None) -> httpx.Response:
    known = {"auth_code": code, "code_verifier": verifier}
    return server.http().post("/auth/v1/token", params={"grant_type": "pkce"}, json=known)


def sessions(server: Server, user: str) -> int:
    with psycopg.connect(server.superuser_dsn) as connection:
        row = connection.execute("select count(*) from auth.sessions where user_id = %s", [user]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("method", ["s256", "plain", "S256"])
@pytest.mark.parametrize(("path", "amr"), [("otp", "magiclink"), ("recover", "recovery")])
def test_a_link_returns_a_code_that_the_verifier_exchanges_for_a_session(
    server: Server, ada: Person, path: str, amr: str, method: str
) -> None:
    flow = Flow(method=method.lower())
    before = sessions(server, ada.id)
    assert ask(server, path, email=ada.email, **{**flow.fields, "code_challenge_method": method}).status_code == 200
    assert "token=pkce_" in link_in(latest_email(server, ada.email))
    place = follow(server, ada.email)
    assert (str(place.copy_with(query=None)), place.params["from"], place.fragment) == (PLACE, "mail", "")
    assert sessions(server, ada.id) == before, "a link brings no session"
    reply = exchange(server, place.params["code"], flow.verifier)
    assert reply.status_code == 200, reply.text
    claims = jwt.decode(reply.json()["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["amr"][0]["method"]) == (ada.id, amr)
    assert sessions(server, ada.id) == before + 1


def test_a_code_works_once_and_with_its_verifier_only(server: Server, ada: Person) -> None:
    flow = Flow()
    ask(server, "otp", email=ada.email, **flow.fields)
    code = follow(server, ada.email).params["code"]
    for refused, status, error in [
        (exchange(server, code, Flow().verifier), 400, "bad_code_verifier"),
        (exchange(server, str(uuid4()), flow.verifier), 404, "flow_state_not_found"),
        (exchange(server, code, None), 400, "validation_failed"),
        (exchange(server, None, flow.verifier), 400, "validation_failed"),
    ]:
        assert (refused.status_code, refused.json()["error_code"]) == (status, error)
    assert exchange(server, code, flow.verifier).status_code == 200
    again = exchange(server, code, flow.verifier)
    assert (again.status_code, again.json()["error_code"]) == (404, "flow_state_not_found")


@pytest.mark.parametrize(("path", "begins_at"), [("otp", "auth_code_issued_at"), ("recover", "created_at")])
def test_codes_expire_after_five_minutes(server: Server, ada: Person, path: str, begins_at: str) -> None:
    flow = Flow()
    ask(server, path, email=ada.email, **flow.fields)
    with psycopg.connect(server.superuser_dsn) as connection:
        old = "update auth.flow_state set created_at = created_at - interval '6 minutes' where user_id = %s"
        connection.execute(old, [ada.id])
    # For a magic link, the time before it is opened does not count; for others it does.
    code = follow(server, ada.email).params["code"]
    if begins_at == "auth_code_issued_at":
        with psycopg.connect(server.superuser_dsn) as connection:
            row = connection.execute(
                "select auth_code_issued_at = created_at from auth.flow_state where auth_code = %s", [code]
            ).fetchone()
            assert row == (True,)
            connection.execute(old, [ada.id])
    reply = exchange(server, code, flow.verifier)
    assert (reply.status_code, reply.json()["error_code"]) == (422, "flow_state_expired")


def test_a_magic_link_may_wait(server: Server, ada: Person) -> None:
    flow = Flow()
    ask(server, "otp", email=ada.email, **flow.fields)
    with psycopg.connect(server.superuser_dsn) as connection:
        old = "update auth.flow_state set created_at = created_at - interval '30 minutes' where user_id = %s"
        connection.execute(old, [ada.id])
    assert exchange(server, follow(server, ada.email).params["code"], flow.verifier).status_code == 200


def test_the_newest_request_counts(server: Server, ada: Person) -> None:
    first, second = Flow(), Flow()
    ask(server, "otp", email=ada.email, **first.fields)
    ask(server, "otp", email=ada.email, **second.fields)
    code = follow(server, ada.email).params["code"]
    assert exchange(server, code, first.verifier).json()["error_code"] == "bad_code_verifier"
    assert exchange(server, code, second.verifier).status_code == 200


def test_confirming_and_changing_an_address(start_server: StartServer) -> None:
    server, flow = start_server(confirm_email=True), Flow()
    email, new = f"{uuid4().hex}@example.test", f"{uuid4().hex}@example.test"
    assert ask(server, "signup", email=email, password=PASSWORD, **flow.fields).status_code == 200
    session = exchange(server, follow(server, email).params["code"], flow.verifier).json()
    assert session["user"]["email"] == email
    client = server.http(token=session["access_token"])
    change = Flow()
    reply = client.put("/auth/v1/user", params={"redirect_to": PLACE}, json={"email": new, **change.fields})
    assert reply.status_code == 200, reply.text
    assert "code" not in follow(server, email).params
    assert exchange(server, follow(server, new).params["code"], change.verifier).json()["user"]["email"] == new


def test_used_links_have_the_error_in_the_query(server: Server, ada: Person) -> None:
    ask(server, "otp", email=ada.email, **Flow().fields)
    link = link_in(latest_email(server, ada.email))
    assert "code" in httpx.URL(httpx.get(link).headers["location"]).params
    place = httpx.URL(httpx.get(link).headers["location"])
    assert place.params["error_code"] == "otp_expired"
    assert httpx.QueryParams(place.fragment)["error_code"] == "otp_expired"


def test_a_link_without_its_flow_state_is_refused(server: Server, ada: Person) -> None:
    ask(server, "otp", email=ada.email, **Flow().fields)
    before = sessions(server, ada.id)
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("delete from auth.flow_state where user_id = %s", [ada.id])
    assert follow(server, ada.email).params["error_code"] == "flow_state_not_found"
    assert sessions(server, ada.id) == before


def test_the_hash_of_such_a_link_signs_in_by_itself(server: Server, ada: Person) -> None:
    ask(server, "otp", email=ada.email, **Flow().fields)
    marked = httpx.URL(link_in(latest_email(server, ada.email))).params["token"]
    assert marked.startswith("pkce_")
    reply = server.http().post("/auth/v1/verify", json={"type": "email", "token_hash": marked})
    assert reply.json()["user"]["id"] == ada.id


@pytest.mark.parametrize(
    "fields",
    [
        {"code_challenge": "x" * 43},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short", "code_challenge_method": "s256"},
        {"code_challenge": "!" * 43, "code_challenge_method": "s256"},
        {"code_challenge": "x" * 43, "code_challenge_method": "s512"},
    ],
)
def test_invalid_challenges_are_refused(server: Server, ada: Person, fields: dict[str, str]) -> None:
    reply = ask(server, "otp", email=ada.email, **fields)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "validation_failed")
