"""Edge functions, each in a process of its own, as on the platform."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.embedded.server.conftest import Person, Server, StartServer

WriteFunction = Callable[..., str]

ECHO = """
Deno.serve(async (request) => {
  const { pathname, search } = new URL(request.url);
  return Response.json({
    method: request.method,
    path: pathname + search,
    body: await request.text(),
    headers: Object.fromEntries(request.headers),
  }, { status: 201, headers: { "x-from": "echo" } });
});
"""


@pytest.fixture
def write(server: Server) -> WriteFunction:
    """Write a function into the project of the shared server. Each test uses its own names."""
    return lambda name, source: write_function(server, name, source)


def write_function(server: Server, name: str, source: str) -> str:
    folder = Path(server.config.functions_dir) / name
    folder.mkdir(exist_ok=True)
    (folder / "index.ts").write_text(source)
    return f"/functions/v1/{name}"


def with_key(server: Server) -> httpx.Client:
    return server.http()


def eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def log_of(server: Server, function: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.process.log_path.read_text().splitlines()]
    return [line for line in lines if line.get("function") == function]


def test_a_function_gets_the_request_and_its_reply_is_returned(server: Server, write: WriteFunction) -> None:
    path = write("echo", ECHO)
    reply = with_key(server).post(f"{path}/deep/er?a=1&a=2", content="héllo", headers={"x-mine": "yes"})
    assert reply.status_code == 201
    assert reply.headers["x-from"] == "echo"
    seen = reply.json()
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/echo/deep/er?a=1&a=2", "héllo")
    assert seen["headers"]["x-mine"] == "yes"
    assert seen["headers"]["apikey"] == server.config.publishable_key
    assert seen["headers"]["x-forwarded-path"] == "/functions/v1/echo/deep/er"


def test_large_bodies_stream_both_ways(server: Server, write: WriteFunction) -> None:
    path = write("through", "Deno.serve((request) => new Response(request.body));")
    chunk = b"0123456789abcdef" * 4096

    def body() -> Iterator[bytes]:
        for _ in range(64):
            yield chunk

    reply = with_key(server).post(path, content=body())
    assert reply.content == chunk * 64


def test_head_redirects_and_empty_replies(server: Server, write: WriteFunction) -> None:
    path = write(
        "plain",
        """Deno.serve((request) => {
          if (request.method === "HEAD") return new Response(null, { headers: { etag: '"x"' } });
          if (request.method === "DELETE") return new Response(null, { status: 204 });
          return Response.redirect("https://example.test/there", 303);
        });""",
    )
    http = with_key(server)
    head = http.head(path)
    assert (head.status_code, head.headers["etag"], head.content) == (200, '"x"', b"")
    assert http.delete(path).status_code == 204
    moved = http.get(path)
    assert (moved.status_code, moved.headers["location"]) == (303, "https://example.test/there")


def test_a_default_export_works(server: Server, write: WriteFunction) -> None:
    path = write("exported", 'export default { fetch: () => new Response("served") };')
    assert with_key(server).get(path).text == "served"


def test_a_function_handles_its_own_cross_origin_requests(server: Server, write: WriteFunction) -> None:
    path = write(
        "cors",
        """Deno.serve((request) => new Response(request.method, {
          headers: { "access-control-allow-origin": "https://only.example" },
        }));""",
    )
    asked = {"origin": "https://only.example", "access-control-request-method": "POST"}
    reply = server.http(key="").options(path, headers=asked)
    assert (reply.status_code, reply.text) == (200, "OPTIONS")
    assert reply.headers["access-control-allow-origin"] == "https://only.example"


def test_callers_need_a_token_or_a_key(server: Server, write: WriteFunction, ada: Person) -> None:
    path = write("guarded", 'Deno.serve(() => new Response("in"));')
    assert server.http(key="", token=ada.token).get(path).text == "in"
    assert server.http().get(path).text == "in"
    for key, token, code in [
        ("", None, "UNAUTHORIZED_NO_AUTH_HEADER"),
        ("", "a.b.c", "UNAUTHORIZED_INVALID_JWT_FORMAT"),
        ("sb_publishable_other", None, "UNAUTHORIZED_INVALID_API_KEY"),
    ]:
        refused = server.http(key=key, token=token).get(path)
        assert (refused.status_code, refused.json()["code"]) == (401, code)
        assert refused.headers["sb-error-code"] == code


def test_unknown_names_and_methods_are_refused(server: Server, write: WriteFunction) -> None:
    path = write("known", 'Deno.serve(() => new Response("in"));')
    write("_shared", 'Deno.serve(() => new Response("in"));')
    http = with_key(server)
    for name in ("unknown", "_shared", "..%2Fknown", ""):
        refused = http.get(f"/functions/v1/{name}")
        assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    assert http.request("PROPFIND", path).status_code == 405


def test_it_gets_the_variables_of_the_platform_and_no_others(server: Server, write: WriteFunction) -> None:
    (Path(server.config.functions_dir) / ".env").write_text("MY_SECRET='open sesame'\n")
    path = write("told", "Deno.serve(() => Response.json(Deno.env.toObject()));")
    told = with_key(server).get(path).json()
    assert told["SUPABASE_URL"] == server.url
    assert json.loads(told["SUPABASE_PUBLISHABLE_KEYS"]) == {"default": server.config.publishable_key}
    assert json.loads(told["SUPABASE_SECRET_KEYS"]) == {"default": server.config.secret_key}
    assert told["SUPABASE_ANON_KEY"] == server.config.anon_key
    assert told["SUPABASE_SERVICE_ROLE_KEY"] == server.config.service_role_key
    assert told["MY_SECRET"] == "open sesame"
    others = {name for name in told if not name.startswith(("SUPABASE_", "DENO_"))}
    assert others == {"MY_SECRET", "NO_COLOR", "PATH"}
    assert told["PATH"] != os.environ["PATH"]  # Deno sets a variable itself.


def test_it_cannot_access_other_folders_and_machines(server: Server, write: WriteFunction) -> None:
    path = write(
        "curious",
        """Deno.serve(async () => {
          const tries: Record<string, () => unknown> = {
            read: () => Deno.readTextFile("/etc/passwd"),
            write: () => Deno.writeTextFile("here.txt", "x"),
            run: () => new Deno.Command("/bin/true").output(),
            net: () => fetch("http://192.0.2.1/"),
          };
          const refused: string[] = [];
          for (const [name, attempt] of Object.entries(tries)) {
            try { await attempt(); } catch (error) {
              if (error instanceof Deno.errors.NotCapable) refused.push(name);
            }
          }
          return Response.json(refused);
        });""",
    )
    assert with_key(server).get(path).json() == ["read", "write", "run", "net"]


def test_it_calls_the_data_api_of_its_stack(server: Server, write: WriteFunction) -> None:
    path = write(
        "reader",
        """Deno.serve(async () => {
          const apikey = JSON.parse(Deno.env.get("SUPABASE_SECRET_KEYS")!).default;
          const url = `${Deno.env.get("SUPABASE_URL")}/rest/v1/numbers?select=n&limit=2&order=n`;
          return await fetch(url, { headers: { apikey } });
        });""",
    )
    assert len(with_key(server).get(path).json()) == 2


def test_a_function_that_throws_returns_500_and_keeps_running(server: Server, write: WriteFunction) -> None:
    path = write(
        "moody",
        """Deno.serve((request) => {
          if (request.url.endsWith("?bad")) throw new Error("out of sorts");
          return new Response("fine " + Deno.pid);
        });""",
    )
    http = with_key(server)
    before = http.get(path).text
    bad = http.get(f"{path}?bad")
    assert (bad.status_code, bad.headers["sb-error-code"]) == (500, "EDGE_FUNCTION_ERROR")
    assert "sorts" not in bad.text
    assert http.get(path).text == before
    eventually(lambda: any("out of sorts" in str(line.get("message")) for line in log_of(server, "moody")))


def test_why_a_function_did_not_start_is_in_the_log(server: Server, write: WriteFunction) -> None:
    path = write("broken", 'throw new Error("no way to begin");')
    reply = with_key(server).get(path)
    assert (reply.status_code, reply.json()["code"]) == (503, "BOOT_ERROR")
    assert any("no way to begin" in str(line.get("message")) for line in log_of(server, "broken"))
    write("broken", 'Deno.serve(() => new Response("mended"));')
    eventually(lambda: with_key(server).get(path).text == "mended")


def test_a_function_that_ended_is_started_again(server: Server, write: WriteFunction) -> None:
    path = write(
        "mortal",
        """Deno.serve((request) => {
          if (request.method === "POST") Deno.exit(3);
          return new Response(String(Deno.pid));
        });""",
    )
    http = with_key(server)
    first = int(http.get(path).text)
    os.kill(first, signal.SIGKILL)
    second = int(http.get(path).text)
    assert second != first
    died = http.post(path)
    assert (died.status_code, died.json()["code"]) == (500, "WORKER_ERROR")
    assert int(http.get(path).text) not in (first, second)


def test_changed_sources_are_used_at_the_next_request(server: Server, write: WriteFunction) -> None:
    path = write("versioned", 'Deno.serve(() => new Response("one"));')
    assert with_key(server).get(path).text == "one"
    write("versioned", 'Deno.serve(() => new Response("two"));')
    eventually(lambda: with_key(server).get(path).text == "two")
    # A moved file keeps its older modification time.
    source = Path(server.config.functions_dir) / "versioned" / "index.ts"
    three = source.with_name("three.ts")
    three.write_text('Deno.serve(() => new Response("three"));')
    os.utime(three, (0, 0))
    three.replace(source)
    eventually(lambda: with_key(server).get(path).text == "three")


def test_its_output_is_in_the_log_under_its_name(server: Server, write: WriteFunction) -> None:
    path = write(
        "talker",
        'Deno.serve(() => { console.log("first\\nsecond"); console.error("third"); return new Response(); });',
    )
    assert with_key(server).get(path).status_code == 200

    def printed() -> set[tuple[str, str]]:
        lines = log_of(server, "talker")
        return {(line["stream"], line["message"]) for line in lines if line["event"] == "function"}

    eventually(lambda: printed() == {("stdout", "first"), ("stdout", "second"), ("stderr", "third")})


def test_a_hanging_function_is_killed_and_the_others_keep_running(start_server: StartServer) -> None:
    server = start_server(function_timeout_ms=1500)
    asleep = write_function(server, "asleep", "Deno.serve(() => new Promise(() => {}));")
    busy = write_function(server, "busy", "Deno.serve(() => { for (;;); });")
    awake = write_function(server, "awake", 'Deno.serve(() => new Response("here"));')
    http = with_key(server)
    for path in (asleep, busy):
        cut = http.get(path)
        assert (cut.status_code, cut.json()["code"]) == (504, "IDLE_TIMEOUT")
        assert http.get(awake).text == "here"
    # The time limit also applies after the client has disconnected: the next request gets another process.
    mixed = 'Deno.serve(({ method }) => { if (method === "POST") for (;;); return new Response("again"); });'
    mixed_path = write_function(server, "mixed", mixed)
    assert http.get(mixed_path).text == "again"
    with pytest.raises(httpx.ReadTimeout):
        http.post(mixed_path, timeout=0.2)
    assert http.get(mixed_path).text == "again"


def test_functions_end_with_their_server(start_server: StartServer) -> None:
    server = start_server()
    path = write_function(server, "lasting", "Deno.serve(() => new Response(String(Deno.pid)));")
    pid = int(with_key(server).get(path).text)
    server.process.stop()
    eventually(lambda: not psutil.pid_exists(pid))
    server.process.start(server.config)
    pid = int(with_key(server).get(path).text)
    assert server.process.pid is not None
    os.kill(server.process.pid, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid))
