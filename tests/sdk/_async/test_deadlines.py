"""One deadline a call, whatever the call does; sessions that are refreshed once and never mix."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest
import trustme

from monogram_sdk import AsyncMonogram, FileSessionStorage, MemorySessionStorage, errors
from monogram_sdk._engine.process import async_sleep
from tests.sdk.support import PASSWORD, PNG, async_together, new_email
from tests.support.dripping import DRIPPED_CHUNK, DRIPPED_HEAD, WHOLE, DrippingServer
from tests.support.proxy import FaultyProxy, Request

from .conftest import AsyncPeople
from .faults import AsyncFaults


def age(storage: MemorySessionStorage) -> None:
    """Let the session in a storage run out."""
    for key, text in storage._items.items():
        storage.set_item(key, json.dumps({**json.loads(text), "expires_at": 1}))


async def test_a_call_of_several_requests_has_one_deadline(people: AsyncPeople) -> None:
    club = await people.club()
    with FaultyProxy(people.api.url, hold=0.8) as proxy:
        client = people.at(proxy.url, timeout=1.0).with_options(retries=0)
        session = await club.member.auth.session()
        assert session is not None
        await client.auth.set_session(access_token=session.access_token, refresh_token=session.refresh_token)
        # Each of the three requests alone would be in time.
        proxy.plan = lambda _request: "slow"
        started = time.monotonic()
        with pytest.raises(errors.DeadlineExceededError, match=r"the deadline is 1\."):
            await client.responses.submit(club.prompt.id, content="Slow", image=PNG)
        assert time.monotonic() - started < 2.4
        proxy.plan = lambda _request: None
    assert await club.member.responses.mine(club.prompt.id) is None


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """How a server encrypts whose certificate clients trust, because the environment says so."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_the_deadline_holds_on_encrypted_connections(tls: ssl.SSLContext) -> None:
    with DrippingServer(WHOLE, tls) as server:
        async with AsyncMonogram(url=server.url, key="sb_publishable_x") as client:
            assert await client.badges.list().all() == []
    with DrippingServer(DRIPPED_HEAD, tls) as server:
        async with AsyncMonogram(url=server.url, key="sb_publishable_x", timeout=0.6) as client:
            with pytest.raises(errors.DeadlineExceededError, match=r"the deadline is 0\.6 s"):
                await client.badges.list().all()
        assert server.sent > len(DRIPPED_HEAD) + 2, "it was still sending"


@pytest.mark.parametrize("beginning", [DRIPPED_HEAD, DRIPPED_CHUNK], ids=["head", "chunk"])
async def test_a_server_that_drips_does_not_outlast_the_deadline(beginning: bytes) -> None:
    with DrippingServer(beginning) as server:
        async with AsyncMonogram(url=server.url, key="sb_publishable_x", timeout=0.6) as client:
            started = time.monotonic()
            with pytest.raises(errors.DeadlineExceededError, match=r"the deadline is 0\.6 s"):
                await client.badges.list().all()
            assert time.monotonic() - started < 2.4
        assert server.sent > len(beginning) + 2, "it was still sending"


async def test_the_deadline_holds_over_a_transport_of_the_programs() -> None:
    class Sleeping(httpx.AsyncBaseTransport):
        """Knows nothing of timeouts."""

        async def handle_async_request(self, _request: httpx.Request) -> httpx.Response:
            await async_sleep(5)
            raise AssertionError("nobody waits for this")

    async def too_late(url: str, transport: httpx.AsyncBaseTransport) -> None:
        async with AsyncMonogram(url=url, key="sb_publishable_x", timeout=0.6, transport=transport) as client:
            started = time.monotonic()
            with pytest.raises(errors.DeadlineExceededError, match=r"the deadline is 0\.6 s"):
                await client.badges.list().all()
            assert time.monotonic() - started < 2.4

    await too_late("http://127.0.0.1:9", Sleeping())
    for beginning in (DRIPPED_HEAD, DRIPPED_CHUNK):
        with DrippingServer(beginning) as server:
            async with httpx.AsyncHTTPTransport() as transport:
                await too_late(server.url, transport)


async def test_the_deadline_holds_while_a_host_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        over.wait(5)
        raise socket.gaierror("nobody knows")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = AsyncMonogram(url="http://slow.example", key="sb_publishable_x", timeout=0.6)
    try:
        started = time.monotonic()
        with pytest.raises(errors.DeadlineExceededError, match=r"the deadline is 0\.6 s"):
            await client.badges.list().all()
        assert time.monotonic() - started < 2.4
    finally:
        over.set()
        await client.aclose()


async def test_waiting_for_somebody_elses_refresh_counts(people: AsyncPeople) -> None:
    storage = MemorySessionStorage()
    with FaultyProxy(people.api.url, hold=1.5) as proxy:
        key = people.api.publishable_key
        async with AsyncMonogram(url=proxy.url, key=key, session_storage=storage) as first:
            await first.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        age(storage)
        async with AsyncMonogram(url=proxy.url, key=key, session_storage=storage, timeout=0.6, retries=0) as client:
            proxy.plan = lambda request: "slow" if request.path == "/auth/v1/token" else None

            async def balance() -> type[Exception] | None:
                try:
                    await client.tokens.balance()
                except errors.DeadlineExceededError as error:
                    return type(error)
                return None

            started = time.monotonic()
            assert await async_together(4, balance) == [errors.DeadlineExceededError] * 4
            assert time.monotonic() - started < 2.4
            assert proxy.count("GET /rest/v1/users") == 0


async def test_a_write_that_got_a_reply_is_uncertain_when_the_rest_of_its_call_fails(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    club = await people.club(faults=faults)
    response = await club.member.responses.submit(club.prompt.id, content="Dune", image=PNG)
    # Reading the response, deleting it, deleting its image.
    faults.then("ok", "ok", *["unsent"] * 4)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await club.member.responses.delete(response.id)
    assert caught.value.uncertain
    assert await club.member.responses.mine(club.prompt.id) is None


async def test_reads_are_never_uncertain(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    ada = await people.sign_up("Ada", faults=faults, retries=0)
    faults.then("lost")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await ada.tokens.balance()
    assert not caught.value.uncertain


async def test_a_login_page_is_not_a_reply(people: AsyncPeople) -> None:
    with FaultyProxy(people.api.url) as proxy:
        client = people.at(proxy.url, timeout=5)
        await client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        pages = ["login page"]
        proxy.plan = lambda _request: pages.pop() if pages else None
        assert await client.tokens.balance() == 0, "asked again"
        proxy.plan = lambda _request: "login page"
        with pytest.raises(errors.InvalidReplyError, match="not a list but text/html") as caught:
            await client.spaces.create(name="Airport")
        assert caught.value.uncertain and caught.value.path == "/rest/v1/spaces"


async def test_two_programs_share_a_file_and_refresh_in_turns(people: AsyncPeople, tmp_path: Path) -> None:
    key, path = people.api.publishable_key, tmp_path / "session.json"
    with FaultyProxy(people.api.url) as proxy:

        def program() -> AsyncMonogram:
            return AsyncMonogram(url=proxy.url, key=key, session_storage=FileSessionStorage(path))

        async with program() as first:
            await first.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        items = json.loads(path.read_text())
        path.write_text(json.dumps({name: json.dumps({**json.loads(t), "expires_at": 1}) for name, t in items.items()}))
        async with program() as one, program() as two:
            # Both have the old session in memory before either gets a new one.
            await one.auth._sessions._store.load()
            await two.auth._sessions._store.load()
            assert await one.tokens.balance() == await two.tokens.balance() == 0
            assert await one.auth.session() == await two.auth.session()
        assert proxy.count("POST /auth/v1/token") == 1


async def test_clients_of_people_and_of_services_never_mix(people: AsyncPeople) -> None:
    seen: list[tuple[str, str]] = []

    class Listening(AsyncFaults):
        """Notes who a request is from."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append((request.headers["apikey"], request.headers.get("authorization", "")))
            return await super().handle_async_request(request)

    wire, api = Listening(), people.api
    async with (
        AsyncMonogram(url=api.url, key=api.publishable_key, transport=wire) as ada,
        AsyncMonogram(url=api.url, key=api.publishable_key, transport=wire) as boris,
        AsyncMonogram.admin_client(url=api.url, key=api.secret_key, transport=wire) as service,
    ):
        await ada.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        await boris.auth.sign_up(email=new_email("boris"), password=PASSWORD)
        sessions = [await ada.auth.session(), await boris.auth.session()]
        seen.clear()
        calls = iter([ada.profiles.get, boris.profiles.get, service.admin.outbox_state] * 10)
        await async_together(30, lambda: next(calls)())
    tokens = [f"Bearer {session.access_token}" for session in sessions if session]
    assert set(seen) == {*((api.publishable_key, token) for token in tokens), (api.secret_key, "")}
    assert len(seen) == 30
    await wire.aclose()


async def test_a_deadline_ends_before_anything_more_is_sent(people: AsyncPeople) -> None:
    with FaultyProxy(people.api.url, hold=0.7) as proxy:
        client = people.at(proxy.url, timeout=0.5)

        def plan(request: Request) -> str | None:
            return "late" if request.method == "GET" else None

        proxy.plan = plan
        with pytest.raises(errors.DeadlineExceededError):
            await client.spaces.list_public().first_page()
        assert proxy.count("GET /rest/v1/spaces") <= 3
