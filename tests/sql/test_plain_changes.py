"""A change takes no regular expression: it may be evaluated for seconds while the change holds what others need."""

from __future__ import annotations

import pytest

from tests.support.actors import Actors
from tests.support.stories import found_club, grant_tokens


@pytest.mark.parametrize(
    "condition",
    ["bio ~ 'x'", "bio ~* 'x'", "bio !~ 'x'", "bio !~* 'x'", "not bio~'x'", "bio operator(pg_catalog.~) 'x'"],
)
@pytest.mark.parametrize("rows", ["true", "false"])
def test_a_regular_expression_in_a_change_is_refused(actors: Actors, condition: str, rows: str) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    change = f"update public.users set bio = 'new' where id = '{ada.id}' and ({rows} or {condition})"
    with ada.refused("MG001") as caught:
        ada.run(change)
    assert "regular expression" in str(caught.value.diag.message_hint)


@pytest.mark.parametrize(
    "statement",
    [
        "update public.users set bio = 'new' where bio like 'xy_' and bio ilike 'XY_' and bio not like %s",
    ],
)
def test_what_else_may_be_asked(actors: Actors, statement: str) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    ada.run(statement, *["a ~ b"] * statement.count("%s"))  # A value is bound, and no part of the statement.


def test_a_secret_key_may(actors: Actors) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    actors.service().run("update public.users set bio = 'new' where bio ~ 'y'")
    assert ada.run("select bio from public.users") == [{"bio": "new"}]


def test_a_regular_expression_on_what_a_function_returns_is_refused_before_it_holds_anything(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    grant_tokens(actors, club.leader, 10)
    boris = club.members[0]
    for call in (
        f"transfer_tokens('{boris.id}', 1, 'For the cake', 'k') as row where row.message ~ 'cake'",
        f"generate_newsletter('{club.id}') as row where row.title ~ 'a'",
    ):
        with club.leader.refused("MG001"):
            club.leader.run(f"select * from public.{call}")
