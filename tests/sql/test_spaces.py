"""Spaces: one insert founds a space; who joins, leaves and leads."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.support.actors import Actors
from tests.support.stories import Club, found_club


def roles(club: Club) -> dict[str, str]:
    return {row["display_name"]: row["role"] for row in club.leader.rows("member_profiles", space_id=club.id)}


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def test_one_insert_founds_a_space(actors: Actors) -> None:
    ada = actors.person("Ada")
    space = ada.insert("spaces", name="Test Book Club", description="Testing space")
    assert (space["leader_id"], space["current_curator_id"], space["current_week"]) == (ada.id, ada.id, 1)
    assert (space["rotation_type"], space["is_public"], space["newsletter_visibility"]) == (
        "ROUND_ROBIN",
        False,
        "PUBLIC",
    )
    (membership,) = ada.select("memberships", space_id=space["id"])
    assert (membership["user_id"], membership["role"]) == (ada.id, "ADMIN")
    (rotation,) = ada.select("curator_rotations", space_id=space["id"])
    assert (rotation["week_number"], rotation["curator_id"], rotation["notification_status"]) == (1, ada.id, "PENDING")
    kinds = [(row["seq"], row["kind"]) for row in ada.select("space_events", space_id=space["id"])]
    assert kinds == [(1, "member.joined"), (2, "curator.assigned")]


def test_a_chosen_id_is_kept(actors: Actors) -> None:
    ada, space_id = actors.person("Ada"), uuid4()
    cover = f"{space_id}/cover.png"
    assert ada.insert("spaces", id=space_id, name="Mine", cover_path=cover)["cover_path"] == cover
    with ada.refused("MG901"):
        ada.insert("spaces", id=space_id, name="Mine")


def test_a_public_space_takes_anybody(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    olga = actors.person("Olga")
    assert olga.insert("memberships", space_id=club.id)["role"] == "MEMBER"
    with olga.refused("MG106"):
        olga.insert("memberships", space_id=club.id)


def test_a_hidden_space_and_no_space_are_refused_in_the_same_words(actors: Actors, club: Club) -> None:
    olga = actors.person("Olga")
    for space_id in (club.id, uuid4(), None):
        with olga.refused("MG109"):
            olga.insert("memberships", space_id=space_id)
    for function in ("member_profiles", "space_week", "preview_rotation"):
        for space_id in (club.id, uuid4()):
            with olga.refused("MG101"):
                olga.rows(function, space_id=space_id)


def test_leaving(club: Club) -> None:
    boris = club.members[0]
    boris.run("select public.leave_space(%s)", club.id)
    assert roles(club) == {"Ada": "ADMIN", "Chloe": "MEMBER"}
    assert boris.select("spaces", id=club.id) == []
    (event,) = club.leader.select("space_events", kind="member.left")
    assert (event["actor_id"], event["subject_id"]) == (boris.id, boris.id)
    with boris.refused("MG101"):
        boris.run("select public.leave_space(%s)", club.id)


def test_leaving_by_a_plain_delete(club: Club) -> None:
    boris = club.members[0]
    (mine,) = boris.select("memberships", user_id=boris.id)
    assert boris.delete("memberships", mine["id"])
    assert boris.select("memberships") == []


def test_the_leader_hands_over_before_leaving(actors: Actors, club: Club) -> None:
    ada, boris = club.leader, club.members[0]
    with ada.refused("MG107"):
        ada.run("select public.leave_space(%s)", club.id)
    with ada.refused("MG107"):
        ada.run("delete from public.memberships where user_id = auth.uid()")
    with actors.service().refused("MG107"):
        actors.service().run("delete from public.memberships where user_id = %s", ada.id)
    space = ada.call("transfer_leadership", space_id=club.id, user_id=boris.id)
    assert space["leader_id"] == boris.id
    assert roles(club) == {"Ada": "CURATOR", "Boris": "ADMIN", "Chloe": "MEMBER"}  # She is still the curator.
    ada.run("select public.leave_space(%s)", club.id)
    assert club.row()["current_curator_id"] in (boris.id, club.members[1].id)


def test_a_handover_by_a_leader_who_is_not_the_curator_leaves_a_member(club: Club) -> None:
    boris, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=chloe.id)
    club.leader.call("transfer_leadership", space_id=club.id, user_id=boris.id)
    assert roles(club) == {"Ada": "MEMBER", "Boris": "ADMIN", "Chloe": "CURATOR"}
    with club.leader.refused("42501"):
        club.leader.call("transfer_leadership", space_id=club.id, user_id=club.leader.id)


def test_leadership_for_the_leader_changes_nothing(club: Club) -> None:
    space = club.leader.call("transfer_leadership", space_id=club.id, user_id=club.leader.id)
    assert space["leader_id"] == club.leader.id
    assert roles(club)["Ada"] == "ADMIN"


def test_removing_a_member(club: Club) -> None:
    boris, chloe = club.members
    (prompt,) = club.ask("What?")
    (response,) = club.respond(prompt, [boris])
    club.leader.run("select public.remove_member(%s, %s)", club.id, boris.id)
    assert boris.select("spaces", id=club.id) == []
    assert chloe.select("responses", id=response["id"])
    with club.leader.refused("MG107"):
        club.leader.run("select public.remove_member(%s, %s)", club.id, club.leader.id)
    with chloe.refused("42501"):
        chloe.run("select public.remove_member(%s, %s)", club.id, club.leader.id)


def test_roles(club: Club) -> None:
    ada, (boris, chloe) = club.leader, club.members
    row = ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")
    assert row["role"] == "ADMIN"
    ada.call("set_member_role", space_id=club.id, user_id=chloe.id, role="CURATOR")
    assert roles(club) == {"Ada": "ADMIN", "Boris": "ADMIN", "Chloe": "CURATOR"}
    assert club.row()["current_curator_id"] == chloe.id
    ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="MEMBER")
    with ada.refused("MG108"):
        ada.call("set_member_role", space_id=club.id, user_id=ada.id, role="CURATOR")
    assert ada.call("set_member_role", space_id=club.id, user_id=ada.id, role="ADMIN")["role"] == "ADMIN"
    with boris.refused("42501"):
        boris.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")


def test_an_admin_who_becomes_curator_stays_admin(club: Club) -> None:
    ada, (boris, _) = club.leader, club.members
    ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")
    ada.call("assign_curator", space_id=club.id, user_id=boris.id)
    assert roles(club)["Boris"] == "ADMIN"
    assert ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="CURATOR")["role"] == "CURATOR"
    with ada.refused("MG110"):
        ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="MEMBER")


def test_a_leader_changes_what_is_theirs_to_change(club: Club) -> None:
    changed = {"name": "Renamed", "description": "x", "rotation_type": "RANDOM", "is_public": True}
    (row,) = club.leader.update("spaces", club.id, **changed)
    assert {name: row[name] for name in changed} == changed
    for person in club.members:
        assert person.update("spaces", club.id, name="Mine") == []


def test_deleting_a_space_takes_everything_but_the_ledger(actors: Actors, club: Club) -> None:
    club.week()
    club.ask("What?")
    paid = actors.one("select count(*) from public.transactions")
    assert paid
    assert club.leader.delete("spaces", club.id)
    for table in (
        "prompts",
        "responses",
        "newsletters",
        "memberships",
        "curator_rotations",
        "space_events",
        "space_invites",
    ):
        assert actors.one(f"select count(*) from public.{table}") == 0, table
    assert actors.one("select count(*) from private.space_feeds") == 0
    assert actors.one("select count(*) from public.transactions") == paid


def test_a_member_of_two_spaces(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    family = found_club(actors, leader="Femi")
    family.join(boris)
    assert {row["id"] for row in boris.select("spaces")} == {club.id, family.id}
    with family.leader.refused("MG102"):
        family.leader.call("assign_curator", space_id=family.id, user_id=club.members[1].id)
