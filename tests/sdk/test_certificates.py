"""The certificates that servers are checked against: read once, and again when they are others."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest
import trustme

from monogram_sdk import AsyncMonogram, Monogram, errors
from monogram_sdk._engine import certificates as module
from monogram_sdk._engine.certificates import certificates
from tests.sdk.forks import KEY, ask, async_ask, run_in_forks, serving


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[ssl.SSLContext]:
    """The contexts that are made from now on; none was made before."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "_CONTEXTS", module._Contexts())
    make, contexts = ssl.create_default_context, list[ssl.SSLContext]()

    def counted(**options: str) -> ssl.SSLContext:
        contexts.append(make(**options))
        return contexts[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    return contexts


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[ssl.SSLContext]) -> Iterator[str]:
    """The address of an encrypted server, whose authority the environment names."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    authority.issue_cert("127.0.0.1").configure_cert(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with serving(context) as url:
        assert made == []
        yield url.replace("http:", "https:")


def test_clients_share_a_context_in_all_threads_and_event_loops(secure: str, made: list[ssl.SSLContext]) -> None:
    def alone(who: int) -> None:
        with Monogram(url=secure, key=KEY, retries=0) as client:
            ask(client, who)

    async def in_a_loop(who: int) -> None:
        async with AsyncMonogram(url=secure, key=KEY, retries=0) as client:
            await async_ask(client, who)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(alone, range(8)))
    for who in range(2):
        asyncio.run(in_a_loop(who))
    assert len(made) == 1


def test_a_forked_process_goes_on_with_it(secure: str, made: list[ssl.SSLContext]) -> None:
    with Monogram(url=secure, key=KEY, retries=0) as client:
        ask(client, 1)

        def child() -> None:
            with Monogram(url=secure, key=KEY, retries=0) as another:
                ask(another, 2)
            ask(client, 3)
            assert len(made) == 1

        with module._CONTEXTS._lock:  # As if another thread were making a context.
            wait = run_in_forks(child)
        assert wait() == []


def test_other_certificates_get_a_context_of_their_own(
    made: list[ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = certificates()
    assert certificates() is usual
    file = tmp_path / "some.pem"
    trustme.CA().cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    named = certificates()
    assert named is not usual and certificates() is named
    os.utime(file, ns=(1, 1))
    assert certificates() is not named, "the file has been replaced"
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    folder = certificates()
    assert certificates() is folder and folder.cert_store_stats()["x509_ca"] == 0
    monkeypatch.delenv("SSL_CERT_DIR")
    assert certificates() is usual
    assert len(made) == 4


def test_the_context_checks_servers_and_speaks_http_1(made: list[ssl.SSLContext]) -> None:
    context = certificates()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert context.cert_store_stats()["x509_ca"] == len(Path(certifi.where()).read_text().split("BEGIN CERT")) - 1
    context.set_alpn_protocols(["http/1.1"])  # As httpcore does for each connection.
    with pytest.raises(AssertionError):
        context.set_alpn_protocols(["h2"])
    assert made == [context]


def test_an_authority_that_is_not_among_them_is_refused(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Monogram(url=secure, key=KEY, retries=0) as trusting:
        ask(trusting, 1)
    monkeypatch.delenv("SSL_CERT_FILE")
    with Monogram(url=secure, key=KEY, retries=0) as client:
        with pytest.raises(errors.ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(client, 2)


def test_plain_connections_need_none(made: list[ssl.SSLContext]) -> None:
    with serving() as url, Monogram(url=url, key=KEY) as client:
        ask(client, 1)
    assert made == []
