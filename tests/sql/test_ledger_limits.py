"""Nobody prints tokens: a place pays each person once, and a calendar week pays so much and no more."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.ledger import check_ledger
from tests.support.stories import Club, balance, found_club, hurry


def earned(person: Actor, kind: str = "EARN_RESPONSE") -> int:
    return len(person.select("transactions", type=kind))


def limit(actors: Actors, code: str, times: int) -> None:
    actors.service().run("update public.reward_rules set weekly_limit = %s where code = %s", times, code)


def write(person: Actor, prompt: Row) -> Row:
    return person.insert("responses", prompt_id=prompt["id"], content="An answer", is_published=True)


def ask(club: Club, count: int) -> list[Row]:
    return club.ask(*(f"Question {number}?" for number in range(count)))


def test_prompts_written_again_pay_nothing_again(actors: Actors) -> None:
    """Ten prompts, ten responses, all deleted, and again: ten places, paid once."""
    club = found_club(actors)
    ada = club.leader
    for _ in range(3):
        prompts = ask(club, 10)
        responses = [write(ada, prompt) for prompt in prompts]
        for response in responses:
            ada.delete("responses", response["id"])
        for prompt in prompts:
            ada.delete("prompts", prompt["id"])
    assert earned(ada) == 10
    assert earned(ada, "EARN_CURATOR") == 1
    check_ledger(actors)


def test_a_new_order_neither_pays_twice_nor_takes_a_reward_away(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    ada, boris = club.leader, club.members[0]
    first, second = ask(club, 2)
    write(boris, first)
    ada.rows("reorder_prompts", space_id=club.id, prompt_ids=[second["id"], first["id"]])
    write(boris, second)
    assert earned(boris) == 2
    boris.run("delete from public.responses where user_id = auth.uid()")
    for prompt in (first, second):
        write(boris, prompt)
    assert earned(boris) == 2
    check_ledger(actors)


def test_places_stay_apart_when_orders_are_taken_over(actors: Actors) -> None:
    """A prompt that is written where another one's order was gets a place that is free."""
    club = found_club(actors, "Boris")
    ada, boris = club.leader, club.members[0]
    prompts = ask(club, 3)
    ada.update("prompts", prompts[0]["id"], order=9)
    fourth = ada.insert("prompts", space_id=club.id, question="First now?", order=1)
    ada.rows("publish_prompts", space_id=club.id)
    assert [row["place"] for row in (*prompts, fourth)] == [1, 2, 3, 4]
    for prompt in (*prompts, fourth):
        write(boris, prompt)
    assert earned(boris) == 4


def test_a_week_pays_so_many_responses_over_all_spaces(actors: Actors) -> None:
    limit(actors, "response", 3)
    ada = actors.person("Ada")
    for name in ("One", "Two"):
        space = ada.insert("spaces", name=name)
        club = Club(actors, space["id"], ada, ())
        for prompt in ask(club, 2):
            write(ada, prompt)
    assert len(ada.select("responses")) == 4
    rows = ada.run("select limit_reached from public.transactions where type = 'EARN_RESPONSE' order by seq")
    assert [row["limit_reached"] for row in rows] == [False, False, True]
    earnings = {row["code"]: row for row in ada.rows("weekly_earnings")}
    assert earnings["response"] == {
        "code": "response", "amount": 50, "weekly_limit": 3, "paid": 3, "withheld": 1, "limit_reached": True,
    }  # fmt: skip
    assert not earnings["curation"]["limit_reached"]
    check_ledger(actors)


def test_the_next_week_pays_again(actors: Actors) -> None:
    limit(actors, "response", 1)
    club = found_club(actors, "Boris")
    boris = club.members[0]
    first, second, third = ask(club, 3)
    write(boris, first)
    write(boris, second)
    assert earned(boris) == 1
    actors.run("update private.weekly_earnings set week = week - 1")
    write(boris, third)
    assert earned(boris) == 2


def test_spaces_founded_and_deleted_pay_up_to_the_limit(actors: Actors) -> None:
    limit(actors, "response", 12)
    limit(actors, "curation", 2)
    ada = actors.person("Ada")
    for number in range(3):
        space = ada.insert("spaces", name=f"Space {number}")
        club = Club(actors, space["id"], ada, ())
        for prompt in ask(club, 5):
            write(ada, prompt)
        ada.delete("spaces", space["id"])
    assert (earned(ada), earned(ada, "EARN_CURATOR")) == (12, 2)
    check_ledger(actors)


def test_weeks_closed_by_the_second_pay_up_to_the_limit(actors: Actors) -> None:
    limit(actors, "response", 3)
    limit(actors, "curation", 2)
    club = found_club(actors)
    hurry(actors)
    for _ in range(5):
        club.week()
    assert (earned(club.leader), earned(club.leader, "EARN_CURATOR")) == (3, 2)
    check_ledger(actors)


def test_the_limits_that_there_are(actors: Actors) -> None:
    rules = {row["code"]: row["weekly_limit"] for row in actors.person("Ada").select("reward_rules")}
    assert rules == {"response": 100, "curation": 10, "streak": None}


def test_a_limit_of_nothing_pays_nothing_and_none_pays_always(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    first, second = ask(club, 2)
    actors.service().run("update public.reward_rules set weekly_limit = 0 where code = 'response'")
    write(boris, first)
    assert earned(boris) == 0
    actors.service().run("update public.reward_rules set weekly_limit = null where code = 'response'")
    write(boris, second)
    assert earned(boris) == 1


def test_one_token_to_and_fro_earns_one_badge(actors: Actors) -> None:
    ada, boris = actors.person("Ada"), actors.person("Boris")
    actors.run("select private.post_transaction(%s, 'EARN_STREAK', 1, 'streak', null, 'test')", ada.id)
    for _ in range(20):
        ada.call("transfer_tokens", recipient_id=boris.id, amount=1)
        boris.call("transfer_tokens", recipient_id=ada.id, amount=1)
    assert (balance(actors, ada), balance(actors, boris)) == (101, 100)


@pytest.mark.parametrize("value", [-1, 10**6 + 1])
def test_rules_that_could_do_harm(actors: Actors, value: int) -> None:
    with actors.service().refused("23514"):
        actors.service().run("update public.reward_rules set amount = %s where code = 'response'", value)


def test_nobody_sees_the_earnings_of_others(actors: Actors) -> None:
    with actors.anon().refused("42501"):
        actors.anon().rows("weekly_earnings")
