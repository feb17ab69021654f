"""Accounts go; gifts, purchases and the ledgers of everybody else stay, and no token comes of it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.support.actors import Actor, Actors
from tests.support.ledger import check_ledger
from tests.support.stories import balance, found_club, grant_tokens
from tests.support.together import tally, together


@pytest.fixture
def pair(actors: Actors) -> tuple[Actor, Actor]:
    ada, boris = actors.person("Ada"), actors.person("Boris")
    grant_tokens(actors, ada, 100)
    return ada, boris


def delete_account(actors: Actors, person: Actor) -> None:
    actors.run("delete from auth.users where id = %s", person.id)


def supply(actors: Actors) -> int:
    total: int = actors.one("select coalesce(sum(token_balance), 0)::bigint from public.users")
    return total


def faults(actors: Actors) -> list[tuple[str, object]]:
    return [(row["problem"], row["subject_id"]) for row in actors.service().rows("verify_ledger")]


def test_a_gift_id_used_again_makes_no_tokens(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    """Once the debit was taken for posted already, and the credit was not."""
    ada, boris = pair
    chosen = uuid4()
    ada.insert("token_gifts", id=chosen, recipient_id=boris.id, amount=1)
    delete_account(actors, boris)
    chloe = actors.person("Chloe")
    with ada.refused("MG901"):
        ada.insert("token_gifts", id=chosen, recipient_id=chloe.id, amount=10**15)
    assert (balance(actors, ada), balance(actors, chloe)) == (99, 0)
    assert faults(actors) == []


def test_a_key_of_the_ledger_used_again_refuses_the_whole_gift(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    """Even where the gift's row itself was taken away: both sides are posted, or nothing is."""
    ada, boris = pair
    orphans: list[tuple[str, object]] = []
    for side, amount in ((ada, -5), (boris, 5)):
        chosen = uuid4()
        orphans.append(("gift", chosen))
        grant_tokens(actors, side, 10)
        kind = "SPEND_GIFT" if amount < 0 else "EARN_GIFT"
        actors.run(
            f"select private.post_transaction(%s, '{kind}', %s, 'gift', %s, 'gift:' || %s::uuid)",
            side.id, amount, chosen, chosen,
        )  # fmt: skip
        before = supply(actors)
        with ada.refused("MG506"):
            ada.insert("token_gifts", id=chosen, recipient_id=boris.id, amount=7)
        assert supply(actors) == before
        assert sorted(faults(actors), key=str) == sorted(orphans, key=str)


def test_a_purchase_id_used_again_is_refused(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    items = [
        actors.one("select id from public.store_items where code = %s", code)
        for code in ("frame_laurel", "stickers_margins")
    ]
    chosen = uuid4()
    grant_tokens(actors, ada, 1000)
    grant_tokens(actors, boris, 1000)
    ada.insert("purchases", id=chosen, item_id=items[0])
    delete_account(actors, ada)
    with boris.refused("MG901"):
        boris.insert("purchases", id=chosen, item_id=items[1])
    assert balance(actors, boris) == 1000
    assert faults(actors) == []


def test_gifts_and_purchases_outlive_accounts(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    gift = ada.call("transfer_tokens", recipient_id=boris.id, amount=30, message="For the tram")
    back = boris.call("transfer_tokens", recipient_id=ada.id, amount=10)
    item = actors.one("select id from public.store_items where code = 'stickers_margins'")
    purchase = ada.call("purchase_item", item_id=item)
    delete_account(actors, ada)
    seen = {row["id"]: row for row in boris.select("token_gifts")}
    assert (seen[gift["id"]]["sender_id"], seen[gift["id"]]["recipient_id"]) == (None, boris.id)
    assert (seen[back["id"]]["sender_id"], seen[back["id"]]["recipient_id"]) == (boris.id, None)
    assert seen[gift["id"]]["message"] == "For the tram"
    assert actors.run("select user_id, price_paid from public.purchases where id = %s", purchase["id"]) == [
        {"user_id": None, "price_paid": 40}
    ]
    assert balance(actors, boris) == 20
    assert faults(actors) == []
    delete_account(actors, boris)
    rows = actors.run("select sender_id, recipient_id, message from public.token_gifts")
    assert rows == [{"sender_id": None, "recipient_id": None, "message": None}] * 2
    assert actors.one("select count(*) from public.transactions") == 0
    assert faults(actors) == []


def test_what_stays_of_a_ledger(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    gift = ada.call("transfer_tokens", recipient_id=boris.id, amount=30)
    (newest,) = actors.run(
        "select seq, hash from public.transactions where user_id = %s order by seq desc limit 1", ada.id
    )
    delete_account(actors, ada)
    (closed,) = actors.run("select * from private.closed_accounts")
    assert (closed["user_id"], closed["entries"], closed["token_balance"]) == (ada.id, 2, 70)
    assert (closed["last_seq"], closed["hash"]) == (newest["seq"], newest["hash"])
    (entry,) = actors.run("select * from private.closed_entries")
    assert (entry["reference_id"], entry["type"], entry["amount"]) == (gift["id"], "SPEND_GIFT", -30)
    for table in (
        "ledger_heads",
        "ledger_checkpoints",
        "weekly_earnings",
        "active_weeks",
        "open_weeks",
        "paid_streaks",
    ):
        assert actors.one(f"select count(*) from private.{table} where user_id = %s", ada.id) == 0, table


@pytest.mark.parametrize(
    "tampering",
    [
        "delete from private.closed_entries",
        "update private.closed_entries set amount = amount - 1",
        "update private.closed_entries set user_id = gen_random_uuid() where false or user_id is not null",
        "update public.token_gifts set amount = amount + 1",
        "update public.token_gifts set recipient_id = null",
        "delete from public.token_gifts",
        "delete from public.purchases",
        "update public.purchases set price_paid = 1",
    ],
)
def test_what_does_not_fit_a_closed_account_is_found(actors: Actors, pair: tuple[Actor, Actor], tampering: str) -> None:
    ada, boris = pair
    grant_tokens(actors, boris, 100)
    ada.call("transfer_tokens", recipient_id=boris.id, amount=30)
    item = actors.one("select id from public.store_items where code = 'stickers_margins'")
    boris.call("purchase_item", item_id=item)
    delete_account(actors, ada)
    assert faults(actors) == []
    actors.run(tampering)
    if "user_id = gen_random_uuid" in tampering:
        # Whose entry it was cannot be told from the gift any more; that there is one can.
        assert faults(actors) == []
    else:
        assert {problem for problem, _ in faults(actors)} <= {"gift", "purchase"}
        assert faults(actors) != []


def test_repeating_a_gift_after_the_recipient_has_gone(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    command = {"recipient_id": boris.id, "amount": 30, "message": "Thanks", "idempotency_key": "k"}
    first = ada.call("transfer_tokens", **command)
    delete_account(actors, boris)
    again = ada.call("transfer_tokens", **command)
    assert again == first | {"recipient_id": None}
    with ada.refused("MG502"):
        ada.call("transfer_tokens", **(command | {"amount": 31}))
    with ada.refused("MG504"):
        ada.call("transfer_tokens", **(command | {"idempotency_key": "new"}))
    assert balance(actors, ada) == 70


def test_nobody_gives_as_nobody(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    service = actors.service()
    with service.refused("MG001"):
        service.insert("token_gifts", sender_id=None, recipient_id=boris.id, amount=1)
    with service.refused("MG504"):
        service.insert("token_gifts", sender_id=ada.id, recipient_id=None, amount=1)
    with service.refused("MG001"):
        service.insert("purchases", user_id=None, item_id=actors.one("select id from public.store_items limit 1"))
    with ada.refused("MG001"):
        ada.insert("token_gifts", sender_id=None, recipient_id=boris.id, amount=1)


def test_a_deleted_account_with_a_valid_token_spends_nothing(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    delete_account(actors, ada)
    item = actors.one("select id from public.store_items limit 1")
    with ada.refused("MG902"):
        ada.call("purchase_item", item_id=item)
    with ada.refused("MG902"):
        ada.call("transfer_tokens", recipient_id=boris.id, amount=1)
    assert balance(actors, boris) == 0


@pytest.mark.parametrize("amount", [2**53 - 1 - 100, 2**53 - 1, 2**62])
def test_a_balance_ends_where_numbers_do(actors: Actors, pair: tuple[Actor, Actor], amount: int) -> None:
    ada, boris = pair
    grant_tokens(actors, boris, 2**53 - 1)
    with ada.refused("MG507"):
        ada.call("transfer_tokens", recipient_id=boris.id, amount=1)
    with ada.refused("MG501"):
        ada.call("transfer_tokens", recipient_id=boris.id, amount=2**63 - 1)
    assert balance(actors, ada) == 100
    # What is earned beyond is not paid, and keeps nobody from writing.
    assert not actors.one("select private.post_transaction(%s, 'EARN_BADGE', %s, 'badge', null, 'x')", boris.id, amount)
    assert balance(actors, boris) == 2**53 - 1
    assert faults(actors) == []


def test_a_week_of_curation_pays_nobody_else_when_the_paid_account_goes(actors: Actors) -> None:
    club = found_club(actors, "Boris", "Chloe")
    boris, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    club.ask()
    assert len(boris.select("transactions", type="EARN_CURATOR")) == 1
    delete_account(actors, boris)
    club.leader.call("assign_curator", space_id=club.id, user_id=chloe.id)
    chloe.insert("prompts", space_id=club.id, question="More?")
    chloe.rows("publish_prompts", space_id=club.id)
    assert chloe.select("transactions", type="EARN_CURATOR") == []
    check_ledger(actors)


def test_gifts_to_an_account_that_is_being_deleted(fresh_dsn: str) -> None:
    """Each gift happened, or was refused in words; nothing is minted either way."""
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        ada, boris = actors.person("Ada"), actors.person("Boris")
        grant_tokens(actors, ada, 100)

    def give(actors: Actors) -> object:
        return actors.known(ada.id).call("transfer_tokens", recipient_id=boris.id, amount=1)

    def leave(actors: Actors) -> object:
        return delete_account(actors, boris)

    outcomes = together(fresh_dsn, [give, give, leave, give, give])
    counted = tally(outcomes)
    assert set(counted) <= {"done", "MG504"}, counted
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        given = actors.one("select count(*) from public.token_gifts")
        assert actors.one("select token_balance from public.users where id = %s", ada.id) == 100 - given
        assert counted["done"] == given + 1
        assert faults(actors) == []
