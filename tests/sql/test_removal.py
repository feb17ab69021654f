"""Who was removed stays removed until somebody else invites them anew, and what was withdrawn stays withdrawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def remove(club: Club, person: Actor) -> None:
    club.leader.run("select public.remove_member(%s, %s)", club.id, person.id)


def code_of(person: Actor, club: Club) -> str:
    code: str = person.call("create_invite", space_id=club.id)["code"]
    return code


def promote(club: Club, person: Actor, role: str = "ADMIN") -> None:
    club.leader.call("set_member_role", space_id=club.id, user_id=person.id, role=role)


def join_by_function(person: Actor, _: Club, code: str) -> object:
    return person.call("join_space", invite_code=code)


def join_by_row(person: Actor, club: Club, code: str) -> object:
    return person.insert("memberships", space_id=club.id, invite_code=code)


ROADS = [join_by_function, join_by_row]
Road = Callable[[Actor, Club, str], object]


@pytest.mark.parametrize("join", ROADS)
def test_no_invite_made_before_lets_them_back(club: Club, join: Road) -> None:
    boris, chloe = club.members
    promote(club, chloe)
    codes = code_of(club.leader, club), code_of(chloe, club)
    remove(club, boris)
    for code in codes:
        with boris.refused("MG111"):
            join(boris, club, code)
    assert boris.select("spaces", id=club.id) == []


@pytest.mark.parametrize("join", ROADS)
def test_an_invite_that_somebody_else_makes_afterwards_does(club: Club, join: Road) -> None:
    boris, chloe = club.members
    promote(club, chloe)
    remove(club, boris)
    join(boris, club, code_of(chloe, club))
    # Back in, they may leave and come back like anybody else.
    old = code_of(club.leader, club)
    boris.run("select public.leave_space(%s)", club.id)
    join(boris, club, old)


def test_no_invite_that_one_made_oneself(club: Club) -> None:
    boris, _ = club.members
    promote(club, boris)
    own = code_of(boris, club)
    remove(club, boris)
    with boris.refused("MG103"):  # It ended with the rank.
        boris.call("join_space", invite_code=own)


def test_an_own_invite_does_not_count_as_somebody_elses(actors: Actors, club: Club) -> None:
    """Removed, let in again, promoted, removed again: what they made in between is theirs."""
    boris, _ = club.members
    remove(club, boris)
    boris.call("join_space", invite_code=code_of(club.leader, club))
    promote(club, boris)
    own = code_of(boris, club)
    remove(club, boris)
    actors.run("alter table public.space_invites disable trigger user")
    actors.run("update public.space_invites set revoked_at = null, created_at = clock_timestamp()")
    actors.run("alter table public.space_invites enable trigger user")
    with boris.refused("MG111"):
        boris.call("join_space", invite_code=own)


def test_a_public_space_does_not_take_them_back(actors: Actors) -> None:
    club = found_club(actors, "Boris", is_public=True)
    (boris,) = club.members
    remove(club, boris)
    with boris.refused("MG111"):
        boris.insert("memberships", space_id=club.id)
    boris.call("join_space", invite_code=code_of(club.leader, club))


def test_who_left_may_come_back(actors: Actors) -> None:
    club = found_club(actors, "Boris", is_public=True)
    (boris,) = club.members
    code = code_of(club.leader, club)
    boris.run("select public.leave_space(%s)", club.id)
    boris.insert("memberships", space_id=club.id)
    boris.run("select public.leave_space(%s)", club.id)
    boris.call("join_space", invite_code=code)


def test_a_removal_is_about_one_space_and_goes_with_it_and_with_the_account(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    other = found_club(actors, leader="Femi", is_public=True)
    remove(club, boris)
    remove(club, chloe)
    boris.insert("memberships", space_id=other.id)
    actors.run("delete from auth.users where id = %s", chloe.id)
    assert actors.one("select array_agg(user_id) from private.removed_members") == [boris.id]
    club.leader.delete("spaces", club.id)
    assert actors.one("select count(*) from private.removed_members") == 0


def test_removed_twice_counts_from_the_last_time(actors: Actors, club: Club) -> None:
    boris, _ = club.members
    remove(club, boris)
    between = code_of(club.leader, club)
    # A secret key puts whom it likes where it likes.
    actors.service().insert("memberships", space_id=club.id, user_id=boris.id)
    remove(club, boris)
    with boris.refused("MG111"):
        boris.call("join_space", invite_code=between)


@pytest.mark.parametrize(
    "end",
    [
        lambda club, boris: promote(club, boris, "MEMBER"),
        lambda club, boris: promote(club, boris, "CURATOR"),
        lambda club, boris: boris.run("select public.leave_space(%s)", club.id),
        lambda club, boris: remove(club, boris),
        lambda club, boris: club.actors.run("delete from auth.users where id = %s", boris.id),
    ],
    ids=["demoted", "curator", "left", "removed", "deleted"],
)
def test_invites_end_with_the_rank_of_who_made_them(
    actors: Actors, club: Club, end: Callable[[Club, Actor], object]
) -> None:
    boris, chloe = club.members
    promote(club, boris)
    promote(club, chloe)
    code, other = code_of(boris, club), code_of(chloe, club)
    end(club, boris)
    olga = actors.person("Olga")
    with olga.refused("MG103"):
        olga.call("join_space", invite_code=code)
    olga.call("join_space", invite_code=other)


def test_a_leader_who_hands_over_leaves_no_invites(actors: Actors, club: Club) -> None:
    boris, _ = club.members
    ada, olga = club.leader, actors.person("Olga")
    code = code_of(ada, club)
    ada.call("transfer_leadership", space_id=club.id, user_id=boris.id)
    boris.call("set_member_role", space_id=club.id, user_id=ada.id, role="ADMIN")
    with olga.refused("MG103"):  # Also not when the rank comes back.
        olga.call("join_space", invite_code=code)


def test_a_withdrawn_invite_never_comes_back(actors: Actors, club: Club) -> None:
    """An admin restored it by a plain update."""
    boris, _ = club.members
    promote(club, boris)
    made = club.leader.call("create_invite", space_id=club.id)
    (withdrawn,) = boris.update("space_invites", made["id"], revoked_at="now")
    for somebody in (boris, club.leader, actors.service()):
        with somebody.refused("MG112"):
            somebody.update("space_invites", made["id"], revoked_at=None)
    with actors.service().refused("MG112"):
        actors.run("update public.space_invites set revoked_at = null where id = %s", made["id"])
    # Withdrawing it again, or at another time, changes nothing.
    (again,) = boris.update("space_invites", made["id"], revoked_at="2030-01-01T00:00:00Z")
    assert again["revoked_at"] == withdrawn["revoked_at"]
    with actors.person("Olga").refused("MG103"):
        actors.person("Olga").call("join_space", invite_code=made["code"])


def test_the_command_that_made_an_invite_does_not_return_it_once_it_is_withdrawn(club: Club) -> None:
    """Its code would be refused: made as an admin, demoted, made an admin again, sent again."""
    boris, _ = club.members
    promote(club, boris)
    command = {"space_id": club.id, "idempotency_key": "monday"}
    made = boris.call("create_invite", **command)
    assert boris.call("create_invite", **command) == made
    promote(club, boris, "MEMBER")
    promote(club, boris)
    with boris.refused("MG112"):
        boris.call("create_invite", **command)


def test_an_invite_is_withdrawn_now_whatever_time_is_sent(actors: Actors, club: Club) -> None:
    made = club.leader.call("create_invite", space_id=club.id)
    (row,) = club.leader.update("space_invites", made["id"], revoked_at="2030-01-01T00:00:00Z")
    assert row["revoked_at"] == actors.one("select now()")
    with actors.person("Olga").refused("MG103"):
        actors.person("Olga").call("join_space", invite_code=made["code"])


def test_the_end_of_an_invite_is_nobodys_to_move(club: Club) -> None:
    made = club.leader.call("create_invite", space_id=club.id)
    for column, value in (("expires_at", "2999-01-01T00:00:00Z"), ("max_uses", 9), ("uses", 0), ("created_at", "now")):
        with club.leader.refused("42501"):
            club.leader.update("space_invites", made["id"], **{column: value})
        with club.actors.service().refused("42501"):
            club.actors.service().update("space_invites", made["id"], **{column: value})


def test_who_was_faster_to_leave_is_removed_all_the_same(actors: Actors) -> None:
    """Leave, join, leave: the leader never met them inside, and had no way to keep them out."""
    club = found_club(actors, "Boris", is_public=True)
    (boris,) = club.members
    before = code_of(club.leader, club)
    boris.run("select public.leave_space(%s)", club.id)
    events = actors.one("select last_seq from private.space_feeds where space_id = %s", club.id)
    remove(club, boris)
    # They left once, and the feed says so once.
    assert actors.one("select last_seq from private.space_feeds where space_id = %s", club.id) == events
    with boris.refused("MG111"):
        boris.insert("memberships", space_id=club.id)
    for join in ROADS:
        with boris.refused("MG111"):
            join(boris, club, before)
    boris.call("join_space", invite_code=code_of(club.leader, club))


def test_removing_again_shuts_out_the_invites_made_since(club: Club) -> None:
    boris, _ = club.members
    remove(club, boris)
    since = code_of(club.leader, club)
    remove(club, boris)
    with boris.refused("MG111"):
        boris.call("join_space", invite_code=since)


def test_a_founder_who_handed_over_and_left_is_kept_out_too(actors: Actors) -> None:
    club = found_club(actors, "Boris", is_public=True)
    (boris,) = club.members
    club.leader.call("transfer_leadership", space_id=club.id, user_id=boris.id)
    club.leader.run("select public.leave_space(%s)", club.id)
    boris.run("select public.remove_member(%s, %s)", club.id, club.leader.id)
    with club.leader.refused("MG111"):
        club.leader.insert("memberships", space_id=club.id)


def test_who_never_was_in_a_space_cannot_be_removed_and_who_deleted_the_account_can(actors: Actors, club: Club) -> None:
    olga, (boris, chloe) = actors.person("Olga"), club.members
    other = found_club(actors, leader="Femi")
    other.join(olga)
    with club.leader.refused("MG102"):
        remove(club, olga)
    boris.run("select public.leave_space(%s)", club.id)
    with chloe.refused("42501"):
        chloe.run("select public.remove_member(%s, %s)", club.id, boris.id)
    actors.run("delete from auth.users where id = %s", boris.id)
    remove(club, boris)


def second_account(actors: Actors, club: Club, person: Actor) -> Actor:
    """Another account of the same mailbox, in the same space."""
    for account, address in ((person, "boris@example.test"), (other := actors.person("Bo"), "boris+2@example.test")):
        actors.run("update auth.users set email = %s where id = %s", address, account.id)
    other.call("join_space", invite_code=code_of(club.leader, club))
    return other


def members_of(club: Club) -> set[object]:
    return {row["user_id"] for row in club.leader.select("memberships", space_id=club.id)}


def test_every_account_of_a_person_that_is_in_goes(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    other = second_account(actors, club, boris)
    promote(club, other)
    code, former = code_of(other, club), code_of(club.leader, club)
    remove(club, boris)
    assert members_of(club) == {club.leader.id, chloe.id}
    left = actors.run("select subject_id from public.space_events where kind = 'member.left' order by seq")
    assert {row["subject_id"] for row in left} == {boris.id, other.id}
    for account in (boris, other):
        with account.refused("MG111"):
            account.call("join_space", invite_code=former)
    dora = actors.person("Dora")
    with dora.refused("MG103"):  # It ended with the rank.
        dora.call("join_space", invite_code=code)


@pytest.mark.parametrize("goes", ["leaves", "deletes the account"])
def test_so_does_one_whose_other_was_faster_to_go(actors: Actors, club: Club, goes: str) -> None:
    boris, chloe = club.members
    second_account(actors, club, boris)
    if goes == "leaves":
        boris.run("select public.leave_space(%s)", club.id)
    else:
        actors.run("delete from auth.users where id = %s", boris.id)
    remove(club, boris)
    assert members_of(club) == {club.leader.id, chloe.id}


def test_the_leaders_own_stays_when_they_remove_another_account_of_theirs(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    other = second_account(actors, club, club.leader)
    remove(club, other)
    assert members_of(club) == {club.leader.id, boris.id, chloe.id}


def test_an_account_that_never_was_in_takes_none_with_it(actors: Actors, club: Club) -> None:
    boris, _ = club.members
    second = second_account(actors, club, boris)
    third = actors.person("Third")
    actors.run("update auth.users set email = 'boris+3@example.test' where id = %s", third.id)
    with club.leader.refused("MG102"):
        remove(club, third)
    assert {boris.id, second.id} <= members_of(club)
