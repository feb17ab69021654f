"""Lists on a server that cuts its replies at some number of rows, which it does not tell: no row is lost."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs, unquote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monogram_sdk import AsyncMonogram, Monogram
from monogram_sdk._paging import Listing
from monogram_sdk.models import Model
from tests.support.counts import count


class Cutting(httpx.BaseTransport):
    """Has rows numbered from 1, and returns at most so many at once."""

    def __init__(self, rows: int, cap: int) -> None:
        self.rows, self.cap, self.asked = rows, cap, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Reply with the rows after a place."""
        self.asked += 1
        query = parse_qs(request.url.query.decode())
        after = re.search(r"code=gt\.(\d+)", unquote(request.url.query.decode()))
        start = int(after[1]) if after else 0
        limit = min(int(query["limit"][0]), self.cap)
        codes = range(start + 1, min(start + limit, self.rows) + 1)
        return httpx.Response(200, json=[{"code": f"{code:06}"} for code in codes])


class Row(Model):
    """A row."""

    code: str


LISTING = Listing("rows", Row, ("code",))


def test_a_list_says_how_it_is_read() -> None:
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x") as client:
        for wrong in (bool, len):
            with pytest.raises(TypeError, match=r"A list that has not been read .* \.all\(\)\."):
                wrong(client.store.items())  # type: ignore[operator]
    waiting = AsyncMonogram(url="http://127.0.0.1:9", key="sb_publishable_x").store.items()

    async def wait() -> None:
        await waiting  # type: ignore[misc]

    for one in (lambda: bool(waiting), lambda: len(waiting), lambda: asyncio.run(wait())):
        with pytest.raises(TypeError, match=r"A list .*await \.all\(\)"):
            one()


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(0, 60), cap=st.integers(1, 70), page_size=st.integers(1, 70))
@example(rows=3, cap=3, page_size=100)
@example(rows=6, cap=3, page_size=3)
@example(rows=4, cap=1, page_size=2)
def test_no_row_is_lost_whatever_the_cap_is(rows: int, cap: int, page_size: int) -> None:
    everything = [f"{code:06}" for code in range(1, rows + 1)]
    transport = Cutting(rows, cap)
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", transport=transport) as client:
        pages = client.tokens._pages(LISTING, None, page_size)
        assert [one.code for one in pages] == everything
        fewest = -(-rows // min(page_size, cap))
        assert transport.asked <= fewest + 1, "one more at the end, at most"
        transport.asked = 0
        assert [one.code for page in pages.pages() for one in page.items] == everything
        last = list(pages.pages())[-1:]
        assert all(page.cursor is None for page in last) or rows % page_size == 0 or rows % cap == 0
        assert [one.code for one in pages.all()] == everything
        seen: list[str] = []
        after: str | None = None
        while True:  # As a program does that shows a page at a time, and stops when the cursor is None.
            page = client.tokens._pages(LISTING, after, page_size).first_page()
            seen += [one.code for one in page.items]
            if page.cursor is None:
                break
            after = page.cursor
        assert seen == everything
    count("lists on servers with a cap")
