"""Music gets its name once, when it is handed in, and no answer waits for a provider that is slow or gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk.local.stack import Stack
from monogram_sdk.models import Music, Prompt, Response
from tests.sdk.support import PASSWORD, new_email

LA_MER = "https://www.youtube.com/watch?v=la-mer"


class Providers(ThreadingHTTPServer):
    """Stands in for all providers of music."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []
        self.is_broken = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Providers

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(500 if self.server.is_broken else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"title": "La mer", "author_name": "Charles Trenet - Topic"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    """A server that answers as providers do."""
    with Providers() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def musical(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose functions ask that server."""
    folder: Path = tmp_path_factory.mktemp("musical")
    environment = {"MUSIC_PROVIDERS_FOR_TESTS": providers.url}
    options = {"bcrypt_cost": 4}
    with Stack(folder, seed=False, durable=False, function_environment=environment, server_options=options) as stack:
        yield stack


@pytest.fixture
def writer(musical: Stack) -> Iterator[tuple[Monogram, Prompt]]:
    """Somebody with a question to answer."""
    with ExitStack() as exits:
        client = exits.enter_context(Monogram(url=musical.api_url, key=musical.publishable_key))
        client.auth.sign_up(email=new_email("Ada"), password=PASSWORD, display_name="Ada")
        space = client.spaces.create(name="Listeners")
        client.prompts.create(space.id, question="Which song?")
        yield client, client.prompts.publish(space.id)[0]


def test_a_bare_address_gets_a_name_once(writer: tuple[Monogram, Prompt], providers: Providers) -> None:
    client, prompt = writer
    providers.asked.clear()
    response: Response = client.responses.draft(prompt.id, music=LA_MER)
    named = Music(url=LA_MER, provider="YouTube", title="La mer", artist="Charles Trenet")
    assert response.music == named
    assert client.responses.publish(response.id).music == named
    assert len(providers.asked) == 1
    assert providers.asked[0].startswith("/www.youtube.com/oembed?format=json&url=https%3A%2F%2Fwww.youtube.com")
    # Who names it already is not corrected.
    own = Music(url=LA_MER, title="The sea")
    assert client.responses.edit(response.id, music=own).music == own
    assert len(providers.asked) == 1


def test_a_provider_that_fails_costs_the_name(writer: tuple[Monogram, Prompt], providers: Providers) -> None:
    client, prompt = writer
    providers.is_broken = True
    try:
        assert client.responses.submit(prompt.id, music=LA_MER).music == Music(url=LA_MER, provider="YouTube")
    finally:
        providers.is_broken = False


def test_addresses_elsewhere_stay_as_they_are(writer: tuple[Monogram, Prompt], providers: Providers) -> None:
    client, _ = writer
    providers.asked.clear()
    assert client.responses.resolve_music("https://example.org/x") == Music(url="https://example.org/x")
    assert providers.asked == []
    with pytest.raises(errors.InvalidValueError):
        client.responses.resolve_music("file:///etc/passwd")


def test_strangers_cannot_use_it_as_a_relay(musical: Stack, providers: Providers) -> None:
    providers.asked.clear()
    answer = httpx.post(f"{musical.api_url}/functions/v1/music", json={"url": LA_MER})
    assert answer.status_code == 401
    assert providers.asked == []
    with Monogram(url=musical.api_url, key=musical.publishable_key) as nobody:
        with pytest.raises(errors.NotSignedInError):
            nobody.responses.resolve_music(LA_MER)
