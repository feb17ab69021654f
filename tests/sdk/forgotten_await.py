# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What both type checkers must find wrong: waiting that is forgotten, or too much of it. It is never run."""

from __future__ import annotations

from monogram_sdk import AsyncMonogram, Monogram
from monogram_sdk.models import Space


async def forgotten(client: AsyncMonogram, space: Space) -> None:
    """Make one mistake a line."""
    client.spaces.get(space.id).name  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore
    for _ in client.spaces.list():  # type: ignore[attr-defined]  # pyright: ignore
        pass
    await client.spaces.list()  # type: ignore[misc]  # pyright: ignore
    with client:  # type: ignore[attr-defined]  # pyright: ignore
        pass


async def too_much(client: Monogram, space: Space) -> None:
    """Make one mistake a line."""
    await client.spaces.get(space.id)  # type: ignore[misc]  # pyright: ignore
    async for _ in client.spaces.list():  # type: ignore[attr-defined]  # pyright: ignore
        pass
    async with client:  # type: ignore[attr-defined]  # pyright: ignore
        pass
