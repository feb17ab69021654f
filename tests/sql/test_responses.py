"""Responses: a draft is its author's alone; publishing counts and pays once; a closed week stays as it was."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.ledger import check_ledger
from tests.support.stories import Club, balance, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads and has asked one question; Boris and Chloe are members."""
    club = found_club(actors, "Boris", "Chloe")
    club.ask("What did you read?")
    return club


@pytest.fixture
def prompt(club: Club) -> Row:
    return club.leader.select("prompts", space_id=club.id)[0]


def submissions(club: Club, person: Actor) -> int:
    (row,) = person.select("memberships", user_id=person.id, space_id=club.id)
    count: int = row["total_submissions"]
    return count


def kinds(club: Club, person: Actor) -> list[str]:
    return [row["kind"] for row in club.leader.select("space_events", space_id=club.id, actor_id=person.id)][1:]


def test_a_draft_counts_for_nothing(actors: Actors, club: Club, prompt: Row) -> None:
    boris = club.members[0]
    draft = boris.insert("responses", prompt_id=prompt["id"], content="Perhaps")
    assert (draft["space_id"], draft["week_number"], draft["published_at"]) == (club.id, 1, None)
    assert (submissions(club, boris), balance(actors, boris), kinds(club, boris)) == (0, 0, [])
    assert club.leader.select("responses", id=draft["id"]) == []


def test_publishing_a_draft_counts_and_pays(actors: Actors, club: Club, prompt: Row) -> None:
    boris = club.members[0]
    draft = boris.insert("responses", prompt_id=prompt["id"], content="Perhaps")
    (response,) = boris.update("responses", draft["id"], is_published=True)
    assert response["published_at"] is not None
    assert submissions(club, boris) == 1
    assert balance(actors, boris) == 50 + 100  # And the badge "First Words".
    assert kinds(club, boris) == ["response.published"]
    (row,) = boris.select("users")
    assert row["last_active_date"] == actors.one("select (now() at time zone 'UTC')::date")
    assert club.leader.select("responses", id=draft["id"]) == [response]
    check_ledger(actors)


def test_the_list_of_a_space_shows_what_the_table_shows_each_person(actors: Actors, club: Club, prompt: Row) -> None:
    boris, chloe = club.members
    club.respond(prompt, [boris])
    chloe.insert("responses", prompt_id=prompt["id"], content="Perhaps")
    stranger = actors.person("Stranger")
    for person, seen in ((club.leader, 1), (chloe, 2), (stranger, 0), (actors.service(), 2)):
        rows = person.rows("space_responses", space_id=club.id)
        assert rows == sorted(
            person.select("responses", space_id=club.id), key=lambda row: (row["created_at"], row["id"])
        )
        assert len(rows) == seen
    first, second = rows
    place = {"after_created_at": first["created_at"], "after_id": first["id"]}
    assert chloe.rows("space_responses", space_id=club.id, limit_count=1) == [first]
    assert chloe.rows("space_responses", space_id=club.id, week_number=1, **place) == [second]
    assert chloe.rows("space_responses", space_id=club.id, week_number=2) == []
    assert chloe.rows("space_responses", space_id=club.id, is_selected=True) == []
    # What they wrote stays theirs to read when they have left.
    boris.call("leave_space", space_id=club.id)
    assert [row["user_id"] for row in boris.rows("space_responses", space_id=club.id)] == [boris.id]


def test_editing_tells_the_space_and_pays_nothing(actors: Actors, club: Club, prompt: Row) -> None:
    boris = club.members[0]
    (response,) = club.respond(prompt, [boris])
    before = balance(actors, boris)
    boris.update("responses", response["id"], content="Better")
    boris.update("responses", response["id"], content="Better")
    boris.update("responses", response["id"], music={"url": "https://example.test/song", "title": "Song"})
    assert kinds(club, boris) == ["response.published", "response.updated", "response.updated"]
    assert (submissions(club, boris), balance(actors, boris)) == (1, before)


def test_deleted_and_written_again_earns_once(actors: Actors, club: Club, prompt: Row) -> None:
    boris = club.members[0]
    (response,) = club.respond(prompt, [boris])
    before = balance(actors, boris)
    boris.delete("responses", response["id"])
    assert (submissions(club, boris), balance(actors, boris)) == (0, before)
    club.respond(prompt, [boris])
    assert (submissions(club, boris), balance(actors, boris)) == (1, before)
    assert kinds(club, boris) == ["response.published", "response.deleted", "response.published"]
    check_ledger(actors)


def test_an_insert_that_does_nothing_does_nothing_twice(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    statement = (
        "insert into public.responses (id, prompt_id, content, is_published)"
        " values ('00000000-0000-4000-8000-00000000000a', %s, 'Here', true) on conflict do nothing"
    )
    boris.run(statement, prompt["id"])
    # The first trigger refuses before Postgres looks for the conflict; nothing is counted either way.
    with boris.refused("MG304"):
        boris.run(statement, prompt["id"])
    assert (submissions(club, boris), kinds(club, boris)) == (1, ["response.published"])


@pytest.mark.parametrize(
    "parts",
    [
        {"content": "Words"},
        {"image_path": "{space}/{person}/cat.png"},
        {"music": {"url": "https://example.test/song"}},
        {"content": " ", "music": {"url": "HTTP://example.test"}},
    ],
)
def test_each_part_is_enough(club: Club, prompt: Row, parts: Row) -> None:
    boris = club.members[0]
    if "image_path" in parts:
        parts = {"image_path": parts["image_path"].format(space=club.id, person=boris.id)}
    assert boris.insert("responses", prompt_id=prompt["id"], is_published=True, **parts)["is_published"]


@pytest.mark.parametrize("parts", [{}, {"content": ""}, {"content": " \t\r\n"}, {"content": None}])
def test_nothing_at_all_stays_a_draft(club: Club, prompt: Row, parts: Row) -> None:
    boris = club.members[0]
    draft = boris.insert("responses", prompt_id=prompt["id"], **parts)
    with boris.refused("MG302"):
        boris.update("responses", draft["id"], is_published=True)


def test_a_published_response_cannot_be_emptied_or_withdrawn(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    (response,) = club.respond(prompt, [boris])
    with boris.refused("MG302"):
        boris.update("responses", response["id"], content=None)
    with boris.refused("MG303"):
        boris.update("responses", response["id"], is_published=False)


def test_one_response_a_person_and_prompt(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    boris.insert("responses", prompt_id=prompt["id"])
    with boris.refused("MG304"):
        boris.insert("responses", prompt_id=prompt["id"], content="Another")


def test_the_length_of_a_response(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    with boris.refused("MG001"):
        boris.insert("responses", prompt_id=prompt["id"], content="x" * 10_001)
    assert boris.insert("responses", prompt_id=prompt["id"], content="é" * 10_000)["content"] == "é" * 10_000


def test_pictures_of_ones_own_folder_only(club: Club, prompt: Row) -> None:
    boris, chloe = club.members
    for path in (f"{club.id}/{chloe.id}/cat.png", f"{boris.id}/cat.png", "cat.png", f"{club.id}/{boris.id}/"):
        with boris.refused("MG306"):
            boris.insert("responses", prompt_id=prompt["id"], image_path=path)


def test_a_caption_goes_with_its_image(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    first, second = (f"{club.id}/{boris.id}/{name}.png" for name in ("first", "second"))
    with boris.refused("MG312"):
        boris.insert("responses", prompt_id=prompt["id"], content="Words", image_caption="A cat")
    response = boris.insert("responses", prompt_id=prompt["id"], image_path=first, image_caption="A cat")

    def write(**values: object) -> Row:
        return boris.update("responses", response["id"], **values)[0]

    assert write(is_published=True)["image_caption"] == "A cat"
    assert write(image_path=second)["image_caption"] == "A cat"
    assert write(image_caption="")["image_caption"] is None
    assert write(image_caption="ネコ" * 150)["image_caption"] == "ネコ" * 150
    assert write(image_path=None, content="Words")["image_caption"] is None
    with boris.refused("MG312"):
        write(image_caption="A cat")
    write(image_path=first, image_caption="A cat")
    with boris.refused("MG312"):
        write(image_path=None, image_caption="A dog")
    assert kinds(club, boris).count("response.updated") == 5


@pytest.mark.parametrize("caption", [" ", "\u3164", "\u200b", "a\nb", "a\u202eb", "x" * 301])
def test_a_caption_is_one_line_that_can_be_seen(club: Club, prompt: Row, caption: str) -> None:
    boris = club.members[0]
    path = f"{club.id}/{boris.id}/cat.png"
    with boris.refused("MG001") as caught:
        boris.insert("responses", prompt_id=prompt["id"], image_path=path, image_caption=caption)
    assert caught.value.diag.message_detail == "image_caption"


def store(actors: Actors, name: str) -> str:
    actors.run("insert into storage.objects (bucket_id, name) values ('responses', %s)", name)
    return name


def test_a_replaced_or_deleted_picture_is_removed(actors: Actors, club: Club, prompt: Row) -> None:
    boris = club.members[0]
    first, second = (store(actors, f"{club.id}/{boris.id}/{name}.png") for name in ("first", "second"))
    response = boris.insert("responses", prompt_id=prompt["id"], image_path=first)
    boris.update("responses", response["id"], content="With words")
    boris.update("responses", response["id"], image_path=second)
    boris.delete("responses", response["id"])
    jobs = actors.run("select payload from private.outbox where kind = 'storage.remove' order by id")
    assert [job["payload"] for job in jobs] == [{"bucket_id": "responses", "path": path} for path in (first, second)]


def test_a_picture_that_is_used_again_is_not_removed(actors: Actors, club: Club, prompt: Row) -> None:
    boris, chloe = club.members
    kept, dropped = (store(actors, f"{club.id}/{boris.id}/{name}.png") for name in ("kept", "dropped"))
    response = boris.insert("responses", prompt_id=prompt["id"], image_path=kept)
    boris.update("responses", response["id"], image_path=dropped)
    boris.update("responses", response["id"], image_path=kept)
    club.respond(prompt, [chloe])
    jobs = actors.service().run("select payload from public.claim_jobs('worker') where kind = 'storage.remove'")
    assert {job["payload"]["path"]: job["payload"]["in_use"] for job in jobs} == {kept: True, dropped: False}


def test_a_closed_week_takes_no_responses_and_no_edits(actors: Actors, club: Club, prompt: Row) -> None:
    boris, chloe = club.members
    (response,) = club.respond(prompt, [boris])
    draft = chloe.insert("responses", prompt_id=prompt["id"], content="Too late")
    club.publish_week()
    with chloe.refused("MG202"):
        chloe.update("responses", draft["id"], is_published=True)
    with club.leader.refused("MG202"):
        club.respond(prompt, [club.leader])
    with boris.refused("MG202"):
        boris.update("responses", response["id"], content="Rewritten")
    before = balance(actors, boris)
    assert boris.delete("responses", response["id"])
    assert balance(actors, boris) == before
    (newsletter,) = boris.select("newsletters", space_id=club.id)
    assert newsletter["content"]["prompts"][0]["responses"][0]["content"] == "Boris responds"


def test_who_left_may_delete_but_not_edit(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    (response,) = club.respond(prompt, [boris])
    boris.run("select public.leave_space(%s)", club.id)
    assert boris.update("responses", response["id"], content="From outside") == []
    assert boris.delete("responses", response["id"])


def test_an_outsider_learns_nothing_about_a_prompt(actors: Actors, prompt: Row) -> None:
    """A prompt of a hidden space and one that does not exist are refused in the same words."""
    olga = actors.person("Olga")
    words = set()
    for prompt_id in (prompt["id"], "00000000-0000-4000-8000-000000000000"):
        with olga.refused("42501") as caught:
            olga.insert("responses", prompt_id=prompt_id, content="Hello?")
        words.add((caught.value.diag.message_primary, caught.value.diag.message_hint))
    assert len(words) == 1


def test_a_secret_key_responds_for_members_only(actors: Actors, club: Club, prompt: Row) -> None:
    service, boris = actors.service(), club.members[0]
    service.insert("responses", prompt_id=prompt["id"], user_id=boris.id, content="By mail", is_published=True)
    assert submissions(club, boris) == 1
    with service.refused("MG102"):
        service.insert("responses", prompt_id=prompt["id"], user_id=actors.person("Olga").id, content="By mail")
    with service.refused("MG201"):
        service.insert("responses", prompt_id=club.id, user_id=boris.id, content="By mail")


def test_coming_back_finds_ones_submissions_again(club: Club, prompt: Row) -> None:
    boris = club.members[0]
    club.respond(prompt, [boris])
    boris.run("select public.leave_space(%s)", club.id)
    club.join(boris)
    assert submissions(club, boris) == 1


def test_a_response_that_pays_nothing(actors: Actors, club: Club, prompt: Row) -> None:
    actors.service().run("update public.reward_rules set amount = 0 where code = 'response'")
    club.respond(prompt, [club.members[0]])
    assert actors.one("select count(*) from public.transactions where type = 'EARN_RESPONSE'") == 0
