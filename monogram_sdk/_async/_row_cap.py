"""How many rows the server answers at once. It cuts longer answers without a word, so it has to be found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monogram_sdk import _query
from monogram_sdk._parse import Rows, parse

if TYPE_CHECKING:
    from ._transport import AsyncTransport


async def async_row_cap(transport: AsyncTransport) -> int:
    """Return how many rows the server answers at once, at most 1,000. Asks once for each client, and remembers."""
    connections = transport.connections
    if connections.row_cap is None:
        reply = await transport.send(_query.rpc("thousand_rows", {}))
        connections.row_cap = len(parse(Rows[int], reply))
    return connections.row_cap
