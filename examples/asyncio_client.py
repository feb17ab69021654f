"""The client for asyncio: two people join a space at the same time, and what happened is read back.

    python -m examples.asyncio_client

It talks to the project that the environment or a .env file names: SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY. For the
local stack, `monogram dev status` shows both.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

from monogram_sdk import AsyncMonogram
from monogram_sdk.errors import InviteUsedUpError


async def sign_up(client: AsyncMonogram, name: str) -> None:
    """Make an account with an address that nobody has."""
    await client.auth.sign_up(
        email=f"{name.lower()}-{uuid4().hex[:8]}@example.com", password=uuid4().hex, display_name=name
    )


async def main() -> None:
    """Run the example."""
    async with AsyncMonogram() as ada, AsyncMonogram() as boris, AsyncMonogram() as chloe:
        await asyncio.gather(sign_up(ada, "Ada"), sign_up(boris, "Boris"), sign_up(chloe, "Chloe"))
        space = await ada.spaces.create(name="Test Book Club")
        invite = await ada.spaces.create_invite(space.id, max_uses=1)

        # One invite, two people: one is in, the other is told why not.
        joined = await asyncio.gather(
            boris.spaces.join(invite_code=invite.code),
            chloe.spaces.join(invite_code=invite.code),
            return_exceptions=True,
        )
        for outcome in joined:
            if isinstance(outcome, InviteUsedUpError):
                print(f"Too late: {outcome.message} {outcome.hint}")
            elif isinstance(outcome, BaseException):
                raise outcome

        async for member in ada.spaces.members(space.id):
            print(f"{member.display_name}: {member.role}")
        async for event in ada.spaces.events(space.id):
            print(f"{event.seq}. {event.kind}")


if __name__ == "__main__":
    asyncio.run(main())
