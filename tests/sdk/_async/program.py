"""A program as a user of the SDK writes it, for the type checkers, which find nothing wrong; it is never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import assert_type
from uuid import UUID

from monogram_sdk import AsyncMonogram, AsyncPages, ConflictError, InsufficientTokensError, MonogramError, Page
from monogram_sdk.models import (
    EarnedBadge,
    MembershipRole,
    Music,
    NewInvite,
    Newsletter,
    Prompt,
    Response,
    Session,
    Space,
    SpaceWeek,
    Transaction,
)
from monogram_sdk.testing import AsyncTestbed


async def week(client: AsyncMonogram, space_id: str) -> Newsletter:
    """Play a week."""
    session = await client.auth.sign_in_with_password(email="ada@example.test", password="...")
    assert_type(session, Session)
    space = await client.spaces.get(space_id)
    assert_type(space, Space)
    assert_type(space.id, UUID)
    assert_type(space.description, str | None)
    assert_type(space.created_at, datetime)
    prompts = await client.prompts.create_many(space.id, ["What did you read?", "And hear?"])
    assert_type(prompts, list[Prompt])
    response = await client.responses.submit(prompts[0].id, content="Dune", music=Music(url="https://example.org/1"))
    assert_type(response, Response)
    assert_type(response.music, Music | None)
    assert_type(await client.responses.select(space_id, [response.id, str(response.id)]), list[Response])
    screen = await client.spaces.week(space.id, week_number=1)
    assert_type(screen, SpaceWeek)
    assert_type([answer.author.display_name for prompt in screen.prompts for answer in prompt.responses], list[str])
    invite = await client.spaces.create_invite(space.id, max_uses=3, idempotency_key="monday")
    assert_type(invite, NewInvite)
    membership = await client.spaces.set_member_role(space.id, space.leader_id, MembershipRole.ADMIN)
    assert_type(membership.role, MembershipRole)
    newsletter = await client.newsletters.generate(space.id)
    return await client.newsletters.publish(newsletter.id)


async def lists(client: AsyncMonogram) -> int:
    """Read lists."""
    statement = client.tokens.statement(page_size=50)
    assert_type(statement, AsyncPages[Transaction])
    page = await statement.first_page()
    assert_type(page, Page[Transaction])
    assert_type(page.items, tuple[Transaction, ...])
    assert_type(page.cursor, str | None)
    assert_type(await statement.first(), Transaction | None)
    assert_type(await client.badges.earned().all(), list[EarnedBadge])
    total = 0
    async for entry in statement:
        assert_type(entry, Transaction)
        total += entry.amount
    return total


async def gift(client: AsyncMonogram, friend: UUID) -> str | None:
    """Give tokens, and take a refusal as it comes."""
    try:
        given = await client.with_options(timeout=5).tokens.gift(friend, amount=10)
        return given.message
    except InsufficientTokensError as error:
        return error.hint
    except ConflictError as error:
        return error.code
    except MonogramError as error:
        assert_type(error.status, int | None)
        return error.message


async def names(client: AsyncMonogram, space_id: UUID) -> AsyncIterator[str]:
    """Yield the names of members."""
    async for member in client.spaces.members(space_id):
        yield member.display_name


async def changes(client: AsyncMonogram, space_id: UUID) -> None:
    """Take values away, and leave others."""
    await client.spaces.update(space_id, description=None)
    await client.profiles.update(bio=None, username="ada")
    await client.settings.update(active_theme_id=None)


async def test(async_monogram: AsyncTestbed) -> None:
    """Use the fixtures."""
    club = await async_monogram.space("Boris", prompts=["What did you read?"])
    assert_type(club.space, Space)
    assert_type(club.members[0].client, AsyncMonogram)


async def main() -> None:
    """Make clients."""
    async with AsyncMonogram(url="https://example.supabase.co", key="sb_publishable_x") as client:
        await week(client, "9c988a46-d0e0-4bcd-83b9-7e931c402d72")
    async with AsyncMonogram.admin_client() as service:
        async for account in service.admin.users():
            assert_type(account.email, str | None)
