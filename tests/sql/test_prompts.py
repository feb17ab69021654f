"""Prompts: at most ten a week, in an order, by the curator; reworded until somebody responds."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, balance, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads; Boris is the curator."""
    club = found_club(actors, "Boris", "Chloe")
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[0].id)
    return club


def test_a_prompt_takes_the_next_free_place(club: Club) -> None:
    boris = club.curator
    assert [boris.insert("prompts", space_id=club.id, question="?")["order"] for _ in range(3)] == [1, 2, 3]
    assert boris.insert("prompts", space_id=club.id, question="?", order=7)["order"] == 7
    (second,) = boris.select("prompts", order=2)
    boris.delete("prompts", second["id"])
    assert [boris.insert("prompts", space_id=club.id, question="?")["order"] for _ in range(2)] == [2, 4]


def test_a_prompt_knows_its_week_and_curator(club: Club) -> None:
    prompt = club.curator.insert("prompts", space_id=club.id, question="?")
    assert (prompt["week_number"], prompt["curator_id"], prompt["is_published"]) == (1, club.curator.id, False)


def test_a_week_holds_ten(club: Club) -> None:
    boris = club.curator
    for number in range(1, 11):
        boris.insert("prompts", space_id=club.id, question=f"Question {number}?")
    for values in ({}, {"order": 4}):
        with boris.refused("MG203"):
            boris.insert("prompts", space_id=club.id, question="One more?", **values)


def test_several_at_once_in_one_statement(club: Club) -> None:
    rows = club.curator.run(
        "insert into public.prompts (space_id, question) select %s, 'Question ' || n from generate_series(1, 4) as n"
        ' returning "order"',
        club.id,
    )
    assert [row["order"] for row in rows] == [1, 2, 3, 4]


def test_only_the_curator_writes(club: Club) -> None:
    for person in (club.leader, club.members[1]):
        with person.refused("42501"):
            person.insert("prompts", space_id=club.id, question="Mine?")
    with club.curator.refused("42501"):
        club.curator.insert("prompts", space_id=club.id, question="In her name?", curator_id=club.leader.id)


def test_publishing_all_tells_and_pays_once(actors: Actors, club: Club) -> None:
    boris, chloe = club.curator, club.members[1]
    before = balance(actors, boris)
    published = club.ask("One?", "Two?")
    assert [row["is_published"] for row in published] == [True, True]
    assert [row["order"] for row in published] == [1, 2]
    assert balance(actors, boris) == before + 100 + 100  # The curation, and the badge `Holding the Pen`.
    assert [row["kind"] for row in chloe.select("notifications")] == ["PROMPTS_PUBLISHED"]
    assert "PROMPTS_PUBLISHED" not in [row["kind"] for row in boris.select("notifications")]
    (event,) = chloe.select("space_events", kind="prompts.published")
    assert event["payload"] == {"week_number": 1, "prompt_ids": [str(row["id"]) for row in published]}

    # Again: what was added since is published, and nothing is paid or told twice.
    boris.rows("publish_prompts", space_id=club.id)
    boris.insert("prompts", space_id=club.id, question="Three?")
    assert len(boris.rows("publish_prompts", space_id=club.id)) == 3
    assert balance(actors, boris) == before + 200
    assert len(chloe.select("notifications")) == 1
    assert len(chloe.select("space_events", kind="prompts.published")) == 2


def test_publishing_one_by_one_pays_once(actors: Actors, club: Club) -> None:
    boris = club.curator
    prompts = [boris.insert("prompts", space_id=club.id, question="?") for _ in range(3)]
    for prompt in prompts:
        (row,) = boris.update("prompts", prompt["id"], is_published=True)
        assert row["published_at"] is not None
    assert actors.one("select count(*) from public.transactions where type = 'EARN_CURATOR'") == 1


def test_a_week_pays_once_whoever_publishes(actors: Actors, club: Club) -> None:
    """The curator changes within a week: the second one is not paid."""
    boris, chloe = club.members
    club.ask("From Boris?")
    club.leader.call("assign_curator", space_id=club.id, user_id=chloe.id)
    club.ask("From Chloe?")
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    club.ask("From Boris again?")
    paid = actors.run("select user_id, amount from public.transactions where type = 'EARN_CURATOR'")
    assert paid == [{"user_id": boris.id, "amount": 100}]


def test_a_curation_that_pays_nothing(actors: Actors, club: Club) -> None:
    actors.service().run("update public.reward_rules set amount = 0 where code = 'curation'")
    club.ask("For nothing?")
    assert actors.one("select count(*) from public.transactions where type = 'EARN_CURATOR'") == 0


def test_reordering_takes_all_of_them(club: Club) -> None:
    boris = club.curator
    ids = [row["id"] for row in club.ask("One?", "Two?", "Three?")]
    turned = boris.rows("reorder_prompts", space_id=club.id, prompt_ids=ids[::-1])
    assert [(row["id"], row["order"]) for row in turned] == [(ids[2], 1), (ids[1], 2), (ids[0], 3)]
    for wrong in (ids[:2], [*ids, ids[0]], [ids[0], ids[0], ids[1]], []):
        with boris.refused("MG201"):
            boris.rows("reorder_prompts", space_id=club.id, prompt_ids=wrong)
    with club.leader.refused("42501"):
        club.leader.rows("reorder_prompts", space_id=club.id, prompt_ids=ids)


def test_one_prompt_moves_to_a_free_place_only(club: Club) -> None:
    boris = club.curator
    first, second = (row["id"] for row in club.ask("One?", "Two?"))
    with boris.refused("MG204"):
        boris.update("prompts", first, order=2)
    # Reordering all does not leave the door open for that.
    boris.rows("reorder_prompts", space_id=club.id, prompt_ids=[second, first])
    with boris.refused("MG204"):
        boris.update("prompts", first, order=1)
    (row,) = boris.update("prompts", first, order=9)
    assert row["order"] == 9


def test_rewording_until_somebody_responds(club: Club) -> None:
    boris = club.curator
    (prompt,) = club.ask("What?")
    (row,) = boris.update("prompts", prompt["id"], question="What, exactly?")
    assert row["question"] == "What, exactly?"
    club.leader.insert("responses", prompt_id=prompt["id"], content="A draft")
    boris.update("prompts", prompt["id"], question="What then?")
    club.respond(prompt, [club.members[1]])
    with boris.refused("MG205"):
        boris.update("prompts", prompt["id"], question="What else?")
    with boris.refused("MG205"):
        boris.delete("prompts", prompt["id"])
    (row,) = boris.update("prompts", prompt["id"], order=5)
    assert row["order"] == 5


def fill_week(club: Club, rude: Actor) -> list[Row]:
    """Let a member become curator, ask ten questions, and respond to each so that it stays."""
    club.leader.call("assign_curator", space_id=club.id, user_id=rude.id)
    prompts = club.ask(*(f"Rude {number}" for number in range(10)))
    for prompt in prompts:
        club.respond(prompt, [rude])
    return prompts


def test_nobody_fills_a_week_with_questions_that_stay(club: Club) -> None:
    ada, (boris, chloe, *_) = club.leader, club.members
    prompts = fill_week(club, boris)
    ada.call("assign_curator", space_id=club.id, user_id=ada.id)
    club.respond(prompts[0], [chloe])
    ada.run("select public.remove_member(%s, %s)", club.id, boris.id)
    with ada.refused("MG205"):  # Somebody else took it for a question.
        ada.delete("prompts", prompts[0]["id"])
    for prompt in prompts[1:]:
        assert ada.delete("prompts", prompt["id"])
    assert [prompt["question"] for prompt in club.ask("What did you read?")] == ["Rude 0", "What did you read?"]


@pytest.mark.parametrize("boris_leaves", [False, True])
def test_nobody_deletes_what_another_member_has_published(actors: Actors, club: Club, boris_leaves: bool) -> None:
    """The next curator could delete a prompt with responses of its writer only, and the responses with it."""
    ada, boris = club.leader, club.members[0]
    ada.call("assign_curator", space_id=club.id, user_id=boris.id)
    his, hers = club.ask("His?", "Hers?")
    club.respond(his, [boris])
    ada.call("assign_curator", space_id=club.id, user_id=ada.id)
    club.respond(hers, [ada])
    if boris_leaves:
        boris.run("select public.leave_space(%s)", club.id)
    for person in (ada, actors.service()):
        with person.refused("MG205"):
            person.delete("prompts", his["id"])
    # A prompt with responses of the caller only takes nothing of others along.
    assert ada.delete("prompts", hers["id"])
    assert actors.run("select user_id from public.responses") == [{"user_id": boris.id}]


def test_responses_of_removed_members_keep_no_prompt(club: Club) -> None:
    ada, (boris, chloe, *_) = club.leader, club.members
    prompts = fill_week(club, boris)
    club.respond(prompts[0], [chloe])
    ada.call("assign_curator", space_id=club.id, user_id=ada.id)
    chloe.run("select public.leave_space(%s)", club.id)
    with ada.refused("MG205"):  # What people published stays when they leave.
        ada.delete("prompts", prompts[0]["id"])
    for rude in (boris, chloe):
        ada.run("select public.remove_member(%s, %s)", club.id, rude.id)
    for prompt in prompts:
        assert ada.delete("prompts", prompt["id"])


def test_questions_deleted_and_written_again_pay_nobody_twice(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    prompts = fill_week(club, boris)
    balance = "select token_balance from public.users where id = %s"
    paid = actors.one(balance, boris.id)
    for prompt in prompts:
        boris.delete("prompts", prompt["id"])
    for prompt in club.ask(*(f"Again {number}" for number in range(10))):
        club.respond(prompt, [boris])
    assert actors.one(balance, boris.id) == paid


def test_deleting_takes_the_drafts_along(actors: Actors, club: Club) -> None:
    (prompt,) = club.ask("What?")
    club.leader.insert("responses", prompt_id=prompt["id"], content="A draft")
    assert club.curator.delete("prompts", prompt["id"])
    assert actors.one("select count(*) from public.responses") == 0


def test_the_old_week_stays_as_it_was(club: Club) -> None:
    (prompt,) = club.ask("What?")
    club.publish_week()
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[0].id)
    boris = club.members[0]
    for change in ({"question": "Else?"}, {"order": 2}):
        with boris.refused("MG202"):
            boris.update("prompts", prompt["id"], **change)
    with boris.refused("MG202"):
        boris.delete("prompts", prompt["id"])
    with boris.refused("MG202"):
        boris.insert("prompts", space_id=club.id, question="Next week?", week_number=3)
    assert boris.update("prompts", prompt["id"], question="What?")[0]["id"] == prompt["id"]


def test_a_deleted_space_takes_prompts_with_responses_along(actors: Actors, club: Club) -> None:
    club.week()
    assert club.leader.delete("spaces", club.id)
    assert actors.one("select count(*) from public.prompts") == 0
    assert actors.one("select count(*) from public.responses") == 0


def test_a_secret_key_writes_prompts_for_the_curator(actors: Actors, club: Club) -> None:
    service = actors.service()
    prompt = service.insert("prompts", space_id=club.id, question="From the office?")
    assert prompt["curator_id"] == club.curator.id
    assert service.rows("publish_prompts", space_id=club.id)[0]["is_published"]


def test_a_prompt_that_is_restored_as_published_is_announced(actors: Actors, club: Club) -> None:
    """No client has the right to insert one; who owns the database has."""
    actors.run("insert into public.prompts (space_id, question, is_published) values (%s, 'Why?', true)", club.id)
    told = actors.run("select 1 from public.space_events where space_id = %s and kind = 'prompts.published'", club.id)
    assert len(told) == 1


# Words of one curator, and the work of another ----------------------------------------------------------------------


@pytest.fixture
def handed_over(club: Club) -> Row:
    """Boris has written a prompt, and now Chloe is the curator, who has not touched it."""
    prompt = club.members[0].insert("prompts", space_id=club.id, question="From Boris?")
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[1].id)
    return prompt


def exported_questions(person: Actor) -> list[str]:
    return [row["data"]["question"] for row in person.rows("export_account", part="prompts")]


@pytest.mark.parametrize("publish_first", [False, True])
def test_a_question_is_whose_who_reworded_it(club: Club, handed_over: Row, publish_first: bool) -> None:
    boris, chloe = club.members
    if publish_first:
        chloe.rows("publish_prompts", space_id=club.id)
    (moved,) = chloe.update("prompts", handed_over["id"], order=4)
    assert moved["curator_id"] == boris.id
    (reworded,) = chloe.update("prompts", handed_over["id"], question="From Chloe?")
    assert reworded["curator_id"] == chloe.id
    assert (exported_questions(boris), exported_questions(chloe)) == ([], ["From Chloe?"])
    club.actors.run("delete from auth.users where id = %s", boris.id)
    assert chloe.select("prompts", id=handed_over["id"]) != []


def test_a_secret_key_rewords_for_the_curator(club: Club, handed_over: Row) -> None:
    (reworded,) = club.actors.service().update("prompts", handed_over["id"], question="From Chloe?")
    assert reworded["curator_id"] == club.members[1].id


@pytest.mark.parametrize("by", ["leave_space", "remove_member"])
def test_what_a_curator_never_published_goes_when_they_leave(club: Club, handed_over: Row, by: str) -> None:
    boris, chloe = club.members
    (published,) = chloe.update("prompts", handed_over["id"], is_published=True)
    draft = club.actors.service().insert("prompts", space_id=club.id, question="Draft?", curator_id=boris.id)
    hers = chloe.insert("prompts", space_id=club.id, question="Draft of Chloe?")
    assert sorted(exported_questions(boris)) == ["Draft?", "From Boris?"]
    if by == "leave_space":
        boris.call("leave_space", space_id=club.id)
    else:
        club.leader.call("remove_member", space_id=club.id, user_id=boris.id)
    assert {row["id"] for row in chloe.select("prompts")} == {published["id"], hers["id"]}
    assert exported_questions(boris) == ["From Boris?"]
    # Nor is it given out where it is still there: in a week that has closed, or until the sweep.
    late = club.actors.service().insert("prompts", space_id=club.id, question="Late?", curator_id=boris.id)
    assert exported_questions(boris) == ["From Boris?"]
    assert club.actors.one("select private.drop_left_drafts(null, null)") == 1
    assert draft["id"] != late["id"] and {row["id"] for row in chloe.select("prompts")} == {published["id"], hers["id"]}


@pytest.mark.usefixtures("handed_over")
def test_who_publishes_is_paid_whoever_wrote_it(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    chloe.insert("prompts", space_id=club.id, question="From Chloe?")
    before = balance(actors, boris)
    chloe.rows("publish_prompts", space_id=club.id)
    paid = actors.run("select user_id, amount from public.transactions where type = 'EARN_CURATOR'")
    assert paid == [{"user_id": chloe.id, "amount": 100}]
    (event,) = chloe.select("space_events", kind="prompts.published")
    assert (event["actor_id"], len(event["payload"]["prompt_ids"])) == (chloe.id, 2)
    # Who publishes is not told of it; who wrote some of it is.
    assert "PROMPTS_PUBLISHED" in [row["kind"] for row in boris.select("notifications")]
    assert "PROMPTS_PUBLISHED" not in [row["kind"] for row in chloe.select("notifications")]
    actors.run("select private.award_all_badges()")
    badges = "select badges.code from public.user_badges join public.badges on badges.id = badge_id where user_id = %s"
    assert [row["code"] for row in actors.run(badges, chloe.id)] == ["first_curator"]
    assert (actors.run(badges, boris.id), balance(actors, boris)) == ([], before)


@pytest.mark.usefixtures("handed_over")
def test_a_week_without_pay_is_curated_by_who_published_first(actors: Actors, club: Club) -> None:
    actors.service().run("update public.reward_rules set weekly_limit = 0 where code = 'curation'")
    chloe = club.members[1]
    chloe.rows("publish_prompts", space_id=club.id)
    club.leader.call("assign_curator", space_id=club.id, user_id=club.leader.id)
    club.ask("From Ada?")
    weeks = "select user_id, value from private.badge_metrics(%s, '{weeks_curated}')"
    people = [person.id for person in club.everybody]
    assert actors.run(weeks, people) == [{"user_id": chloe.id, "value": 1}]
