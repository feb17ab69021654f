"""People with clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from monogram_sdk import AsyncMonogram, SessionStorage
from monogram_sdk.models import Prompt, Space
from tests.conftest import Api
from tests.sdk.support import PASSWORD, new_email

from .faults import AsyncFaults


@dataclass
class AsyncClub:
    """A space with a leader who curates, a member, and a published prompt; and a stranger."""

    space: Space
    prompt: Prompt
    leader: AsyncMonogram
    member: AsyncMonogram
    stranger: AsyncMonogram


class AsyncPeople:
    """Makes clients of people, and closes them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._clients: list[AsyncMonogram] = []
        self._faults: list[AsyncFaults] = []

    def nobody(self) -> AsyncMonogram:
        """Return a client on which nobody has signed in."""
        return self._keep(AsyncMonogram(url=self.api.url, key=self.api.publishable_key))

    def sharing(self, storage: SessionStorage) -> AsyncMonogram:
        """Return a client with the session in a storage."""
        return self._keep(
            AsyncMonogram(url=self.api.url, key=self.api.publishable_key, session_storage=storage, retries=0)
        )

    def at(self, url: str, *, timeout: float) -> AsyncMonogram:
        """Return a client that reaches the project at another address."""
        return self._keep(AsyncMonogram(url=url, key=self.api.publishable_key, timeout=timeout))

    def service(self) -> AsyncMonogram:
        """Return a client with a secret key."""
        return self._keep(AsyncMonogram.admin_client(url=self.api.url, key=self.api.secret_key))

    async def sign_up(self, name: str = "Ada", *, faults: AsyncFaults | None = None, retries: int = 3) -> AsyncMonogram:
        """Return the client of a new person."""
        if faults is not None:
            self._faults.append(faults)
        client = self._keep(
            AsyncMonogram(url=self.api.url, key=self.api.publishable_key, transport=faults, retries=retries)
        )
        await client.auth.sign_up(email=new_email(name), password=PASSWORD, display_name=name)
        return client

    async def club(self, *, faults: AsyncFaults | None = None) -> AsyncClub:
        """Found a space; `faults` is the member's network."""
        leader = await self.sign_up("Ada")
        member = await self.sign_up("Boris", faults=faults)
        space = await leader.spaces.create(name="Test Book Club")
        invite = await leader.spaces.create_invite(space.id, max_uses=1)
        await member.spaces.join(invite_code=invite.code)
        prompt = await leader.prompts.create(space.id, question="What did you read?")
        await leader.prompts.publish(space.id)
        return AsyncClub(space, prompt, leader, member, await self.sign_up("Sam"))

    async def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            await client.aclose()
        for faults in self._faults:
            await faults.aclose()

    def _keep(self, client: AsyncMonogram) -> AsyncMonogram:
        self._clients.append(client)
        return client


@pytest.fixture
async def people(api: Api) -> AsyncIterator[AsyncPeople]:
    """The people of a test."""
    people = AsyncPeople(api)
    yield people
    await people.close()


@pytest.fixture
async def club(people: AsyncPeople) -> AsyncClub:
    """A space with people in it."""
    return await people.club()
