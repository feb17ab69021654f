"""Splitting SQL into statements."""

from __future__ import annotations

import pytest

from supabase_embedded import _sql


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("  ;;  ; ", []),
        ("select 1", ["select 1"]),
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select ';'; select 'it''s;'", ["select ';'", "select 'it''s;'"]),
        (r"select E'\';'; select 2", [r"select E'\';'", "select 2"]),
        ('select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', "select 2"]),
        ("select 1 -- not; here\n; select 2", ["select 1 -- not; here", "select 2"]),
        ("/* a; /* b; */ c; */ select 1; select 2", ["/* a; /* b; */ c; */ select 1", "select 2"]),
        ("do $$ begin; end; $$; select 1", ["do $$ begin; end; $$", "select 1"]),
        ("select $a$ ; $$ ; $b$ $a$; select 1", ["select $a$ ; $$ ; $b$ $a$", "select 1"]),
        ("select a$1$b; select 2", ["select a$1$b", "select 2"]),
        ("prepare p as select $1; select $2", ["prepare p as select $1", "select $2"]),
        ("create rule r as on insert to t do also (select 1; select 2); select 3",
         ["create rule r as on insert to t do also (select 1; select 2)", "select 3"]),
        ("create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
         ["create function f() returns int begin atomic select case when true then 1 end; select 2; end", "select 3"]),
        ("-- only a comment", ["-- only a comment"]),
        ("select 'open", ["select 'open"]),
    ],
)  # fmt: skip
def test_splits_only_where_a_statement_ends(source: str, expected: list[str]) -> None:
    assert [statement.text for statement in _sql.split(source)] == expected


def test_reports_where_each_statement_begins() -> None:
    source = "\n-- one\nselect 1;\n\n  select 2;\n"
    for statement in _sql.split(source):
        assert source[statement.offset :].startswith(statement.text)
    assert [_sql.line_of(source, statement.offset) for statement in _sql.split(source)] == [2, 5]
