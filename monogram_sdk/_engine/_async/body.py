"""Read the body of a reply."""

from __future__ import annotations

from typing import Any

from monogram_sdk._engine.call import Call


async def async_whole(stream: Any, call: Call) -> bytes:  # noqa: ANN401
    """Read a whole body. The deadline is checked here too: a slow server never exceeds the timeout of a single read.

    Args:
        stream: The body, a stream of httpcore or httpx.
        call: The call that it is a part of.

    Raises:
        TimeoutError: It came too slowly.
    """
    chunks: list[bytes] = []
    async for chunk in stream:
        chunks.append(chunk)
        if call.remaining() < 0:
            raise TimeoutError("the reply came too slowly")
    return b"".join(chunks)
