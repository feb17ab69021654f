"""Music gets its name once, when it is submitted, and no response waits for a provider that is slow or unreachable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Music, Prompt, Response
from tests.functions.conftest import Providers
from tests.sdk.support import PASSWORD, new_email

LA_MER = "https://www.youtube.com/watch?v=la-mer"


@pytest.fixture
def writer(delivering: Stack) -> Iterator[tuple[Monogram, Prompt]]:
    """Somebody with a question to respond to."""
    with ExitStack() as exits:
        client = exits.enter_context(Monogram(url=delivering.api_url, key=delivering.publishable_key))
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
    # A name that the writer gave is not changed.
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


def test_only_members_can_look_music_up(delivering: Stack, providers: Providers) -> None:
    providers.asked.clear()
    status = delivering.status()
    with Monogram(url=delivering.api_url, key=delivering.publishable_key) as gone:
        gone.auth.sign_up(email=new_email("Gone"), password=PASSWORD, display_name="Gone")
        session = gone.auth.session()
        assert session is not None
        with Monogram.admin_client(url=delivering.api_url, key=delivering.secret_key) as service:
            service.admin.delete_user(session.user.id)
    keys = (delivering.publishable_key, delivering.secret_key, status.anon_key, status.service_role_key)
    for bearer in (None, *keys, session.access_token, session.access_token[:-4] + "AAAA"):
        for key in (None, delivering.publishable_key):
            headers = {"apikey": key or "", "authorization": f"Bearer {bearer}"}
            headers = {name: value for name, value in headers.items() if value not in ("", "Bearer None")}
            reply = httpx.post(f"{delivering.api_url}/functions/v1/music", json={"url": LA_MER}, headers=headers)
            assert (reply.status_code, "code" in reply.json()) == (401, True), (bearer, key)
    assert providers.asked == []
    with Monogram(url=delivering.api_url, key=delivering.publishable_key) as nobody:
        with pytest.raises(errors.NotSignedInError):
            nobody.responses.resolve_music(LA_MER)
