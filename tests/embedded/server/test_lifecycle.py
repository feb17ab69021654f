"""Starting and stopping, and outages of the database."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from supabase_embedded import _server, deno
from supabase_embedded.databases import Databases
from supabase_embedded.project import SERVER_DIR
from tests.embedded.server.conftest import PASSWORD, Server, StartServer, make_config

REQUESTS = [
    ("GET", "/rest/v1/numbers?limit=1"),
    ("POST", "/auth/v1/token?grant_type=password"),
    ("GET", "/storage/v1/object/papers/nothing"),
]


def ask_everything(server: Server) -> list[int]:
    """Return the status of one request to each service that needs the database."""
    http = server.http(server.config.secret_key)
    body = {"email": "seeded@example.test", "password": "seed-password"}
    return [
        http.request(method, path, json=body if method == "POST" else None).status_code for method, path in REQUESTS
    ]


WELL = [200, 200, 400]  # The last request is for an object that does not exist.


def test_an_outage_of_the_database(start_server: StartServer) -> None:
    server = start_server()
    assert ask_everything(server) == WELL
    admin = psycopg.connect(server.databases.dsn("template1", user="supabase_admin"), autocommit=True)
    with admin:
        for _ in range(3):  # A pool that leaks a slot at each outage hangs at the second or third.
            admin.execute(f"drop database {server.database} with (force)")
            assert ask_everything(server) == [503, 503, 503]
            health = server.http(key="").get("/health")
            assert (health.status_code, health.json()["status"]) == (503, "database_unavailable")
            server.databases.clone(server.database)
            assert ask_everything(server) == WELL
            assert server.http(key="").get("/health").status_code == 200
    admin.close()
    assert server.process.running


# Every write fails in the way that `faults` names.
FAULTS = """
create table public.faults (code text);
grant select on public.faults to public;
create function public.break_down() returns trigger language plpgsql security definer as $$
declare
  fault text := (select code from public.faults);
begin
  if fault = 'lost' then perform pg_terminate_backend(pg_backend_pid()); end if;
  if fault is not null then
    raise exception 'could not extend file "base/5/1259": No space left on device' using errcode = fault;
  end if;
  return new;
end
$$;
create trigger break_down before insert or update on auth.users for each row execute function public.break_down();
create trigger break_down before insert or update on auth.sessions for each row execute function public.break_down();
create trigger break_down before insert or update on storage.objects for each row execute function public.break_down();
create trigger break_down before insert or update on public.notes for each row execute function public.break_down();
"""

AUTH, REST = {"code", "error_code", "msg"}, {"code", "message", "details", "hint"}
STORAGE = {"statusCode", "code", "error", "message"}


def writes(server: Server) -> Iterator[tuple[str, set[str], httpx.Response]]:
    """Write through each service, and in each way in which Auth writes; yield its fields of errors and the reply."""
    http = server.http(server.config.secret_key)
    new = {"email": f"{uuid4().hex}@example.test", "password": PASSWORD}
    seeded = {"email": "seeded@example.test", "password": "seed-password"}
    yield "sign up", AUTH, http.post("/auth/v1/signup", json=new)
    yield "sign in", AUTH, http.post("/auth/v1/token?grant_type=password", json=seeded)
    yield "create", AUTH, http.post("/auth/v1/admin/users", json={"email": f"{uuid4().hex}@example.test"})
    yield "insert", REST, http.patch("/rest/v1/notes?id=not.is.null", json={"order": 1})
    headers = {"content-type": "text/plain"}
    yield "upload", STORAGE, http.post(f"/storage/v1/object/papers/{uuid4().hex}", content=b"x", headers=headers)


def test_database_errors_have_the_format_of_each_service(start_server: StartServer) -> None:
    server = start_server()
    with psycopg.connect(server.superuser_dsn, autocommit=True) as database:
        database.execute(FAULTS)
        database.execute("insert into public.notes (owner_id, body) select id, 'A note' from public.profiles limit 1")
        assert [reply.status_code for _, _, reply in writes(server)] == [200, 200, 200, 204, 200]
        full = {"insert": 503} | dict.fromkeys(["sign up", "sign in", "create", "upload"], 500)
        away = dict.fromkeys(full, 503)
        # More often than the slots of Auth's smaller pool: each slot must be free again afterwards.
        for fault, statuses in [("53100", full), ("25006", full | {"insert": 405}), ("57P03", away)] + 3 * [
            ("lost", away)
        ]:
            database.execute("insert into public.faults values (%s)", [fault])
            for what, form, reply in writes(server):
                assert (what, reply.status_code) == (what, statuses[what]), (fault, reply.text)
                assert reply.json().keys() == form, (fault, what, reply.text)
            database.execute("delete from public.faults")
        assert [reply.status_code for _, _, reply in writes(server)] == [200, 200, 200, 204, 200]
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    time.sleep(0.2)
    assert ask_everything(server) == WELL


def test_requests_work_while_the_log_cannot_be_written() -> None:
    script = f'import {{ log }} from "{(SERVER_DIR / "log.ts").as_uri()}"; log("request"); console.error("went on");'
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [deno.executable(), "eval", "--quiet", "--no-config", script],
            stdout=full,
            stderr=subprocess.PIPE,
            env=deno.environment(),
            text=True,
            timeout=30,
            check=True,
        )
    assert done.stderr == "went on\n"


def test_it_stops_during_a_pending_request(start_server: StartServer) -> None:
    server = start_server()
    http = server.http(server.config.secret_key)
    assert http.get("/rest/v1/numbers?limit=1").status_code == 200
    with ThreadPoolExecutor(2) as pool:
        quick = pool.submit(http.post, "/rest/v1/rpc/nap", json={"seconds": 0.4})
        pool.submit(lambda: server.http(server.config.secret_key).post("/rest/v1/rpc/nap", json={"seconds": 6}))
        time.sleep(0.2)
        started = time.monotonic()
        server.process.stop()
        assert time.monotonic() - started < 5
        assert quick.result().status_code == 200
    events = [json.loads(line)["event"] for line in server.process.log_path.read_text().splitlines()]
    assert events[0] == "ready"
    assert events.count("stopping") == 1


def test_a_client_that_disconnects(server: Server) -> None:
    http = server.http(server.config.secret_key)
    for _ in range(3):
        with pytest.raises(Exception, match="timed out"):
            http.post("/rest/v1/rpc/nap", json={"seconds": 0.5}, timeout=0.1)
    assert http.get("/rest/v1/numbers?limit=1").status_code == 200


WRONG = [
    ("port", 0, "`port`"),
    ("smtp_port", "25", "`smtp_port`"),
    ("host", "0.0.0.0", "`host` must be a loopback address"),
    ("publishable_key", "key-that-nobody-sees", "`publishable_key` must begin with `sb_publishable_`"),
    ("secret_key", None, "`secret_key`"),
    ("jwt_secret", "short-secret", "`jwt_secret` must have at least 32 characters"),
    ("db_url", "", "`db_url`"),
    ("authenticator_db_url", "not a url", "`authenticator_db_url` must be a URL"),
    ("bcrypt_cost", 99, "`bcrypt_cost` must be a whole number from 4 to 15"),
    ("confirm_email", "yes", "`confirm_email`"),
]

# All of them in one process, because it takes long to start.
PARSE = """
import { parseConfig } from "%s";
const texts = JSON.parse(await new Response(Deno.stdin.readable).text());
const complaints = texts.map((text) => {
  try {
    parseConfig(text);
    return null;
  } catch ({ name, message }) {
    return { name, message };
  }
});
console.log(JSON.stringify(complaints));
"""


def complaints_about(texts: Sequence[str]) -> list[dict[str, str] | None]:
    """Return the server's error for each configuration; None if it would start."""
    script = PARSE % (SERVER_DIR / "config.ts").as_uri()
    done = subprocess.run(
        [deno.executable(), "eval", "--quiet", "--no-config", script],
        input=json.dumps(texts),
        env=deno.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    complaints: list[dict[str, str] | None] = json.loads(done.stdout)
    return complaints


def test_every_wrong_configuration_is_explained(notes_databases: Databases, tmp_path: Path) -> None:
    good = asdict(make_config(notes_databases, "postgres", tmp_path))
    texts = [json.dumps(good | {field: value}) for field, value, _ in WRONG]
    fine, *complaints = complaints_about([json.dumps(good), *texts, "", "nonsense", "[]"])
    assert fine is None
    *complaints, empty, nonsense, a_list = complaints
    for complaint in (empty, nonsense, a_list):
        assert complaint is not None and "JSON object" in complaint["message"]
    for (field, value, words), complaint in zip(WRONG, complaints, strict=True):
        assert complaint is not None and complaint["name"] == "ConfigError", field
        assert words in complaint["message"]
        if isinstance(value, str) and len(value) > 5:
            assert value not in complaint["message"]


@pytest.mark.parametrize("text", ["nonsense", '{"host": "0.0.0.0"}'])
def test_with_a_wrong_configuration_it_reports_the_error_and_ends(
    notes_databases: Databases, tmp_path: Path, text: str
) -> None:
    printed = run(tmp_path, text, make_config(notes_databases, "postgres", tmp_path))
    assert (printed["event"], printed["error"]) == ("failed", "ConfigError")
    assert "0.0.0.0" not in json.dumps(printed)


@pytest.mark.long
def test_a_taken_port_is_explained(server: Server, tmp_path: Path) -> None:
    for taken in ({"port": server.config.port}, {"smtp_port": server.config.smtp_port}):
        config = replace(make_config(server.databases, server.database, tmp_path), **taken)
        printed = run(tmp_path, json.dumps(asdict(config)), config)
        assert (printed["event"], printed["message"]) == (
            "failed",
            "A port is taken by another program. Choose another `port` or `smtp_port`.",
        )


def run(folder: Path, text: str, config: _server.ServerConfig) -> dict[str, object]:
    """Run the server with this standard input, expect it to fail, and return the line that it prints."""
    command = _server._command(replace(config, host="127.0.0.1"))
    done = subprocess.run(
        command,
        input=text.encode(),
        env=deno.environment(),
        cwd=folder,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == b""
    printed: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return printed


@pytest.mark.long
def test_two_servers_share_nothing(start_server: StartServer) -> None:
    one, other = start_server(), start_server()
    reply = one.client().auth.sign_up({"email": "eve@example.test", "password": PASSWORD})
    assert reply.session is not None
    token = reply.session.access_token
    assert one.http(token=token).get("/rest/v1/profiles").status_code == 200
    assert other.http(token=token).get("/rest/v1/profiles").status_code == 401
    assert other.http(key=one.config.publishable_key).get("/rest/v1/numbers").status_code == 401
