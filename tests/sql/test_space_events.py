"""The feed of a space: numbered without a hole, and broadcast to the space's private channel."""

from __future__ import annotations

import json

import pytest

from tests.support.actors import Actors, Row
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris")


def test_a_week_in_events(club: Club) -> None:
    boris = club.members[0]
    (prompt,) = club.ask()
    (response,) = club.respond(prompt, [boris])
    boris.update("responses", response["id"], content="Better")
    second = club.ask("Another?")[1]
    (gone,) = club.respond(second, [boris])
    boris.delete("responses", gone["id"])
    newsletter = club.publish_week()
    boris.run("select public.leave_space(%s)", club.id)

    events = club.leader.run("select * from public.space_events where space_id = %s order by seq", club.id)
    ada, person, week = str(club.leader.id), str(boris.id), {"week_number": 1}

    def about(row: Row) -> Row:
        return {"response_id": str(row["id"]), "prompt_id": str(row["prompt_id"]), "user_id": person, **week}

    assert [(event["kind"], event["payload"]) for event in events] == [
        ("member.joined", {"user_id": ada, "role": "ADMIN"}),
        ("curator.assigned", {"user_id": ada} | week),
        ("member.joined", {"user_id": person, "role": "MEMBER"}),
        ("prompts.published", {"prompt_ids": [str(prompt["id"])]} | week),
        ("response.published", about(response)),
        ("response.updated", about(response)),
        ("prompts.published", {"prompt_ids": [str(second["id"])]} | week),
        ("response.published", about(gone)),
        ("response.deleted", about(gone)),
        ("newsletter.published", {"newsletter_id": str(newsletter["id"])} | week),
        ("week.advanced", {"week_number": 2}),
        ("curator.assigned", {"user_id": person, "week_number": 2}),
        ("member.left", {"user_id": person}),
        ("curator.assigned", {"user_id": ada, "week_number": 2}),
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_each_event_is_broadcast_to_its_private_channel(actors: Actors, club: Club) -> None:
    club.week()
    events = actors.run(
        "select *, created_at::text as at from public.space_events where space_id = %s order by seq", club.id
    )
    messages = actors.run(
        "select * from realtime.messages where topic = %s order by (payload ->> 'seq')::bigint", f"space:{club.id}"
    )
    assert len(messages) == len(events) > 5
    for event, message in zip(events, messages, strict=True):
        assert (message["event"], message["extension"], message["private"]) == (event["kind"], "broadcast", True)
        sent = message["payload"]
        assert (sent["seq"], sent["kind"], sent["payload"]) == (event["seq"], event["kind"], event["payload"])
        assert sent["space_id"] == str(club.id)
        for name in ("actor_id", "subject_id"):
            assert sent[name] == (None if event[name] is None else str(event[name]))
        assert "created_at" in sent


def test_events_hold_no_words_of_anybody(club: Club) -> None:
    """What ids stand for is read under the reader's own rights."""
    club.week()
    text = json.dumps([row["payload"] for row in club.leader.select("space_events", space_id=club.id)])
    for words in ("answers", "What did you read", "Boris", "Test Book Club"):
        assert words not in text


def test_spaces_are_numbered_apart(actors: Actors, club: Club) -> None:
    other = found_club(actors, leader="Femi")
    club.ask()
    other.ask()
    for space in (club, other):
        numbers = [row["seq"] for row in space.leader.select("space_events", space_id=space.id)]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_a_number_that_was_rolled_back_is_used_again(actors: Actors, club: Club) -> None:
    before = actors.one("select last_seq from private.space_feeds where space_id = %s", club.id)
    with club.leader.refused("22012"):
        club.ask()
        actors.run("select 1 / 0")
    club.ask()
    assert actors.one("select last_seq from private.space_feeds where space_id = %s", club.id) == before + 1
    assert club.leader.select("space_events", seq=before + 1)[0]["kind"] == "prompts.published"


def test_a_reader_goes_on_from_a_number(club: Club) -> None:
    club.week()
    rest = club.leader.run(
        "select seq from public.space_events where space_id = %s and seq > 4 order by seq limit 2", club.id
    )
    assert [row["seq"] for row in rest] == [5, 6]
