"""The ledger under load: many people at the same moment, each on a connection of their own."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch
from uuid import UUID, uuid4

import psycopg
import pytest

from supabase_embedded.postgres import server as server_module
from tests.support.actors import Actors
from tests.support.addresses import sign_up
from tests.support.ledger import check_ledger
from tests.support.ready import databases_of, server_with_template
from tests.support.stories import found_club, grant_tokens
from tests.support.together import Task, tally, together


@pytest.fixture(scope="module")
def roomy_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database on a server that lets a hundred people in at once."""
    with patch.dict(server_module._SETTINGS, max_connections="150"), server_with_template(tmp_path_factory) as server:
        yield databases_of(server).clone("roomy")


def people(dsn: str, *balances: int) -> list[UUID]:
    with psycopg.connect(dsn) as connection, Actors(connection, commit=True) as actors:
        found = [actors.person(f"Person {number}") for number in range(len(balances))]
        for person, amount in zip(found, balances, strict=True):
            if amount:
                grant_tokens(actors, person, amount)
        return [person.id for person in found]


def gift(sender: UUID, recipient: UUID, amount: int, key: str | None = None) -> Task:
    return lambda actors: actors.known(sender).call(
        "transfer_tokens", recipient_id=recipient, amount=amount, idempotency_key=key
    )


def check(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        check_ledger(actors)


def balances(dsn: str, *ids: UUID) -> list[int]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        return [actors.one("select token_balance from public.users where id = %s", user_id) for user_id in ids]


@pytest.mark.long
def test_a_hundred_spenders_of_the_last_tokens(roomy_dsn: str) -> None:
    ada, boris = people(roomy_dsn, 10, 0)
    outcomes = together(roomy_dsn, [gift(ada, boris, 10)] * 100)
    assert tally(outcomes) == {"done": 1, "MG501": 99}
    assert balances(roomy_dsn, ada, boris) == [0, 10]
    check(roomy_dsn)


@pytest.mark.long
def test_a_hundred_spenders_of_all_kinds(roomy_dsn: str) -> None:
    """Gifts and purchases draw on the same balance."""
    ada, boris = people(roomy_dsn, 80, 0)
    with psycopg.connect(roomy_dsn) as connection, Actors(connection) as actors:
        item = actors.one("select id from public.store_items where price = 80")

    def buy(actors: Actors) -> object:
        return actors.known(ada).call("purchase_item", item_id=item)

    outcomes = together(roomy_dsn, [gift(ada, boris, 80), buy] * 50)
    counted = tally(outcomes)
    assert counted.pop("done") == 1
    assert set(counted) <= {"MG501", "MG603"}
    assert balances(roomy_dsn, ada) == [0]
    check(roomy_dsn)


def test_crossing_gifts_never_deadlock(fresh_dsn: str) -> None:
    ada, boris, chloe = people(fresh_dsn, 1000, 1000, 1000)
    ring = [(ada, boris), (boris, ada), (boris, chloe), (chloe, boris), (chloe, ada), (ada, chloe)]
    outcomes = together(fresh_dsn, [gift(sender, recipient, 1) for sender, recipient in ring], rounds=40)
    assert tally(outcomes) == {"done": 240}
    assert sum(balances(fresh_dsn, ada, boris, chloe)) == 3000 + 3 * 100  # "Generous", for each of them.
    check(fresh_dsn)


def test_crossing_bulks_of_gifts_never_deadlock(fresh_dsn: str) -> None:
    """One statement may name many people; it holds them in one order, whatever the order of its rows."""
    ada, boris, *others = people(fresh_dsn, 1000, 1000, 0, 0, 0, 0)

    def bulk(sender: UUID, recipients: list[UUID]) -> Task:
        def task(actors: Actors) -> object:
            values = ", ".join(["(%s, 1)"] * len(recipients) * 5)
            statement = f"insert into public.token_gifts (recipient_id, amount) values {values}"
            arguments = [recipient for recipient in recipients for _ in range(5)]
            return actors.known(sender).count(statement, *arguments)

        return task

    forwards = [*others, boris], [ada, *reversed(others)]
    backwards = [boris, *reversed(others)], [*others, ada]
    tasks = [
        bulk(ada, forwards[0]), bulk(boris, forwards[1]), bulk(ada, backwards[0]), bulk(boris, backwards[1])
    ]  # fmt: skip
    outcomes = together(fresh_dsn, tasks, rounds=5)
    assert tally(outcomes) == {"done": 20}
    check(fresh_dsn)


def test_the_same_gift_from_ten_devices_happens_once(fresh_dsn: str) -> None:
    ada, boris = people(fresh_dsn, 100, 0)
    outcomes = together(fresh_dsn, [gift(ada, boris, 10, "thanks")] * 10)
    assert tally(outcomes) == {"done": 10}
    assert len({row["id"] for row in outcomes if isinstance(row, dict)}) == 1
    assert balances(fresh_dsn, ada, boris) == [90, 10]
    check(fresh_dsn)


def test_the_same_key_for_two_gifts_at_once(fresh_dsn: str) -> None:
    ada, boris = people(fresh_dsn, 100, 0)
    outcomes = together(fresh_dsn, [gift(ada, boris, amount, "thanks") for amount in (1, 2)])
    assert tally(outcomes) == {"done": 1, "MG502": 1}
    check(fresh_dsn)


def test_the_same_key_inserted_at_once_is_one_gift_or_refused_in_words(fresh_dsn: str) -> None:
    ada, boris = people(fresh_dsn, 100, 0)

    def insert(amount: int) -> Task:
        statement = "insert into public.token_gifts (recipient_id, amount, idempotency_key) values (%s, %s, 'thanks')"
        return lambda actors: actors.known(ada).count(statement, boris, amount)

    outcomes = together(fresh_dsn, [insert(1)] * 4 + [gift(ada, boris, 1, "thanks")])
    assert tally(outcomes) == {"done": 5}
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) in (0, 1)
    assert balances(fresh_dsn, boris) == [1]
    assert tally(together(fresh_dsn, [insert(2), insert(3)])) == {"MG502": 2}
    check(fresh_dsn)


def test_the_same_purchase_from_ten_devices_happens_once(fresh_dsn: str) -> None:
    (ada,) = people(fresh_dsn, 1000)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        item = actors.one("select id from public.store_items where code = 'theme_riso'")

    def buy(actors: Actors) -> object:
        return actors.known(ada).call("purchase_item", item_id=item, idempotency_key="riso")

    outcomes = together(fresh_dsn, [buy] * 10)
    assert tally(outcomes) == {"done": 10}
    assert len({row["id"] for row in outcomes if isinstance(row, dict)}) == 1
    check(fresh_dsn)


def test_the_same_item_bought_twice_at_once_is_refused_in_words(fresh_dsn: str) -> None:
    (ada,) = people(fresh_dsn, 1000)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        item = actors.one("select id from public.store_items where code = 'theme_riso'")

    def buy(actors: Actors) -> object:
        return actors.known(ada).call("purchase_item", item_id=item)

    assert tally(together(fresh_dsn, [buy] * 6)) == {"done": 1, "MG603": 5}
    check(fresh_dsn)


def test_the_last_of_a_stock_is_sold_once(fresh_dsn: str) -> None:
    buyers = people(fresh_dsn, *[100] * 12)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        item = actors.service().insert("store_items", code="rare", name="Rare", kind="PROFILE_FLAIR", price=9, stock=3)

    def buy(buyer: UUID) -> Task:
        return lambda actors: actors.known(buyer).call("purchase_item", item_id=item["id"])

    assert tally(together(fresh_dsn, [buy(buyer) for buyer in buyers])) == {"done": 3, "MG602": 9}
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert actors.one("select stock from public.store_items where code = 'rare'") == 0
        assert actors.one("select count(*) from public.purchases") == 3
        assert actors.one("select sum(token_balance) from public.users") == 12 * 100 - 3 * 9
        check_ledger(actors)


def test_badges_are_awarded_once_however_many_look(fresh_dsn: str) -> None:
    ada, boris = people(fresh_dsn, 1000, 0)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        actors.known(ada).call("transfer_tokens", recipient_id=boris, amount=1)
        # A new badge for something that she has done already.
        criteria = {"metric": "gifts_sent", "at_least": 1}
        actors.service().insert("badges", code="giver", name="Giver", description="", icon="🎈", criteria=criteria)

    def look(actors: Actors) -> object:
        return len(actors.known(ada).rows("check_badges"))

    assert sorted(together(fresh_dsn, [look] * 8), key=str) == [0] * 7 + [1]
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert actors.one("select count(*) from public.transactions where type = 'EARN_BADGE'") == 1


def test_a_milestone_is_paid_once_to_a_person_with_two_accounts(fresh_dsn: str) -> None:
    """One refresh finds the second account held by somebody, the next one finds the first held by that refresh."""
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        people = [sign_up(actors, address).id for address in ("zoe@example.test", "zoe+2@example.test")]
        for person in people:
            actors.run(
                "insert into private.active_weeks (user_id, week, responses, first_published_at)"
                " select %s, private.week_index(now()) - ago, 1, now() - make_interval(weeks => ago)"
                " from generate_series(0, 2) as ago",
                person,
            )

    hold = "select from public.users where id = %s for no key update"
    refresh = "select private.refresh_streaks(now())"
    paid = "select count(*) from public.transactions where type = 'EARN_STREAK'"
    with psycopg.connect(fresh_dsn) as other, psycopg.connect(fresh_dsn) as one, psycopg.connect(fresh_dsn) as two:
        other.execute(hold, [people[1]])
        one.execute(refresh)
        other.rollback()
        two.execute(refresh)
        for connection in (one, two):
            connection.commit()
        first = two.execute(paid).fetchone()
        # Whom both left out is paid the next time.
        two.execute(refresh)
        two.commit()
        assert (first, two.execute(paid).fetchone()) == ((0,), (1,))
    check(fresh_dsn)


@pytest.mark.long
def test_streaks_are_counted_while_people_send_gifts(fresh_dsn: str) -> None:
    """Cron holds many people at once; they must not wait for each other in a circle."""
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        club = found_club(actors, *(f"Member {number}" for number in range(7)))
        for person in club.everybody:
            grant_tokens(actors, person, 1000)
        club.week()
        members = [person.id for person in club.everybody]
        week = actors.one("select now()")

    def count_streaks(actors: Actors) -> object:
        # Everybody's streak ends, and is back the next moment.
        actors.run("select private.refresh_streaks(%s::timestamptz + interval '30 days')", week)
        return None

    def count_again(actors: Actors) -> object:
        actors.run("select private.refresh_streaks(%s)", week)
        return None

    pairs = [(members[n], members[(n * 3 + 1) % 8]) for n in range(8) if n != (n * 3 + 1) % 8]
    givers = [gift(sender, recipient, 1) for sender, recipient in pairs]
    outcomes = together(fresh_dsn, [count_streaks, count_again, *givers], rounds=30)
    assert set(tally(outcomes)) == {"done"}
    check(fresh_dsn)


def test_a_reward_is_paid_once_when_asked_twice_at_once(fresh_dsn: str) -> None:
    (ada,) = people(fresh_dsn, 0)
    key = f"response:{uuid4()}"

    def post(actors: Actors) -> object:
        return actors.one("select private.post_transaction(%s, 'EARN_RESPONSE', 50, 'prompt', null, %s)", ada, key)

    assert sorted(together(fresh_dsn, [post] * 8), key=str) == [False] * 7 + [True]
    assert balances(fresh_dsn, ada) == [50]
