"""Proxies and certificates that the environment names."""

from __future__ import annotations

from pathlib import Path

import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk._engine.proxies import Proxy, environment_proxy

URL = "https://project.supabase.co"
pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take the proxies of the environment away."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_the_environment_names_the_proxy(no_proxies: pytest.MonkeyPatch) -> None:
    assert environment_proxy(URL) is None
    no_proxies.setenv("https_proxy", "http://proxy.example:3128")
    assert environment_proxy(URL) == Proxy("http", "proxy.example", 3128)
    assert environment_proxy("http://127.0.0.1:54321") is None
    no_proxies.setenv("no_proxy", "supabase.co")
    assert environment_proxy(URL) is None
    no_proxies.delenv("no_proxy")
    no_proxies.setenv("https_proxy", "proxy.example")
    assert environment_proxy(URL) == Proxy("http", "proxy.example", 80)
    no_proxies.setenv("https_proxy", "http://ada:p%40ss@[::1]:8080/")
    proxy = environment_proxy(URL)
    assert proxy == Proxy("http", "::1", 8080, ("ada", "p@ss")) and "ss" not in repr(proxy)
    assert proxy is not None and proxy.for_websockets() == "http://ada:p%40ss@[::1]:8080"


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http://:3128",
        "http://[::1",
        "http://x:port",
        "http://x:0",
        "http://a..b",
        "x y:\udcff",
        "http://%ff@x",
    ],
)
def test_a_malformed_proxy_is_named(value: str, no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("HTTPS_PROXY", value)
    with pytest.raises(errors.ConfigError, match="HTTPS_PROXY is not the address of a proxy"):
        Monogram(url=URL, key="sb_publishable_x")
    no_proxies.setenv("HTTPS_PROXY", "ftp://proxy.example")
    with pytest.raises(errors.ConfigError, match="of the kind 'ftp'"):
        Monogram(url=URL, key="sb_publishable_x")


@pytest.mark.parametrize(
    ("exceptions", "url", "is_excepted"),
    [
        ("*", URL, True),
        (" .supabase.co , x", URL, True),
        ("SUPABASE.CO", URL, True),
        ("base.co", URL, False),
        ("project.supabase.co:443", URL, True),
        ("project.supabase.co:8443", URL, False),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("[::1]:54321", "http://[::1]:54321", True),
        ("::1", "http://[::1]:54321", True),
        ("*.supabase.co", URL, True),
        (",,;[", URL, False),
        ("https://project.supabase.co", URL, True),
    ],
)
def test_what_goes_without_a_proxy(
    exceptions: str, url: str, is_excepted: bool, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.setenv("all_proxy", "http://proxy.example")
    no_proxies.setenv("no_proxy", exceptions)
    assert (environment_proxy(url) is None) is is_excepted


def test_a_socks_proxy_works_or_is_named(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", retries=0) as client:
        with pytest.raises(errors.ConnectionFailedError):
            client.badges.list().first_page()
    no_proxies.setattr("monogram_sdk._engine.proxies.find_spec", lambda _name: None)
    with pytest.raises(errors.ConfigError, match=r"monogram-sdk\[socks\]"):
        Monogram(url=URL, key="sb_publishable_x")


def test_certificates_that_cannot_be_read_are_named(no_proxies: pytest.MonkeyPatch, bare: Path) -> None:
    (bare / "no.pem").write_text("nothing")
    no_proxies.setenv("SSL_CERT_FILE", str(bare / "no.pem"))
    with Monogram(url="https://127.0.0.1:9", key="sb_publishable_x", retries=0) as client:
        with pytest.raises(errors.ConfigError, match="SSL_CERT_FILE"):
            client.badges.list().first_page()


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for proxy, is_named in ((None, False), ("http://ada:hunter2@127.0.0.1:9", True)):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        if proxy is not None:
            monkeypatch.setenv("HTTP_PROXY", proxy)
        with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", retries=0) as client:
            with pytest.raises(errors.ConnectionFailedError) as caught:
                client.badges.list().first()
        assert ("names a proxy (HTTP_PROXY)" in str(caught.value)) == is_named
        assert "hunter2" not in str(caught.value) and ".." not in str(caught.value)
