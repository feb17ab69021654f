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


def test_one_statement_leaves_several_drafts(actors: Actors) -> None:
    boris = actors.person("Boris")
    clubs = [found_club(actors, is_public=True, leader=name) for name in ("Ada", "Femi")]
    for club in clubs:
        boris.insert("memberships", space_id=club.id)
    drafts = [draft_of(club, boris) for club in clubs]
    assert [authors(actors, draft) for draft in drafts] == [["Ada", "Boris"], ["Boris", "Femi"]]
    assert boris.run("with gone as (delete from public.responses returning 1) select count(*) as count from gone") == [
        {"count": 2}
    ]
    assert [authors(actors, draft) for draft in drafts] == [["Ada"], ["Femi"]]
    for club, draft in zip(clubs, drafts, strict=True):
        assert club.leader.call("publish_newsletter", newsletter_id=draft["id"])["is_published"]


def test_drafts_that_take_too_long_are_emptied_and_asked_for_anew(actors: Actors) -> None:
    boris = actors.person("Boris")
    clubs = [found_club(actors, is_public=True, leader=name) for name in ("Ada", "Femi")]
    for club in clubs:
        boris.insert("memberships", space_id=club.id)
    drafts = {draft["id"]: (club, draft) for club in clubs for draft in [draft_of(club, boris)]}
    actors.as_owner()
    actors.run(
        "create or replace function private.without_responses(content jsonb, response_ids uuid[]) returns jsonb"
        " language sql set search_path = '' as $$"
        " select jsonb_set(content, '{prompts,0,responses}', jsonb_path_query_array(content,"
        " '$.prompts[0].responses[*] ? (@.author.display_name != \"Boris\")'))"
        " from (select pg_catalog.pg_sleep(0.3)) as slow $$"
    )
    boris.run("delete from public.responses")
    (first, cleaned), (second, emptied) = (drafts[key] for key in sorted(drafts))
    assert authors(actors, cleaned) == [first.leader.name]
    assert authors(actors, emptied) == []
    assert first.leader.call("publish_newsletter", newsletter_id=cleaned["id"])["is_published"]
    with second.leader.refused("MG404"):
        second.leader.call("publish_newsletter", newsletter_id=emptied["id"])
    again = second.leader.call("generate_newsletter", space_id=second.id)
    assert second.leader.call("publish_newsletter", newsletter_id=again["id"])["is_published"]
