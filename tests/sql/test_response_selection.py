"""What goes into a newsletter: exactly the responses that the leader selected."""

from __future__ import annotations

import pytest

from tests.support.actors import Actors
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads and has asked two questions; Boris and Chloe have responded to the first."""
    club = found_club(actors, "Boris", "Chloe")
    first, _ = club.ask("What did you read?", "Where?")
    club.respond(first, club.members)
    return club


def choose(club: Club, *people: str) -> list[str]:
    """Let the leader select the responses of these people; the contents that are selected now."""
    authors = {person.name: person.id for person in club.everybody}
    ids = [row["id"] for name in people for row in club.leader.select("responses", user_id=authors[name])]
    rows = club.leader.rows("select_responses", space_id=club.id, week_number=1, response_ids=ids)
    return [row["content"] for row in rows]


def test_a_selection_is_exactly_what_was_named(club: Club) -> None:
    assert choose(club, "Boris") == ["Boris responds"]
    assert sorted(choose(club, "Chloe", "Boris")) == ["Boris responds", "Chloe responds"]
    assert choose(club, "Chloe") == ["Chloe responds"]
    assert choose(club) == []
    with club.members[0].refused("42501"):
        club.members[0].rows("select_responses", space_id=club.id, week_number=1, response_ids=[])
    with club.leader.refused("MG202"):
        club.leader.rows("select_responses", space_id=club.id, week_number=2, response_ids=[])


def test_the_open_week_is_meant_unless_another_is_named(club: Club) -> None:
    ids = [row["id"] for row in club.leader.select("responses", user_id=club.members[0].id)]
    rows = club.leader.rows("select_responses", space_id=club.id, response_ids=ids)
    assert [row["id"] for row in rows] == ids
    assert club.leader.rows("select_responses", space_id=club.id, response_ids=[]) == []


def test_null_selects_nothing(club: Club) -> None:
    choose(club, "Boris")
    assert club.leader.rows("select_responses", space_id=club.id, week_number=1, response_ids=None) == []


def test_the_snapshot_holds_what_was_chosen(club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert (newsletter["title"], newsletter["week_number"], newsletter["is_published"]) == (
        "Test Book Club, week 1",
        1,
        False,
    )
    assert newsletter["curator_id"] == club.leader.id
    content = newsletter["content"]
    space = {"id": str(club.id), "name": "Test Book Club", "description": None, "cover_path": None, "language": None}
    assert content["space"] == space
    assert content["curator"] == {"id": str(club.leader.id), "display_name": "Ada"}
    assert content["week_number"] == 1
    assert [(prompt["order"], prompt["question"], len(prompt["responses"])) for prompt in content["prompts"]] == [
        (1, "What did you read?", 1),
        (2, "Where?", 0),
    ]
    (response,) = content["prompts"][0]["responses"]
    boris = club.members[0]
    author = {"id": str(boris.id), "display_name": "Boris", "username": None, "avatar_path": None}
    assert response["author"] == author
    assert set(response) == {"id", "author", "content", "image_path", "image_caption", "music", "published_at"}


def test_responding_to_a_prompt_does_not_print_it(actors: Actors) -> None:
    """Prompts whose responses were all left out are left out; one without responses is not."""
    club = found_club(actors, "Boris", "Chloe")
    real, rude, silent = club.ask("What did you read?", "Rude?", "Where?")
    club.respond(real, [club.members[1]])
    club.respond(rude, [club.members[0]])
    choose(club, "Chloe")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert [prompt["question"] for prompt in newsletter["content"]["prompts"]] == ["What did you read?", "Where?"]
    # A late response takes nothing out of what the leader saw.
    club.respond(silent, [club.members[0]])
    published = club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    assert [prompt["question"] for prompt in published["content"]["prompts"]] == ["What did you read?", "Where?"]


def test_what_is_selected_from_a_question_that_was_left_out_is_seen_first(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    first, second = club.ask("What did you read?", "Where?")
    club.respond(first, [club.members[0]])
    club.respond(second, [club.members[1]])
    choose(club, "Boris")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    choose(club, "Boris", "Chloe")
    with club.leader.refused("MG404"):
        club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])


def test_responses_of_removed_members_stop_no_empty_week(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    (prompt,) = club.ask()
    club.respond(prompt, club.members)
    with club.leader.refused("MG403"):
        club.leader.call("generate_newsletter", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, club.members[0].id)
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert newsletter["content"]["prompts"] == []
    assert club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])["is_published"]


def test_nobody_keeps_a_week_open_with_the_only_response(actors: Actors) -> None:
    """The leader selects none of the responses, on purpose."""
    club = found_club(actors, "Boris", "Chloe")
    (prompt, _) = club.ask("Rude?", "Where?")
    (rude,) = club.respond(prompt, [club.members[0]])
    with club.leader.refused("MG403") as refused:
        club.leader.call("generate_newsletter", space_id=club.id)
    assert "empty list" in str(refused.value.diag.message_hint)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[])
    club.leader.rows("select_responses", space_id=club.id, response_ids=[rude["id"]])
    club.leader.rows("select_responses", space_id=club.id, response_ids=None)
    with club.leader.refused("MG403"):  # What was said last counts, and nothing at all is not said.
        club.leader.call("generate_newsletter", space_id=club.id)
    choose(club)
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert [prompt["question"] for prompt in newsletter["content"]["prompts"]] == ["Where?"]
    club.respond(prompt, [club.members[1]])
    assert club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])["is_published"]
    # It was said about that week.
    (prompt,) = club.ask()
    club.respond(prompt)
    with club.leader.refused("MG403"):
        club.leader.call("generate_newsletter", space_id=club.id)
