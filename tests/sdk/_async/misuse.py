# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What both type checkers must find wrong: a comment that has nothing to silence is an error itself."""

from __future__ import annotations

from monogram_sdk import AsyncMonogram
from monogram_sdk.models import Space


async def wrong(client: AsyncMonogram, space: Space) -> None:
    """Make one mistake a line."""
    await client.spaces.create("Test Book Club")  # type: ignore[call-arg]  # pyright: ignore
    await client.spaces.create()  # type: ignore[call-arg]  # pyright: ignore
    await client.spaces.get(42)  # type: ignore[arg-type]  # pyright: ignore
    await client.spaces.get(space)  # type: ignore[arg-type]  # pyright: ignore
    await client.spaces.update(space.id, name=None)  # type: ignore[arg-type]  # pyright: ignore
    await client.spaces.update(space.id, current_week=2)  # type: ignore[call-arg]  # pyright: ignore
    await client.spaces.set_member_role(space.id, space.leader_id, "BOSS")  # type: ignore[arg-type]  # pyright: ignore
    await client.tokens.gift(space.leader_id, amount="ten")  # type: ignore[arg-type]  # pyright: ignore
    await client.tokens.give(space.leader_id, amount=1)  # type: ignore[attr-defined]  # pyright: ignore
    await client.responses.submit(space.id, image=3.5)  # type: ignore[arg-type]  # pyright: ignore
    await client.auth.sign_out(scope="everywhere")  # type: ignore[arg-type]  # pyright: ignore
    print(space.title)  # type: ignore[attr-defined]  # noqa: T201  # pyright: ignore
    print(space.description.upper())  # type: ignore[union-attr]  # noqa: T201  # pyright: ignore
    AsyncMonogram("https://example.supabase.co")  # type: ignore[call-arg]  # pyright: ignore
