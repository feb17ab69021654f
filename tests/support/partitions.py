"""Run the recipe that partitions large tables, see docs/guides/growing.md."""

from __future__ import annotations

from pathlib import Path

import psycopg

RECIPE = Path(__file__).parent.parent.parent / "supabase" / "recipes" / "partitions"

KEYS = {"transactions": "user_id", "space_events": "space_id", "responses": "prompt_id"}
"""By what each table is divided."""


def partition(dsn: str, *, parts: int = 16, pages: int = 200) -> None:
    """Partition the large tables of a database, as `postgres`."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for part in sorted(RECIPE.glob("*.sql")):
            connection.execute(part.read_bytes())
        for table, key in KEYS.items():
            connection.execute("call partitions.convert(%s, %s, %s, %s)", [table, key, parts, pages])
