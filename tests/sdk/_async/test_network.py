"""A network that fails: nothing is lost, nothing happens twice, every failure has a type."""

from __future__ import annotations

import gzip
import logging
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from monogram_sdk import AsyncMonogram, errors
from monogram_sdk.models import MembershipRole
from tests.sdk.support import PNG

from .conftest import AsyncPeople
from .faults import AsyncFaults


@pytest.fixture
def faults() -> AsyncFaults:
    """A network to spoil."""
    return AsyncFaults()


async def test_reads_are_tried_again(people: AsyncPeople, faults: AsyncFaults) -> None:
    ada = await people.sign_up("Ada", faults=faults)
    for script in (("unsent", "lost", 429), (502, 503, 504)):
        faults.then(*script)
        assert await ada.tokens.balance() == 0
        assert len(faults.paths) == 4, "each of them was tried again"


async def test_lost_replies_to_inserts_make_nothing_twice(people: AsyncPeople, faults: AsyncFaults) -> None:
    ada = await people.sign_up("Ada", faults=faults)
    faults.then("lost", "lost")
    space = await ada.spaces.create(name="Once")
    assert [one.id for one in await ada.spaces.list().all()] == [space.id]
    faults.then("lost")
    prompt = await ada.prompts.create(space.id, question="What?", order=1)
    faults.then("lost")
    more = await ada.prompts.create_many(space.id, ["Who?", "Where?"])
    listed = await ada.prompts.list(space.id).all()
    assert [one.id for one in listed] == [prompt.id, *(one.id for one in more)]
    faults.then("lost")
    await ada.prompts.publish(space.id)
    # Reading the prompt, uploading the image (twice), inserting the response (twice), reading it back.
    faults.then("ok", "lost", "ok", "lost")
    response = await ada.responses.submit(prompt.id, content="Here", image=PNG)
    assert response.image_path is not None
    assert await ada.responses.image_bytes(response.image_path) == PNG
    assert [one.id for one in await ada.responses.list(space.id).all()] == [response.id]
    faults.then("lost")
    assert (await ada.responses.edit(response.id, content="There")).content == "There"
    faults.then("ok", "lost")
    await ada.responses.delete(response.id)
    faults.then("lost")
    await ada.spaces.delete(space.id)
    assert await ada.spaces.list().all() == []


async def test_lost_replies_to_commands_do_nothing_twice(people: AsyncPeople, faults: AsyncFaults) -> None:
    club = await people.club(faults=faults)
    await club.member.responses.submit(club.prompt.id, content="Dune")
    before = await club.member.tokens.balance()
    faults.then("lost", 502, "lost")
    gift = await club.member.tokens.gift(club.space.leader_id, amount=7)
    assert [one.id for one in await club.member.tokens.gifts_sent().all()] == [gift.id]
    item = await club.member.store.items().first()
    assert item is not None
    faults.then("lost")
    purchase = await club.member.store.purchase(item.id)
    assert [one.id for one in await club.member.store.purchases().all()] == [purchase.id]
    assert await club.member.tokens.balance() == before - 7 - item.price

    await club.leader.spaces.set_member_role(club.space.id, (await club.member.profiles.get()).id, MembershipRole.ADMIN)
    faults.then("lost", 502)
    invite = await club.member.spaces.create_invite(club.space.id, max_uses=1)
    assert [one.max_uses async for one in club.member.spaces.invites(club.space.id)] == [1, 1], "the club's, and this"
    assert (await club.stranger.spaces.join(invite_code=invite.code)).space_id == club.space.id

    public = await club.stranger.spaces.create(name="Open House", is_public=True)
    faults.then("lost")
    assert (await club.member.spaces.join(public.id)).space_id == public.id
    faults.then("lost")
    await club.member.spaces.leave(public.id)
    faults.then("lost")
    await club.member.settings.delete()
    faults.then("lost")
    assert await club.member.notifications.mark_read() == 0


async def test_leaders_commands_survive_lost_replies(people: AsyncPeople, faults: AsyncFaults) -> None:
    club = await people.club()
    member_id, stranger_id = (await club.member.profiles.get()).id, (await club.stranger.profiles.get()).id
    await club.leader.spaces.transfer_leadership(club.space.id, member_id)
    heir = await people.sign_up("Heir", faults=faults)
    invite = await club.member.spaces.create_invite(club.space.id, max_uses=2)
    await heir.spaces.join(invite_code=invite.code)
    await club.stranger.spaces.join(invite_code=invite.code)
    heir_id = (await heir.profiles.get()).id
    await club.member.spaces.transfer_leadership(club.space.id, heir_id)
    faults.then("lost")
    await heir.spaces.remove_member(club.space.id, stranger_id)
    faults.then("lost")
    assert (await heir.spaces.assign_curator(club.space.id, member_id)).curator_id == member_id
    draft = await heir.newsletters.generate(club.space.id)
    faults.then("lost")
    assert (await heir.newsletters.publish(draft.id)).is_published
    assert (await heir.spaces.get(club.space.id)).current_week == 2
    faults.then("lost")
    assert (await heir.spaces.transfer_leadership(club.space.id, member_id)).leader_id == member_id


async def test_what_cannot_be_repeated_is_not(people: AsyncPeople, faults: AsyncFaults) -> None:
    api = people.api
    async with AsyncMonogram.admin_client(url=api.url, key=api.secret_key, transport=faults) as service:
        faults.then("unsent")
        await service.admin.claim_jobs("test", limit=0)
        for fault in ("lost", 502, 503, 504):
            faults.then(fault)
            with pytest.raises((errors.ConnectionFailedError, errors.ServerError)) as caught:
                await service.admin.claim_jobs("test", limit=0)
            assert caught.value.uncertain
            assert len(faults.paths) == 1
    await faults.aclose()


async def test_a_refusal_is_a_refusal_also_after_a_lost_reply(people: AsyncPeople, faults: AsyncFaults) -> None:
    club = await people.club(faults=faults)
    await club.member.responses.submit(club.prompt.id, content="First")
    faults.then("lost")
    with pytest.raises(errors.ResponseExistsError) as caught:
        await club.member.responses.submit(club.prompt.id, content="Second")
    assert caught.value.uncertain


async def test_a_refresh_that_fails_says_nothing_of_the_request_before_it(
    people: AsyncPeople, faults: AsyncFaults
) -> None:
    ada = await people.sign_up("Ada", faults=faults, retries=1)
    # The insert is carried out and its reply lost. When it is sent again, the token is refused and cannot be replaced.
    faults.then("lost", 401, "unsent", "unsent")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await ada.spaces.create(name="Perhaps")
    assert caught.value.uncertain
    assert faults.paths[-1] == "/auth/v1/token"
    assert [one.name for one in await ada.spaces.list().all()] == ["Perhaps"]
    # Nothing was carried out, whatever became of the refresh.
    faults.then(401, "lost", "unsent")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await ada.spaces.create(name="Never")
    assert not caught.value.uncertain


async def test_patience_has_an_end(people: AsyncPeople, faults: AsyncFaults) -> None:
    ada = await people.sign_up("Ada", faults=faults, retries=2)
    faults.then(*["unsent"] * 9)
    with pytest.raises(errors.ConnectionFailedError) as refused:
        await ada.tokens.balance()
    assert len(faults.paths) == 3
    assert isinstance(refused.value.__cause__, httpx.ConnectError)
    assert (refused.value.method, refused.value.path) == ("GET", "/rest/v1/users")
    faults.then(*[502] * 9)
    with pytest.raises(errors.ServerError, match="a proxy's page"):
        await ada.tokens.balance()
    faults.then(502)
    with pytest.raises(errors.ServerError):
        await ada.with_options(retries=0).tokens.balance()
    assert await ada.tokens.balance() == 0


async def test_the_server_says_when_to_come_back(people: AsyncPeople, faults: AsyncFaults) -> None:
    ada = await people.sign_up("Ada", faults=faults)
    faults.retry_after = "1"
    faults.then(429)
    started = time.monotonic()
    await ada.tokens.balance()
    assert time.monotonic() - started >= 1
    faults.retry_after = "3600"
    faults.then(429)
    with pytest.raises(errors.RateLimitError) as caught:
        await ada.tokens.balance()
    assert caught.value.retry_after == 3600
    assert len(faults.paths) == 1, "that is after the deadline"


async def test_one_deadline_covers_all_attempts(people: AsyncPeople) -> None:
    class Silent(AsyncFaults):
        """Sends the headers, and then the body byte by byte."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.paths.append(request.url.path)
            return httpx.Response(200, stream=AsyncDrip())

    silent = Silent()
    client = AsyncMonogram(url=people.api.url, key=people.api.publishable_key, transport=silent, timeout=0.5)
    started = time.monotonic()
    with pytest.raises(errors.DeadlineExceededError, match=r"0\.5 s"):
        await client.badges.list().all()
    assert time.monotonic() - started < 5
    await client.aclose()
    await silent.aclose()


class AsyncDrip(httpx.AsyncByteStream):
    """A body that never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "


async def test_compressed_replies_are_decompressed(people: AsyncPeople) -> None:
    class Packing(AsyncFaults):
        """Replies with a compressed body."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert "gzip" in request.headers["accept-encoding"]
            return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=AsyncPacked())

    packing = Packing()
    async with AsyncMonogram(url=people.api.url, key=people.api.publishable_key, transport=packing) as client:
        assert await client.badges.list().all() == []
    await packing.aclose()


class AsyncPacked(httpx.AsyncByteStream):
    """An empty list, packed."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield gzip.compress(b"[]")


async def test_options_make_another_client_that_shares_the_rest(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    hurried = ada.with_options(timeout=5, retries=0)
    assert await hurried.profiles.get() == await ada.profiles.get()
    await hurried.aclose()
    await hurried.auth.sign_out()
    assert await ada.auth.session() is None
    with pytest.raises(errors.ConfigError, match="timeout"):
        ada.with_options(timeout=0)
    with pytest.raises(errors.ConfigError, match="retries"):
        ada.with_options(retries=-1)


async def test_a_closed_client_says_so(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    await ada.aclose()
    with pytest.raises(errors.ClientClosedError):
        await ada.tokens.balance()


async def test_the_log_has_a_line_an_attempt_and_no_secrets(
    people: AsyncPeople, faults: AsyncFaults, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await people.sign_up("Ada", faults=faults)
    session = await ada.auth.session()
    assert session is not None
    faults.then(503, "unsent")
    with caplog.at_level(logging.DEBUG, logger="monogram_sdk"):
        await ada.tokens.balance()
    lines = [record.getMessage() for record in caplog.records if record.name == "monogram_sdk"]
    assert [line.split(" ")[:3] for line in lines] == [
        ["GET", "/rest/v1/users", "503"],
        ["GET", "/rest/v1/users", "ConnectError"],
        ["GET", "/rest/v1/users", "200"],
    ]
    assert "attempt 3" in lines[2]
    assert people.api.publishable_key not in caplog.text
    assert session.access_token not in caplog.text
    assert "Bearer" not in repr(ada) and people.api.publishable_key not in repr(ada)


async def test_a_project_without_our_tables_is_named(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    with pytest.raises(errors.MigrationsMissingError):
        await ada.spaces._rpc(int, "no_such_function", {})
    with pytest.raises(errors.AuthenticationError):
        async with AsyncMonogram(url=people.api.url, key="sb_publishable_wrong") as client:
            await client.badges.list().all()
