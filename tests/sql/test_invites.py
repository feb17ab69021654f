"""Invites: the code is shown once and kept as a hash; it opens its space as often and as long as it says."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors)


@pytest.fixture
def olga(actors: Actors) -> Actor:
    return actors.person("Olga")


def invite(club: Club, **limits: object) -> Row:
    row: Row = club.leader.call("create_invite", space_id=club.id, **limits)
    return row


def test_an_invite_returns_its_code_once(actors: Actors, club: Club) -> None:
    made = invite(club, max_uses=4)
    assert set(made) == {"id", "space_id", "code", "max_uses", "uses", "expires_at", "created_at"}
    assert (made["max_uses"], made["uses"], made["expires_at"]) == (4, 0, None)
    (row,) = club.leader.select("space_invites")
    assert made["code"] not in str(row)
    everything = actors.run("select invite_secrets::text as row from private.invite_secrets")
    assert all(made["code"].replace("-", "").lower() not in row["row"].lower() for row in everything)
    (kept,) = actors.run("select code_hash from private.invite_secrets where invite_id = %s", made["id"])
    assert len(kept["code_hash"]) == 32


@pytest.mark.parametrize(
    "retype",
    [
        lambda code: code,
        lambda code: code.lower(),
        lambda code: code.replace("-", ""),
        lambda code: " ".join(code.lower().split("-")) + "\n",
        lambda code: code.replace("-", "\N{EN DASH}"),
    ],
    ids=["as shown", "lower case", "no dashes", "blanks", "long dashes"],
)
def test_a_code_is_forgiving(club: Club, olga: Actor, retype: object) -> None:
    assert callable(retype)
    membership = olga.call("join_space", invite_code=retype(invite(club)["code"]))
    assert (membership["space_id"], membership["role"], membership["invite_code"]) == (club.id, "MEMBER", None)


def test_a_plain_insert_is_the_same_command(club: Club, olga: Actor) -> None:
    made = invite(club)
    membership = olga.insert("memberships", space_id=club.id, invite_code=made["code"])
    assert str(membership["invite_id"]) == made["id"]
    assert club.leader.select("space_invites", id=made["id"])[0]["uses"] == 1


def test_a_code_opens_its_own_space_only(actors: Actors, club: Club, olga: Actor) -> None:
    other = found_club(actors, leader="Femi")
    with olga.refused("MG103"):
        olga.insert("memberships", space_id=other.id, invite_code=invite(club)["code"])


@pytest.mark.parametrize("code", ["", " ", "x", "ABCD-1234", None])
def test_a_wrong_code(olga: Actor, code: str | None) -> None:
    with olga.refused("MG103"):
        olga.call("join_space", invite_code=code)


def test_an_invite_is_used_up(actors: Actors, club: Club, olga: Actor) -> None:
    made = invite(club, max_uses=1)
    olga.call("join_space", invite_code=made["code"])
    with actors.person("Rosa").refused("MG105") as caught:
        actors.person("Sam").call("join_space", invite_code=made["code"])
    assert "new one" in (caught.value.diag.message_hint or "")


def test_joining_again_is_told_so_even_with_a_code_that_is_used_up(club: Club, olga: Actor) -> None:
    """Somebody who repeats a command that got through must not read that they came too late."""
    made = invite(club, max_uses=1)
    olga.call("join_space", invite_code=made["code"])
    with olga.refused("MG106"):
        olga.call("join_space", invite_code=made["code"])
    assert club.leader.select("space_invites", id=made["id"])[0]["uses"] == 1


def test_an_insert_that_does_nothing_uses_up_nothing(club: Club, olga: Actor) -> None:
    made = invite(club, max_uses=2)
    olga.call("join_space", invite_code=made["code"])
    with olga.refused("MG106"):
        olga.run("insert into public.memberships (invite_code) values (%s) on conflict do nothing", made["code"])
    assert club.leader.select("space_invites", id=made["id"])[0]["uses"] == 1


def test_an_invite_expires(actors: Actors, club: Club, olga: Actor) -> None:
    made = invite(club, expires_at=actors.one("select now() + interval '1 hour'"))
    actors.run("update public.space_invites set expires_at = now() where id = %s", made["id"])
    with olga.refused("MG104"):
        olga.call("join_space", invite_code=made["code"])


def test_an_invite_is_taken_back(actors: Actors, club: Club, olga: Actor) -> None:
    made = invite(club)
    (row,) = club.leader.update("space_invites", made["id"], revoked_at=actors.one("select now()"))
    assert row["revoked_at"] is not None
    with olga.refused("MG103"):
        olga.call("join_space", invite_code=made["code"])


def test_admins_invite_and_others_do_not(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    boris, chloe = club.members
    club.leader.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")
    boris.call("create_invite", space_id=club.id)
    assert boris.select("space_invites")
    with chloe.refused("42501"):
        chloe.call("create_invite", space_id=club.id)
    with actors.person("Olga").refused("MG101"):
        actors.person("Olga").call("create_invite", space_id=club.id)
    assert actors.service().call("create_invite", space_id=club.id)["code"]


def test_the_same_command_again_returns_the_same_invite(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    club.leader.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")
    made = invite(club, max_uses=2, idempotency_key="monday")
    assert invite(club, max_uses=2, idempotency_key="monday") == made
    assert len(club.leader.select("space_invites")) == 2, "Boris came by the other one"
    others = boris.call("create_invite", space_id=club.id, max_uses=2, idempotency_key="monday")
    assert (others["id"], others["code"]) != (made["id"], made["code"]), "keys are each person's own"
    membership = actors.person("Olga").call("join_space", invite_code=made["code"])
    assert membership["space_id"] == club.id


@pytest.mark.parametrize("other", [{"max_uses": 3}, {"max_uses": None}, {"expires_at": "2999-01-01T00:00:00Z"}])
def test_a_key_is_for_one_command(club: Club, other: Row) -> None:
    invite(club, max_uses=2, idempotency_key="monday")
    with club.leader.refused("MG502"):
        invite(club, **{"max_uses": 2, **other}, idempotency_key="monday")


def test_a_key_is_for_one_space(club: Club) -> None:
    invite(club, idempotency_key="monday")
    space = club.leader.insert("spaces", name="Another", leader_id=club.leader.id)
    with club.leader.refused("MG502"):
        club.leader.call("create_invite", space_id=space["id"], idempotency_key="monday")


def test_an_invite_whose_end_has_come_says_so_to_the_same_command(actors: Actors, club: Club) -> None:
    end = actors.one("select now() + interval '1 hour'")
    made = invite(club, expires_at=end, idempotency_key="monday")
    actors.run("update public.space_invites set expires_at = now() - interval '1 hour' where id = %s", made["id"])
    with club.leader.refused("MG502"):
        invite(club, expires_at=end, idempotency_key="monday")
    end = actors.one("select now() - interval '1 hour'")
    with club.leader.refused("MG104") as refused:
        invite(club, expires_at=end, idempotency_key="monday")
    assert "another idempotency_key" in str(refused.value.diag.message_hint)


def test_a_dead_code_is_not_handed_out_again(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    (boris,) = club.members
    roles = {"space_id": club.id, "user_id": boris.id}
    club.leader.call("set_member_role", **roles, role="ADMIN")
    once = {"space_id": club.id, "max_uses": 1, "idempotency_key": "once"}
    monday = {"space_id": club.id, "idempotency_key": "monday"}
    actors.person("Olga").call("join_space", invite_code=boris.call("create_invite", **once)["code"])
    with boris.refused("MG105"):
        boris.call("create_invite", **once)
    boris.call("create_invite", **monday)
    club.leader.call("set_member_role", **roles, role="MEMBER")
    club.leader.call("set_member_role", **roles, role="ADMIN")
    with boris.refused("MG112") as refused:
        boris.call("create_invite", **monday)
    assert "another idempotency_key" in str(refused.value.diag.message_hint)


@pytest.mark.parametrize("key", ["", " ", "k" * 201])
def test_a_key_has_a_length(club: Club, key: str) -> None:
    with club.leader.refused("MG001"):
        invite(club, idempotency_key=key)


def test_what_is_kept_does_not_tell_the_code(actors: Actors, club: Club) -> None:
    code = invite(club, idempotency_key="monday")["code"].replace("-", "").lower()
    (row,) = actors.run("select invite_secrets::text as text from private.invite_secrets")
    assert code not in row["text"].lower() and "monday" not in row["text"]


def test_who_came_by_it_stays_when_the_inviter_goes(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    boris = club.members[0]
    club.leader.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN")
    made = boris.call("create_invite", space_id=club.id)
    olga = actors.person("Olga")
    olga.call("join_space", invite_code=made["code"])
    actors.run("delete from auth.users where id = %s", boris.id)
    (row,) = club.leader.select("space_invites", id=made["id"])
    assert row["created_by"] is None
    assert olga.select("memberships", user_id=olga.id)
