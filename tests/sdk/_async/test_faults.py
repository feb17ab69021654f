"""Thousands of calls over a network that fails at every point: nothing is lost, nothing happens twice.

If a call returned, its change was made exactly once. If it raised, it was not made, or the error says so.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4
from zoneinfo import available_timezones

import pytest

from monogram_sdk import AsyncMonogram, MonogramError, StoreItemKind, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Space, StoreItem
from tests.sdk.effects import NATURAL, Effects, outcome_of, pair, recorded, summary
from tests.sdk.support import PASSWORD, PNG, AsyncThunk, async_together, new_email
from tests.support.proxy import FAULTS, EveryFault, FaultyProxy

from .conftest import AsyncPeople

T = TypeVar("T")

# A first attempt waits for half of it; what the proxy holds back comes after that.
TIMEOUT, HOLD = 1.2, 0.7


class AsyncWalker:
    """A person who does what people do, and notes what each call said."""

    def __init__(self, client: AsyncMonogram, email: str, effects: Effects) -> None:
        self.client = client
        self.email = email
        self.effects = effects
        self.me = uuid4()
        self.friend = self.me
        self.open_spaces: list[Space] = []
        self.items: list[StoreItem] = []
        self._joined: list[Space] = []
        self._answers: dict[UUID, list[UUID]] = {}
        self._numbers = iter(range(2, 10_000))
        self._timezones = random.sample(
            sorted(name for name in available_timezones() if name.startswith("Europe/")), 20
        )

    async def walk(self, rounds: int) -> None:
        """Do everything, several times."""
        for _ in range(rounds):
            await self.found_and_publish()
            await self.spend_and_visit()

    async def clean_up(self) -> None:
        """Undo what has been done: leave, delete. For a time at which the network holds nothing back any more."""
        for space in self._joined:
            await self._do("leave", pair(space.id, self.me), partial(self.client.spaces.leave, space.id))
        for number, (own, answers) in enumerate(self._answers.items()):
            if number % 2:
                await self._do("delete space", str(own), partial(self.client.spaces.delete, own))
                continue
            for answer in answers:
                await self._do("delete response", str(answer), partial(self.client.responses.delete, answer))

    async def found_and_publish(self) -> None:
        """Found a space and bring its first newsletter out."""
        client = self.client
        space = None
        while space is None:
            tag = f"{self.me.hex[:8]} {uuid4().hex[:12]}"
            space = await self._do("create space", tag, partial(client.spaces.create, name=tag))
        self._answers[space.id] = []
        first = await self._do("prompt", tag, lambda: client.prompts.create(space.id, question=tag))
        second = await self._do("prompt", f"{tag} 2", lambda: client.prompts.create(space.id, question=f"{tag} 2"))
        await self._do("prompt", f"{tag} 3", lambda: client.prompts.create_many(space.id, [f"{tag} 3", f"{tag} 4"]))
        await self._do("publish prompts", str(space.id), lambda: client.prompts.publish(space.id))
        if first is not None:
            answer = await self._do(
                "submit image", tag, lambda: client.responses.submit(first.id, content=tag, image=PNG)
            )
            if answer is not None:
                await self._do("read", None, lambda: client.responses.image_bytes(answer.image_path or ""))
                await self._do("select", str(answer.id), lambda: client.responses.select(space.id, [answer.id]))
        if second is not None:
            key = pair(second.id, self.me)
            draft = await self._do("draft", key, lambda: client.responses.draft(second.id, content=tag))
            if draft is not None:
                await self._do("edit", f"{tag} c", lambda: client.responses.edit(draft.id, content=f"{tag} c"))
                self._answers[space.id].append(draft.id)
        uses = next(self._numbers)
        await self._do("invite", f"{space.id} {uses}", lambda: client.spaces.create_invite(space.id, max_uses=uses))
        await self._do("read", None, lambda: client.spaces.week(space.id))
        newsletter = await self._do("generate newsletter", str(space.id), lambda: client.newsletters.generate(space.id))
        if newsletter is not None:
            await self._do("publish newsletter", str(space.id), lambda: client.newsletters.publish(newsletter.id))
        await self._do("read", None, lambda: client.newsletters.list(space.id).all())

    async def spend_and_visit(self) -> None:
        """Give, buy, join, change what is one's own, and look around."""
        client = self.client
        for _ in range(3):
            tag = uuid4().hex
            await self._do("gift", tag, partial(client.tokens.gift, self.friend, amount=1, message=tag))
        item, space = self.items.pop(), self.open_spaces.pop()
        await self._do("purchase", pair(self.me, item.id), lambda: client.store.purchase(item.id))
        if await self._do("join", pair(space.id, self.me), lambda: client.spaces.join(space.id)) is not None:
            self._joined.append(space)
        zone, bio = self._timezones.pop(), uuid4().hex
        await self._do("timezone", f"{self.me} {zone}", lambda: client.settings.update(timezone=zone))
        await self._do("bio", bio, lambda: client.profiles.update(bio=bio))
        await self._mark_read()
        await self._set_avatar()
        await self._do("read", None, lambda: client.tokens.balance())
        await self._do("read", None, lambda: client.tokens.statement(page_size=20).first_page())
        await self._do("read", None, lambda: client.spaces.list().all())
        await self._do("read", None, lambda: client.badges.progress())
        await self._do("write", None, lambda: client.auth.refresh())

    async def _mark_read(self) -> None:
        # What comes meanwhile may stay unread, and so may what was being written when the call began.
        before = datetime.now(UTC) - timedelta(seconds=2)
        try:
            await self.client.notifications.mark_read()
        except MonogramError as error:
            self.effects.note("mark read", None, error)
            return
        self.effects.note("mark read", f"{self.me} {before.isoformat()}", None)

    async def _set_avatar(self) -> None:
        told = self.effects.avatars.setdefault(self.me, Counter())
        try:
            profile = await self.client.profiles.set_avatar(PNG)
        except MonogramError as error:
            told[outcome_of(error)] += 1
            self.effects.note("avatar", None, error)
            return
        told[outcome_of(None)] += 1
        self.effects.note("avatar", profile.avatar_path, None)

    async def _do(self, kind: str, key: str | None, call: AsyncThunk[T]) -> T | None:
        """Make a call and note what it said; return its result, or ``None`` when it raised."""
        try:
            answer = await call()
        except MonogramError as error:
            self.effects.note(kind, key, error)
            if isinstance(error, errors.SessionExpiredError):
                await self._sign_in()
            return None
        self.effects.note(kind, key, None)
        return answer

    async def _sign_in(self) -> None:
        for _ in range(20):
            try:
                await self.client.auth.sign_in_with_password(email=self.email, password=PASSWORD)
            except errors.InvalidCredentialsError:
                raise
            except MonogramError:
                continue
            return


class AsyncScenario:
    """People on a faulty network, and what they need: others who are on a good one."""

    def __init__(self, stack: Stack, people: AsyncPeople, proxy: FaultyProxy) -> None:
        self._stack = stack
        self._people = people
        self._proxy = proxy
        self.effects = Effects()
        self.walkers: list[AsyncWalker] = []

    async def populate(self, count: int, rounds: int) -> None:
        """Make people with some tokens, and for each round of each of them a space to join and a thing to buy."""
        host, service = await self._people.sign_up("Host"), self._people.service()
        club = await host.spaces.create(name="Club", is_public=True)
        prompt = await host.prompts.create(club.id, question="Who are you?")
        await host.prompts.publish(club.id)
        kind, times = StoreItemKind.THEME, range(rounds or 1)
        items = [await service.store.create_item(code=uuid4().hex, name="Thing", kind=kind, price=1) for _ in times]
        for number in range(count):
            client, email = self._people.at(self._proxy.url, timeout=TIMEOUT), new_email(f"walker{number}")
            walker = AsyncWalker(client, email, self.effects)
            walker.me = (await client.auth.sign_up(email=email, password=PASSWORD)).user.id
            await client.spaces.join(club.id)
            await client.responses.submit(prompt.id, content="A walker.")
            walker.items = list(items)
            walker.open_spaces = [await host.spaces.create(name="Open", is_public=True) for _ in times]
            self.walkers.append(walker)
        for walker, friend in zip(self.walkers, self.walkers[1:] + self.walkers[:1], strict=True):
            walker.friend = friend.me

    async def run(self, rounds: int, plan: EveryFault) -> None:
        """Let everybody do everything (or each one half of it, for less than a round), and then let them undo it.

        Each time compare what they were told and what is.

        Raises:
            AssertionError: The two differ.
        """
        self._proxy.plan = plan
        walks: list[AsyncThunk[None]] = [partial(walker.walk, rounds) for walker in self.walkers]
        if not rounds:
            walks = [walker.found_and_publish for walker in self.walkers[::2]]
            walks += [walker.spend_and_visit for walker in self.walkers[1::2]]
        walking, cleaning = iter(walks), iter(self.walkers)
        await async_together(len(walks), lambda: next(walking)())
        self._compare()
        self.effects.told.clear()
        await async_together(len(self.walkers), lambda: next(cleaning).clean_up())
        self._compare()

    def _compare(self) -> None:
        self._proxy.drain()
        people = [walker.me for walker in self.walkers]
        found = self.effects.contradictions(self._stack.db_url, people)
        assert found == [], "\n".join([summary(self.effects), *found])


async def run(stack: Stack, people: AsyncPeople, *, walkers: int, rounds: int) -> tuple[Effects, FaultyProxy]:
    """Run the story with one of the clients; return its log, and the proxy."""
    seed = random.randrange(10**9)
    with recorded(stack.db_url), FaultyProxy(stack.api_url, hold=HOLD) as proxy:
        scenario = AsyncScenario(stack, people, proxy)
        await scenario.populate(walkers, rounds)
        await scenario.run(rounds, EveryFault(seed, NATURAL))
        print(summary(scenario.effects))  # noqa: T201
        return scenario.effects, proxy


async def test_calls_over_a_faulty_network_happen_once_or_say_so(stack: Stack, people: AsyncPeople) -> None:
    effects, proxy = await run(stack, people, walkers=8, rounds=0)
    assert effects.count() >= 100
    assert len({fault for _, fault in proxy.met}) > len(FAULTS) // 2, "chance decides which; the long test meets all"


@pytest.mark.long
async def test_a_thousand_calls_meet_every_fault_at_every_point(stack: Stack, people: AsyncPeople) -> None:
    effects, proxy = await run(stack, people, walkers=10, rounds=4)
    assert effects.count() >= 1_000
    plan = EveryFault(0, NATURAL)
    missed = {
        (point, fault)
        for point, times in proxy.requests.items()
        if times >= 4 * len(FAULTS)
        for fault in plan.faults_of(point)
        if not proxy.met[point, fault]
    }
    assert missed == set()
