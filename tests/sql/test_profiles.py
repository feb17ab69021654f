"""How people see each other: member lists, leaderboards and the screen of a week, each as far as they may."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, balance, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    club = found_club(actors, "Boris", "Chloe")
    for person, amount in zip(club.everybody, (30, 20, 10), strict=True):
        grant_tokens(actors, person, amount)
    return club


def hide(person: Actor) -> None:
    person.run("update public.settings set show_on_leaderboard = 'NOBODY' where user_id = auth.uid()")


def ranks(person: Actor, **arguments: object) -> list[tuple[int, str, int]]:
    return [(row["rank"], row["display_name"], row["token_balance"]) for row in person.rows("leaderboard", **arguments)]


def test_members_see_each_other(club: Club) -> None:
    boris = club.members[0]
    boris.update("users", boris.id, username="boris", bio="Trams", avatar_path=f"{boris.id}/me.png")
    profiles = club.leader.rows("member_profiles", space_id=club.id)
    assert [row["display_name"] for row in profiles] == ["Ada", "Boris", "Chloe"]  # By when they joined.
    (seen,) = (row for row in profiles if row["user_id"] == boris.id)
    assert (seen["username"], seen["bio"], seen["avatar_path"]) == ("boris", "Trams", f"{boris.id}/me.png")
    assert (seen["role"], seen["total_submissions"], seen["weekly_streak"], seen["badges"]) == ("MEMBER", 0, 0, [])
    assert seen["token_balance"] == 20


def test_a_balance_is_shown_where_its_owner_allows(club: Club) -> None:
    boris = club.members[0]
    hide(boris)

    def seen_by(person: Actor) -> object:
        rows = person.rows("member_profiles", space_id=club.id)
        return next(row["token_balance"] for row in rows if row["user_id"] == boris.id)

    assert seen_by(club.leader) is None
    assert seen_by(boris) == 20
    assert seen_by(club.actors.service()) is None


def test_the_leaderboard_of_a_space(actors: Actors, club: Club) -> None:
    rich = actors.person("Rich")
    grant_tokens(actors, rich, 10_000)
    assert ranks(club.leader, space_id=club.id) == [(1, "Ada", 30), (2, "Boris", 20), (3, "Chloe", 10)]
    assert ranks(club.leader, space_id=club.id, limit_count=2) == [(1, "Ada", 30), (2, "Boris", 20)]
    hide(club.leader)
    assert ranks(club.leader, space_id=club.id) == [(1, "Boris", 20), (2, "Chloe", 10)]
    with rich.refused("MG101"):
        ranks(rich, space_id=club.id)


def test_the_leaderboard_of_everybody(actors: Actors, club: Club) -> None:
    for number in range(12):
        person = actors.person(f"Person {number}")
        grant_tokens(actors, person, 1000 + number)
        person.run("update public.settings set show_on_leaderboard = 'EVERYBODY'")
    hidden = actors.person("Rich and silent")
    grant_tokens(actors, hidden, 1_000_000)
    top = ranks(club.leader)
    assert [rank for rank, _, _ in top] == list(range(1, 11))
    assert top[0] == (1, "Person 11", 1011)
    assert len(ranks(club.leader, limit_count=100)) == 15
    # By default only people of the same spaces see a balance.
    stranger = actors.person("Stranger")
    assert len(ranks(stranger, limit_count=100)) == 12
    hide(club.members[0])
    assert len(ranks(club.leader, limit_count=100)) == 14
    assert len(ranks(actors.service(), limit_count=100)) == 12


def test_equal_balances_share_a_rank(actors: Actors, club: Club) -> None:
    grant_tokens(actors, club.members[1], 10)
    assert sorted(ranks(club.leader, space_id=club.id)) == [(1, "Ada", 30), (2, "Boris", 20), (2, "Chloe", 20)]


def test_leaderboards_show_displayed_badges(club: Club) -> None:
    (prompt,) = club.ask()
    club.respond(prompt, [club.members[1]])
    by_name = {row["display_name"]: row for row in club.leader.rows("leaderboard", space_id=club.id)}
    assert [badge["code"] for badge in by_name["Chloe"]["badges"]] == ["first_words"]
    assert set(by_name["Chloe"]["badges"][0]) == {"code", "name", "icon", "earned_at"}


def test_nobody_is_told_more_than_a_leaderboard_tells(club: Club) -> None:
    (row, *_) = club.leader.rows("leaderboard", space_id=club.id)
    assert set(row) == {"rank", "user_id", "display_name", "username", "avatar_path", "token_balance", "badges"}


def test_the_screen_of_a_week(club: Club) -> None:
    boris, chloe = club.members
    first, second = club.ask("What?", "Where?")
    club.leader.insert("prompts", space_id=club.id, question="Hidden?")
    (response,) = club.respond(first, [boris])
    chloe.insert("responses", prompt_id=second["id"], content="Draft")

    week = chloe.call("space_week", space_id=club.id)
    assert (week["week_number"], week["is_open"], week["my_role"]) == (1, True, "MEMBER")
    assert week["space"]["id"] == str(club.id)
    assert week["curator"] == {
        "user_id": str(club.leader.id),
        "display_name": "Ada",
        "username": None,
        "avatar_path": None,
    }
    assert [prompt["question"] for prompt in week["prompts"]] == ["What?", "Where?"]
    (seen,) = week["prompts"][0]["responses"]
    assert (seen["id"], seen["author"]["display_name"]) == (str(response["id"]), "Boris")
    assert [response["content"] for response in week["prompts"][1]["responses"]] == ["Draft"]  # Her own.
    assert week["newsletter"] is None

    # Others do not see her draft; the curator and the leader see the prompt that is not out yet.
    assert boris.call("space_week", space_id=club.id)["prompts"][1]["responses"] == []
    ada_sees = club.leader.call("space_week", space_id=club.id)
    assert [prompt["question"] for prompt in ada_sees["prompts"]] == ["What?", "Where?", "Hidden?"]
    assert ada_sees["prompts"][1]["responses"] == []
    assert ada_sees["my_role"] == "ADMIN"


def test_the_screen_agrees_with_the_policies(club: Club) -> None:
    boris, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    first, second = club.ask("What?", "Where?")
    boris.insert("prompts", space_id=club.id, question="Hidden?")
    club.respond(first)
    chloe.insert("responses", prompt_id=second["id"], content="Draft")
    for person in club.everybody:
        week = person.call("space_week", space_id=club.id)
        assert {prompt["id"] for prompt in week["prompts"]} == {str(row["id"]) for row in person.select("prompts")}
        shown = {response["id"] for prompt in week["prompts"] for response in prompt["responses"]}
        assert shown == {str(row["id"]) for row in person.select("responses")}


def test_an_old_week(club: Club) -> None:
    newsletter = club.week()
    club.ask("Next?")
    old = club.members[1].call("space_week", space_id=club.id, week_number=1)
    assert (old["week_number"], old["is_open"]) == (1, False)
    assert old["newsletter"]["id"] == str(newsletter["id"])
    assert len(old["prompts"][0]["responses"]) == 3
    now = club.members[1].call("space_week", space_id=club.id)
    assert (now["week_number"], now["is_open"], now["newsletter"]) == (2, True, None)
    assert now["curator"]["display_name"] == "Boris"


def test_secret_keys_see_a_week_as_it_is(actors: Actors, club: Club) -> None:
    club.leader.insert("prompts", space_id=club.id, question="Hidden?")
    week = actors.service().call("space_week", space_id=club.id)
    assert ([prompt["question"] for prompt in week["prompts"]], week["my_role"]) == (["Hidden?"], None)
    with actors.service().refused("MG101"):
        actors.service().call("space_week", space_id="00000000-0000-4000-8000-000000000000")


def test_own_profile(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    assert [row["id"] for row in boris.select("users")] == [boris.id]
    assert boris.select("users")[0]["token_balance"] == balance(actors, boris)
