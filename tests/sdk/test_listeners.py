"""Functions that a program passes to be called later."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from monogram_sdk import AsyncMonogram, Monogram


async def forgotten(*_: object) -> None:
    """Nothing would await this."""
    raise AssertionError


class Forgotten:
    """Nothing would await what a call returns."""

    async def __call__(self, *_: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize("kind", [Monogram, AsyncMonogram])
@pytest.mark.parametrize("listener", [forgotten, partial(forgotten), Forgotten(), Forgotten().__call__])
def test_a_listener_that_nothing_would_await_is_refused(
    kind: type[Monogram] | type[AsyncMonogram], listener: object
) -> None:
    client = kind(url="http://127.0.0.1:9", key="sb_publishable_x")
    with pytest.raises(TypeError, match="plain function"):
        client.auth.on_auth_change(listener)  # type: ignore[arg-type]
    for feed in (client.live.events, client.live.responses):
        with pytest.raises(TypeError, match="plain function"):
            feed(UUID(int=1), on_status=listener)  # type: ignore[arg-type]
