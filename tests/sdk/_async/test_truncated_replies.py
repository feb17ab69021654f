"""Every call that returns a list reads it page by page, or as a whole, or says that the server cut the reply."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import pytest

from monogram_sdk import AsyncMonogram, MemorySessionStorage, StoreItemKind, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import MailBatch, MailOutcome, MailResult, Model, Prompt, Response, Space
from tests.sdk.support import PASSWORD, AsyncThunk, new_email
from tests.support.resources import resources

from .conftest import AsyncPeople
from .faults import AsyncNarrow

WORKER = "the worker of a narrow server"

# No list of rows, so nothing that the Data API could cut.
ONE_VALUE = {"admin.tick", "mails.newsletter", "responses.image_urls"}


@dataclass
class AsyncScene:
    """Somebody who leads a space in which much has happened, on a server that cuts replies and on one that does not.

    The two clients of a pair have the same session, or the same key.
    """

    narrow: AsyncMonogram
    whole: AsyncMonogram
    narrow_service: AsyncMonogram
    whole_service: AsyncMonogram
    space: Space
    newsletter: UUID
    prompts: list[Prompt]
    responses: list[Response]
    batch: MailBatch

    def paged(self, *, narrow: bool) -> dict[str, AsyncIterable[Model]]:
        """Return the lists that are read page by page."""
        client = self.narrow if narrow else self.whole
        service = self.narrow_service if narrow else self.whole_service
        return {
            "admin.dead_letters": service.admin.dead_letters(),
            "admin.suppressions": service.admin.suppressions(),
            "admin.users": service.admin.users(),
            "admin.verify_ledger": service.admin.verify_ledger(),
            "badges.earned": client.badges.earned(),
            "badges.list": client.badges.list(),
            "newsletters.delivery": client.newsletters.delivery(self.newsletter),
            "newsletters.list": client.newsletters.list(self.space.id),
            "notifications.list": client.notifications.list(),
            "prompts.list": client.prompts.list(self.space.id),
            "responses.list": client.responses.list(self.space.id),
            "spaces.events": client.spaces.events(self.space.id),
            "spaces.invites": client.spaces.invites(self.space.id),
            "spaces.list": client.spaces.list(),
            "spaces.list_public": client.spaces.list_public(),
            "spaces.members": client.spaces.members(self.space.id),
            "spaces.rotations": client.spaces.rotations(self.space.id),
            "store.items": client.store.items(),
            "store.purchases": client.store.purchases(),
            "tokens.gifts_received": client.tokens.gifts_received(),
            "tokens.gifts_sent": client.tokens.gifts_sent(),
            "tokens.reward_rules": client.tokens.reward_rules(),
            "tokens.statement": client.tokens.statement(),
        }

    def whole_lists(self) -> dict[str, AsyncThunk[object]]:
        """Return the calls that return a whole list, on the server that cuts it."""
        client, service, space = self.narrow, self.narrow_service, self.space.id
        mails = {mail.id: None for mail in self.batch.mails}
        ids = [prompt.id for prompt in self.prompts]
        return {
            "admin.claim_jobs": lambda: service.admin.claim_jobs(WORKER, limit=1000, lease_seconds=0),
            "admin.mail_state": service.admin.mail_state,
            "admin.outbox_state": service.admin.outbox_state,
            "badges.check": client.badges.check,
            "badges.progress": client.badges.progress,
            "mails.begin": lambda: service.mails.begin(self.batch.id, worker=WORKER, contents=mails),
            "prompts.reorder": lambda: client.prompts.reorder(space, ids[::-1]),
            "prompts.create_many": lambda: client.prompts.create_many(space, ["Why?", "How?"]),
            "prompts.publish": lambda: client.prompts.publish(space),
            "responses.select": lambda: client.responses.select(space, [response.id for response in self.responses]),
            "spaces.preview_rotation": lambda: client.spaces.preview_rotation(space, weeks=2),
            "tokens.weekly_earnings": client.tokens.weekly_earnings,
            "tokens.leaderboard": lambda: client.tokens.leaderboard(space_id=space),
        }


def lists() -> set[str]:
    """Return the calls that return a list, by their annotations."""
    client = AsyncMonogram(url="http://127.0.0.1:1", key="sb_publishable_x")
    return {
        f"{resource}.{name}"
        for resource, api in resources(client).items()
        for name, method in inspect.getmembers(type(api), inspect.isfunction)
        if not name.startswith("_")
        and re.match(
            r"(builtins\.)?(dict|list|tuple|Rows|Sequence|\w*Pages|\w*Iterator)\[", method.__annotations__["return"]
        )
    }


async def published_responses(ada: AsyncMonogram, boris: AsyncMonogram, space_id: UUID) -> list[Response]:
    """Publish a prompt that gets two responses."""
    await ada.spaces.assign_curator(space_id, (await ada.profiles.get()).id)
    prompt = await ada.prompts.create(space_id, question="What did you read?")
    await ada.prompts.publish(space_id)
    return [await one.responses.submit(prompt.id, content="Dune") for one in (ada, boris)]


async def publish_week(ada: AsyncMonogram, boris: AsyncMonogram, space_id: UUID) -> UUID:
    """Play a week and return its newsletter."""
    responses = await published_responses(ada, boris, space_id)
    await ada.responses.select(space_id, [response.id for response in responses])
    return (await ada.newsletters.publish((await ada.newsletters.generate(space_id)).id)).id


@pytest.fixture
async def scene(stack: Stack, people: AsyncPeople) -> AsyncIterator[AsyncScene]:
    """A scene in which every list has at least two entries, but that of the ledger's faults."""
    url, key, secret, storage = stack.api_url, stack.publishable_key, stack.secret_key, MemorySessionStorage()
    network = AsyncNarrow(1)
    async with (
        AsyncMonogram(url=url, key=key, session_storage=storage) as ada,
        AsyncMonogram(url=url, key=key, session_storage=storage, transport=network) as narrow,
        AsyncMonogram.admin_client(url=url, key=secret, transport=network) as narrow_service,
    ):
        await ada.auth.sign_up(email=new_email("ada"), password=PASSWORD, display_name="Ada")
        me, service, boris = (await ada.profiles.get()).id, people.service(), await people.sign_up("Boris")
        space = await ada.spaces.create(name="Test Book Club", is_public=True)
        await ada.spaces.create(name="Open House", is_public=True)
        await boris.spaces.join(space.id)
        for _ in range(2):
            await ada.spaces.create_invite(space.id)
            newsletter = await publish_week(ada, boris, space.id)
        friend = (await boris.profiles.get()).id
        for _ in range(2):
            item = await service.store.create_item(code=uuid4().hex, name="Thing", kind=StoreItemKind.THEME, price=1)
            await ada.store.purchase(item.id)
            await ada.tokens.gift(friend, amount=1)
            await boris.tokens.gift(me, amount=1)
            await service.admin.suppress_email(new_email("gone"))
        responses = await published_responses(ada, boris, space.id)
        prompts = await ada.prompts.list(space.id, week_number=3).all() + await ada.prompts.create_many(
            space.id, ["Who?", "What?"]
        )
        with psycopg.connect(stack.db_url) as connection:
            connection.execute("delete from public.user_badges where user_id = %s", [me])
            connection.execute(
                "insert into private.mail_providers (name, paused_until)"
                " values ('one of the past', now()), ('another of the past', now()) on conflict do nothing"
            )
        batch = await service.mails.claim(WORKER, provider=WORKER, limit=1000)
        assert batch is not None
        yield AsyncScene(narrow, ada, narrow_service, service, space, newsletter, prompts, responses, batch)
    await network.aclose()


async def test_no_list_is_cut_in_silence(scene: AsyncScene) -> None:
    whole_lists, paged = scene.whole_lists(), scene.paged(narrow=True)
    assert whole_lists.keys() | paged.keys() | ONE_VALUE == lists(), "a new list needs a case here"

    for name, call in whole_lists.items():
        with pytest.raises(errors.TruncatedReplyError, match=r"1 of \d+ rows") as caught:
            await call()
        assert caught.value.uncertain or not name.endswith(("begin", "publish", "reorder", "select")), name

    refused = [MailResult(id=mail.id, outcome=MailOutcome.REJECTED) for mail in scene.batch.mails]
    assert await scene.whole_service.mails.settle(scene.batch.id, worker=WORKER, results=refused) is True
    complete = scene.paged(narrow=False)
    for name, rows in paged.items():
        found = [row async for row in rows]
        assert found == [row async for row in complete[name]], name
        assert len(found) >= 2 or name == "admin.verify_ledger", name
