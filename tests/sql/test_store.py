"""The store: the price of today, a stock that ends, themes that switch on and off; and the settings that go with it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.ledger import check_ledger
from tests.support.stories import balance, grant_tokens


@pytest.fixture
def ada(actors: Actors) -> Actor:
    ada = actors.person("Ada")
    grant_tokens(actors, ada, 1000)
    return ada


def item(actors: Actors, code: str) -> Row:
    (row,) = actors.run("select * from public.store_items where code = %s", code)
    return row


def test_a_purchase_pays_the_price_of_today(actors: Actors, ada: Actor) -> None:
    frame = item(actors, "frame_laurel")
    purchase = ada.call("purchase_item", item_id=frame["id"])
    assert (purchase["price_paid"], purchase["is_active"]) == (80, False)
    assert balance(actors, ada) == 920
    actors.service().update("store_items", frame["id"], price=500)
    assert ada.select("purchases", id=purchase["id"])[0]["price_paid"] == 80
    (entry,) = ada.select("transactions", type="SPEND_PURCHASE")
    assert (entry["amount"], entry["reference_id"], entry["description"]) == (-80, purchase["id"], "Laurel Frame")
    check_ledger(actors)


def test_a_plain_insert_is_the_same_command(actors: Actors, ada: Actor) -> None:
    frame = item(actors, "frame_laurel")
    assert ada.insert("purchases", item_id=frame["id"])["price_paid"] == 80
    assert balance(actors, ada) == 920


def test_another_purchase_inserted_under_the_same_key_is_a_conflict(actors: Actors, ada: Actor) -> None:
    ada.insert("purchases", item_id=item(actors, "frame_laurel")["id"], idempotency_key="monday")
    other = next(row for row in ada.select("store_items") if row["code"] != "frame_laurel" and row["price"] <= 500)
    with ada.refused("MG502"):
        ada.insert("purchases", item_id=other["id"], idempotency_key="monday")


def test_the_same_purchase_sent_twice_happens_once(actors: Actors, ada: Actor) -> None:
    frame, stickers = item(actors, "frame_laurel"), item(actors, "stickers_margins")
    first = ada.call("purchase_item", item_id=frame["id"], idempotency_key="k")
    assert ada.call("purchase_item", item_id=frame["id"], idempotency_key="k") == first
    assert balance(actors, ada) == 920
    with ada.refused("MG502"):
        ada.call("purchase_item", item_id=stickers["id"], idempotency_key="k")
    with ada.refused("MG603"):
        ada.call("purchase_item", item_id=frame["id"], idempotency_key="another")
    with ada.refused("MG001"):
        ada.call("purchase_item", item_id=stickers["id"], idempotency_key="")


def test_a_plain_insert_with_a_used_key_gets_a_hint(actors: Actors, ada: Actor) -> None:
    frame, stickers = item(actors, "frame_laurel"), item(actors, "stickers_margins")
    ada.insert("purchases", item_id=frame["id"], idempotency_key="k")
    with ada.refused("MG502") as refused:
        ada.insert("purchases", item_id=stickers["id"], idempotency_key="k")
    assert "purchase_item()" in str(refused.value.diag.message_hint)
    with ada.refused("MG603"):
        ada.insert("purchases", item_id=frame["id"], idempotency_key="k")
    assert balance(actors, ada) == 920


def test_too_few_tokens(actors: Actors) -> None:
    boris = actors.person("Boris")
    early_bird = item(actors, "flair_early_bird")
    with boris.refused("MG501"):
        boris.call("purchase_item", item_id=early_bird["id"])
    assert boris.select("purchases") == []
    assert item(actors, "flair_early_bird")["stock"] == early_bird["stock"]


def test_the_stock_goes_down_and_ends(actors: Actors, ada: Actor) -> None:
    early_bird = item(actors, "flair_early_bird")
    ada.call("purchase_item", item_id=early_bird["id"])
    assert item(actors, "flair_early_bird")["stock"] == early_bird["stock"] - 1
    actors.service().update("store_items", early_bird["id"], stock=0)
    boris = actors.person("Boris")
    grant_tokens(actors, boris, 100)
    with boris.refused("MG602"):
        boris.call("purchase_item", item_id=early_bird["id"])
    assert balance(actors, boris) == 100
    assert item(actors, "frame_laurel")["stock"] is None
    check_ledger(actors)


def test_what_is_not_for_sale_and_what_is_not_there_are_refused_in_the_same_words(actors: Actors, ada: Actor) -> None:
    frame = item(actors, "frame_laurel")
    actors.service().update("store_items", frame["id"], is_available=False)
    for item_id in (frame["id"], uuid4(), None):
        with ada.refused("MG601"):
            ada.call("purchase_item", item_id=item_id)


def test_a_purchase_that_does_nothing_pays_nothing(actors: Actors, ada: Actor) -> None:
    frame = item(actors, "frame_laurel")
    ada.run("insert into public.purchases (item_id, idempotency_key) values (%s, 'k')", frame["id"])
    with ada.refused("MG603"):
        ada.run(
            "insert into public.purchases (item_id, idempotency_key) values (%s, 'k') on conflict do nothing",
            frame["id"],
        )
    assert balance(actors, ada) == 920


def active_theme(ada: Actor) -> object:
    return ada.select("settings")[0]["active_theme_id"]


def switched_on(ada: Actor) -> set[object]:
    return {row["item_id"] for row in ada.select("purchases", is_active=True)}


def test_themes_switch_both_ways(actors: Actors, ada: Actor) -> None:
    midnight, riso = item(actors, "theme_midnight"), item(actors, "theme_riso")
    bought = {code["id"]: ada.call("purchase_item", item_id=code["id"])["id"] for code in (midnight, riso)}

    assert ada.call("activate_purchase", purchase_id=bought[midnight["id"]])["is_active"]
    assert (active_theme(ada), switched_on(ada)) == (midnight["id"], {midnight["id"]})
    ada.call("activate_purchase", purchase_id=bought[riso["id"]])
    assert (active_theme(ada), switched_on(ada)) == (riso["id"], {riso["id"]})

    # From the side of the settings.
    ada.run("update public.settings set active_theme_id = %s where user_id = auth.uid()", midnight["id"])
    assert switched_on(ada) == {midnight["id"]}
    ada.run("update public.settings set active_theme_id = null where user_id = auth.uid()")
    assert switched_on(ada) == set()

    ada.update("purchases", bought[riso["id"]], is_active=True)
    assert active_theme(ada) == riso["id"]
    assert not ada.call("activate_purchase", purchase_id=bought[riso["id"]], active=False)["is_active"]
    assert (active_theme(ada), switched_on(ada)) == (None, set())


def test_without_settings_a_theme_makes_them_and_with_them_it_goes(actors: Actors, ada: Actor) -> None:
    midnight = item(actors, "theme_midnight")
    purchase = ada.call("purchase_item", item_id=midnight["id"])
    ada.run("delete from public.settings where user_id = auth.uid()")
    ada.call("activate_purchase", purchase_id=purchase["id"])
    assert active_theme(ada) == midnight["id"]
    ada.run("delete from public.settings where user_id = auth.uid()")
    assert switched_on(ada) == set()
    ada.insert("settings", active_theme_id=midnight["id"])
    assert switched_on(ada) == {midnight["id"]}


def test_other_things_are_on_beside_a_theme(actors: Actors, ada: Actor) -> None:
    items = [item(actors, code)["id"] for code in ("theme_midnight", "frame_laurel", "stickers_margins")]
    for item_id in items:
        ada.call("activate_purchase", purchase_id=ada.call("purchase_item", item_id=item_id)["id"])
    assert switched_on(ada) == set(items)
    assert active_theme(ada) == items[0]


def test_a_theme_must_be_owned_and_be_a_theme(actors: Actors, ada: Actor) -> None:
    frame, midnight = item(actors, "frame_laurel"), item(actors, "theme_midnight")
    ada.call("purchase_item", item_id=frame["id"])
    for item_id in (frame["id"], midnight["id"], uuid4()):
        with ada.refused("MG605"):
            ada.run("update public.settings set active_theme_id = %s where user_id = auth.uid()", item_id)
    ada.run("delete from public.settings where user_id = auth.uid()")
    with ada.refused("MG605"):
        ada.insert("settings", active_theme_id=midnight["id"])


def test_only_ones_own_purchases(actors: Actors, ada: Actor) -> None:
    purchase = ada.call("purchase_item", item_id=item(actors, "theme_midnight")["id"])
    with actors.person("Boris").refused("MG604"):
        actors.person("Boris").call("activate_purchase", purchase_id=purchase["id"])


def test_a_sold_item_cannot_be_deleted(actors: Actors, ada: Actor) -> None:
    frame = item(actors, "frame_laurel")
    ada.call("purchase_item", item_id=frame["id"])
    with actors.service().refused("23503"):
        actors.service().delete("store_items", frame["id"])


@pytest.mark.parametrize("timezone", ["Europe/Athens", "America/Argentina/Ushuaia", "UTC"])
def test_time_zones(ada: Actor, timezone: str) -> None:
    ada.run("update public.settings set timezone = %s where user_id = auth.uid()", timezone)
    assert ada.select("settings")[0]["timezone"] == timezone


@pytest.mark.parametrize("timezone", ["", "Athens", "Europe/Atlantis", "x" * 65])
def test_time_zones_nobody_knows(ada: Actor, timezone: str) -> None:
    with ada.refused("MG001"):
        ada.run("update public.settings set timezone = %s where user_id = auth.uid()", timezone)
    ada.run("delete from public.settings where user_id = auth.uid()")
    with ada.refused("MG001"):
        ada.insert("settings", timezone=timezone)
