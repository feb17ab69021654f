"""Newsletters: choose, take the snapshot, publish; the letter stays what it was and the next week begins."""

from __future__ import annotations

import pytest

from tests.support.actors import Actors, Row
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads and has asked two questions; Boris and Chloe have answered the first."""
    club = found_club(actors, "Boris", "Chloe")
    first, _ = club.ask("What did you read?", "Where?")
    club.answer(first, club.members)
    return club


def choose(club: Club, *people: str) -> list[str]:
    """Let the leader select the responses of these people; the contents that are selected now."""
    authors = {person.name: person.id for person in club.everybody}
    ids = [row["id"] for name in people for row in club.leader.select("responses", user_id=authors[name])]
    rows = club.leader.rows("select_responses", space_id=club.id, week_number=1, response_ids=ids)
    return [row["content"] for row in rows]


def test_a_selection_is_exactly_what_was_named(club: Club) -> None:
    assert choose(club, "Boris") == ["Boris answers"]
    assert sorted(choose(club, "Chloe", "Boris")) == ["Boris answers", "Chloe answers"]
    assert choose(club, "Chloe") == ["Chloe answers"]
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
    letter = club.leader.call("generate_newsletter", space_id=club.id)
    assert (letter["title"], letter["week_number"], letter["is_published"]) == ("Test Book Club, week 1", 1, False)
    assert letter["curator_id"] == club.leader.id
    content = letter["content"]
    assert content["space"] == {"id": str(club.id), "name": "Test Book Club", "description": None, "cover_path": None}
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
    assert set(response) == {"id", "author", "content", "image_path", "music", "published_at"}


def test_generating_again_refreshes_the_draft(club: Club) -> None:
    choose(club, "Boris")
    first = club.leader.call("generate_newsletter", space_id=club.id)
    club.leader.update("newsletters", first["id"], title="Ours", intro="Dear all")
    club.members[0].update("users", club.members[0].id, display_name="Борис")
    choose(club, "Boris", "Chloe")
    second = club.leader.call("generate_newsletter", space_id=club.id, week_number=1)
    assert (second["id"], second["title"], second["intro"]) == (first["id"], "Ours", "Dear all")
    names = [response["author"]["display_name"] for response in second["content"]["prompts"][0]["responses"]]
    assert sorted(names) == ["Chloe", "Борис"]


def test_a_published_letter_stays_what_it_was(actors: Actors, club: Club) -> None:
    choose(club, "Boris", "Chloe")
    letter = club.publish_week()
    boris, chloe = club.members
    boris.run("delete from public.responses where user_id = auth.uid()")
    boris.update("users", boris.id, display_name="Somebody else")
    actors.run("delete from auth.users where id = %s", chloe.id)
    (row,) = club.leader.select("newsletters", id=letter["id"])
    assert row["content"] == letter["content"]
    for change in ({"title": "Rewritten"}, {"intro": "Rewritten"}, {"is_published": False}):
        with club.leader.refused("MG402"):
            club.leader.update("newsletters", letter["id"], **change)
    with club.leader.refused("MG402"):
        club.leader.call("generate_newsletter", space_id=club.id, week_number=1)
    with actors.service().refused("MG402"):
        actors.run("update public.newsletters set content = '{}' where id = %s", letter["id"])


def test_everybody_left_out_is_refused(club: Club) -> None:
    with club.leader.refused("MG403"):
        club.leader.call("generate_newsletter", space_id=club.id)
    with club.leader.refused("MG403"):
        club.leader.insert("newsletters", space_id=club.id)


def test_a_quiet_week_may_close(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    letter = club.leader.call("generate_newsletter", space_id=club.id)
    assert letter["content"]["prompts"] == []
    club.leader.call("publish_newsletter", newsletter_id=letter["id"])
    assert club.row()["current_week"] == 2


def test_a_plain_insert_and_a_plain_update_are_the_same_commands(club: Club) -> None:
    choose(club, "Boris")
    letter = club.leader.insert("newsletters", space_id=club.id, intro="Dear all")
    assert len(letter["content"]["prompts"][0]["responses"]) == 1
    (row,) = club.leader.update("newsletters", letter["id"], is_published=True)
    assert row["published_at"] is not None
    assert club.row()["current_week"] == 2


def test_another_week_is_refused(club: Club) -> None:
    choose(club, "Boris")
    for week in (0, 2, 7):
        with club.leader.refused("MG202"):
            club.leader.call("generate_newsletter", space_id=club.id, week_number=week)
    with club.leader.refused("MG202"):
        club.leader.insert("newsletters", space_id=club.id, week_number=2)


def test_publishing_sets_everything_off(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    chloe.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    choose(club, "Boris")
    letter = club.publish_week()

    space = club.row()
    assert (space["current_week"], space["current_curator_id"]) == (2, boris.id)
    (rotation,) = boris.select("curator_rotations", week_number=2)
    assert rotation["curator_id"] == boris.id
    jobs = actors.run("select kind, key from private.outbox where key like 'newsletter%%'")
    assert jobs == [{"kind": "newsletter.render", "key": f"newsletter.render:{letter['id']}"}]
    mails = actors.run("select user_id, state from private.mails where newsletter_id = %s", letter["id"])
    assert {mail["user_id"]: mail["state"] for mail in mails} == {
        club.leader.id: "QUEUED", boris.id: "QUEUED", chloe.id: "OFF",
    }  # fmt: skip
    for person in club.everybody:
        (news,) = person.select("notifications", kind="NEWSLETTER_PUBLISHED")
        assert news["payload"] == {"newsletter_id": str(letter["id"]), "week_number": 1, "title": letter["title"]}
    assert boris.select("notifications", kind="CURATOR_ASSIGNED")
    kinds = [row["kind"] for row in boris.select("space_events", space_id=club.id)]
    assert kinds[-3:] == ["newsletter.published", "week.advanced", "curator.assigned"]


def test_publishing_twice_changes_nothing_the_second_time(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    letter = club.publish_week()

    def everything() -> dict[str, list[Row]]:
        tables = (
            "public.spaces", "public.space_events", "public.notifications", "public.transactions",
            "public.curator_rotations", "public.newsletters", "private.outbox", "private.mails",
        )  # fmt: skip
        found = {table: actors.run(f"select * from {table} order by 1, 2") for table in tables}
        for rows in found.values():
            for row in rows:
                row.pop("updated_at", None)
        return found

    before = everything()
    again = club.leader.call("publish_newsletter", newsletter_id=letter["id"])
    assert again == letter
    club.leader.update("newsletters", letter["id"], is_published=True)
    assert everything() == before


def test_only_the_leader_publishes(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    letter = club.leader.call("generate_newsletter", space_id=club.id)
    for person in (*club.members, actors.person("Olga")):
        with person.refused("MG401"):
            person.call("publish_newsletter", newsletter_id=letter["id"])
        assert person.update("newsletters", letter["id"], is_published=True) == []
    assert club.row()["current_week"] == 1


def test_visibility_follows_the_space(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    letter = club.publish_week()
    olga, anon = actors.person("Olga"), actors.anon()
    assert anon.select("newsletters", id=letter["id"]) and olga.select("newsletters", id=letter["id"])
    club.leader.update("spaces", club.id, newsletter_visibility="MEMBERS")
    assert anon.select("newsletters", id=letter["id"]) == olga.select("newsletters", id=letter["id"]) == []
    assert club.members[0].select("newsletters", id=letter["id"])
    club.leader.update("spaces", club.id, newsletter_visibility="PUBLIC")
    assert anon.select("newsletters", id=letter["id"])


def test_an_unpublished_prompt_is_not_in_the_letter(club: Club) -> None:
    club.leader.insert("prompts", space_id=club.id, question="Never asked?")
    choose(club, "Boris")
    letter = club.leader.call("generate_newsletter", space_id=club.id)
    assert "Never asked?" not in [prompt["question"] for prompt in letter["content"]["prompts"]]


def test_the_renderer_notes_its_files(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    letter = club.publish_week()
    paths = {"html_path": f"{club.id}/{letter['id']}/letter.html", "pdf_path": f"{club.id}/{letter['id']}/letter.pdf"}
    (row,) = actors.service().update("newsletters", letter["id"], **paths)
    assert {name: row[name] for name in paths} == paths
    with club.leader.refused("42501"):
        club.leader.update("newsletters", letter["id"], html_path="elsewhere")
