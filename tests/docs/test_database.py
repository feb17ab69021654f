"""The reference page of the database is up to date."""

from __future__ import annotations

import psycopg

from scripts.database_page import PAGE, render


def test_the_page_is_fresh(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert PAGE.read_text(encoding="utf-8") == render(connection), "Run: make generate"
