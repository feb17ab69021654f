"""Starting, stopping, and living through what happens to the database."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import psycopg
import pytest

from monogram_sdk.local import _deno, _server
from monogram_sdk.local.databases import Databases
from tests.local.server.conftest import PASSWORD, Server, StartServer, make_config

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


WELL = [200, 200, 400]  # The last one asks for an object that does not exist.


def test_the_database_may_vanish_and_come_back(start_server: StartServer) -> None:
    server = start_server()
    assert ask_everything(server) == WELL
    admin = psycopg.connect(server.databases.dsn("template1", user="supabase_admin"), autocommit=True)
    with admin:
        for _ in range(3):  # A pool that leaks a place at each loss hangs at the second or third.
            admin.execute(f"drop database {server.database} with (force)")
            assert ask_everything(server) == [503, 503, 503]
            health = server.http(key="").get("/health")
            assert (health.status_code, health.json()["status"]) == (503, "database_unavailable")
            server.databases.clone(server.database)
            assert ask_everything(server) == WELL
            assert server.http(key="").get("/health").status_code == 200
    admin.close()
    assert server.process.running


def test_lost_connections_are_replaced(start_server: StartServer) -> None:
    server = start_server()
    assert ask_everything(server) == WELL
    with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    time.sleep(0.2)
    assert ask_everything(server) == WELL


def test_it_stops_within_two_seconds(start_server: StartServer) -> None:
    server = start_server()
    http = server.http(server.config.secret_key)
    assert http.get("/rest/v1/numbers?limit=1").status_code == 200
    with ThreadPoolExecutor(2) as pool:
        quick = pool.submit(http.post, "/rest/v1/rpc/nap", json={"seconds": 0.4})
        pool.submit(lambda: server.http(server.config.secret_key).post("/rest/v1/rpc/nap", json={"seconds": 6}))
        time.sleep(0.2)
        started = time.monotonic()
        server.process.stop()
        assert time.monotonic() - started < 2
        assert quick.result().status_code == 200
    events = [json.loads(line)["event"] for line in server.process.log_path.read_text().splitlines()]
    assert events[0] == "ready"
    assert events.count("stopping") == 1


def test_a_client_that_goes_away_does_no_harm(server: Server) -> None:
    http = server.http(server.config.secret_key)
    for _ in range(3):
        with pytest.raises(Exception, match="timed out"):
            http.post("/rest/v1/rpc/nap", json={"seconds": 0.5}, timeout=0.1)
    assert http.get("/rest/v1/numbers?limit=1").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
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
    ],
)
def test_a_wrong_configuration_is_explained(
    notes_databases: Databases, tmp_path: Path, field: str, value: object, complaint: str
) -> None:
    config = make_config(notes_databases, "postgres", tmp_path)
    printed = run(tmp_path, json.dumps(asdict(config) | {field: value}), config)
    assert printed["event"] == "failed"
    assert complaint in str(printed["message"])
    if isinstance(value, str) and len(value) > 5:
        assert value not in json.dumps(printed)


@pytest.mark.parametrize("text", ["", "nonsense", "[]"])
def test_a_configuration_that_is_none_is_explained(notes_databases: Databases, tmp_path: Path, text: str) -> None:
    printed = run(tmp_path, text, make_config(notes_databases, "postgres", tmp_path))
    assert printed["event"] == "failed"
    assert "JSON object" in str(printed["message"])


def test_a_taken_port_is_explained(server: Server, tmp_path: Path) -> None:
    for taken in ({"port": server.config.port}, {"smtp_port": server.config.smtp_port}):
        config = replace(make_config(server.databases, server.database, tmp_path), **taken)
        printed = run(tmp_path, json.dumps(asdict(config)), config)
        assert (printed["event"], printed["message"]) == (
            "failed",
            "A port is taken by another program. Choose another `port` or `smtp_port`.",
        )


def run(folder: Path, text: str, config: _server.ServerConfig) -> dict[str, object]:
    """Run the server with this on its standard input, expect it to fail, and return the line it prints."""
    command = _server._command(replace(config, host="127.0.0.1"))
    done = subprocess.run(
        command,
        input=text.encode(),
        env=_deno.environment(),
        cwd=folder,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == b""
    printed: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return printed


def test_two_servers_share_nothing(start_server: StartServer) -> None:
    one, other = start_server(), start_server()
    answer = one.client().auth.sign_up({"email": "eve@example.test", "password": PASSWORD})
    assert answer.session is not None
    token = answer.session.access_token
    assert one.http(token=token).get("/rest/v1/profiles").status_code == 200
    assert other.http(token=token).get("/rest/v1/profiles").status_code == 401
    assert other.http(key=one.config.publishable_key).get("/rest/v1/numbers").status_code == 401
