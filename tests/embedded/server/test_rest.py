"""The Data API: PostgREST's replies, the caller's rights, the platform's limits."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import httpx
import psycopg
import pytest
from postgrest.exceptions import APIError

from supabase import AsyncClient, AsyncClientOptions, Client, create_async_client
from tests.embedded.server.conftest import PASSWORD, Person, Server


def test_users_read_and_write_their_own_rows(ada: Person, boris: Person) -> None:
    notes = ada.client.table("notes")
    body = f"mine {uuid4()}"
    row = notes.insert({"body": body, "data": {"a": [1, None]}, "tags": ["x", "y z"], "order": 2}).execute().data[0]
    assert row["owner_id"] == ada.id
    assert row["data"] == {"a": [1, None]}
    assert row["tags"] == ["x", "y z"]
    assert notes.update({"order": 3}).eq("id", row["id"]).execute().data[0]["order"] == 3
    assert ada.client.table("notes").select("body, profiles(name)").eq("id", row["id"]).execute().data == [
        {"body": body, "profiles": {"name": "Ada"}}
    ]
    assert boris.client.table("notes").select("*").eq("id", row["id"]).execute().data == []
    assert boris.client.table("notes").update({"order": 9}).eq("id", row["id"]).execute().data == []
    assert boris.client.table("notes").delete().eq("id", row["id"]).execute().data == []
    assert len(notes.delete().eq("id", row["id"]).execute().data) == 1


async def test_the_async_client(server: Server, ada: Person) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
        client: AsyncClient = await create_async_client(server.url, server.config.publishable_key, options)
        await client.auth.sign_in_with_password({"email": ada.email, "password": PASSWORD})
        inserted = await client.table("notes").insert({"body": f"async {uuid4()}"}).execute()
        assert inserted.data[0]["owner_id"] == ada.id
        with pytest.raises(APIError) as refused:
            await client.table("notes").insert({"body": inserted.data[0]["body"]}).execute()
        assert refused.value.code == "23505"


def test_values_keep_their_format(ada: Person, server: Server) -> None:
    body = f"values {uuid4()}"
    http = server.http(token=ada.token)
    reply = http.post(
        "/rest/v1/notes",
        content=f'{{"body": "{body}", "data": "text", "price": 12.50}}',
        headers={"content-type": "application/json", "prefer": "return=representation"},
    )
    assert reply.status_code == 201
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("update public.notes set price = 12.50 where body = %s", [body])
    read = http.get("/rest/v1/notes", params={"body": f"eq.{body}"})
    assert '"price":12.50' in read.text
    row = read.json()[0]
    assert row["data"] == "text"
    assert row["written_at"] == "2026-11-23T00:04:29.673123+00:00"
    assert datetime.fromisoformat(row["written_at"]).microsecond == 673123
    assert row["local_time"] == "2026-11-23T10:00:00.5"
    assert row["day"] == "2026-11-23"
    assert ada.client.table("profiles").select("balance").execute().data == [{"balance": 9007199254740991}]


def test_a_name_that_is_a_keyword_can_be_sorted_by(ada: Person) -> None:
    bodies = [f"{number} {uuid4()}" for number in range(3)]
    ada.client.table("notes").insert([{"body": body, "order": -i} for i, body in enumerate(bodies)]).execute()
    sorted_rows = ada.client.table("notes").select("body").order("order").limit(2).execute().data
    assert [row["body"] for row in sorted_rows] == [bodies[2], bodies[1]]


def test_upsert_and_count(ada: Person) -> None:
    body = f"upsert {uuid4()}"
    notes = ada.client.table("notes")
    for order in (1, 2):
        notes.upsert({"body": body, "order": order}, on_conflict="body").execute()
    reply = ada.client.table("notes").select("order", count="exact").eq("body", body).execute()
    assert (reply.count, reply.data) == (1, [{"order": 2}])


@pytest.fixture
def words(server: Server) -> httpx.Client:
    """An empty table whose columns have defaults, for a client with the secret key."""
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("truncate public.words restart identity cascade")
    return server.http(server.config.secret_key)


DEFAULTS: list[tuple[str, object, dict[str, str], list[tuple[object, object]]]] = [
    ("", {}, {}, [("word", 7)]),
    ("", [{}], {"prefer": "return=representation"}, [("word", 7)]),
    ("?select=*,parts(id)", [{}, {}], {"prefer": "return=representation"}, [("word", 7)] * 2),
    ("", [{}], {"prefer": "resolution=merge-duplicates"}, [("word", 7)]),
    ("?on_conflict=id", [{}, {}], {"prefer": "resolution=ignore-duplicates,return=headers-only"}, [("word", 7)] * 2),
    ("", {}, {"prefer": "return=representation", "accept": "application/vnd.pgrst.object+json"}, [("word", 7)]),
    ("", [], {}, []),
    ("", 3, {}, []),
    ("?columns=n,word", {}, {}, [(None, None)]),
    ("?columns=n,word", [{"n": 1}, {"word": "w"}], {}, [(None, 1), ("w", None)]),
    ("?columns=n,word", [{"n": 1}, {"word": "w"}], {"prefer": "missing=default"}, [("word", 1), ("w", 7)]),
    ("?columns=n,word", {}, {"prefer": "missing=default"}, [("word", 7)]),
]


@pytest.mark.parametrize(("query", "body", "headers", "expected"), DEFAULTS)
def test_a_missing_key_is_the_default_or_null(
    words: httpx.Client, query: str, body: object, headers: dict[str, str], expected: list[tuple[object, object]]
) -> None:
    reply = words.post(f"/rest/v1/words{query}", json=body, headers=headers)
    assert reply.status_code == 201, reply.text
    rows = words.get("/rest/v1/words", params={"order": "id"}).json()
    assert [(row["word"], row["n"]) for row in rows] == expected
    if "return=representation" in headers.get("prefer", ""):
        told = reply.json() if isinstance(reply.json(), list) else [reply.json()]
        assert [{**row, "parts": []} for row in rows] == [{"parts": [], **row} for row in told]


def test_the_returned_default_is_the_stored_one(words: httpx.Client) -> None:
    for missing, expected in (("", [None, 2]), (",missing=default", [7, 2])):
        headers = {"prefer": f"return=representation{missing}"}
        params = {"columns": "word,n"}
        rows = words.post("/rest/v1/words", params=params, json=[{"word": "a"}, {"n": 2}], headers=headers).json()
        assert [row["n"] for row in rows] == expected
        row = {"id": f"eq.{rows[1]['id']}"}
        changed = words.patch("/rest/v1/words", params=params | row, json={"word": "b"}, headers=headers).json()
        assert changed == words.get("/rest/v1/words", params=row).json() == [rows[1] | {"word": "b", "n": expected[0]}]


@pytest.mark.parametrize("body", [{}, [], [{}], "text"])
def test_an_update_of_nothing_does_nothing(words: httpx.Client, body: object) -> None:
    assert words.post("/rest/v1/words", json={}).is_success
    for params in ({"id": "eq.1"}, {}):
        quiet = words.patch("/rest/v1/words", params=params, json=body)
        assert (quiet.status_code, quiet.text) == (204, "")
        told = words.patch("/rest/v1/words", params=params, json=body, headers={"prefer": "return=representation"})
        assert (told.status_code, told.json()) == (200, [])
    single = {"accept": "application/vnd.pgrst.object+json", "prefer": "return=representation"}
    refused = words.patch("/rest/v1/words", params={"id": "eq.1"}, json=body, headers=single)
    assert (refused.status_code, refused.json()["code"]) == (406, "PGRST116")
    assert words.get("/rest/v1/words").json() == [{"id": 1, "word": "word", "n": 7, "tags": None, "data": None}]


def test_more_rows_than_a_statement_takes_values(words: httpx.Client) -> None:
    rows = [{"n": n, "word": f"it's {n}", "tags": ["a b", f'"{n}"'], "data": {"of": [n]}} for n in range(16_400)]
    rows[1] = {"n": None, "word": "", "tags": None, "data": "text"}
    headers = {"prefer": "return=representation,count=exact"}
    reply = words.post("/rest/v1/words", json=rows, headers=headers)
    assert (reply.status_code, reply.headers["content-range"]) == (201, "*/16400")
    assert reply.json() == [{"id": i + 1, **row} for i, row in enumerate(rows)]
    # From a new row downwards: lite searches for the first new row.
    changed = [{"id": i, "n": 1, "word": "again", "tags": None} for i in range(16_401, 0, -1)]
    headers = {"prefer": "resolution=merge-duplicates"}
    assert words.post("/rest/v1/words", json=changed, headers=headers).is_success
    count = words.get("/rest/v1/words", params={"word": "eq.again", "limit": 1}, headers={"prefer": "count=exact"})
    assert count.headers["content-range"] == "0-0/16401"
    assert words.get("/rest/v1/words", params={"id": "eq.1"}).json() == [{**changed[-1], "data": {"of": [0]}}]

    mixed = {"prefer": "missing=default"}
    rows[0] = {"word": "only"}
    refused = words.post(
        "/rest/v1/words", params={"columns": "n,word,tags,data"}, json=[*rows, *rows[:10]], headers=mixed
    )
    assert (refused.status_code, refused.json()["code"]) == (413, "54023")
    assert words.get("/rest/v1/words", params={"word": "eq.only"}).json() == []


def test_nobody_sees_more_than_a_thousand_rows(anonymous: Client) -> None:
    assert len(anonymous.table("numbers").select("n").execute().data) == 1000
    assert len(anonymous.table("numbers").select("n").limit(1100).execute().data) == 1000
    assert len(anonymous.rpc("count_up").execute().data) == 1000
    assert anonymous.table("numbers").select("n", count="exact").execute().count == 1200
    assert len(anonymous.table("numbers").select("n").range(1000, 1199).execute().data) == 200


def test_functions_know_the_caller(ada: Person, anonymous: Client, secret: Client) -> None:
    mine = ada.client.rpc("whoami").execute().data
    assert (mine["role"], mine["user_id"]) == ("authenticated", ada.id)
    assert mine["claims"]["email"] == ada.email
    assert (mine["statement_timeout"], mine["search_path"]) == ("8s", "public, extensions")
    assert (mine["method"], mine["path"], mine["read_only"]) == ("POST", "/rpc/whoami", "off")
    nobodys = anonymous.rpc("whoami", get=True).execute().data
    assert (nobodys["role"], nobodys["user_id"], nobodys["statement_timeout"]) == ("anon", None, "3s")
    assert nobodys["read_only"] == "on"
    assert secret.rpc("whoami").execute().data["role"] == "service_role"


def test_functions_see_headers_but_no_credentials(server: Server, ada: Person) -> None:
    reply = server.http(token=ada.token).get("/rest/v1/rpc/whoami", headers={"x-trace": "7", "cookie": "a=b"})
    headers = reply.json()["headers"]
    assert headers["x-trace"] == "7"
    assert headers.keys().isdisjoint({"authorization", "apikey", "cookie"})


def test_functions_return_rows_values_and_nothing(ada: Person, server: Server) -> None:
    body = f"by function {uuid4()}"
    note_id = ada.client.rpc("write_note", {"body": body}).execute().data
    assert ada.client.rpc("my_notes").eq("id", note_id).execute().data[0]["body"] == body
    assert server.http().post("/rest/v1/rpc/divide", json={"a": 6, "b": 3}).json() == 2
    reply = server.http().post("/rest/v1/rpc/nothing")
    assert (reply.status_code, reply.text) == (204, "")


JSON = [{"a": [1, "{}"]}, [{"b": None}], "text", "", '{"a": 1}', "[]", "7", "null", '"quoted"', 7, True, None]


@pytest.mark.parametrize("value", JSON)
def test_functions_get_json_unchanged(secret: Client, value: object) -> None:
    reply = secret.rpc("echo_json", {"told": value, "beside": "{}"}).execute().data
    assert reply == {"told": value, "beside": "{}"}


def test_json_in_a_query_is_read_as_json(server: Server) -> None:
    http = server.http(server.config.secret_key)
    for text, value in (('{"a": [1]}', {"a": [1]}), ("7", 7)):
        reply = http.get("/rest/v1/rpc/echo_json", params={"told": text, "beside": "words"})
        assert reply.json() == {"told": value, "beside": "words"}
    refused = http.get("/rest/v1/rpc/echo_json", params={"told": "text", "beside": "words"})
    assert (refused.status_code, refused.json()["code"]) == (400, "22P02")


def test_a_get_request_cannot_write(ada: Person, server: Server) -> None:
    reply = server.http(token=ada.token).get("/rest/v1/rpc/write_note", params={"body": "sneaky"})
    assert (reply.status_code, reply.json()["code"]) == (405, "25006")


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("MG501", 400),
        ("P0001", 400),
        ("22023", 400),
        ("23502", 400),
        ("23503", 409),
        ("23505", 409),
        ("23514", 400),
        ("25006", 405),
        ("28000", 403),
        ("40001", 500),
        ("42P01", 404),
        ("53100", 503),
        ("55000", 500),
        ("57014", 500),
        ("P0002", 500),
        ("PT402", 402),
        ("PT499", 499),
        ("XX000", 500),
    ],
)
def test_errors_have_postgrests_status_and_body(server: Server, sqlstate: str, status: int) -> None:
    reply = server.http().post("/rest/v1/rpc/fail", json={"code": sqlstate})
    assert reply.status_code == status
    assert reply.json() == {
        "code": sqlstate,
        "message": "it failed",
        "details": "what happened",
        "hint": "what to do",
    }


def test_the_status_of_a_refusal_depends_on_the_caller(server: Server, ada: Person) -> None:
    fail = {"code": "42501"}
    assert server.http().post("/rest/v1/rpc/fail", json=fail).status_code == 401
    assert server.http(token=ada.token).post("/rest/v1/rpc/fail", json=fail).status_code == 403
    assert server.http(server.config.secret_key).post("/rest/v1/rpc/fail", json=fail).status_code == 403


def test_rights_are_those_of_the_grants_and_policies(server: Server, ada: Person, boris: Person) -> None:
    for refused in (
        server.http().get("/rest/v1/notes"),
        server.http().get("/rest/v1/profiles"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (401, "42501")
    http = server.http(token=ada.token)
    for refused in (
        http.post("/rest/v1/notes", json={"body": "for boris", "owner_id": boris.id}),
        http.patch("/rest/v1/profiles", params={"id": f"eq.{ada.id}"}, json={"balance": 1}),
        http.delete("/rest/v1/profiles", params={"id": f"eq.{ada.id}"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "42501")
    assert http.get("/rest/v1/users", headers={"accept-profile": "auth"}).status_code == 406
    assert http.get("/rest/v1/objects", headers={"accept-profile": "storage"}).status_code == 406


def test_every_row_needs_a_where(server: Server) -> None:
    http = server.http(server.config.secret_key)
    for refused in (http.delete("/rest/v1/notes"), http.patch("/rest/v1/notes", json={"order": 1})):
        assert (refused.status_code, refused.json()["code"]) == (400, "21000")
        assert refused.json()["message"].endswith("requires a WHERE clause")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/rest/v1/nowhere", 404, "PGRST205"),
        ("/rest/v1/rpc/nowhere", 404, "PGRST202"),
        ("/rest/v1/rpc/divide?a=1", 404, "PGRST202"),
        ("/rest/v1/rpc/divide?a=1&b=0", 400, "22012"),
        ("/rest/v1/numbers?m=eq.1", 400, "42703"),
        ("/rest/v1/numbers?n=eq.x", 400, "22P02"),
        ("/rest/v1/numbers?n=nonsense.1", 400, "PGRST100"),
        ("/rest/v1/numbers?select=n,notes(*)", 400, "PGRST200"),
    ],
)
def test_wrong_calls(server: Server, path: str, status: int, code: str) -> None:
    reply = server.http().get(path)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_single_rows(anonymous: Client) -> None:
    assert anonymous.table("numbers").select("n").eq("n", 7).single().execute().data == {"n": 7}
    assert anonymous.table("numbers").select("n").eq("n", 0).maybe_single().execute() is None
    with pytest.raises(APIError) as refused:
        anonymous.table("numbers").select("n").eq("n", 0).single().execute()
    assert refused.value.code == "PGRST116"


def test_single_rows_of_changes(ada: Person, server: Server) -> None:
    http = server.http(token=ada.token)
    headers = {"accept": "application/vnd.pgrst.object+json", "prefer": "return=representation"}
    bodies = [f"{uuid4()}" for _ in range(3)]
    for select in ("*", "*,profiles(name)"):
        body = f"single {uuid4()}"
        one = http.post("/rest/v1/notes", params={"select": select}, json={"body": body}, headers=headers)
        assert (one.status_code, one.json()["body"]) == (201, body)
        assert one.headers["content-type"].startswith("application/vnd.pgrst.object+json")
        none = http.patch(
            "/rest/v1/notes", params={"select": select, "body": "eq.nothing"}, json={"order": 1}, headers=headers
        )
        assert (none.status_code, none.json()["code"]) == (406, "PGRST116")
        several = [{"body": text} for text in bodies]
        refused = http.post("/rest/v1/notes", params={"select": select}, json=several, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (406, "PGRST116")
        assert http.get("/rest/v1/notes", params={"body": f"in.({','.join(bodies)})"}).json() == []
