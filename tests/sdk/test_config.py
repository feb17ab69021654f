"""Where the client finds the project."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from monogram_sdk import AsyncMonogram, Monogram, errors
from monogram_sdk._http import environment_proxy

URL = "https://project.supabase.co"


def jwt(role: str) -> str:
    """Return a key of the older kind."""
    parts: tuple[dict[str, str], ...] = ({"alg": "HS256"}, {"role": role}, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Take the environment away, and move to an empty folder."""
    for name in ("URL", "PUBLISHABLE_KEY", "ANON_KEY", "SECRET_KEY", "SERVICE_ROLE_KEY"):
        monkeypatch.delenv(f"SUPABASE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert environment_proxy(URL) is None
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert environment_proxy(URL) == "http://proxy.example:3128"
    assert environment_proxy("http://127.0.0.1:54321") is None
    monkeypatch.setenv("no_proxy", "supabase.co")
    assert environment_proxy(URL) is None
