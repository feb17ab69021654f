"""The admin API for accounts, which needs the secret key."""

from __future__ import annotations

from uuid import uuid4

import pytest

from supabase import AuthApiError, Client
from tests.embedded.server.conftest import PASSWORD, Person, Server
from tests.embedded.server.emails import code_in, latest_email


def new_email() -> str:
    return f"{uuid4().hex}@example.test"


def test_a_user_from_creation_to_deletion(server: Server, secret: Client) -> None:
    admin = secret.auth.admin
    email = new_email()
    user = admin.create_user(
        {
            "email": email,
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"name": "Made"},
            "app_metadata": {"role": "admin"},
        }
    ).user
    assert user.email_confirmed_at is not None
    assert user.app_metadata == {"provider": "email", "providers": ["email"], "role": "admin"}
    client = server.client()
    client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert client.table("admin_only").select("id").execute().data == [{"id": 1}]
    assert client.table("profiles").select("name").execute().data == [{"name": "Made"}]

    changed = admin.update_user_by_id(
        user.id, {"user_metadata": {"name": None, "colour": "red"}, "password": "changed it"}
    )
    assert changed.user.user_metadata == {"colour": "red"}
    assert server.client().auth.sign_in_with_password({"email": email, "password": "changed it"}).user
    moved = new_email()
    assert admin.update_user_by_id(user.id, {"email": moved}).user.email == moved
    assert admin.get_user_by_id(user.id).user.email == moved
    assert any(found.id == user.id for found in admin.list_users(per_page=500))

    admin.delete_user(user.id)
    with pytest.raises(AuthApiError) as gone:
        admin.get_user_by_id(user.id)
    assert (gone.value.code, gone.value.status) == ("user_not_found", 404)
    with pytest.raises(AuthApiError):
        client.auth.get_user()


def test_an_unconfirmed_user_cannot_sign_in(server: Server, secret: Client) -> None:
    email = new_email()
    secret.auth.admin.create_user({"email": email, "password": PASSWORD})
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert refused.value.code == "email_not_confirmed"


def test_password_hashes_are_stored_unchanged(server: Server, secret: Client) -> None:
    email = new_email()
    ready = "$2a$10$cZMwwtMmBpLZDCWEDY1dFO4Hy1eLlkW9bZGZJXAa1teNUc4rJtWwy"
    secret.auth.admin.create_user({"email": email, "password_hash": ready, "email_confirm": True})
    assert server.client().auth.sign_in_with_password({"email": email, "password": "seed-password"}).user


def test_a_banned_user_is_shut_out(server: Server, secret: Client, ada: Person) -> None:
    banned = secret.auth.admin.update_user_by_id(ada.id, {"ban_duration": "24h"})
    assert banned.user.banned_until is not None
    with pytest.raises(AuthApiError) as refused:
        server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD})
    assert refused.value.code == "user_banned"
    with pytest.raises(AuthApiError):
        ada.client.auth.refresh_session()
    secret.auth.admin.update_user_by_id(ada.id, {"ban_duration": "none"})
    assert server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD}).user


def test_a_soft_deletion_keeps_the_row_and_erases_the_person(server: Server, secret: Client, ada: Person) -> None:
    secret.auth.admin.delete_user(ada.id, should_soft_delete=True)
    forgotten = secret.auth.admin.get_user_by_id(ada.id).user
    assert forgotten.deleted_at is not None
    assert forgotten.email != ada.email
    assert forgotten.user_metadata == {}
    with pytest.raises(AuthApiError):
        server.client().auth.sign_in_with_password({"email": ada.email, "password": PASSWORD})


def test_pages(server: Server, secret: Client) -> None:
    created = [secret.auth.admin.create_user({"email": new_email(), "password": PASSWORD}).user.id for _ in range(3)]
    http = server.http(server.config.secret_key)
    first = http.get("/auth/v1/admin/users", params={"page": 1, "per_page": 2})
    assert len(first.json()["users"]) == 2
    assert int(first.headers["x-total-count"]) >= 3
    assert 'rel="next"' in first.headers["link"]
    listed = http.get("/auth/v1/admin/users", params={"page": 1, "per_page": 1000}).json()["users"]
    assert set(created) <= {user["id"] for user in listed}
    assert all("encrypted_password" not in user for user in listed)


def test_an_invitation(server: Server, secret: Client) -> None:
    email = new_email()
    user = secret.auth.admin.invite_user_by_email(email, {"data": {"name": "Invited"}}).user
    assert user.invited_at is not None
    client = server.client()
    verified = client.auth.verify_otp({"email": email, "token": code_in(latest_email(server, email)), "type": "invite"})
    assert verified.session
    assert client.table("profiles").select("name").execute().data == [{"name": "Invited"}]
    with pytest.raises(AuthApiError) as refused:
        secret.auth.admin.invite_user_by_email(email)
    assert refused.value.code == "email_exists"


@pytest.mark.parametrize("kind", ["signup", "invite", "magiclink", "recovery"])
def test_links_without_an_email(server: Server, secret: Client, ada: Person, kind: str) -> None:
    email = ada.email if kind in ("magiclink", "recovery") else new_email()
    link = secret.auth.admin.generate_link({"type": kind, "email": email, "password": PASSWORD})  # type: ignore[typeddict-item]
    properties = link.properties
    assert properties.hashed_token in properties.action_link
    assert server.http().get("/api/v1/search", params={"query": f"to:{email}"}).json()["count"] == 0
    client = server.client()
    assert client.auth.verify_otp({"token_hash": properties.hashed_token, "type": properties.verification_type}).session  # type: ignore[typeddict-item]
    with pytest.raises(AuthApiError):
        server.client().auth.verify_otp({"token_hash": properties.hashed_token, "type": "email"})


def test_only_the_secret_key_is_accepted(server: Server, ada: Person) -> None:
    for http in (server.http(), server.http(token=ada.token), server.http(token="a.b.c")):
        for method, path in (
            ("GET", "/auth/v1/admin/users"),
            ("POST", "/auth/v1/admin/users"),
            ("GET", f"/auth/v1/admin/users/{ada.id}"),
            ("PUT", f"/auth/v1/admin/users/{ada.id}"),
            ("DELETE", f"/auth/v1/admin/users/{ada.id}"),
            ("POST", "/auth/v1/admin/generate_link"),
            ("POST", "/auth/v1/invite"),
        ):
            reply = http.request(method, path)
            assert (reply.status_code, reply.json()["error_code"]) == (403, "not_admin"), path
    assert server.http(key="").get("/auth/v1/admin/users").status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "nonsense"}, 400, "validation_failed"),
        ({"email": "seeded@example.test"}, 422, "email_exists"),
        ({"email": "x@example.test", "password": "short"}, 422, "weak_password"),
        ({"email": "x@example.test", "password_hash": "plain"}, 400, "validation_failed"),
        ({"email": "x@example.test", "user_metadata": "text"}, 400, "validation_failed"),
        ({"email": "x@example.test", "ban_duration": "soon"}, 400, "validation_failed"),
        ({"email": "x@example.test", "id": "1"}, 400, "validation_failed"),
    ],
)
def test_bad_calls(server: Server, body: dict[str, object], status: int, code: str) -> None:
    reply = server.http(server.config.secret_key).post("/auth/v1/admin/users", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (status, code)


def test_more_bad_calls(server: Server) -> None:
    http = server.http(server.config.secret_key)
    links = "/auth/v1/admin/generate_link"
    for method, path, content, status, code in (
        ("POST", "/auth/v1/admin/users", "not json", 400, "bad_json"),
        ("GET", "/auth/v1/admin/users/1", "", 404, "validation_failed"),
        ("GET", "/auth/v1/admin/users?page=0", "", 400, "validation_failed"),
        ("DELETE", f"/auth/v1/admin/users/{uuid4()}", "", 404, "user_not_found"),
        ("POST", links, '{"type": "magic", "email": "seeded@example.test"}', 400, "validation_failed"),
        ("POST", links, '{"type": "recovery", "email": "no@example.test"}', 404, "user_not_found"),
        ("GET", "/auth/v1/admin/audit", "", 404, "not_found"),
    ):
        reply = http.request(method, path, content=content)
        assert (reply.status_code, reply.json()["error_code"]) == (status, code), path
