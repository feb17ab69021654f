"""Where the client finds the project."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from monogram_sdk import AsyncMonogram, FileSessionStorage, Monogram, errors
from monogram_sdk._config import resolve
from monogram_sdk.asgi import LettersApp
from monogram_sdk.errors import ConfigError

pytestmark = pytest.mark.usefixtures("bare")

URL = "https://project.supabase.co"


def jwt(role: str) -> str:
    """Return a key of the older kind."""
    parts: tuple[dict[str, str], ...] = ({"alg": "HS256"}, {"role": role}, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(errors.ConfigError, match="SUPABASE_URL"):
        Monogram(key="sb_publishable_x")
    with pytest.raises(errors.ConfigError, match=r"SUPABASE_PUBLISHABLE_KEY \(or the older SUPABASE_ANON_KEY\)"):
        Monogram(url=URL)
    with pytest.raises(errors.ConfigError, match=r"SUPABASE_SECRET_KEY \(or the older SUPABASE_SERVICE_ROLE_KEY\)"):
        Monogram.admin_client(url=URL)


@pytest.mark.parametrize("url", ["project.supabase.co", "ftp://x", "https://", "http://x:port", "http://[::1"])
def test_what_is_not_an_address_is_refused(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="is not a project's URL"):
        Monogram(url=url, key="sb_publishable_x")


@pytest.mark.parametrize(
    ("url", "placeholder"),
    [
        ("https://<project>.supabase.co", "<project>"),
        ("https://<your-project>.supabase.co/", "<your-project>"),
        ("https://your-project-ref.supabase.co", "your-project-ref"),
        ("https://{project}.example", "{project}"),
        ("http://127.0.0.1:<port>", "<port>"),
        ("$SUPABASE_URL", "$SUPABASE_URL"),
    ],
)
def test_a_placeholder_in_the_address_is_named(url: str, placeholder: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        Monogram(url=url, key="sb_publishable_x")
    assert f"still contains the placeholder {placeholder}." in caught.value.message


def test_a_refused_key_says_from_where_it_came(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        said = {"message": "Invalid API key", "hint": "Double check your Supabase `anon` API key"}
        return httpx.Response(401, json=said)

    def said(**arguments: str) -> list[str]:
        with Monogram(**arguments, transport=httpx.MockTransport(refuse)) as client:
            caught = []
            for call in (
                client.store.items().all, lambda: client.auth.sign_up(email="a@example.test", password="x" * 12),
            ):  # fmt: skip
                with pytest.raises(errors.AuthenticationError) as one:
                    call()
                caught.append(str(one.value))
            return caught

    (bare / ".env").write_text(f"SUPABASE_URL={URL}\nSUPABASE_ANON_KEY=sb_publishable_filed\n")
    for one in said():
        assert "API key. The key came from SUPABASE_ANON_KEY in .env." in one and "filed" not in one
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_around")
    for one in said():
        assert "The key came from SUPABASE_PUBLISHABLE_KEY in the environment." in one and "around" not in one
    for one in said(key="sb_publishable_given"):
        assert "The key came from the argument key." in one and "given" not in one


def test_arguments_come_before_the_environment_and_that_before_a_file(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / ".env").write_text(f"SUPABASE_URL={URL}/\nSUPABASE_ANON_KEY={jwt('anon')}\n")
    with Monogram() as client:
        assert client.url == URL and not client.is_admin
    monkeypatch.setenv("SUPABASE_URL", "https://other.supabase.co")
    with Monogram() as client:
        assert client.url == "https://other.supabase.co"
    with Monogram(url="http://127.0.0.1:54321") as client:
        assert client.url == "http://127.0.0.1:54321"


def test_a_secret_key_is_only_used_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_x")
    with pytest.raises(errors.ConfigError, match=r"admin_client\(\)"):
        Monogram()
    with Monogram.admin_client() as client:
        assert client.is_admin and "is_admin=True" in repr(client) and "sb_secret" not in repr(client)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_x")
    with Monogram() as client:
        assert not client.is_admin
    with pytest.raises(errors.ConfigError, match="not secret"):
        Monogram.admin_client(key="sb_publishable_x")


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("sb_secret_x", True),
        ("sb_publishable_x", False),
        (jwt("service_role"), True),
        (jwt("anon"), False),
        ("a.b.c", False),
    ],
)
def test_secret_keys_are_recognised(key: str, secret: bool) -> None:
    with Monogram(url=URL, key=key) as client:
        assert client.is_admin is secret


async def test_the_other_client_finds_it_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_x")
    async with AsyncMonogram() as client:
        assert repr(client) == f"AsyncMonogram(url='{URL}')"


LETTERS = f"SUPABASE_URL={URL}\nSUPABASE_PUBLISHABLE_KEY=sb_publishable_x\nOWNER=Zoë\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le-bom"])
def test_the_file_may_be_in_any_encoding(bare: Path, encoding: str) -> None:
    raw = b"\xff\xfe" + LETTERS.encode("utf-16-le") if encoding == "utf-16-le-bom" else LETTERS.encode(encoding)
    (bare / ".env").write_bytes(raw)
    with Monogram() as client:
        assert client.url == URL


def test_files_of_folders_above_are_other_programs(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".env").write_text(LETTERS)
    inner = bare / "program"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with pytest.raises(errors.ConfigError, match="working folder"):
        Monogram()
    (inner / ".env").mkdir()
    with pytest.raises(errors.ConfigError, match="URL is missing"):
        Monogram()


def test_a_file_that_is_not_needed_is_not_read(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".env").write_text(LETTERS)
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(errors.ConfigError, match="cannot be read: Permission denied"):
        Monogram()
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_x")
    with Monogram() as client:
        assert client.url == URL


def denied(_path: Path) -> bytes:
    """Refuse to read."""
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("key", ["\u201csb_publishable_x\u201d", "'sb_publishable_x'", "\u00absb_publishable_x\u00bb"])
def test_a_key_in_quotes_is_named_as_that(key: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"has quotes around it.* It came from the argument key\."):
        Monogram(url=URL, key=key)


@pytest.mark.parametrize("key", ["sb_publishable_ü", "sb\n_x", "a b", "x\x00", "\ud800", "  ", "\u2026"])
def test_a_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(errors.ConfigError, match="characters that are not allowed") as caught:
        Monogram(url=URL, key=key)
    assert key.strip() not in str(caught.value) or not key.strip()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (f"  {URL}/ \n", URL),
        ("\ufeffHTTPS://Project.Supabase.CO", URL),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:54321", "http://[::1]:54321"),
        ("https://example.com/supabase/", "https://example.com/supabase"),
    ],
)
def test_addresses_are_written_in_one_way(given: str, url: str) -> None:
    assert resolve(given, " sb_publishable_x\u200b\n", secret=False).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://x y", "https://x\ny", "https://a..b", f"https://{'a' * 64}.example", "https://ada:hunter2@x.example",
        "https://x.example?a=1", "https://x.example#a", "https://\ud800.example", "https://x\x00.example", "https:///x",
        "http://x:0", "http://x:99999", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_more_that_is_not_an_address(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="is not a project's URL") as caught:
        Monogram(url=url, key="sb_publishable_x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": float("nan")}, {"timeout": "5"}, {"timeout": 1e7}, {"retries": 1.5}])
def test_odd_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError, match=r"timeout must be|retries must be"):
        Monogram(url=URL, key="sb_publishable_x", **options)


SECRETS = ["sb_secret_x", jwt("service_role")]


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_key_stays_on_encrypted_roads(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://127.0.0.1:54321", "http://localhost:54321", "http://[::1]:54321", "http://x.localhost", URL):
        Monogram.admin_client(url=url, key=key).close()
    for url in ("http://kong:8000", "http://10.0.0.7", "http://127.0.0.1.example", "http://localhost.example"):
        for make in (Monogram.admin_client, Monogram):
            with pytest.raises(errors.ConfigError, match=r"unencrypted.*allow_secret_over_http=True"):
                make(url=url, key=key)
            make(url=url, key=key, allow_secret_over_http=True).close()
        Monogram(url=url, key="sb_publishable_x").close()
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(errors.ConfigError, match=r"the proxy proxy\.example"):
        Monogram.admin_client(url="http://127.0.0.1:54321", key=key)
    Monogram.admin_client(url=URL, key=key).close()


def test_a_secret_key_goes_where_its_own_source_says(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".env").write_text("SUPABASE_URL=https://somewhere.example\n")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_x")
    for arguments in ({}, {"key": "sb_secret_y"}):
        with pytest.raises(errors.ConfigError, match=r"is not from there.*allow_url_from_env_file=True"):
            Monogram.admin_client(**arguments)
        Monogram.admin_client(**arguments, allow_url_from_env_file=True).close()
    with pytest.raises(errors.ConfigError, match="is not from there"):
        Monogram(key="sb_secret_y")
    Monogram(key="sb_publishable_y").close()
    Monogram.admin_client(url=URL).close()
    monkeypatch.setenv("SUPABASE_URL", URL)
    Monogram.admin_client().close()
    monkeypatch.delenv("SUPABASE_URL")
    monkeypatch.delenv("SUPABASE_SECRET_KEY")
    (bare / ".env").write_text("SUPABASE_URL=https://somewhere.example\nSUPABASE_SECRET_KEY=sb_secret_z\n")
    Monogram.admin_client().close()


@pytest.mark.parametrize("path", ["/rest/v1", "/auth/v1/", "/storage/v1/object", "/functions/v1/newsletter"])
def test_the_address_of_a_service_is_not_the_project_s(path: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"one of the project's services.* Leave out /\w+/v1") as caught:
        Monogram(url=f"https://x.example{path}", key="sb_publishable_x")
    assert path.rstrip("/") in str(caught.value)
    # A project may live below a path.
    Monogram(url="https://x.example/monogram", key="sb_publishable_x").close()


class AwaitedStorage:
    """A storage that has to be awaited."""

    async def get_item(self, key: str) -> str | None: ...

    async def set_item(self, key: str, value: str) -> None: ...

    async def remove_item(self, key: str) -> None: ...


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("session_storage", ["file", 5, {}, FileSessionStorage, Path("x")]),
        ("transport", [5, "http", object(), httpx.HTTPTransport, httpx.AsyncHTTPTransport]),
        ("url", [5, b"http://127.0.0.1", ["http://127.0.0.1"]]),
        ("key", [5, b"sb_publishable_x", Path("sb_publishable_x")]),
        ("allow_secret_over_http", ["no", 0, None]),
        ("allow_url_from_env_file", ["no", 1, None]),
    ],
)
def test_a_client_says_what_its_arguments_have_to_be(argument: str, values: list[object]) -> None:
    known = {"url": "http://127.0.0.1:9", "key": "sb_publishable_x"}
    for value in values:
        for kind in (Monogram, AsyncMonogram):
            with pytest.raises(errors.ConfigError, match=rf"^{argument} must be") as refused:
                kind(**{**known, argument: value})  # type: ignore[arg-type]
            assert argument != "key" or "sb_publishable_x" not in str(refused.value)


def test_a_client_for_threads_takes_nothing_that_has_to_be_awaited() -> None:
    known: dict[str, Any] = {"url": "http://127.0.0.1:9", "key": "sb_publishable_x"}
    with pytest.raises(errors.ConfigError, match="cannot await"):
        Monogram(**known, session_storage=AwaitedStorage())
    with httpx.HTTPTransport() as transport, pytest.raises(errors.ConfigError, match="transport must be"):
        AsyncMonogram(**known, transport=transport)
    with pytest.raises(errors.ConfigError, match="transport must be"):
        LettersApp(**known, transport=cast("Any", 5))
    with pytest.raises(errors.ConfigError, match="token_of must be"):
        LettersApp(**known, token_of=cast("Any", "me"))
    AsyncMonogram(**known, session_storage=AwaitedStorage())


def test_a_secret_key_in_the_place_of_the_publishable_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_secret_x")
    with pytest.raises(ConfigError, match=r"is a secret key, .* from SUPABASE_PUBLISHABLE_KEY in the environment\."):
        Monogram()


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_stays_in_its_process(take: Callable[[object], object]) -> None:
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x") as client:
        with pytest.raises(ConfigError, match="Make a client in each process"):
            take(client)


@pytest.mark.parametrize("name", ["url", "key"])
def test_an_empty_argument_is_not_taken_for_none(name: str, bare: Path) -> None:
    (bare / ".env").write_text(f"SUPABASE_URL={URL}\nSUPABASE_PUBLISHABLE_KEY=sb_publishable_other\n")
    arguments: dict[str, Any] = {"url": URL, "key": "sb_publishable_x", name: ""}
    with pytest.raises(ConfigError, match=f"{name} is empty") as caught:
        Monogram(**arguments)
    assert f"leave {name}= out" in (caught.value.hint or "")
