"""People and spaces for tests: what the fixtures of `monogram_sdk.testing` return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID

from monogram_sdk._addresses import address_of
from monogram_sdk.models import Prompt, RotationType, Space

from .client import AsyncMonogram

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class AsyncPerson:
    """A person with an account, who is signed in.

    Attributes:
        client: Their client.
        id: The id of the person.
        name: The name that others see.
        email: Their address; emails to it are in the stack's mailbox.
        password: Their password.
    """

    client: AsyncMonogram
    id: UUID
    name: str
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AsyncGroup:
    """A space and the people in it.

    Attributes:
        space: The space.
        leader: The person who founded it, leads it and is the curator of week 1.
        members: The others, in the order in which they joined.
        prompts: The prompts that are published.
    """

    space: Space
    leader: AsyncPerson
    members: tuple[AsyncPerson, ...]
    prompts: tuple[Prompt, ...]

    @property
    def everybody(self) -> tuple[AsyncPerson, ...]:
        """The leader and the members."""
        return (self.leader, *self.members)


class AsyncTestbed:
    """A project that holds only what the test puts into it, and clients for the people of the test.

    Closing it closes all their clients.

    Args:
        url: The project's URL.
        publishable_key: Its publishable key.
        secret_key: Its secret key.
    """

    __test__ = False  # It is not a test class, although its name begins with "Test".

    def __init__(self, *, url: str, publishable_key: str, secret_key: str) -> None:
        self.url = url
        self.publishable_key = publishable_key
        self.secret_key = secret_key
        self._clients: list[AsyncMonogram] = []

    def nobody(self) -> AsyncMonogram:
        """Return a client on which nobody has signed in."""
        return self._keep(AsyncMonogram(url=self.url, key=self.publishable_key))

    def service(self) -> AsyncMonogram:
        """Return a client with the secret key."""
        return self._keep(AsyncMonogram.admin_client(url=self.url, key=self.secret_key))

    async def person(self, name: str = "Ada", *, email: str | None = None, password: str = PASSWORD) -> AsyncPerson:
        """Create an account and sign in.

        Args:
            name: The name that others see.
            email: Their address; made of the name unless given, whatever the name is written in.
            password: Their password.

        Raises:
            UserExistsError: Somebody in this test has this address.
        """
        address = email or address_of(name)
        client = self.nobody()
        account = await client.auth.sign_up(email=address, password=password, display_name=name)
        return AsyncPerson(client, account.user.id, name, address, password)

    async def space(
        self,
        *members: str,
        leader: str = "Ada",
        name: str = "Test Book Club",
        prompts: Sequence[str] = (),
        rotation_type: RotationType = RotationType.ROUND_ROBIN,
        is_public: bool = False,
    ) -> AsyncGroup:
        """Create a space and new people in it.

        Args:
            members: The names of those who join, in this order. A second space in a test needs other names.
            leader: The name of the founder, also another one for each space.
            name: The space's name.
            prompts: Questions that the leader publishes for week 1.
            rotation_type: How the curator changes from week to week.
            is_public: Whether anybody may join without an invite.

        Raises:
            UserExistsError: Somebody in this test, or in the seed, has one of the names.
        """
        founder = await self.person(leader)
        space = await founder.client.spaces.create(name=name, rotation_type=rotation_type, is_public=is_public)
        people: list[AsyncPerson] = []
        if members:
            invite = await founder.client.spaces.create_invite(space.id, max_uses=len(members))
            for member in members:
                person = await self.person(member)
                await person.client.spaces.join(invite_code=invite.code)
                people.append(person)
        published: Sequence[Prompt] = ()
        if prompts:
            await founder.client.prompts.create_many(space.id, prompts)
            published = await founder.client.prompts.publish(space.id)
        return AsyncGroup(space, founder, tuple(people), tuple(published))

    async def aclose(self) -> None:
        """Close the clients of all people."""
        while self._clients:
            await self._clients.pop().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _keep(self, client: AsyncMonogram) -> AsyncMonogram:
        self._clients.append(client)
        return client
