"""The recipe that partitions the large tables keeps everything that there is, also while people write."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import psycopg
import pytest

from supabase_embedded.postgres import SUPERUSER, PostgresServer
from tests.support.actors import Actor, Actors, Row
from tests.support.long import long
from tests.support.partitions import KEYS, add_recipe, partition
from tests.support.parts import postgres_programs
from tests.support.ready import databases_of
from tests.support.scale import fill
from tests.support.stories import found_club, grant_tokens
from tests.support.world import is_mistake

TABLES = "('public.transactions'::regclass, 'public.space_events'::regclass, 'public.responses'::regclass)"

# What is known of the three tables, as text, one line for each thing, without their partitions.
CATALOG = f"""
  select format('%s: %s of %s, %s', relname, reltype::regtype, relowner::regrole, obj_description(oid, 'pg_class'))
    || format(' (rls %s %s, replica identity %s)', relrowsecurity, relforcerowsecurity, relreplident)
  from pg_class where oid in {TABLES}
  union all
  select format('%s.%s %s %s %s %s %s: %s', attrelid::regclass, attname, attnum, format_type(atttypid, atttypmod),
    attnotnull, attidentity, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
  from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attrelid in {TABLES} and attnum > 0 and not attisdropped
  union all
  select format('sequence %s', pg_get_serial_sequence(attrelid::regclass::text, attname))
  from pg_attribute where attrelid in {TABLES} and attidentity <> ''
  union all
  select format('constraint %s of %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
  from pg_constraint where conrelid in {TABLES} and contype in ('c', 'f')
  union all
  select format('constraint %s of %s, %s, is valid: %s, deferrable: %s', conname, conrelid::regclass, contype,
    convalidated, condeferrable)
  from pg_constraint where conrelid in {TABLES} and contype <> 'n'
  union all
  select format('index %s of %s: %s', indexrelid::regclass, indrelid::regclass, indisunique)
    || case when not indisunique then replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') else '' end
  from pg_index where indrelid in {TABLES}
  union all
  select format('policy %s of %s, %s %s %s: %s, %s, %s', polname, polrelid::regclass, polpermissive, polcmd,
    polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
    obj_description(oid, 'pg_policy'))
  from pg_policy where polrelid in {TABLES}
  union all
  select format('grant of %s: %s to %s, %s', oid::regclass, privilege_type, grantee::regrole, is_grantable)
  from pg_class, aclexplode(relacl) where oid in {TABLES}
  union all
  select format('grant of %s (%s): %s to %s', attrelid::regclass, attname, privilege_type, grantee::regrole)
  from pg_attribute, aclexplode(attacl) where attrelid in {TABLES}
  union all
  select format('%s, enabled: %s', pg_get_triggerdef(oid), tgenabled)
  from pg_trigger where tgrelid in {TABLES} and not tgisinternal
  union all
  select format('published by %s: %s', pubname, prrelid::regclass)
  from pg_publication_rel join pg_publication on pg_publication.oid = prpubid where prrelid in {TABLES}
  union all
  select format('%s %s: %s', pg_get_functiondef(oid), obj_description(oid, 'pg_proc'), array(
    select format('%s to %s', privilege_type, grantee::regrole) from aclexplode(proacl) order by 1
  ))
  from pg_proc
  where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and prokind = 'f' and proname <> 'bound_rows'
"""


def catalog(connection: psycopg.Connection) -> list[str]:
    connection.execute("select set_config('search_path', '', false)")
    return sorted(str(line) for (line,) in connection.execute(CATALOG.encode()).fetchall())


def rows(connection: psycopg.Connection) -> dict[str, list[Any]]:
    return {
        table: connection.execute(f"select stored::text from public.{table} as stored order by 1".encode()).fetchall()
        for table in KEYS
    }


def test_nothing_is_lost(fresh_dsn: str) -> None:
    """Neither rows nor rules, and whoever is connected goes on."""
    with psycopg.connect(fresh_dsn) as before, psycopg.connect(fresh_dsn, autocommit=True) as looking:
        actors = Actors(before)
        club = found_club(actors, "Boris", "Chloe")
        (prompt,) = club.ask("What did you read?")
        club.respond(prompt)
        club.publish_week()
        (prompt,) = club.ask("Where?")
        actors.as_owner()
        before.commit()
        were = catalog(looking), rows(looking)

        # Begun, and interrupted: the copy has a part of the rows, and what changes meanwhile.
        add_recipe(looking)
        looking.execute("select partitions.prepare('transactions', 'user_id', 2)")
        looking.execute("select partitions.copy('transactions', 1)")
        grant_tokens(actors, club.leader, 5)
        before.commit()
        were = were[0], rows(looking)

        partition(fresh_dsn, parts=2, pages=1)

        assert catalog(looking) == were[0]
        assert rows(looking) == were[1]
        leaves = f"select count(*) from pg_inherits where inhparent in {TABLES}"
        assert looking.execute(leaves.encode()).fetchone() == (2 * len(KEYS),)

        assert reachable(looking) == []

        # A session with plans and rows of the old tables.
        chloe = club.members[1]
        response = chloe.insert("responses", prompt_id=prompt["id"], content="Here", is_published=True)
        # Of two rows in one statement, the second is one too many, in whichever partition it is.
        (other,) = club.respond(club.ask("When?")[-1], [chloe])
        assert other["prompt_id"] != prompt["id"]
        chloe.act()
        note = "extract(epoch from statement_timestamp()), to_regclass('public.responses')::oid, 199"
        with chloe.refused("MG001") as caught:
            chloe.run(
                f"select set_config('monogram.rows_update', concat_ws(' ', {note}), true); "
                "update public.responses set content = 'No' where week_number = 2"
            )
        assert caught.value.diag.message_detail == "rows"
        with chloe.refused("MG304"):
            chloe.insert("responses", prompt_id=prompt["id"], content="There")
        assert chloe.update("responses", response["id"], content="There")[0]["space_id"] == club.id
        assert "There" in [row["content"] for row in chloe.rows("space_responses", space_id=club.id, week_number=2)]
        assert {row["type"] for row in chloe.select("transactions")} >= {"EARN_RESPONSE"}
        assert actors.run("select * from public.verify_ledger(true)") == []


def reachable(connection: psycopg.Connection) -> list[Any]:
    """The rights to partitions themselves, and partitions in which row level security is off."""
    return connection.execute(
        """
        select format('%s: %s', role, kind)
        from unnest('{anon,authenticated,service_role}'::text[]) as role, unnest('{usage,create}'::text[]) as kind
        where has_schema_privilege(role, 'partitions', kind)
        union all
        select format('%s %s', oid::regclass, relacl) from pg_class
        where relnamespace = 'partitions'::regnamespace and relkind in ('r', 'p')
          and (relacl is not null or not relrowsecurity)
        """
    ).fetchall()


@dataclass
class Writers:
    """People who give, respond, change and delete, each in transactions of their own, until they are told to stop."""

    dsn: str
    stop: Event = field(default_factory=Event)
    written: int = 0
    refused: set[str] = field(default_factory=set)

    def write(self, seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(self.dsn) as connection:
            actors = Actors(connection, commit=True)
            while not self.stop.is_set():
                try:
                    chance.choice([self.give, self.respond, self.edit, self.take_back, self.leave])(actors, chance)
                    actors.as_owner()
                    connection.commit()
                    self.written += 1
                except psycopg.Error as error:
                    connection.rollback()
                    self.refused.add("a right is missing" if is_mistake(error) else str(error.sqlstate))

    def give(self, actors: Actors, chance: random.Random) -> None:
        sender = self.somebody(actors, chance)
        recipient = self.somebody(actors, chance)
        sender.call("transfer_tokens", recipient_id=recipient.id, amount=1, idempotency_key=str(chance.random()))

    def respond(self, actors: Actors, chance: random.Random) -> None:
        person = self.somebody(actors, chance)
        for prompt in actors.run(
            "select prompts.id from public.prompts join public.memberships using (space_id)"
            " where memberships.user_id = %s and week_number = 10 order by random() limit 1",
            person.id,
        ):
            person.insert("responses", prompt_id=prompt["id"], content="Here", is_published=True)

    def edit(self, actors: Actors, chance: random.Random) -> None:
        row = self.a_response(actors, chance)
        actors.known(row["user_id"]).update("responses", row["id"], content=f"Changed {chance.random()}")

    def take_back(self, actors: Actors, chance: random.Random) -> None:
        row = self.a_response(actors, chance)
        actors.known(row["user_id"]).delete("responses", row["id"])

    def leave(self, actors: Actors, chance: random.Random) -> None:
        if chance.random() < 0.1:
            actors.run("delete from auth.users where id = %s", self.somebody(actors, chance).id)

    def somebody(self, actors: Actors, chance: random.Random) -> Actor:
        return actors.known(actors.one("select md5(%s)::uuid", f"user{chance.randrange(1, 1001)}"))

    def a_response(self, actors: Actors, chance: random.Random) -> Row:
        person = self.somebody(actors, chance)
        (row,) = actors.run(
            "select * from public.responses where user_id = %s and week_number = 10 limit 1", person.id
        ) or actors.run("select * from public.responses where week_number = 10 limit 1")
        return row


@dataclass
class Converted:
    """A database of a thousand people whose tables were partitioned while they wrote."""

    dsn: str
    writers: Writers


@pytest.fixture(scope="module", params=[*long(15, 17, 18)])
def converted(request: pytest.FixtureRequest) -> Iterator[Converted]:
    with PostgresServer.temporary(bindir=postgres_programs(request.param)) as server:
        databases = databases_of(server)
        dsn = databases.clone("large")
        fill(databases.dsn("large", user=SUPERUSER), users=1_000, spaces=100)
        writers = Writers(dsn)
        with ThreadPoolExecutor(3) as pool:
            working = [pool.submit(writers.write, seed) for seed in range(3)]
            try:
                partition(dsn, pages=50)
            finally:
                writers.stop.set()
            for one in working:
                one.result()
        yield Converted(dsn, writers)


def test_people_write_meanwhile(converted: Converted) -> None:
    writers = converted.writers
    assert writers.written > 50
    # What may be asked for again, or was refused on purpose: never an error of the catalog.
    assert {code for code in writers.refused if code[:2] != "MG"} <= {"40P01", "55P03", "42501"}
    with psycopg.connect(converted.dsn) as connection, Actors(connection) as actors:
        assert actors.run("select * from public.verify_ledger(true)") == []
        feeds = actors.run(
            """
            select space_id, last_seq, count(seq) as events, max(seq) as newest
            from private.space_feeds
            left join public.space_events using (space_id)
            group by space_id, last_seq
            """
        )
        assert len(feeds) > 90
        assert [feed for feed in feeds if not feed["last_seq"] == feed["events"] == (feed["newest"] or 0)] == []
        # Counted by triggers, from before and after.
        assert (
            actors.run(
                """
                select users.id from public.users
                left join public.transactions as newest on newest.user_id = users.id and newest.seq = (
                  select max(seq) from public.transactions where transactions.user_id = users.id
                )
                where token_balance <> coalesce(newest.balance_after, 0)
                """
            )
            == []
        )


# What is asked, and in how many partitions it is looked for.
PLANS = {
    "select * from transactions where user_id = %(me)s order by seq desc limit 20": 1,
    "select * from transactions where user_id = %(me)s order by created_at desc limit 20": 1,
    "select * from transactions where user_id = %(me)s and idempotency_key = 'response:1'": 1,
    "select * from space_events where space_id = %(space)s and seq > 90 order by seq limit 100": 1,
    "select * from responses where prompt_id = %(prompt)s": 1,
    "select * from responses where prompt_id = %(prompt)s and user_id = %(me)s": 1,
    "select * from responses where prompt_id = any (array[%(prompt)s::uuid])": 1,
    "select * from responses where space_id = %(space)s and week_number = 10": 16,
    "select * from responses where user_id = %(me)s order by published_at desc limit 20": 16,
}


def test_one_partition_is_read_where_the_key_is_known(converted: Converted) -> None:
    with psycopg.connect(converted.dsn) as connection, Actors(connection) as actors:
        connection.execute("set local search_path = public")
        reader = actors.known(
            actors.one("select user_id from memberships where space_id = md5('space3')::uuid limit 1")
        )
        literals = {"me": f"'{reader.id}'"}
        literals |= {"space": "md5('space3')::uuid", "prompt": "md5('prompt3-10-1')::uuid"}
        assert {query: len(partitions_read(reader, query % literals)) for query in PLANS} == PLANS
        # Where it is not known, there is an index in each.
        connection.execute("set local enable_seqscan = off")
        for query in PLANS:
            (row,) = reader.run(f"explain (analyze, buffers, format json) {query % literals}")
            plan = row["QUERY PLAN"][0]["Plan"]
            assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 200, query


def partitions_read(reader: Actor, query: str) -> set[str]:
    """The partitions that a query looks into."""
    (row,) = reader.run(f"explain (analyze, format json) {query}")
    return {
        node["Relation Name"]
        for node in nodes(row["QUERY PLAN"][0]["Plan"])
        if node.get("Relation Name", "").rstrip("0123456789").rstrip("_") in KEYS and node["Actual Loops"] > 0
    }


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
