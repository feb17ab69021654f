"""The document's hot queries, and a few of our own, use an index, as `authenticated` under row level security."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from supabase_embedded.databases import Databases
from supabase_embedded.postgres import SUPERUSER
from tests.support.actors import Actor, Actors
from tests.support.large_space import add_large_space
from tests.support.scale import fill


@dataclass(frozen=True)
class Library:
    actors: Actors
    reader: Actor
    space_id: UUID
    prompt_id: UUID
    member: Actor
    large_space_id: UUID


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((1_000, 100), id="a tenth"),
        pytest.param((10_000, 1_000), id="full scale", marks=pytest.mark.long),
    ],
)
def library(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Library]:
    users, spaces = request.param
    name = f"scale_{uuid4().hex}"
    databases.clone(name)
    try:
        fill(databases.dsn(name, user=SUPERUSER), users=users, spaces=spaces)
        add_large_space(databases.dsn(name, user=SUPERUSER))
        with psycopg.connect(databases.dsn(name)) as connection, Actors(connection) as actors:
            connection.execute("set local search_path = public")
            # Person 21 sits in the first seat of space 3.
            reader = actors.known(actors.one("select md5('user21')::uuid"))
            # The first member of the large space is in 50 public ones as well.
            member = actors.known(actors.one("select md5('large1')::uuid"))
            keys = ("space3", "prompt3-10-1", "large")
            space_id, prompt_id, large_id = (actors.one(f"select md5('{key}')::uuid") for key in keys)
            yield Library(actors, reader, space_id, prompt_id, member, large_id)
    finally:
        databases.drop(name)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explain(actor: Actor, query: str, *arguments: object) -> tuple[set[str], set[str], int]:
    """The indexes that a query uses, the tables that it reads from end to end, and how many pages it touches."""
    (row,) = actor.run(f"explain (analyze, buffers, format json) {query}", *arguments)
    plan = row["QUERY PLAN"][0]["Plan"]
    found = list(nodes(plan))
    # Of a partitioned table, the index of a partition stands for the table's.
    indexes = {
        row["name"]
        for row in actor.actors.run(
            """
            select coalesce(root.relname, used.relname) as name
            from pg_catalog.pg_class as used
            left join pg_catalog.pg_class as root on root.oid = pg_catalog.pg_partition_root(used.oid)
            where used.relname = any (%s)
            """,
            [node["Index Name"] for node in found if "Index Name" in node],
        )
    }
    scanned = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"}
    # A table of a few pages, as spaces at a tenth of the scale, is best read as a whole.
    small = {row["relname"] for row in actor.actors.run("select relname from pg_catalog.pg_class where relpages <= 5")}
    return indexes, scanned - small, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


QUERIES = {
    "spaces of a person": (
        "select * from spaces where id in (select space_id from memberships where user_id = %(me)s)",
        {"idx_memberships_user_id", "memberships_user_id_space_id_key"},
    ),
    "prompts of a week": (
        "select * from prompts where space_id = %(space)s and week_number = 10 and is_published = true"
        ' order by "order"',
        {"idx_prompts_week_number"},
    ),
    "a person's response to a prompt": (
        "select * from responses where prompt_id = %(prompt)s and user_id = %(me)s",
        {"responses_prompt_id_user_id_key"},
    ),
    "a person's transactions": (
        "select * from transactions where user_id = %(me)s order by created_at desc",
        # Both begin with the person: for a bitmap they cost the same, and chance decides.
        {"idx_transactions_user_id", "idx_transactions_created_at"},
    ),
    "a page of the ledger": (
        "select * from transactions where user_id = %(me)s and seq < 1000000000 order by seq desc limit 20",
        {"idx_transactions_user_id"},
    ),
    "responses of a week": (
        "select * from responses where space_id = %(space)s and week_number = 10",
        {"idx_responses_space_id"},
    ),
    "members of a space": ("select * from memberships where space_id = %(space)s", {"idx_memberships_space_id"}),
    "what was missed": (
        "select * from space_events where space_id = %(space)s and seq > 90 order by seq limit 100",
        {"space_events_pkey"},
    ),
    "news": (
        "select * from notifications where user_id = %(me)s order by created_at desc, id desc limit 20",
        {"idx_notifications_user_id"},
    ),
    "public letters": (
        "select id, title from newsletters where is_published and visibility = 'PUBLIC'"
        " order by published_at desc, id desc limit 20",
        {"idx_newsletters_public"},
    ),
    "all my responses": (
        "select * from responses where user_id = %(me)s order by published_at desc limit 20",
        {"idx_responses_user_id"},
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_an_index_is_used(library: Library, name: str) -> None:
    query, wanted = QUERIES[name]
    reader = library.reader
    literals = {"me": f"'{reader.id}'", "space": f"'{library.space_id}'", "prompt": f"'{library.prompt_id}'"}
    indexes, scanned, _ = explain(reader, query % literals)
    assert scanned == set()
    assert indexes & wanted, indexes


def test_the_leaderboard_reads_an_index(library: Library) -> None:
    """As the document writes it, by those who see all rows; people ask by the function, which touches as few pages."""
    query = "select * from users order by token_balance desc limit 10"
    indexes, scanned, _ = explain(library.actors.service(), query)
    assert (indexes, scanned) == ({"idx_users_token_balance"}, set())
    indexes, scanned, _ = explain(library.reader, query)
    assert (indexes, scanned) == ({"users_pkey"}, set())  # Their own row only.


@pytest.mark.parametrize(
    ("call", "pages"),
    [
        ("leaderboard()", 400),
        ("leaderboard(%(space)s)", 400),
        ("member_profiles(%(space)s)", 400),
        ("space_week(%(space)s)", 400),
        ("badge_progress()", 600),
        ("preview_rotation(%(space)s)", 400),
    ],
)
def test_a_function_touches_few_pages(library: Library, call: str, pages: int) -> None:
    """Whatever is in the tables: a function that read one of them from end to end would touch thousands."""
    query = f"select * from {call}" % {"space": f"'{library.space_id}'"}
    explain(library.reader, query)  # Once before, so that reading the catalogs does not count.
    _, _, touched = explain(library.reader, query)
    assert touched < pages


# What is read, after which row of which list it begins, and how many pages of the database that touches at most.
LARGE: dict[str, tuple[str, str, int]] = {
    "the first members": ("member_profiles(%(large)s, limit_count => 100)", "", 1_200),
    "the members after the thousandth": (
        "member_profiles(%(large)s, %(first)s, %(second)s, 100)",
        "select joined_at, user_id from memberships where space_id = %(large)s order by 1, 2 offset 1000 limit 1",
        1_200,
    ),
    "the first responses": ("space_responses(%(large)s, limit_count => 100)", "", 150),
    "the responses after the four-thousandth": (
        "space_responses(%(large)s, after_created_at => %(first)s, after_id => %(second)s, limit_count => 100)",
        "select created_at, id from responses where space_id = %(large)s order by 1, 2 offset 4000 limit 1",
        150,
    ),
    "the responses of a week after the thousandth": (
        "space_responses(%(large)s, 50, null, %(first)s, %(second)s, 100)",
        "select created_at, id from responses where space_id = %(large)s and week_number = 50"
        " order by 1, 2 offset 1000 limit 1",
        150,
    ),
    "a person's spaces among all public ones": ("my_spaces() order by created_at, id limit 100", "", 150),
    "a page of public spaces": (
        "spaces where is_public = true and created_at >= %(first)s and (created_at > %(first)s or"
        " (created_at = %(first)s and id > %(second)s)) order by created_at, id limit 100",
        "select created_at, id from spaces where is_public order by 1, 2 offset 500 limit 1",
        30,
    ),
    # Six pages for each member: who they are, and whether they are shown.
    "the leaderboard of the space": ("leaderboard(%(large)s)", "", 12_500),
    "the leaderboard of a person's spaces": ("leaderboard()", "", 12_500),
    # 151, or about 2,200 where the sample of the statistics makes the planner look up each member of the space.
    "the coming curators": ("preview_rotation(%(large)s)", "", 3_000),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_page_of_a_long_list_touches_few_pages(library: Library, name: str) -> None:
    """However many rows the list has: what is not shown is not computed, and nothing is sorted for each page."""
    query, place, pages = LARGE[name]
    literals = {"large": f"'{library.large_space_id}'"}
    if place:
        (row,) = library.actors.run(place % literals)
        first, second = row.values()
        literals |= {"first": f"'{first}'", "second": f"'{second}'"}
    query = f"select * from {query % literals}"
    # The plans of the first executions are made for their arguments, then one is kept for all.
    touched = [explain(library.member, query)[2] for _ in range(7)]
    assert max(touched[1:]) < pages


def test_an_unchanged_ledger_is_checked_with_one_look_for_each_person(library: Library) -> None:
    service = library.actors.service()
    assert service.rows("verify_ledger", complete=False) == []
    _, _, touched = explain(service, "select * from verify_ledger(complete => false)")
    assert touched < 6 * library.actors.one("select count(*) from users")


def test_finished_work_is_counted_without_reading_it(library: Library) -> None:
    """Its entries in an index are a few for each page that its rows are on."""
    query = "select relpages from pg_catalog.pg_class where oid = 'private.mails'::regclass"
    rows = library.actors.one(query)
    service = library.actors.service()
    _, _, touched = [explain(service, "select * from outbox_state()") for _ in range(2)][1]
    assert touched < rows / 2
