"""Heads of the ledger leave the database in printed newsletters: what a kept copy proves, and what it tells nobody."""

from __future__ import annotations

import json
import re

import pytest

from monogram_sdk.models import LedgerProof
from tests.sql.tamperings import faults
from tests.sql.test_ledger_chain import rewrite
from tests.support.actors import Actors, Row
from tests.support.stories import Club, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    """Five people, of whom one has no tokens; week 1 is published."""
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni")
    for person in (*club.members[:-1], club.leader):
        grant_tokens(actors, person, 100)
    return club


def proof_of(person: object, newsletter: Row) -> LedgerProof:
    return LedgerProof.model_validate(person.call("ledger_proof", newsletter_id=newsletter["id"]))  # type: ignore[attr-defined]


def verify(actors: Actors, newsletter: Row, **more: object) -> Row:
    found: Row = actors.service().call("verify_newsletter", code=newsletter["code"], **more)
    return found


def test_a_published_newsletter_has_a_code_and_a_draft_has_none(club: Club) -> None:
    club.ask()
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    assert (draft["code"], draft["ledger_root"]) == (None, None)
    newsletter = club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}", newsletter["code"])
    assert re.fullmatch(r"[0-9a-f]{64}", newsletter["ledger_root"])
    assert club.leader.call("publish_newsletter", newsletter_id=draft["id"])["code"] == newsletter["code"]


def test_the_code_is_the_sha256_of_the_snapshot_in_crockfords_base_32(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    digest = actors.one(
        """
        select sha256(convert_to(jsonb_build_object(
          'id', id, 'space_id', space_id, 'week_number', week_number, 'title', title, 'intro', intro,
          'content', content, 'published_at', extract(epoch from published_at)::text, 'ledger_root', ledger_root
        )::text, 'UTF8')) from public.newsletters where id = %s
        """,
        newsletter["id"],
    )
    number = int.from_bytes(digest) >> 156
    newsletters = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> 5 * place & 31] for place in reversed(range(20)))
    assert newsletter["code"] == "-".join(newsletters[place : place + 5] for place in range(0, 20, 5))


@pytest.mark.parametrize("members", [0, 1, 2, 3, 4, 7])
def test_every_member_has_a_proof_of_their_own(actors: Actors, members: int) -> None:
    club = found_club(actors, *(f"Member {number}" for number in range(members)))
    club.ask()
    newsletter = club.publish_week()
    proofs = [proof_of(person, newsletter) for person in club.everybody]
    assert [proof.is_valid() for proof in proofs] == [True] * (members + 1)
    assert {proof.ledger_root for proof in proofs} == {newsletter["ledger_root"]}
    assert {proof.user_id for proof in proofs} == {person.id for person in club.everybody}
    assert not proofs[0].model_copy(update={"entries": proofs[0].entries + 1}).is_valid()
    assert not proofs[0].model_copy(update={"hash": "00" * 32}).is_valid()


def test_a_proof_tells_nothing_of_others(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    boris = club.members[0]
    told = json.dumps(boris.call("ledger_proof", newsletter_id=newsletter["id"]), default=str)
    for person in (club.leader, *club.members[1:]):
        assert str(person.id) not in told
        (head,) = actors.run("select * from private.newsletter_heads where user_id = %s", person.id)
        assert str(head["salt"]) not in told and (head["hash"].hex() or "nothing") not in told


def test_who_was_no_member_has_no_proof(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    boris, chloe = club.members[:2]
    boris.run("select public.leave_space(%s)", club.id)
    assert proof_of(boris, newsletter).is_valid()
    femi = actors.person("Femi")
    club.join(femi)
    for person in (femi, actors.person("Sam")):
        with person.refused("MG508"):
            person.call("ledger_proof", newsletter_id=newsletter["id"])
    draft = (club.ask(), club.leader.call("generate_newsletter", space_id=club.id))[1]
    with chloe.refused("MG508"):
        chloe.call("ledger_proof", newsletter_id=draft["id"])
    with actors.anon().refused("42501"):
        actors.anon().call("ledger_proof", newsletter_id=newsletter["id"])


def test_an_intact_newsletter(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    club.week()
    found = verify(actors, newsletter, newsletter_id=newsletter["id"], ledger_root=newsletter["ledger_root"])
    assert (found["status"], found["newsletter_id"], found["members"]) == ("INTACT", str(newsletter["id"]), 5)
    assert (found["closed_accounts"], found["changed_ledgers"]) == (0, 0)
    # As somebody types it.
    typed = newsletter["code"].lower().replace("0", "o").replace("1", "l")
    assert actors.service().call("verify_newsletter", code=f" {typed} ")["status"] == "INTACT"


@pytest.mark.parametrize(
    "statement",
    [
        "update public.newsletters set title = 'Another title'",
        "update public.newsletters set intro = 'Never written'",
        "update public.newsletters set content = jsonb_set(content, '{prompts,0,responses,0,content}', '\"No\"')",
        "update public.newsletters set content = jsonb_set(content, '{prompts,0,responses}', '[]')",
        "update public.newsletters set published_at = published_at - interval '1 second'",
        "update public.newsletters set ledger_root = repeat('0', 64)",
        # And the code computed anew: it is not the one that was printed.
        "update public.newsletters set title = 'x';"
        " update public.newsletters as changed set code = private.newsletter_code(changed)",
    ],
)
def test_a_newsletter_that_was_changed(actors: Actors, club: Club, statement: str) -> None:
    newsletter = club.week()
    actors.run("alter table public.newsletters disable trigger user")
    for part in statement.split("; "):
        actors.run(part)
    assert verify(actors, newsletter, newsletter_id=newsletter["id"])["status"] == "CHANGED"


def test_a_rewritten_ledger_is_found_by_what_was_printed(actors: Actors, club: Club) -> None:
    """Consistently, heads and all: nothing in the ledger itself says so."""
    newsletter = club.week()
    actors.run("alter table public.transactions disable trigger user")
    rewrite(actors, f"user_id = '{club.members[0].id}'")
    assert faults(actors) == []
    found = verify(actors, newsletter)
    assert (found["status"], found["changed_ledgers"]) == ("LEDGER_CHANGED", 1)


@pytest.mark.parametrize(
    "statement",
    [
        "update public.transactions set description = 'x' where user_id = %(boris)s",
        "delete from public.transactions where user_id = %(boris)s",
        "delete from public.transactions where seq ="
        " (select min(seq) from public.transactions where user_id = %(boris)s)",
        "update private.newsletter_heads set entries = entries - 1 where user_id = %(boris)s",
        "update private.newsletter_heads set user_id = gen_random_uuid() where user_id = %(boris)s",
        "delete from private.newsletter_heads where user_id = %(boris)s",
        "update private.newsletter_heads set leaf = sha256('') where user_id = %(boris)s",
    ],
)
def test_any_other_change_of_what_it_stands_for(actors: Actors, club: Club, statement: str) -> None:
    newsletter = club.week()
    actors.run("alter table public.transactions disable trigger user")
    actors.run(statement.replace("%(boris)s", f"'{club.members[0].id}'"))
    assert verify(actors, newsletter)["status"] == "LEDGER_CHANGED"


def test_a_forger_who_changes_the_newsletter_to_fit(actors: Actors, club: Club) -> None:
    """All of it computed anew, with a redaction that never was: the root in the kept file is another one."""
    newsletter = club.week()
    actors.run("alter table public.transactions disable trigger user")
    actors.run("alter table public.newsletters disable trigger user")
    rewrite(actors, f"user_id = '{club.members[0].id}'")
    actors.run(
        """
        update private.newsletter_heads as heads
        set hash = transactions.hash,
          leaf = private.leaf_hash(salt, newsletter_id, heads.user_id, entries, last_seq, transactions.hash)
        from public.transactions
        where transactions.user_id = heads.user_id and transactions.seq = heads.last_seq
        """
    )
    actors.run("update public.newsletters set ledger_root = encode(private.merkle_root(id), 'hex')")
    actors.run("update public.newsletters as newsletter set code = private.newsletter_code(newsletter)")
    assert verify(actors, newsletter)["status"] == "CHANGED"
    actors.run("update private.sealed_newsletters set code = (select code from public.newsletters)")
    assert verify(actors, newsletter)["status"] == "UNKNOWN"
    assert verify(actors, newsletter, newsletter_id=newsletter["id"])["status"] == "CHANGED"
    new_code = actors.one("select code from public.newsletters")
    actors.run("select private.record_redaction(%s, %s, %s)", newsletter["id"], newsletter["code"], new_code)
    assert verify(actors, newsletter)["status"] == "REDACTED"
    assert verify(actors, newsletter, ledger_root=newsletter["ledger_root"])["status"] == "LEDGER_CHANGED"


def test_an_account_that_was_closed_is_no_tampering(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    actors.run("delete from auth.users where id = %s", club.members[0].id)
    found = verify(actors, newsletter, ledger_root=newsletter["ledger_root"])
    assert (found["status"], found["closed_accounts"], found["changed_ledgers"]) == ("ACCOUNT_CLOSED", 1, 0)
    assert proof_of(club.members[1], newsletter).is_valid()
    # An account that was never closed cannot be said to have been.
    actors.run("delete from private.closed_accounts")
    assert verify(actors, newsletter)["status"] == "LEDGER_CHANGED"


def test_a_redaction_is_no_tampering(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    for times, person in enumerate(club.members[:2]):
        assert actors.service().call("redact_user", user_id=person.id) == 1, times
    (now,) = club.leader.select("newsletters", id=newsletter["id"])
    assert now["code"] != newsletter["code"] and now["ledger_root"] == newsletter["ledger_root"]
    found = verify(actors, newsletter, newsletter_id=newsletter["id"], ledger_root=newsletter["ledger_root"])
    assert found["status"] == "REDACTED" and found["redacted_at"] is not None
    after = verify(actors, now)
    assert after["status"] == "INTACT" and after["redacted_at"] is not None
    actors.run("alter table public.newsletters disable trigger user")
    actors.run("update public.newsletters set title = 'x'")
    assert verify(actors, newsletter)["status"] == "CHANGED"


def test_a_newsletter_that_was_deleted_is_no_tampering(actors: Actors, club: Club) -> None:
    first, second = club.week(), club.week()
    actors.service().call("redact_user", user_id=club.members[0].id)
    club.leader.delete("newsletters", first["id"])
    found = verify(actors, first, newsletter_id=first["id"])
    assert (found["status"], found["title"]) == ("DELETED", None) and found["deleted_at"] is not None
    club.leader.delete("spaces", club.id)
    assert verify(actors, second)["status"] == "DELETED"
    assert actors.one("select count(*) from private.newsletter_heads") == 0


def test_a_code_that_nobody_printed(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    unknown = {"code": "00000-00000-00000-00000"}
    assert verify(actors, unknown)["status"] == "UNKNOWN"
    assert verify(actors, unknown, newsletter_id=newsletter["id"])["status"] == "CHANGED"
    for wrong in (
        "",
        "x",
        newsletter["code"] + "0",
        newsletter["code"].replace("-", ""),
        "UUUUU-00000-00000-00000",
        None,
    ):
        with actors.service().refused("MG001"):
            actors.service().call("verify_newsletter", code=wrong)
