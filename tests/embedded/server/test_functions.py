"""Edge functions: programs of the project, each in a process of its own, run as the platform runs them."""

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

from supabase_embedded import _project_config
from supabase_embedded.errors import FolderError
from supabase_embedded.project import Project
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
    """Put a function into the project of the shared server; its name must be the test's own."""
    return lambda name, source: write_function(server, name, source)


def write_function(server: Server, name: str, source: str) -> str:
    folder = Path(server.config.functions_dir) / name
    folder.mkdir(exist_ok=True)
    (folder / "index.ts").write_text(source)
    return f"/functions/v1/{name}"


def with_key(server: Server) -> httpx.Client:
    return server.http()


def eventually(look: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not look():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def log_of(server: Server, function: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.process.log_path.read_text().splitlines()]
    return [line for line in lines if line.get("function") == function]


def test_a_function_gets_the_request_and_its_answer_comes_back(server: Server, write: WriteFunction) -> None:
    path = write("echo", ECHO)
    answer = with_key(server).post(f"{path}/deep/er?a=1&a=2", content="héllo", headers={"x-mine": "yes"})
    assert answer.status_code == 201
    assert answer.headers["x-from"] == "echo"
    seen = answer.json()
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

    answer = with_key(server).post(path, content=body())
    assert answer.content == chunk * 64


def test_head_redirects_and_empty_answers_pass(server: Server, write: WriteFunction) -> None:
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


def test_a_default_export_serves_too(server: Server, write: WriteFunction) -> None:
    path = write("exported", 'export default { fetch: () => new Response("served") };')
    assert with_key(server).get(path).text == "served"


def test_a_function_answers_its_own_cross_origin_requests(server: Server, write: WriteFunction) -> None:
    path = write(
        "cors",
        """Deno.serve((request) => new Response(request.method, {
          headers: { "access-control-allow-origin": "https://only.example" },
        }));""",
    )
    asked = {"origin": "https://only.example", "access-control-request-method": "POST"}
    answer = server.http(key="").options(path, headers=asked)
    assert (answer.status_code, answer.text) == (200, "OPTIONS")
    assert answer.headers["access-control-allow-origin"] == "https://only.example"


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


def test_it_is_told_what_the_platform_tells_and_nothing_else(server: Server, write: WriteFunction) -> None:
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
    assert told["PATH"] != os.environ["PATH"]  # Deno sets one of its own.


def test_it_may_not_reach_beyond_its_folder_and_this_machine(server: Server, write: WriteFunction) -> None:
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


def test_one_that_throws_answers_500_and_goes_on(server: Server, write: WriteFunction) -> None:
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


def test_one_that_cannot_start_says_why_in_the_log(server: Server, write: WriteFunction) -> None:
    path = write("broken", 'throw new Error("no way to begin");')
    answer = with_key(server).get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "BOOT_ERROR")
    assert any("no way to begin" in str(line.get("message")) for line in log_of(server, "broken"))
    write("broken", 'Deno.serve(() => new Response("mended"));')
    eventually(lambda: with_key(server).get(path).text == "mended")


def test_one_that_dies_is_started_again(server: Server, write: WriteFunction) -> None:
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


def test_changed_sources_run_from_then_on(server: Server, write: WriteFunction) -> None:
    path = write("versioned", 'Deno.serve(() => new Response("one"));')
    assert with_key(server).get(path).text == "one"
    write("versioned", 'Deno.serve(() => new Response("two"));')
    eventually(lambda: with_key(server).get(path).text == "two")
    # A file that is moved there keeps its older time.
    source = Path(server.config.functions_dir) / "versioned" / "index.ts"
    three = source.with_name("three.ts")
    three.write_text('Deno.serve(() => new Response("three"));')
    os.utime(three, (0, 0))
    three.replace(source)
    eventually(lambda: with_key(server).get(path).text == "three")


def test_what_it_prints_is_in_the_log_under_its_name(server: Server, write: WriteFunction) -> None:
    path = write(
        "talker",
        'Deno.serve(() => { console.log("first\\nsecond"); console.error("third"); return new Response(); });',
    )
    assert with_key(server).get(path).status_code == 200

    def printed() -> set[tuple[str, str]]:
        lines = log_of(server, "talker")
        return {(line["stream"], line["message"]) for line in lines if line["event"] == "function"}

    eventually(lambda: printed() == {("stdout", "first"), ("stdout", "second"), ("stderr", "third")})


def test_one_that_hangs_is_cut_and_the_others_go_on(start_server: StartServer) -> None:
    server = start_server(function_timeout_ms=1500)
    asleep = write_function(server, "asleep", "Deno.serve(() => new Promise(() => {}));")
    busy = write_function(server, "busy", "Deno.serve(() => { for (;;); });")
    awake = write_function(server, "awake", 'Deno.serve(() => new Response("here"));')
    http = with_key(server)
    for path in (asleep, busy):
        cut = http.get(path)
        assert (cut.status_code, cut.json()["code"]) == (504, "IDLE_TIMEOUT")
        assert http.get(awake).text == "here"
    # Its time is over as well when nobody waits for it any more: the next caller gets another process.
    mixed = 'Deno.serve(({ method }) => { if (method === "POST") for (;;); return new Response("again"); });'
    mixed_path = write_function(server, "mixed", mixed)
    assert http.get(mixed_path).text == "again"
    with pytest.raises(httpx.ReadTimeout):
        http.post(mixed_path, timeout=0.2)
    assert http.get(mixed_path).text == "again"


def test_none_outlives_its_server(start_server: StartServer) -> None:
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


def test_settings_come_from_the_projects_config(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert _project_config.functions(project) == {}
    assert (_project_config.auth(project), _project_config.disregarded(project)) == ({}, [])
    (tmp_path / "config.toml").write_text(
        '[functions.open]\nverify_jwt = false\nimport_map = "./functions/deno.json"\n[functions.off]\nenabled = false\n'
    )
    assert _project_config.functions(project) == {
        "open": {"verify_jwt": False, "enabled": True, "import_map": str(tmp_path / "functions" / "deno.json")},
        "off": {"verify_jwt": True, "enabled": False},
    }
    (tmp_path / "config.toml").write_text(
        '[auth]\nsite_url = "https://club.test"\njwt_expiry = 60\nenable_signup = false\nminimum_password_length = 10\n'
        "enabled = true\nenable_anonymous_sign_ins = true\nadditional_redirect_urls = []\n"
        "[auth.email]\nsecure_password_change = true\nenable_confirmations = true\ndouble_confirm_changes = false\n"
        'enable_signup = false\notp_expiry = 90\nmax_frequency = "2m"\notp_length = 6\n'
        "[auth.mfa]\nmax_enrolled_factors = 10\n[auth.mfa.totp]\nenroll_enabled = true\n"
        '[auth.external.apple]\nenabled = false\nclient_id = "x"\n'
    )
    assert _project_config.auth(project) == {
        "site_url": "https://club.test",
        "jwt_expiry": 60,
        "enable_signup": False,
        "minimum_password_length": 10,
        "secure_password_change": True,
        "confirm_email": True,
        "double_confirm_changes": False,
        "enable_email_signup": False,
        "otp_expiry": 90,
    }
    unmet = ["enable_anonymous_sign_ins", "email.max_frequency", "mfa.totp.enroll_enabled"]
    assert _project_config.disregarded(project) == unmet
    for wrong, said in (
        ('[auth]\njwt_expiry = "soon"', r"`jwt_expiry` below ..auth.. has to be a whole number"),
        ("[auth]\njwt_expiry = true", r"`jwt_expiry` below ..auth.. has to be a whole number"),
        ("[auth]\njwt_expiry = -5", r"`jwt_expiry` below ..auth.. has to be between 1 and 604,800, not -5"),
        ("[auth]\nminimum_password_length = 2", r"`minimum_password_length` .* between 6 and 72, not 2"),
        ("[auth.email]\notp_expiry = 0", r"`email.otp_expiry` .* between 1 and 86,400, not 0"),
        ('[auth]\nsite_url = "a b"', r"`site_url` .* an address"),
        ("auth = 5", r"`.auth.` has to be a table"),
    ):
        (tmp_path / "config.toml").write_text(f"{wrong}\n")
        with pytest.raises(FolderError, match=said):
            _project_config.auth(project)
    for wrong, said in (
        ('[functions.a]\nverify_jwt = "false"', r"`.functions.a.`: `verify_jwt` has to be true or false"),
        ("[functions]\na = 1", r"`.functions.a.` has to be a table"),
    ):
        (tmp_path / "config.toml").write_text(f"{wrong}\n")
        with pytest.raises(FolderError, match=said):
            _project_config.functions(project)
    (tmp_path / "config.toml").write_text("[functions")
    with pytest.raises(FolderError, match="not valid TOML"):
        _project_config.functions(project)


def test_a_value_may_be_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path / "supabase")
    project.supabase_dir.mkdir()
    (project.supabase_dir / "config.toml").write_text(
        '[auth]\nsite_url = "env(SITE)"\njwt_expiry = "env(SECONDS)"\nenable_signup = "env(OPEN)"\n'
    )
    (tmp_path / ".env").write_text("SITE=https://club.test\nSECONDS=5\n")
    (project.supabase_dir / ".env").write_text("SECONDS=60\n")
    with pytest.raises(FolderError, match=r"`enable_signup` .* is the variable OPEN, which is set neither"):
        _project_config.auth(project)
    monkeypatch.setenv("OPEN", "false")
    assert _project_config.auth(project) == {
        "site_url": "https://club.test", "jwt_expiry": 60, "enable_signup": False,
    }  # fmt: skip
    monkeypatch.setenv("SECONDS", "often")
    with pytest.raises(FolderError, match="has to be a whole number"):
        _project_config.auth(project)


def test_what_is_not_done_of_the_config_is_named(tmp_path: Path) -> None:
    def named(text: str) -> list[str]:
        (tmp_path / "config.toml").write_text(text)
        return _project_config.disregarded(Project(tmp_path))

    assert named("[auth]\nenabled = false\nenable_refresh_token_rotation = false\n") == [
        "enabled", "enable_refresh_token_rotation",
    ]  # fmt: skip
    assert named("[auth]\nrefresh_token_reuse_interval = 0\n") == ["refresh_token_reuse_interval"]
    assert named('[auth]\n"odd[/name]" = 1\n') == ["odd[/name]"]
    assert named('[auth.sessions]\ntimebox = "24h"\n') == ["sessions.timebox"]
    assert named("[auth.rate_limit]\nemail_sent = 2\ntoken_refresh = 150\n") == ["rate_limit"]
    assert named('[auth.email.smtp]\nenabled = true\nhost = "h"\nport = 25\n') == ["email.smtp"]
    assert named('[auth.hook.send_email]\nenabled = false\nuri = "pg-functions://postgres/x/y"\n') == []
    # As `supabase init` writes it.
    assert named(
        "[auth]\nenabled = true\nadditional_redirect_urls = []\nenable_manual_linking = false\n"
        'password_requirements = ""\n'
        '[auth.sms]\nenable_signup = false\nenable_confirmations = false\ntemplate = "{{ .Code }}"\n'
        '[auth.sms.twilio]\nenabled = false\nauth_token = "env(X)"\n'
        "[auth.mfa]\nmax_enrolled_factors = 10\n"
        '[auth.mfa.phone]\nenroll_enabled = false\nverify_enabled = false\notp_length = 6\nmax_frequency = "5s"\n'
        '[auth.external.apple]\nenabled = false\nsecret = "env(X)"\n'
        '[auth.oauth_server]\nenabled = false\nauthorization_url_path = "/consent"\n'
    ) == []  # fmt: skip
