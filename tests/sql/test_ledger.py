"""The ledger: append-only, whoever asks; gifts in two rows or none; a command sent twice happens once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.support.actors import Actor, Actors
from tests.support.ledger import check_ledger
from tests.support.stories import balance, grant_tokens


@pytest.fixture
def pair(actors: Actors) -> tuple[Actor, Actor]:
    ada, boris = actors.person("Ada"), actors.person("Boris")
    grant_tokens(actors, ada, 100)
    return ada, boris


def ledger(person: Actor) -> list[tuple[str, int, int]]:
    rows = person.run("select type, amount, balance_after from public.transactions order by seq")
    return [(row["type"], row["amount"], row["balance_after"]) for row in rows]


def test_a_gift_makes_two_rows(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    gift = ada.call("transfer_tokens", recipient_id=boris.id, amount=30, message="For the tram")
    assert ledger(ada)[1:] == [("SPEND_GIFT", -30, 70)]
    assert ledger(boris) == [("EARN_GIFT", 30, 30)]
    assert {row["reference_id"] for row in boris.select("transactions")} == {gift["id"]}
    # The message is in the gift alone: it can be taken out of that, and of the ledger nothing.
    assert gift["message"] == "For the tram"
    assert {row["description"] for person in pair for row in person.select("transactions")} == {None}
    check_ledger(actors)


def test_a_plain_insert_is_the_same_command(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    ada.insert("token_gifts", recipient_id=boris.id, amount=30)
    assert (balance(actors, ada), balance(actors, boris)) == (70, 30)
    check_ledger(actors)


def test_too_few_tokens_leave_nothing_behind(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    with ada.refused("MG501") as caught:
        ada.call("transfer_tokens", recipient_id=boris.id, amount=101)
    assert caught.value.diag.message_detail == "The balance is 100 tokens; this takes 101."
    assert (balance(actors, ada), balance(actors, boris)) == (100, 0)
    assert boris.select("token_gifts") == []
    check_ledger(actors)


def test_the_same_gift_sent_twice_happens_once(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    command = {"recipient_id": boris.id, "amount": 60, "message": "Thanks", "idempotency_key": "k1"}
    first = ada.call("transfer_tokens", **command)
    assert ada.call("transfer_tokens", **command) == first
    assert balance(actors, boris) == 60
    for change in ({"amount": 61}, {"message": None}, {"recipient_id": actors.person("Chloe").id}):
        with ada.refused("MG502"):
            ada.call("transfer_tokens", **(command | change))
    with ada.refused("MG502"):
        ada.insert("token_gifts", recipient_id=boris.id, amount=1, idempotency_key="k1")
    check_ledger(actors)


def test_the_same_gift_inserted_twice_happens_once(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    """A second insert adds no row; another gift under the same name is a conflict, and never a word of the index."""
    ada, boris = pair
    gift = {"recipient_id": boris.id, "amount": 10, "message": "Well done", "idempotency_key": "monday"}
    ada.insert("token_gifts", **gift)
    before = balance(actors, ada)
    again = (
        "insert into public.token_gifts (sender_id, recipient_id, amount, message, idempotency_key)"
        " values (%s, %s, %s, %s, %s)"
    )
    for somebody in (ada, actors.service()):
        assert somebody.count(again, ada.id, *gift.values()) == 0
    assert balance(actors, ada) == before
    for other in ({"amount": 11}, {"message": None}, {"recipient_id": actors.person("Chloe").id}):
        with ada.refused("MG502") as refused:
            ada.insert("token_gifts", **(gift | other))
        assert "same content" in str(refused.value.diag.message_hint)
    bulk = (
        "insert into public.token_gifts (recipient_id, amount, idempotency_key)"
        " values (%s, 1, 'bulk'), (%s, %s, 'bulk')"
    )
    with ada.refused("MG502"):
        ada.run(bulk, boris.id, boris.id, 2)
    assert ada.count(bulk, boris.id, boris.id, 1) == 1
    # Nobody learns of another's keys.
    with boris.refused("42501"):
        boris.insert("token_gifts", **(gift | {"sender_id": ada.id, "recipient_id": actors.person("Eleni").id}))
    check_ledger(actors)


def test_the_largest_number_is_an_amount_that_nobody_has(pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    for amount in (2**63 - 1, 2**53 + 1):
        with ada.refused("MG501"):
            ada.insert("token_gifts", recipient_id=boris.id, amount=amount)
        with ada.refused("MG501"):
            ada.call("transfer_tokens", recipient_id=boris.id, amount=amount)
    with ada.refused("MG001"):
        ada.insert("token_gifts", recipient_id=boris.id, amount=-(2**63))


def test_a_key_is_the_senders_own(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    grant_tokens(actors, boris, 10)
    ada.call("transfer_tokens", recipient_id=boris.id, amount=1, idempotency_key="k1")
    boris.call("transfer_tokens", recipient_id=ada.id, amount=2, idempotency_key="k1")
    assert (balance(actors, ada), balance(actors, boris)) == (101, 9)


def test_an_insert_that_does_nothing_moves_nothing(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    statement = (
        "insert into public.token_gifts (recipient_id, amount, idempotency_key) values (%s, 5, 'once')"
        " on conflict do nothing"
    )
    for _ in range(2):
        ada.run(statement, boris.id)
    assert balance(actors, boris) == 5
    check_ledger(actors)


@pytest.mark.parametrize(
    "statement",
    [
        "update public.transactions set amount = 7",
        "update public.transactions set description = 'x'",
        "delete from public.transactions",
        "truncate public.transactions",
        "truncate public.users cascade",
        "delete from public.transactions where id = (select min(id::text)::uuid from public.transactions)",
    ],
)
def test_the_ledger_is_append_only(actors: Actors, pair: tuple[Actor, Actor], statement: str) -> None:
    ada, _ = pair
    service = actors.service()
    for refused_as, run in (("42501", ada.run), ("42501", service.run), ("MG505", actors.run)):
        with service.refused(refused_as):
            run(statement)
    assert ledger(ada) == [("EARN_STREAK", 100, 100)]


@pytest.mark.usefixtures("pair")
def test_an_upsert_does_not_get_around_it(actors: Actors) -> None:
    with actors.service().refused("MG505"):
        actors.run(
            """
            insert into public.transactions
              (id, user_id, type, amount, balance_after, reference_type, idempotency_key, hash)
            select id, user_id, type, amount, balance_after, reference_type, idempotency_key, hash
            from public.transactions
            on conflict (user_id, idempotency_key) do update set amount = 7
            """
        )


def test_the_sign_fits_the_type(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, _ = pair
    types = [
        row["type"] for row in actors.run("select unnest(enum_range(null::public.transaction_type))::text as type")
    ]
    assert len(types) == 7
    for kind in types:
        wrong = -1 if kind.startswith("EARN") else 1
        for amount in (wrong, 0):
            with actors.service().refused("23514"):
                actors.run(
                    "select private.post_transaction(%s, %s::public.transaction_type, %s, 'x', null, 'x')",
                    ada.id,
                    kind,
                    amount,
                )


def test_a_balance_never_falls_below_zero_even_by_hand(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, _ = pair
    with actors.service().refused("23514"):
        actors.run("update public.users set token_balance = -1 where id = %s", ada.id)


def test_the_ledger_goes_with_the_person_and_only_theirs(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    ada.call("transfer_tokens", recipient_id=boris.id, amount=30)
    actors.run("delete from auth.users where id = %s", ada.id)
    assert ledger(boris) == [("EARN_GIFT", 30, 30)]
    assert actors.one("select count(*) from public.transactions where user_id = %s", ada.id) == 0


def test_verify_ledger_finds_what_is_wrong(actors: Actors, pair: tuple[Actor, Actor]) -> None:
    ada, boris = pair
    ada.call("transfer_tokens", recipient_id=boris.id, amount=30)
    service = actors.service()
    assert service.rows("verify_ledger") == []
    actors.run("update public.users set token_balance = 71 where id = %s", ada.id)
    (wrong,) = service.rows("verify_ledger")
    assert wrong == {
        "user_id": ada.id, "token_balance": 71, "ledger_sum": 70, "newest_balance": 70,
        "problem": "balance", "subject_id": None, "fault": f"balance:{ada.id}",
    }  # fmt: skip
    with ada.refused("42501"):
        ada.rows("verify_ledger")


def test_a_gift_to_nobody(pair: tuple[Actor, Actor]) -> None:
    ada, _ = pair
    with ada.refused("MG504"):
        ada.call("transfer_tokens", recipient_id=uuid4(), amount=1)
    with ada.refused("MG503"):
        ada.insert("token_gifts", recipient_id=ada.id, amount=1)
