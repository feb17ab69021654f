"""What a call costs: CPU time and wall time of the client, for replies of 1, 100 and 1,000 rows."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from uuid import UUID

import httpx
from pydantic import TypeAdapter, create_model
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from benchmarks.report import Table
from monogram_sdk import AsyncMonogram, Monogram
from monogram_sdk._engine.reply import Reply
from monogram_sdk._parse import parse_rows
from monogram_sdk.models import Model, Space
from supabase import acreate_client, create_client

ROWS = (1, 100, 1_000)
KEY = "sb_publishable_benchmark"

OURS = "monogram_sdk: models"
DICTS = "supabase-py: dictionaries"
MODELS = "supabase-py and model_validate"
BARE = "httpx: dictionaries"

_ORDER = "created_at.asc,id.asc"

Call = Callable[[int], object]
AsyncCall = Callable[[int], Awaitable[object]]


@dataclass
class Turns:
    """The times of a client's turns, in microseconds a call."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def add(self, started: tuple[float, float], count: int) -> None:
        """Add a turn that has just ended."""
        self.cpu.append(1e6 * (time.process_time() - started[0]) / count)
        self.wall.append(1e6 * (time.perf_counter() - started[1]) / count)


WHY_ROWS = 1_000
"""At how many rows the parts of a call are shown."""

Figures = dict[tuple[str, int], Turns]


def report(url: str, *, rounds: int, work: int) -> str:
    """Measure, and return the tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # supabase-py warns of itself.
        gc.freeze()  # The collection before each turn need not look through all that was imported.
        sync = measure(url, rounds, work)
        asynchronous = asyncio.run(measure_async(url, rounds, work))
        parts = measure_parts(url, rounds * 10)
    return "\n\n".join([_tables("Sync calls", sync), _tables("Async calls", asynchronous), parts])


def measure(url: str, rounds: int, work: int) -> Figures:
    """Measure the clients for threads."""
    figures: Figures = {}
    supabase = create_client(url, KEY)
    with Monogram(url=url, key=KEY) as client, httpx.Client(headers={"apikey": KEY}) as http:

        def ours(rows: int) -> object:
            return client.spaces.list_public(page_size=rows).first_page()

        def dicts(rows: int) -> Sequence[object]:
            query = supabase.table("spaces").select(Space.columns()).eq("is_public", True)
            return query.order("created_at").order("id").limit(rows).execute().data

        def models(rows: int) -> object:
            return [Space.model_validate(row) for row in dicts(rows)]

        def bare(rows: int) -> object:
            return http.get(f"{url}/rest/v1/spaces", params=_params(rows)).raise_for_status().json()

        clients: dict[str, Call] = {OURS: ours, DICTS: dicts, MODELS: models, BARE: bare}
        for round_number in range(-1, rounds):
            for rows in ROWS:
                count = max(5, work // (rows + 200))
                for name, call in clients.items():
                    gc.collect()  # Nobody pays for the garbage of others.
                    started = time.process_time(), time.perf_counter()
                    for _ in range(count):
                        call(rows)
                    if round_number >= 0:  # The one before is to warm up.
                        figures.setdefault((name, rows), Turns()).add(started, count)
    return figures


async def measure_async(url: str, rounds: int, work: int) -> Figures:
    """Measure the clients for asyncio."""
    figures: Figures = {}
    supabase = await acreate_client(url, KEY)
    async with AsyncMonogram(url=url, key=KEY) as client, httpx.AsyncClient(headers={"apikey": KEY}) as http:

        async def ours(rows: int) -> object:
            return await client.spaces.list_public(page_size=rows).first_page()

        async def dicts(rows: int) -> Sequence[object]:
            query = supabase.table("spaces").select(Space.columns()).eq("is_public", True)
            return (await query.order("created_at").order("id").limit(rows).execute()).data

        async def models(rows: int) -> object:
            return [Space.model_validate(row) for row in await dicts(rows)]

        async def bare(rows: int) -> object:
            return (await http.get(f"{url}/rest/v1/spaces", params=_params(rows))).raise_for_status().json()

        clients: dict[str, AsyncCall] = {OURS: ours, DICTS: dicts, MODELS: models, BARE: bare}
        for round_number in range(-1, rounds):
            for rows in ROWS:
                count = max(5, work // (rows + 200))
                for name, call in clients.items():
                    gc.collect()  # Nobody pays for the garbage of others.
                    started = time.process_time(), time.perf_counter()
                    for _ in range(count):
                        await call(rows)
                    if round_number >= 0:
                        figures.setdefault((name, rows), Turns()).add(started, count)
    return figures


def measure_parts(url: str, times: int) -> str:
    """Measure what a call of many rows consists of, and return a table: why models cost more than dictionaries."""
    with Monogram(url=url, key=KEY) as client:
        listing = client.spaces.list_public()._listing

        def exchange() -> Reply:
            return client._core.engine.send(listing.call(None, WHY_ROWS, None))

        reply = exchange()
        kept: dict[str, Any] = {n: (f.annotation, ...) for n, f in Space.model_fields.items() if UUID not in _types(f)}
        plainer = TypeAdapter(list[create_model("Plainer", __base__=Model, **kept)])  # type: ignore[misc]
        parts: dict[str, Callable[[], object]] = {
            "the exchange over HTTP": exchange,
            "`json.loads`: dictionaries": lambda: json.loads(reply.content),
            "pydantic's parser alone: dictionaries": lambda: from_json(reply.content),
            "pydantic: models, with 3 UUIDs, 2 times and 2 enums each": lambda: parse_rows(Space, reply),
            "pydantic: the same without the UUIDs": lambda: plainer.validate_json(reply.content),
        }
        figures: dict[str, list[float]] = {}
        for number in range(times):
            for name, part in parts.items():
                gc.collect(0)
                gc.disable()
                before = time.thread_time()
                result = part()
                after = time.thread_time()
                for kind in ("dictionaries", "models"):
                    if number and f": {kind}" in name and "alone" not in name:
                        collecting = time.thread_time()
                        gc.collect(0)
                        figures.setdefault(f"looking through new {kind} for garbage, once", []).append(
                            1e6 * (time.thread_time() - collecting)
                        )
                gc.enable()
                del result
                if number:
                    figures.setdefault(name, []).append(1e6 * (after - before))
    table = Table(f"Parts of a call of {WHY_ROWS:,} rows", "µs, CPU")
    for name, measured in figures.items():
        table.add(name, f"{statistics.median(measured):,.0f}")
    return str(table)


def _types(field: FieldInfo) -> tuple[object, ...]:
    """Return the types that a field may have."""
    return get_args(field.annotation) or (field.annotation,)


def _params(rows: int) -> dict[str, str]:
    return {"select": Space.columns(), "is_public": "eq.true", "order": _ORDER, "limit": str(rows)}


def _tables(title: str, figures: Figures) -> str:
    names = (OURS, DICTS, MODELS, BARE)
    times = Table(f"{title}: µs a call, CPU (wall)", *(f"{rows:,} rows" for rows in ROWS))
    for name in names:
        turns = [figures[name, rows] for rows in ROWS]
        times.add(name, *(f"{statistics.median(one.cpu):,.0f} ({statistics.median(one.wall):,.0f})" for one in turns))
    ratios = Table("CPU of monogram_sdk, times that of", *(f"{rows:,} rows" for rows in ROWS))
    for name in names[1:]:
        ratios.add(name, *(f"{_ratio(figures[OURS, rows], figures[name, rows]):.2f}" for rows in ROWS))
    return f"{times}\n\n{ratios}"


def _ratio(one: Turns, other: Turns) -> float:
    """Return the median of the rounds' ratios: within a round, the machine is nearly the same."""
    return statistics.median(a / b for a, b in zip(one.cpu, other.cpu, strict=True))
