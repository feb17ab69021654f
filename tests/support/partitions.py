"""Run the recipe that partitions large tables, see docs/guides/growing.md."""

from __future__ import annotations

from pathlib import Path

import psycopg

RECIPE = Path(__file__).parent.parent.parent / "supabase" / "recipes" / "partitions"

KEYS = {"transactions": "user_id", "space_events": "space_id", "responses": "prompt_id"}
"""By what each table is divided."""


def add_recipe(connection: psycopg.Connection) -> None:
    """Run the files of the recipe, which only add what makes partitions."""
    for part in sorted(RECIPE.glob("*.sql")):
        connection.execute(part.read_bytes())


def partition(dsn: str, *, parts: int = 16, pages: int = 200) -> None:
    """Partition the large tables of a database, as `postgres`."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        add_recipe(connection)
        for table, key in KEYS.items():
            connection.execute("call partitions.convert(%s, %s, %s, %s)", [table, key, parts, pages])
