"""Rotations: who curates after whom, in each kind of rotation."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.actors import Actors
from tests.support.stories import Club, found_club, hurry


def curators(club: Club, weeks: int) -> list[str]:
    hurry(club.actors)
    names = []
    for _ in range(weeks):
        names.append(club.curator.name)
        club.week(people=[club.leader])
    return names


def test_the_leader_curates_a_new_space(actors: Actors) -> None:
    club = found_club(actors)
    assert club.curator is club.leader
    assert club.row()["current_week"] == 1


def test_round_robin_gives_everybody_a_turn_by_waiting_time(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri")
    assert curators(club, 9) == ["Ada", "Boris", "Chloe", "Dmitri"] * 2 + ["Ada"]


def test_round_robin_lets_newcomers_curate_first(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    assert curators(club, 2) == ["Ada", "Boris"]
    newcomer = actors.person("Eleni")
    club.join(newcomer)
    club = Club(actors, club.id, club.leader, (*club.members, newcomer))
    assert curators(club, 4) == ["Chloe", "Eleni", "Ada", "Boris"]


def test_random_never_keeps_the_curator_where_there_is_a_choice(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", rotation_type="RANDOM")
    names = curators(club, 12)
    assert all(before != after for before, after in pairwise(names))
    assert set(names) <= {"Ada", "Boris", "Chloe"}


def test_random_keeps_the_curator_of_a_space_of_one(actors: Actors) -> None:
    assert curators(found_club(actors, rotation_type="RANDOM"), 3) == ["Ada"] * 3


def test_manual_keeps_the_curator_until_the_leader_names_another(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", rotation_type="MANUAL")
    assert curators(club, 2) == ["Ada", "Ada"]
    club.leader.call("assign_curator", space_id=club.id, user_id=club.members[1].id)
    assert curators(club, 3) == ["Chloe"] * 3


@pytest.mark.parametrize("rotation_type", ["ROUND_ROBIN", "RANDOM", "MANUAL"])
def test_a_curator_who_leaves_is_replaced_at_once(actors: Actors, rotation_type: str) -> None:
    club = found_club(actors, "Boris", "Chloe", rotation_type=rotation_type)
    boris, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    boris.run("select public.leave_space(%s)", club.id)
    assert club.curator in (club.leader, chloe)
    (rotation,) = club.leader.select("curator_rotations", space_id=club.id)
    assert rotation["curator_id"] == club.curator.id


def test_the_curators_role_is_curator_unless_admin(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")

    def roles() -> dict[str, Any]:
        return {row["display_name"]: row["role"] for row in club.leader.rows("member_profiles", space_id=club.id)}

    assert roles() == {"Ada": "ADMIN", "Boris": "MEMBER", "Chloe": "MEMBER"}
    club.week()
    assert roles() == {"Ada": "ADMIN", "Boris": "CURATOR", "Chloe": "MEMBER"}
    club.week()
    assert roles() == {"Ada": "ADMIN", "Boris": "MEMBER", "Chloe": "CURATOR"}


def test_the_preview_is_what_happens(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe", "Dmitri")
    preview = club.leader.rows("preview_rotation", space_id=club.id, weeks=6)
    assert [row["week_number"] for row in preview] == [2, 3, 4, 5, 6, 7]
    assert [club.curator.name, *(row["display_name"] for row in preview)] == curators(club, 7)


def test_every_week_leaves_one_row_of_history(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    curators(club, 3)
    history = club.leader.run(
        "select week_number, curator_id from public.curator_rotations where space_id = %s order by 1", club.id
    )
    ada, boris = club.leader.id, club.members[0].id
    assert [(row["week_number"], row["curator_id"]) for row in history] == [(1, ada), (2, boris), (3, ada), (4, boris)]
