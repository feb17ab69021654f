"""Accounts and spaces deleted while everybody is busy: nobody waits in a circle, and nothing is left half done."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from supabase_embedded.databases import Databases
from tests.support.actors import Actor, Actors
from tests.support.counts import count
from tests.support.ledger import check_ledger
from tests.support.stories import Club, found_club, grant_tokens
from tests.support.together import Task, tally, together

pytestmark = pytest.mark.xdist_group("races")

_REFUSED = (
    "101 102 103 106 107 108 109 110 111 201 202 203 204 205 206 208 301 304 305 307 401 402 403 501 503 504 603 902"
)
OUTCOMES = {"done", "42501", *(f"MG{number}" for number in _REFUSED.split())}
"""What may come of a command: no circle, nothing that has no words."""


@pytest.fixture
def quick(databases: Databases, fresh_dsn: str) -> str:
    """A database of this test alone in which a circle is found at once."""
    name = str(psycopg.conninfo.conninfo_to_dict(fresh_dsn)["dbname"])
    with psycopg.connect(databases.dsn(name, user="supabase_admin"), autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} set deadlock_timeout = '100ms'").format(sql.Identifier(name)))
    return fresh_dsn


class Town:
    """Two clubs that share people, who all have tokens; some of them will go."""

    def __init__(self, dsn: str, people: int) -> None:
        with psycopg.connect(dsn) as connection, Actors(connection, commit=True) as actors:
            first = found_club(actors, *(f"Member {number}" for number in range(people)))
            second = found_club(actors, leader="Femi", is_public=True)
            for person in first.members[: people // 2]:
                second.join(person)
            second = replace(second, members=first.members[: people // 2])
            first.week(first.members[:3])
            second.week()
            for club in (first, second):
                club.ask("One?", "Two?")
            self.clubs = [club.id for club in (first, second)]
            self.everybody = [person.id for person in (*first.everybody, second.leader)]
            for person in (*first.everybody, second.leader):
                grant_tokens(actors, person, 1000)
            self.item = actors.one("select id from public.store_items where code = 'theme_riso'")


def busy(town: Town, chance: random.Random) -> Task:
    """Somebody does something, chosen at random, with whatever is there by now."""

    def task(actors: Actors) -> object:
        me = actors.known(chance.choice(town.everybody))
        other = chance.choice(town.everybody)
        club = chance.choice(town.clubs)
        prompts = [row["id"] for row in me.select("prompts", space_id=club)]
        mine = [row["id"] for row in me.select("responses", space_id=club, user_id=me.id)]

        def respond() -> object:
            prompt = chance.choice(prompts or [club])
            return me.insert("responses", prompt_id=prompt, content="Here", is_published=True)

        acts: list[Callable[[], object]] = [
            respond,
            respond,
            lambda: me.call("transfer_tokens", recipient_id=other, amount=1),
            lambda: me.call("transfer_tokens", recipient_id=other, amount=1),
            lambda: me.call("purchase_item", item_id=town.item),
            lambda: me.run(
                "update public.settings set email_reminders = not email_reminders where user_id = %s", me.id
            ),
            lambda: me.call("mark_notifications_read"),
            lambda: me.run("select public.leave_space(%s)", club),
            lambda: me.insert("memberships", space_id=town.clubs[1]),
            lambda: me.call("assign_curator", space_id=club, user_id=other),
            lambda: me.call("set_member_role", space_id=club, user_id=other, role="ADMIN"),
            lambda: me.insert("spaces", name="Another"),
            lambda: me.insert("prompts", space_id=club, question="Three?"),
            lambda: me.rows("publish_prompts", space_id=club),
            lambda: publish(me, club),
            lambda: me.update("responses", chance.choice(mine or [club]), content="Other"),
            lambda: me.delete("responses", chance.choice(mine or [club])),
        ]
        return chance.choice(acts)()

    return task


def publish(leader: Actor, club: UUID) -> object:
    rows = leader.select("responses", space_id=club, is_published=True)
    week = max((row["week_number"] for row in rows), default=1)
    chosen = [row["id"] for row in rows if row["week_number"] == week]
    leader.rows("select_responses", space_id=club, response_ids=chosen)
    newsletter = leader.call("generate_newsletter", space_id=club)
    return leader.call("publish_newsletter", newsletter_id=newsletter["id"])


def delete_accounts(town: Town, chance: random.Random, at_once: int) -> Task:
    def task(actors: Actors) -> object:
        going = chance.sample(town.everybody[1:-1], at_once)
        return actors.run("delete from auth.users where id = any(%s)", going)

    return task


def by_the_clock(actors: Actors) -> object:
    actors.run("select private.refresh_streaks(now() + interval '1 week')")
    actors.run("select private.award_all_badges()")
    return actors.run("select private.send_reminders(now() + interval '3 days')")


def check(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        check_ledger(actors)
        odd = actors.run(
            """
            select spaces.id from public.spaces
            where not exists (
              select from public.memberships
              where memberships.space_id = spaces.id and user_id = leader_id and role = 'ADMIN'
            ) or not exists (
              select from public.memberships
              where memberships.space_id = spaces.id and user_id = current_curator_id and role <> 'MEMBER'
            ) or not exists (
              select from public.curator_rotations
              where curator_rotations.space_id = spaces.id and week_number = current_week
                and curator_id = current_curator_id
            ) or (
              select count(*) from public.memberships where memberships.space_id = spaces.id and role = 'CURATOR'
            ) > 1
            """
        )
        assert odd == [], "a space is led and curated by its members"
        gaps = actors.run(
            "select space_id from public.space_events group by space_id having max(seq) <> count(*) or min(seq) <> 1"
        )
        assert gaps == [], "a feed has no hole"


def storm(dsn: str, seed: int, *, people: int, rounds: int) -> None:
    town = Town(dsn, people)
    workers = [busy(town, random.Random(seed + number)) for number in range(5)]
    deleters = [
        delete_accounts(town, random.Random(-seed - number), at_once) for number, at_once in enumerate((1, 1, 2))
    ]
    outcomes = together(dsn, [*workers, *deleters, by_the_clock], rounds=rounds)
    count("commands while accounts are deleted", len(outcomes))
    counted = tally(outcomes)
    circles = [str(outcome) for outcome in outcomes if "deadlock" in str(outcome)]
    assert circles == []
    assert set(counted) <= OUTCOMES, counted
    check(dsn)


def test_accounts_go_while_everybody_is_busy(quick: str) -> None:
    storm(quick, 1, people=12, rounds=8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 600, 100))
def test_accounts_go_while_everybody_is_busy_for_long(quick: str, seed: int) -> None:
    storm(quick, seed, people=40, rounds=30)


def test_two_accounts_that_share_everything_go_at_once(quick: str) -> None:
    """Gifts to each other, spaces led and curated by each other: each deletion wants what the other holds."""
    with psycopg.connect(quick) as connection, Actors(connection, commit=True) as actors:
        clubs = [found_club(actors, "Boris", "Chloe") for _ in range(2)]
        ada, boris = clubs[0].leader, clubs[1].leader
        clubs[0].join(boris)
        clubs[1].join(ada)
        for person, other in ((ada, boris), (boris, ada)):
            grant_tokens(actors, person, 100)
            person.call("transfer_tokens", recipient_id=other.id, amount=5)
        ada.call("assign_curator", space_id=clubs[0].id, user_id=boris.id)
        boris.call("assign_curator", space_id=clubs[1].id, user_id=ada.id)

    def go(user_id: UUID) -> Task:
        return lambda actors: actors.run("delete from auth.users where id = %s", user_id)

    assert tally(together(quick, [go(ada.id), go(boris.id)])) == {"done": 2}
    check(quick)


@pytest.mark.parametrize("road", ["function", "delete", "account"])
def test_no_heir_who_is_leaving(committed: Callable[[], Actors], road: str) -> None:
    """The longest-standing member is on the way out when the leader's account is deleted: somebody else inherits."""
    first, second = committed(), committed()
    club: Club = found_club(first, "Boris", "Chloe")
    first.connection.commit()
    boris, chloe = club.members
    if road == "function":
        boris.run("select public.leave_space(%s)", club.id)
    elif road == "delete":
        boris.run("delete from public.memberships where user_id = %s", boris.id)
    else:
        first.run("delete from auth.users where id = %s", boris.id)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.run, "delete from auth.users where id = %s", club.leader.id)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        first.connection.commit()
        waiting.result(timeout=30)
    second.connection.commit()
    row = club.row()
    assert (row["leader_id"], row["current_curator_id"]) == (chloe.id, chloe.id)


def test_an_account_that_is_deleted_softly_and_for_good_at_once_goes_once(committed: Callable[[], Actors]) -> None:
    """Neither holds the account while it waits for the other."""
    first, second, third = committed(), committed(), committed()
    person = first.person("Boris")
    first.connection.commit()
    hold = "select pg_advisory_xact_lock(hashtextextended('delete an account', 0))"
    third.run(hold)
    with ThreadPoolExecutor(2) as pool:
        hard = pool.submit(first.run, "delete from auth.users where id = %s", person.id)
        with pytest.raises(TimeoutError):
            hard.result(timeout=0.5)
        soft = pool.submit(second.run, "update auth.users set deleted_at = now() where id = %s", person.id)
        with pytest.raises(TimeoutError):
            soft.result(timeout=0.5)
        third.connection.commit()
        hard.result(timeout=30)
        first.connection.commit()
        soft.result(timeout=30)
    second.connection.commit()
    assert first.one("select count(*) from auth.users where id = %s", person.id) == 0


def ends_without_a_circle(quick: str, held: str, deletion: Task, work: Task) -> object:
    """Stop a deletion where a third session holds what it wants, let a worker do its work, and let both go on."""
    with (
        psycopg.connect(quick) as blocker,
        psycopg.connect(quick) as first,
        psycopg.connect(quick) as second,
        psycopg.connect(quick, autocommit=True) as watcher,
        ThreadPoolExecutor(2) as pool,
    ):

        def run(connection: psycopg.Connection, task: Task) -> Future[object]:
            def whole() -> object:
                result = task(Actors(connection))
                connection.commit()
                return result

            future = pool.submit(whole)
            waits = "select 1 from pg_locks where pid = %s and not granted"
            while not future.done() and not watcher.execute(waits, [connection.info.backend_pid]).fetchone():
                wait([future], timeout=0.003)
            return future

        assert blocker.execute(cast(Any, held)).rowcount > 0
        leaving = run(first, deletion)
        assert not leaving.done(), "it waits for what is held"
        working = run(second, work)
        blocker.commit()
        result = working.result(timeout=30)
        leaving.result(timeout=30)
        return result


@pytest.fixture
def week(quick: str) -> Club:
    """A week whose newsletter is published and sent by email, and prompts by Boris, the next curator."""
    with psycopg.connect(quick) as connection, Actors(connection, commit=True) as actors:
        club = found_club(actors, "Boris", "Chloe")
        newsletter = club.week()
        actors.service().rows("save_newsletter_mail", newsletter_id=newsletter["id"], content={"subject": "Week 1"})
        boris, chloe = club.members
        club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
        boris.insert("prompts", space_id=club.id, question="Why?")
        boris.rows("publish_prompts", space_id=club.id)
        # In this order Boris's come last.
        actors.run(
            "update private.mails set id = ('ffffffff' || substr(id::text, 9))::uuid where user_id = %s", boris.id
        )
        actors.run(
            "update private.mails set id = ('00000000' || substr(id::text, 9))::uuid where user_id = %s", chloe.id
        )
    return club


def claim(actors: Actors, worker: str, later: str = "0") -> Any:
    return actors.one("select public.claim_mails(%s, 'smtp', at => now() + %s::interval)", worker, later)


def test_who_is_leaving_keeps_their_emails_from_a_worker(quick: str, week: Club) -> None:
    boris = week.members[0]
    batch = ends_without_a_circle(
        quick,
        "select from private.mails where id ="
        f" (select id from private.mails where user_id = '{boris.id}' order by id limit 1) for update",
        lambda actors: actors.run("delete from auth.users where id = %s", boris.id),
        lambda actors: claim(actors, "a"),
    )
    assert {email["display_name"] for email in cast(Any, batch)["mails"]} == {"Ada", "Chloe"}


@pytest.mark.parametrize("work", ["takes it over", "begins the rest", "settles"])
@pytest.mark.parametrize("what", ["the account of who asked", "the space"])
def test_a_worker_goes_on_with_a_batch_whose_emails_go(quick: str, week: Club, work: str, what: str) -> None:
    boris = week.members[0]
    with psycopg.connect(quick) as connection:
        actors = Actors(connection)
        batch = claim(actors, "a")
        contents = {email["id"]: {} for email in batch["mails"]}
        first = {id_: said for id_, said in contents.items() if id_.startswith("ffffffff")}
        assert first
        actors.run("select * from public.begin_mails('a', %s, %s)", batch["id"], Jsonb(first))
    responses = [{"id": id_, "outcome": "SENT"} for id_ in first]
    works: dict[str, Task] = {
        "takes it over": lambda actors: claim(actors, "b", "1 hour"),
        "begins the rest": lambda actors: actors.run(
            "select * from public.begin_mails('a', %s, %s)", batch["id"], Jsonb(contents)
        ),
        "settles": lambda actors: actors.one("select public.settle_mails('a', %s, %s)", batch["id"], Jsonb(responses)),
    }
    goes, key = ("auth.users", boris.id) if what == "the account of who asked" else ("public.spaces", week.id)
    ends_without_a_circle(
        quick,
        f"select from public.curator_rotations where space_id = '{week.id}' and curator_id = '{boris.id}' for update",
        lambda actors: actors.run(f"delete from {goes} where id = %s", key),
        works[work],
    )
    check(quick)


@pytest.mark.parametrize("work", ["replay_dead_letters()", "resume_mail('smtp')"])
def test_an_operator_takes_emails_in_the_order_in_which_an_account_goes(quick: str, week: Club, work: str) -> None:
    boris = week.members[0]
    state = "'FAILED', gave_up = true" if work.startswith("replay") else "'QUEUED', fault = 'SENDER'"
    with psycopg.connect(quick) as connection:
        actors = Actors(connection)
        # As they lie in their table, the first comes last.
        last_first = "select id from private.mails where user_id = %s order by id desc"
        for (id_,) in connection.execute(last_first, [boris.id]):
            actors.run(
                f"update private.mails set state = {state}, run_at = clock_timestamp() + interval '1 day',"
                " created_at = clock_timestamp() where id = %s",
                id_,
            )
    middle = f"select id from private.mails where user_id = '{boris.id}' order by id offset 1 limit 1"
    ends_without_a_circle(
        quick,
        f"select from private.mails where id = ({middle}) for update",
        lambda actors: actors.run("delete from auth.users where id = %s", boris.id),
        lambda actors: actors.one(f"select public.{work}::text"),
    )


def test_the_sweep_waits_for_nobody(quick: str, week: Club) -> None:
    with psycopg.connect(quick) as holder, psycopg.connect(quick) as sweeper:
        sweeper.execute(
            "update private.mails set created_at = created_at - interval '100 days', state = 'OFF'"
            " where newsletter_id is null"
        )
        sweeper.execute("update public.notifications set read_at = now() - interval '100 days'")
        sweeper.commit()
        boris = week.members[0].id
        assert holder.execute("select from public.notifications where user_id = %s for update", [boris]).rowcount > 0
        assert holder.execute("select from private.mails where user_id = %s for update", [boris]).rowcount > 0
        sweeper.execute("set local lock_timeout = '1ms'")
        sweeper.execute("select private.sweep()")
        sweeper.commit()
        left = "select distinct user_id from private.mails where newsletter_id is null"
        assert sweeper.execute(cast(Any, left)).fetchall() == [(boris,)]
        assert sweeper.execute("select distinct user_id from public.notifications").fetchall() == [(boris,)]
