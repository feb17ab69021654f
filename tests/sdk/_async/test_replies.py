"""A change whose reply is asked to hold everything that is related to it."""

from __future__ import annotations

import httpx
import pytest

from monogram_sdk import errors

from .conftest import AsyncPeople
from .faults import AsyncFaults


class AsyncCurious(AsyncFaults):
    """Asks for the question with each new response, for its space, for the questions of that, and so on."""

    depth = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with more in its `select`."""
        if request.method == "POST" and request.url.path == "/rest/v1/responses":
            related = "*" + ",prompts(id,spaces(id" * self.depth + "))" * self.depth
            request.url = request.url.copy_set_param("select", related)
        return await super().handle_async_request(request)


async def test_a_reply_that_takes_too_long_takes_the_change_back(people: AsyncPeople) -> None:
    curious = AsyncCurious()
    ada = await people.sign_up("Ada", faults=curious)
    space = await ada.spaces.create(name="Test Book Club")
    prompts = [await ada.prompts.create(space.id, question=f"Question {number}?") for number in range(10)]
    await ada.prompts.publish(space.id)
    curious.depth = 12
    with pytest.raises(errors.ReplyTooSlowError) as caught:
        await ada.responses.submit(prompts[0].id, content="Dune")
    assert caught.value.status == 400 and not caught.value.uncertain
    assert await ada.responses.mine(prompts[0].id) is None
    curious.depth = 1
    response = await ada.responses.submit(prompts[0].id, content="Dune")
    assert await ada.responses.mine(prompts[0].id) == response
