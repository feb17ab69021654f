"""Nobody begins anew by deleting the account and signing up again with the same address."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors
from tests.support.addresses import ADDRESS, delete, sign_up
from tests.support.ledger import check_ledger
from tests.support.stories import balance, found_club


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zoe@example.test", "ZOE+2+3@Example.TEST"),
        ("zoe@example.test", '"zoe"@example.test'),
        ("zoe@example.test", '"zoe+2"@example.test'),
        ('zo"e@example.test', '"zo\\"e"@example.test'),
        ("zoe@example.test", "zoe@example.test."),
        ("zoe@xn--bcher-kva.example", "zoe@b\u00fccher.example"),
        ("zoe@xn--bcher-kva.example", "zoe@bu\u0308cher.example."),
        ("zoe@xn--r8jz45g.xn--zckzah", "zoe@\u4f8b\u3048\u3002\u30c6\u30b9\u30c8"),
        ("zo\u00e9@example.test", "zoe\u0301@example.test"),
        ("zoe.ray@gmail.com", "ZoeRay+2@googlemail.com."),
    ],
)
def test_one_mailbox_has_one_digest_however_it_is_spelled(actors: Actors, one: str, other: str) -> None:
    """An address in quotes, with a dot behind it, or a domain in Unicode counted as another one."""
    digests = "select private.address_digest(%s) = private.address_digest(%s)"
    assert actors.one(digests, one, other)


def test_other_mailboxes_have_other_digests(actors: Actors) -> None:
    others = (
        "zoe@example.test", "zoe@example.org", "z.oe@example.test", "+zoe@example.test", "+zora@example.test", "30701",
        "30702", "zoe@b\u00fccher.example", "zoe@bucher.example", "@", "zoe@", "",
    )  # fmt: skip
    digests = "select count(distinct private.address_digest(address)) from unnest(%s::text[]) as address"
    assert actors.one(digests, list(others)) == len(others) - 1, "none for nothing"


def test_domains_are_spelled_as_python_spells_them(actors: Actors) -> None:
    """Against an implementation that others use: mixed scripts, one character, characters beyond the first plane."""
    labels = (
        "\u00e4", "m\u00fcnchen-ost", "\u0440\u0444", "a\u4e2db\u6587c", "\U0001f600", "x\U00010348\u00e9", "plain", "",
        "\u00e9" * 40,
    )  # fmt: skip
    spelled = actors.run(
        "select private.ascii_label(label) as label from unnest(%s::text[]) with ordinality as given (label, place)"
        " order by place",
        list(labels),
    )
    expected = [x if x.isascii() else "xn--" + x.encode("punycode").decode() for x in labels]
    assert [row["label"] for row in spelled] == expected


def play_alone(actors: Actors, person: Actor) -> int:
    """Found a space, ask ten questions and respond to them, and return what that has paid."""
    before = balance(actors, person)
    space = person.insert("spaces", name="Mine")
    for number in range(10):
        person.insert("prompts", space_id=space["id"], question=f"{number}?")
    for prompt in person.rows("publish_prompts", space_id=space["id"]):
        person.insert("responses", prompt_id=prompt["id"], content="Yes", is_published=True)
    return balance(actors, person) - before


@pytest.mark.parametrize("again", [ADDRESS, " ZOE@example.test", "zoe+2@Example.test"])
def test_one_address_earns_in_a_week_what_one_person_earns(actors: Actors, again: str) -> None:
    """800 tokens a round were sent to another account, round after round."""
    actors.service().run("update public.reward_rules set weekly_limit = 10 where code = 'response'")
    actors.service().run("update public.reward_rules set weekly_limit = 1 where code = 'curation'")
    actors.as_owner()
    main = actors.person("Main")
    paid = []
    for address in (ADDRESS, again, ADDRESS):
        actors.as_owner()
        zoe = sign_up(actors, address)
        paid.append(play_alone(actors, zoe))
        if balance(actors, zoe):
            zoe.call("transfer_tokens", recipient_id=main.id, amount=balance(actors, zoe))
        assert {row["badge_id"] for row in zoe.select("user_badges")}, "badges are earned all the same"
        actors.as_owner()
        delete(actors, zoe)
    assert paid[0] >= 10 * 50 + 100
    assert paid[1:] == [0, 0]
    check_ledger(actors)


@pytest.mark.parametrize("column", ["email", "phone"])
def test_changing_the_address_before_the_deletion_frees_neither(actors: Actors, column: str) -> None:
    """Two addresses, one used to sign up and the other to delete, would start over without end."""
    former, later = ("zoe@example.test", "zora@example.test") if column == "email" else ("3071", "3072")
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors, **{"address": None, {"email": "address"}.get(column, column): former})
    play_alone(actors, zoe)
    zoe.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    actors.run(f"update auth.users set {column} = %s where id = %s", later, zoe.id)
    delete(actors, zoe)
    for address in (former, later):
        actors.as_owner()
        again = sign_up(actors, **{"address": None, {"email": "address"}.get(column, column): address})
        assert actors.one("select sum(paid) from private.weekly_earnings where user_id = %s", again.id) == 11
        assert play_alone(actors, again) == 600, "badges were paid"
        with again.refused("MG111"):
            again.insert("memberships", space_id=club.id)


def test_email_and_telephone_are_both_remembered(actors: Actors) -> None:
    zoe = sign_up(actors, ADDRESS, "3073")
    play_alone(actors, zoe)
    actors.as_owner()
    delete(actors, zoe)
    for address, phone in ((ADDRESS, None), (None, "3073"), ("other@example.test", "3073")):
        actors.as_owner()
        again = sign_up(actors, address, phone)
        assert actors.one("select sum(paid) from private.weekly_earnings where user_id = %s", again.id) == 11
        delete(actors, again)
    assert actors.one("select count(*) from private.known_addresses where user_id = %s", zoe.id) == 0


def test_another_address_and_none_at_all_earn_for_themselves(actors: Actors) -> None:
    first = sign_up(actors)
    paid = play_alone(actors, first)
    actors.as_owner()
    delete(actors, first)
    for address, phone in (("zora@example.test", None), (None, None), (None, "3069")):
        actors.as_owner()
        assert play_alone(actors, sign_up(actors, address, phone)) == paid


def test_a_telephone_number_is_an_address(actors: Actors) -> None:
    zoe = sign_up(actors, None, "3070")
    badges = play_alone(actors, zoe) - 600
    assert badges > 0
    actors.as_owner()
    delete(actors, zoe)
    assert play_alone(actors, sign_up(actors, None, "3070")) == 600


def test_an_idle_account_of_the_same_address_wipes_nothing_out(actors: Actors) -> None:
    zoe, idle = sign_up(actors), sign_up(actors, "zoe+idle@example.test")
    play_alone(actors, zoe)
    actors.as_owner()
    delete(actors, zoe)
    delete(actors, idle)
    again = sign_up(actors)
    counts = "select sum(paid) from private.weekly_earnings where user_id = %s"
    assert actors.one(counts, again.id) == 11


def test_who_was_removed_stays_removed(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors)
    zoe.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    for _ in range(2):
        actors.as_owner()
        delete(actors, zoe)
        zoe = sign_up(actors)
        with zoe.refused("MG111"):
            zoe.insert("memberships", space_id=club.id)
    club.join(zoe)
    # Let in again, they are let in.
    actors.as_owner()
    club.leader.delete("spaces", club.id)
    actors.as_owner()
    assert actors.one("select count(*) from private.remembered_removals") == 0


def test_the_limits_of_a_day_go_on(actors: Actors) -> None:
    actors.run("update private.limits set amount = 2 where code = 'spaces'")
    for number in range(3):
        actors.as_owner()
        zoe = sign_up(actors)
        if number < 2:
            zoe.insert("spaces", name="Mine")
        else:
            with zoe.refused("MG002"):
                zoe.insert("spaces", name="Mine")
        actors.as_owner()
        delete(actors, zoe)


def test_no_address_is_kept_and_what_is_kept_is_forgotten(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors)
    play_alone(actors, zoe)
    zoe.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    actors.as_owner()
    delete(actors, zoe)
    tables = ("earnings", "badges", "limits", "removals")

    def kept() -> list[int]:
        return [actors.one(f"select count(*) from private.remembered_{table}") for table in tables]

    assert all(kept())
    digests = (
        "select count(distinct digest) from"
        " (select digest from private.remembered_badges union all select sha256(%s)) as kept"
    )
    assert actors.one(digests, ADDRESS.encode()) == 2, "not the plain digest, which could be guessed"
    actors.run("select private.sweep(now() + interval '360 days')")
    assert kept()[0] == 0 and all(kept()[1:])
    actors.run("select private.sweep(now() + interval '370 days')")
    assert kept() == [0, 0, 0, 0]


def test_who_was_removed_from_a_space_is_forgotten_with_it(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors)
    zoe.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    actors.as_owner()
    delete(actors, zoe)
    assert actors.one("select count(*) from private.remembered_removals") == 1
    club.leader.delete("spaces", club.id)
    assert actors.one("select count(*) from private.remembered_removals") == 0


def test_who_deleted_the_account_is_removed_all_the_same(actors: Actors) -> None:
    """Round after round, nobody was there to be removed."""
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors)
    zoe.insert("memberships", space_id=club.id)
    actors.as_owner()
    delete(actors, zoe)
    soon = sign_up(actors, "zoe+1@example.test")
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    actors.as_owner()
    for person in (soon, sign_up(actors)):
        with person.refused("MG111"):
            person.insert("memberships", space_id=club.id)
    actors.as_owner()
    actors.run("select private.sweep(now() + interval '370 days')")
    assert actors.one("select count(*) from private.former_addresses") == 0


def test_a_pardon_is_remembered_as_the_removal_was(actors: Actors) -> None:
    club = found_club(actors, is_public=True)
    actors.as_owner()
    zoe = sign_up(actors)
    zoe.insert("memberships", space_id=club.id)
    club.leader.run("select public.remove_member(%s, %s)", club.id, zoe.id)
    actors.as_owner()
    delete(actors, zoe)
    zoe = sign_up(actors)
    with zoe.refused("MG111"):
        zoe.insert("memberships", space_id=club.id)
    club.join(zoe)
    actors.as_owner()
    delete(actors, zoe)
    sign_up(actors).insert("memberships", space_id=club.id)
