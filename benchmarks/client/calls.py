"""What a call costs: CPU time and wall time of the client, for replies of 1, 100 and 1,000 rows."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from benchmarks.report import Table
from monogram_sdk import AsyncMonogram, Monogram
from monogram_sdk.models import Space
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


Figures = dict[tuple[str, int], Turns]


def report(url: str, *, rounds: int, work: int) -> str:
    """Measure, and return the tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # supabase-py warns of itself.
        gc.freeze()  # The collection before each turn need not look through all that was imported.
        sync = measure(url, rounds, work)
        asynchronous = asyncio.run(measure_async(url, rounds, work))
    return "\n\n".join([_tables("Sync calls", sync), _tables("Async calls", asynchronous)])


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
