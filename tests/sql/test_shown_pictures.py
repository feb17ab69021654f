"""Pictures are made while something shows them, and again when it does so again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.actors import Actors
from tests.support.jobs import PICTURES, claims, key_of, picture, respond, store, wear
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada and Boris, a question, and nothing to do."""
    club = found_club(actors, "Boris")
    club.ask("What did you see?")
    actors.run("delete from private.outbox")
    return club


def replace(club: Club) -> str:
    """Another picture in a response."""
    response = respond(club, club.members[0])
    club.members[0].update("responses", response["id"], image_path=picture(club, club.members[0]))
    return key_of(response)


def delete(club: Club) -> str:
    """A response that is gone."""
    response = respond(club, club.members[0])
    club.members[0].run("delete from public.responses where id = %s", response["id"])
    return key_of(response)


def change(club: Club) -> str:
    """Another picture of a person."""
    former = wear(club.members[0], "before.png")
    wear(club.members[0], "after.png")
    return former


def close(club: Club) -> str:
    """A space without its cover."""
    path = store(club.actors, "covers", f"{club.id}/cover.png")
    club.leader.update("spaces", club.id, cover_path=path)
    club.leader.update("spaces", club.id, cover_path=None)
    return f"picture.derive:covers/{path}"


def leave(club: Club) -> str:
    """An account that is gone."""
    response = respond(club, club.members[0])
    club.actors.run("delete from auth.users where id = %s", club.members[0].id)
    return key_of(response)


@pytest.mark.parametrize("let_go", [replace, delete, change, close, leave])
def test_nobody_works_for_a_picture_that_is_shown_nowhere(
    actors: Actors, club: Club, let_go: Callable[[Club], str]
) -> None:
    former = let_go(club)
    assert former not in list(claims(actors, PICTURES))
    assert actors.run("select * from private.outbox where key = %s", former) == []


def test_one_that_is_shown_again_is_asked_for_again(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    former = wear(boris, "before.png")
    latter = wear(boris, "after.png")
    assert list(claims(actors, PICTURES)) == [latter]
    boris.update("users", boris.id, avatar_path=f"{boris.id}/before.png")
    assert list(claims(actors, PICTURES)) == [former]


def test_one_that_a_newsletter_is_to_be_rendered_with_is_made_whatever_becomes_of_its_response(
    actors: Actors, club: Club
) -> None:
    response = respond(club, club.members[0])
    club.publish_week()
    club.members[0].run("delete from public.responses where id = %s", response["id"])
    assert list(claims(actors, PICTURES)) == [key_of(response)]


def test_nobody_queues_anything_by_naming_files_that_are_not_there(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    for number in range(3):
        boris.update("users", boris.id, avatar_path=f"{boris.id}/nofile-{number}.png")
        club.leader.update("spaces", club.id, cover_path=f"{club.id}/nofile-{number}.png")
    (prompt, *_) = club.leader.select("prompts", space_id=club.id)
    lost = f"{club.id}/{boris.id}/nofile.png"
    response = boris.insert("responses", prompt_id=prompt["id"], image_path=lost, is_published=True)
    boris.run("delete from public.responses where id = %s", response["id"])
    assert actors.run("select key from private.outbox") == []


def test_a_picture_that_is_named_before_it_is_stored_is_made_when_it_is(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    boris.update("users", boris.id, avatar_path=f"{boris.id}/me.png")
    club.leader.update("spaces", club.id, cover_path=f"{club.id}/cover.png")
    assert list(claims(actors, PICTURES)) == []
    store(actors, "avatars", f"{boris.id}/another.png")
    stored = [store(actors, "avatars", f"{boris.id}/me.png"), store(actors, "covers", f"{club.id}/cover.png")]
    keys = {f"picture.derive:avatars/{stored[0]}", f"picture.derive:covers/{stored[1]}"}
    assert set(claims(actors, PICTURES)) == keys


def test_one_that_was_given_up_is_tried_again_when_it_is_named_again(actors: Actors, club: Club) -> None:
    boris, service = club.members[0], actors.service()
    face = wear(boris)
    (job,) = service.rows("claim_jobs", worker="worker", job_limit=1, kinds=list(PICTURES))
    service.call("fail_job", job_id=job["id"], worker="worker", error="Storage is away", max_attempts=1)
    assert [newsletter["key"] for newsletter in service.rows("dead_letters")] == [face]
    boris.update("users", boris.id, avatar_path=None)
    actors.run("delete from private.outbox where kind = 'storage.remove'")
    wear_again = f"{boris.id}/me.png"
    boris.update("users", boris.id, avatar_path=wear_again)
    # Once for each time that it is given up, for a turn like any other.
    boris.update("users", boris.id, avatar_path=None)
    boris.update("users", boris.id, avatar_path=wear_again)
    other = wear(club.leader)
    assert list(claims(actors, PICTURES)) == [other, face]
    boris.update("users", boris.id, avatar_path=None)
    boris.update("users", boris.id, avatar_path=wear_again)
    assert list(claims(actors, PICTURES)) == []
