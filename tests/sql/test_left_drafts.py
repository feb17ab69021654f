"""Responses that are deleted leave the drafts of newsletters, many at once, without keeping their spaces for long."""

from __future__ import annotations

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club


def draft_of(club: Club, author: Actor) -> Row:
    """Return a draft with a response of the author and one of the leader."""
    (prompt,) = club.ask()
    responses = club.respond(prompt, [author, club.leader])
    club.leader.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in responses])
    draft: Row = club.leader.call("generate_newsletter", space_id=club.id)
    return draft


def authors(actors: Actors, draft: Row) -> list[str]:
    (row,) = actors.run("select content from public.newsletters where id = %s", draft["id"])
    responses = [response for prompt in row["content"]["prompts"] for response in prompt["responses"]]
    return sorted(response["author"]["display_name"] for response in responses)


def two_drafts(actors: Actors) -> tuple[Actor, list[tuple[Club, Row]]]:
    """Return somebody who is in the drafts of two clubs, and those in the order of their drafts' ids."""
    boris = actors.person("Boris")
    found = []
    for leader in ("Ada", "Femi"):
        club = found_club(actors, is_public=True, leader=leader)
        boris.insert("memberships", space_id=club.id)
        found.append((club, draft_of(club, boris)))
    return boris, sorted(found, key=lambda one: one[1]["id"])


def test_one_statement_leaves_several_drafts(actors: Actors) -> None:
    boris, drafts = two_drafts(actors)
    for club, draft in drafts:
        assert authors(actors, draft) == sorted(["Boris", club.leader.name])
    assert boris.run("with gone as (delete from public.responses returning 1) select count(*) as count from gone") == [
        {"count": 2}
    ]
    for club, draft in drafts:
        assert authors(actors, draft) == [club.leader.name]
        assert club.leader.call("publish_newsletter", newsletter_id=draft["id"])["is_published"]


def test_drafts_that_take_too_long_are_emptied_and_asked_for_anew(actors: Actors) -> None:
    boris, [(first, cleaned), (second, emptied)] = two_drafts(actors)
    actors.as_owner()
    actors.run(
        "create or replace function private.without_responses(content jsonb, response_ids uuid[]) returns jsonb"
        " language sql set search_path = '' as $$"
        " select jsonb_set(content, '{prompts,0,responses}', jsonb_path_query_array(content,"
        " '$.prompts[0].responses[*] ? (@.author.display_name != \"Boris\")'))"
        " from (select pg_catalog.pg_sleep(0.3)) as slow $$"
    )
    boris.run("delete from public.responses")
    assert authors(actors, cleaned) == [first.leader.name]
    assert authors(actors, emptied) == []
    assert first.leader.call("publish_newsletter", newsletter_id=cleaned["id"])["is_published"]
    with second.leader.refused("MG404"):
        second.leader.call("publish_newsletter", newsletter_id=emptied["id"])
    again = second.leader.call("generate_newsletter", space_id=second.id)
    assert second.leader.call("publish_newsletter", newsletter_id=again["id"])["is_published"]
