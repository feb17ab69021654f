"""Who changes something holds it while the reply is read, and has a second for that. Reading alone is not bounded."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.actors import Actors
from tests.support.stories import Club, found_club

LONG_AGO = "select set_config('monogram.reading', extract(epoch from statement_timestamp())::text || ' 0', true); "
"""Before a statement, in one message: it has been reading since 1970."""
NOW = "select pg_current_xact_id(); "
"""The same: the transaction holds something."""


def reply_to(change: str, depth: int) -> str:
    """A change and its reply as the Data API makes one statement of them: members of the space, each with their space,
    with its members, and so on."""
    inner = "select memberships.id from public.memberships where memberships.space_id = {}.space_id"
    for level in range(depth):
        inner = (
            f"select m{level}.id, embedded.* from public.memberships as m{level} "
            f"left join lateral (select json_agg(row_to_json(related)) from ({inner.format(f'm{level}')}) as related) "
            f"as embedded on true where m{level}.space_id = {{}}.space_id"
        )
    return (
        f"with source as ({change} returning *) select json_agg(row_to_json(reply)) from ("
        f"select source.*, embedded.* from source left join lateral "
        f"(select json_agg(row_to_json(related)) from ({inner.format('source')}) as related) as embedded on true"
        ") as reply"
    )


def public_club(actors: Actors) -> Club:
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni", "Femi", "Gül", "Hana", "Ivo", "Jun")
    club.leader.update("spaces", club.id, is_public=True)
    return club


def test_nobody_holds_a_space_for_longer_than_a_second(actors: Actors) -> None:
    club = public_club(actors)
    (prompt,) = club.ask("What did you read?")
    sam = actors.person("Sam")
    sam.insert("memberships", space_id=club.id)
    response = (
        f"insert into public.responses (prompt_id, content, is_published) values ('{prompt['id']}', 'Dune', true)"
    )
    with sam.refused("MG003") as caught:
        sam.run(reply_to(response, 12))
    assert "is not made" in str(caught.value)
    assert sam.select("responses") == []
    sam.run(reply_to(response, 1))
    assert len(sam.select("responses")) == 1


def test_the_second_is_that_of_one_statement(actors: Actors) -> None:
    club = public_club(actors)
    rename = f"update public.spaces set name = 'Renamed' where id = '{club.id}'"
    with club.leader.refused("MG003"):
        club.leader.run(LONG_AGO + f"{rename} returning name")
    # The note of an earlier statement is no longer of interest, in the same transaction either.
    club.leader.run(LONG_AGO + "select")
    assert club.leader.run(f"{rename} returning name") == [{"name": "Renamed"}]


def test_the_reply_to_a_function_has_the_second_too(actors: Actors) -> None:
    """But what the function itself reads is not the reply."""
    club = found_club(actors, "Boris")
    club.curator.insert("prompts", space_id=club.id, question="Why?")
    publish = f"select space_id from public.publish_prompts('{club.id}')"
    club.curator.run(LONG_AGO + publish)
    with club.curator.refused("MG003"):
        club.curator.run(
            f"select (select name from public.spaces where id = space_id) from ({publish} offset 0) as done, "
            "lateral (select set_config('monogram.reading', extract(epoch from statement_timestamp())::text || ' 0', "
            "true) where done.space_id is not null offset 0) as long_ago"
        )


def test_whoever_runs_the_project_plays_long_stories_in_a_block(actors: Actors) -> None:
    """As the seed does."""
    ada = actors.person("Ada")
    ada.run(LONG_AGO + "do $$ begin perform from public.badges; end $$")


def test_the_words_of_a_statement_are_not_taken_for_a_function_of_ours(actors: Actors) -> None:
    """Extensions run what they are sent, in functions of their own."""
    ada = actors.person("Ada")
    actors.run("create schema graphql_of_somebody")
    actors.run(
        "create function graphql_of_somebody.resolve(query text) returns void language plpgsql as "
        "'begin execute query; end'"
    )
    actors.run("grant usage on schema graphql_of_somebody to authenticated")
    actors.run("grant execute on function graphql_of_somebody.resolve to authenticated")
    with ada.refused("MG003"):
        ada.run(LONG_AGO + "select graphql_of_somebody.resolve('select from public.badges')")


def test_reading_alone_is_not_bounded(dsn: str) -> None:
    """Nothing is held by who has changed nothing."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set role anon")
        read = LONG_AGO + "select count(*) from public.badges"
        cursor = connection.execute(read)
        assert cursor.nextset() and cursor.fetchone() != (0,)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(NOW + read)
        assert caught.value.sqlstate == "MG003"
