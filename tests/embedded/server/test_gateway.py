"""API keys and tokens at the gateway."""

from __future__ import annotations

import json
import time

import httpx
import jwt
import pytest

from tests.embedded.server.conftest import Person, Server

SERVICES = ["/rest/v1/numbers?limit=1", "/auth/v1/settings"]


@pytest.mark.parametrize("path", SERVICES)
def test_a_key_is_needed(server: Server, path: str) -> None:
    reply = server.http(key="").get(path)
    assert reply.status_code == 401
    assert reply.json()["message"] == "No API key found in request"


@pytest.mark.parametrize("path", SERVICES)
@pytest.mark.parametrize("key", ["sb_publishable_wrong", "nonsense", "a.b.c"])
def test_a_wrong_key_is_refused(server: Server, path: str, key: str) -> None:
    reply = server.http(key=key).get(path)
    assert reply.status_code == 401
    assert reply.json()["message"] == "Invalid API key"


def test_a_key_may_come_in_any_of_three_places(server: Server) -> None:
    key = server.config.publishable_key
    bare = server.http(key="")
    assert bare.get("/rest/v1/numbers?limit=1", headers={"apikey": key}).status_code == 200
    assert bare.get("/rest/v1/numbers?limit=1", headers={"authorization": f"Bearer {key}"}).status_code == 200
    assert bare.get("/rest/v1/numbers", params={"limit": 1, "apikey": key}).status_code == 200


def test_keys_stand_for_roles(server: Server) -> None:
    assert server.http().get("/rest/v1/rpc/whoami").json()["role"] == "anon"
    assert server.http(server.config.secret_key).get("/rest/v1/rpc/whoami").json()["role"] == "service_role"


@pytest.mark.parametrize("role", ["anon", "service_role"])
def test_older_keys_are_tokens_with_a_role(server: Server, role: str) -> None:
    key = jwt.encode({"role": role, "exp": time.time() + 60}, server.config.jwt_secret, "HS256")
    assert server.http(key).get("/rest/v1/rpc/whoami").json()["role"] == role
    assert server.http(key, token=key).get("/rest/v1/rpc/whoami").json()["role"] == role


def test_a_users_token_is_not_accepted_as_a_key(server: Server, ada: Person) -> None:
    assert server.http(key=ada.token).get("/rest/v1/numbers?limit=1").status_code == 401


def test_a_token_with_an_unknown_role_is_refused(server: Server) -> None:
    for role in ("postgres", "supabase_admin", "authenticator", "no_such_role"):
        token = jwt.encode({"role": role, "exp": time.time() + 60}, server.config.jwt_secret, "HS256")
        reply = server.http(token=token).get("/rest/v1/rpc/whoami")
        assert reply.status_code in (401, 403), role


def test_a_secret_key_is_refused_in_a_browser(server: Server) -> None:
    reply = server.http(server.config.secret_key).get(
        "/rest/v1/numbers?limit=1", headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    )
    assert reply.status_code == 401
    assert reply.json()["message"] == "Forbidden use of secret API key in browser"


def test_a_bad_token_is_refused(server: Server) -> None:
    secret = server.config.jwt_secret
    claims = {"role": "authenticated", "exp": time.time() + 60}
    for token, code in (
        (jwt.encode(claims | {"exp": time.time() - 60}, secret, "HS256"), "PGRST303"),
        (jwt.encode(claims, "another secret of at least 32 bytes", "HS256"), "PGRST301"),
        (jwt.encode(claims | {"role": "service_role"}, "", algorithm="none"), "PGRST301"),
        (jwt.encode(claims, secret, "HS512"), "PGRST301"),
        ("nonsense", "PGRST301"),
    ):
        reply = server.http(token=token).get("/rest/v1/rpc/whoami")
        assert (reply.status_code, reply.json()["code"]) == (401, code), token


def test_pages_of_any_origin_may_call_the_api(server: Server) -> None:
    asked = {
        "origin": "http://localhost:5173",
        "access-control-request-method": "POST",
        "access-control-request-headers": "apikey,authorization,prefer",
    }
    for path in ("/rest/v1/notes", "/auth/v1/token", "/storage/v1/object/papers/x"):
        reply = server.http(key="").options(path, headers=asked)
        assert reply.status_code == 204
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-headers"] == "apikey,authorization,prefer"
    refusal = server.http(key="").get("/rest/v1/notes", headers={"origin": "http://localhost:5173"})
    assert refusal.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in refusal.headers["access-control-expose-headers"]


def test_unknown_paths_are_not_found(server: Server) -> None:
    for path in ("/nothing", "/restful", "/rest/v2/notes"):
        assert server.http().get(path).status_code == 404


def test_the_front_page_links_to_the_mailbox(server: Server) -> None:
    reply = server.http(key="").get("/")
    assert reply.headers["content-type"].startswith("text/html")
    assert 'href="/mailbox"' in reply.text


def test_health(server: Server) -> None:
    assert server.http(key="").get("/health").json() == {"status": "ok"}


def test_the_log_has_a_line_for_each_request_and_no_secret(server: Server, ada: Person) -> None:
    mark = f"needle-{ada.id}"
    ada.client.table("notes").insert({"body": mark}).execute()
    server.http(token=ada.token).get("/rest/v1/notes", params={"body": f"eq.{mark}"})
    with pytest.raises(httpx.HTTPStatusError):
        server.http(token=ada.token).post("/rest/v1/notes", json={"body": mark}).raise_for_status()
    server.http(key="").get("/rest/v1/notes", params={"apikey": server.config.secret_key})
    lines = server.process.log_path.read_text(encoding="utf-8").splitlines()
    requests = [line for line in map(json.loads, lines) if line["event"] == "request"]
    last = requests[-1]
    assert {"method", "path", "status", "ms", "role"} <= last.keys()
    assert (last["method"], last["path"], last["role"]) == ("GET", "/rest/v1/notes", "service_role")
    log = "\n".join(lines)
    config = server.config
    for secret in (mark, ada.token, "correct horse", config.publishable_key, config.secret_key, config.jwt_secret):
        assert secret not in log
