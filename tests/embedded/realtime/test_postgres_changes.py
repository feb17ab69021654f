"""Postgres Changes: each subscriber gets the rows and columns that it may see."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.embedded.realtime.conftest import RealtimeServer, done
from tests.embedded.realtime.wire import Wire
from tests.support.actors import Actor
from tests.support.ready import PARTITIONED

ids = count(1)


def binding(table: str, event: str = "*", **more: Any) -> dict[str, Any]:
    return {"event": event, "schema": "public", "table": table} | more


async def next_change(wire: Wire) -> dict[str, Any]:
    frame = await wire.take("postgres_changes")
    assert frame.ref is None
    data: dict[str, Any] = frame.payload["data"]
    assert frame.payload["ids"]
    return data


def add_sample(server: RealtimeServer, owner: Actor | None = None, **values: Any) -> int:
    """Insert a row into `samples` and return its key."""
    number = next(ids)
    row = {"id": number, "owner_id": owner.id if owner else uuid4(), "word": None} | values
    statement = sql.SQL("insert into public.samples ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(sql.Placeholder() * len(row))
    )
    server.run(statement, *row.values())
    return number


@pytest.fixture(scope="session")
def ada(server: RealtimeServer) -> Actor:
    """A person who owns samples."""
    return server.person("Ada")


@pytest.mark.parametrize("version", [1, 2])
async def test_members_see_responses_and_nobody_sees_drafts(server: RealtimeServer, name: str, version: int) -> None:
    club, stranger = server.club("Boris"), server.person("Eve")
    leader, boris = club.leader, club.members[0]
    prompt, _other = club.ask("What did you read?", "And why?")
    done(club)
    async with (
        server.wire(version=version) as ada,
        server.wire(version=version) as bob,
        server.wire(version=version) as eve,
    ):
        for wire, person in ((ada, leader), (bob, boris), (eve, stranger)):
            await wire.enter(name, token=server.token(person), postgres_changes=[binding("responses")])

        draft = boris.insert("responses", prompt_id=prompt["id"], content="A draft")
        key = {"id": str(draft["id"])}
        if PARTITIONED:  # What a table is divided by is a part of its key.
            key["prompt_id"] = str(prompt["id"])
        done(club)
        inserted = await next_change(bob)
        assert (inserted["type"], inserted["record"]["content"]) == ("INSERT", "A draft")
        club.respond(prompt, [leader])
        done(club)
        for wire in (ada, bob):
            change = await next_change(wire)
            assert change["record"]["user_id"] == str(leader.id)  # So the leader has received nothing of the draft.
        boris.update("responses", draft["id"], is_published=True)
        done(club)
        for wire in (ada, bob):
            published = await next_change(wire)
            assert (published["type"], published["record"]["content"]) == ("UPDATE", "A draft")
            assert published["old_record"] == key
        boris.delete("responses", draft["id"])
        done(club)
        for wire in (ada, bob, eve):  # Everybody gets the key of a deleted row.
            change = await next_change(wire)
            assert (change["type"], change["old_record"]) == ("DELETE", key)
            assert "record" not in change


async def test_the_reply_repeats_the_bindings_with_their_ids(server: RealtimeServer, name: str, ada: Actor) -> None:
    bindings = [
        binding("samples", filter="id=eq.-1", select=["id"]),
        binding("samples", "INSERT"),
        {"event": "UPDATE", "table": "samples"},
        {"event": "*", "schema": "public"},
    ]
    async with server.wire() as wire:
        reply = await wire.enter(name, token=server.token(ada), postgres_changes=bindings)
        confirmed = reply.payload["response"]["postgres_changes"]
        assert [{key: value for key, value in one.items() if key != "id"} for one in confirmed] == bindings
        numbers = [one["id"] for one in confirmed]
        assert len(set(numbers)) == 4
        assert all(isinstance(number, int) and number > 0 for number in numbers)
        add_sample(server, ada)
        change = await wire.take("postgres_changes")
        assert sorted(change.payload["ids"]) == sorted([numbers[1], numbers[3]])


async def test_values_are_formatted_as_in_the_data_api(server: RealtimeServer, name: str, ada: Actor) -> None:
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples")])
        key = add_sample(
            server,
            ada,
            word='ä"\\',
            number=-7,
            amount="12345678901234567890.50",
            flag=True,
            body='{"a": [1, null]}',
            at="2026-11-23 01:04:29.673123+01",
            day="2026-11-23",
            tags=["a,b", "NULL", None],
            feeling="wild",
            spot="(1,2)",
            secret="nobody's business",
        )
        frame = await wire.take("postgres_changes")
    data = frame.payload["data"]
    assert data["record"] == {
        "id": key,
        "owner_id": str(ada.id),
        "word": 'ä"\\',
        "number": -7,
        "amount": 12345678901234567890.50,
        "flag": True,
        "body": {"a": [1, None]},
        "at": "2026-11-23T00:04:29.673123+00:00",
        "day": "2026-11-23",
        "tags": ["a,b", "NULL", None],
        "feeling": "wild",
        "spot": {"x": 1, "y": 2},
    }
    columns = {column["name"]: column["type"] for column in data["columns"]}
    assert columns.keys() == data["record"].keys()  # Without the column that the role may not read.
    types = {"id": "int8", "tags": "_text", "feeling": "mood", "at": "timestamptz"}
    assert columns.items() >= types.items()
    assert (data["schema"], data["table"], data["type"], data["errors"]) == ("public", "samples", "INSERT", None)
    assert abs(datetime.fromisoformat(data["commit_timestamp"]).timestamp() - datetime.now().timestamp()) < 60


async def test_only_the_chosen_columns_and_the_key(server: RealtimeServer, name: str, ada: Actor) -> None:
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples", select=["word"])])
        key = add_sample(server, ada, word="x", number=1)
        data = await next_change(wire)
    assert data["record"] == {"id": key, "word": "x"}
    assert [column["name"] for column in data["columns"]] == ["id", "word"]


@pytest.mark.parametrize(
    ("wanted", "fits", "misses"),
    [
        ("word=eq.tea", {"word": "tea"}, {"word": "Tea"}),
        ('word=eq."a,b"', {"word": "a,b"}, {"word": "a"}),
        ("word=not.eq.tea", {"word": "milk"}, {"word": "tea"}),
        ("word=neq.tea", {"word": "milk"}, {"word": None}),
        ("word=in.(tea,milk)", {"word": "milk"}, {"word": "wine"}),
        ('word=in.("a,b",c)', {"word": "a,b"}, {"word": "a"}),
        ("number=not.in.(1,2)", {"number": 3}, {"number": 2}),
        ("number=gt.9", {"number": 10}, {"number": 9}),
        ("number=lte.-1", {"number": -1}, {"number": 0}),
        ("number=gte.1,number=lt.3", {"number": 2}, {"number": 3}),
        ("amount=gt.9.5", {"amount": "9.51"}, {"amount": "9.5"}),
        ("amount=eq.1", {"amount": "1.00"}, {"amount": "1.01"}),
        ("at=gte.2026-01-01", {"at": "2026-01-01 00:00+00"}, {"at": "2025-12-31 23:59+00"}),
        ("word=like.t%a", {"word": "tea"}, {"word": "TEA"}),
        ("word=ilike.t%a", {"word": "TEA"}, {"word": "ten"}),
        ("word=match.^t[ea]+$", {"word": "tea"}, {"word": "tease"}),
        ("word=imatch.^T", {"word": "tea"}, {"word": "a tea"}),
        ("word=not.like.t%", {"word": "milk"}, {"word": "tea"}),
        ("flag=is.true", {"flag": True}, {"flag": None}),
        ("word=is.null", {"word": None}, {"word": ""}),
        ("word=not.is.null", {"word": ""}, {"word": None}),
        ("word=isdistinct.tea", {"word": None}, {"word": "tea"}),
        ("flag=eq.yes", {"flag": True}, {"flag": False}),
        ("feeling=eq.wild", {"feeling": "wild"}, {"feeling": "calm"}),
        ("feeling=in.(wild)", {"feeling": "wild"}, {"feeling": "calm"}),
        ("tags=eq.{a}", {"tags": ["a"]}, {"tags": ["a", "b"]}),
    ],
)
async def test_filters(
    server: RealtimeServer, name: str, ada: Actor, wanted: str, fits: dict[str, Any], misses: dict[str, Any]
) -> None:
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples", filter=wanted)])
        add_sample(server, ada, **misses)
        key = add_sample(server, ada, **fits)
        assert (await next_change(wire))["record"]["id"] == key


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (binding("unpublished"), "Please check Realtime is enabled for the given connect parameters: [event: *, "),
        (binding("samples", filter="nothing=eq.1"), "invalid column for filter nothing"),
        (binding("samples", filter="secret=eq.1"), "invalid column for filter secret"),
        (binding("samples", select=["secret"]), "invalid column for select secret"),
        (binding("samples", filter="owner_id=eq.7"), 'invalid input syntax for type uuid: "7"'),
        (binding("samples", filter="number=like.1%"), "operator like is not supported on column number"),
        (binding("samples", filter="word=match.["), "operator match is not supported on column word"),
        (binding("samples", filter="body=in.({)"), "malformed array literal"),
        (binding("samples", filter="spot=is.true"), "is true filter requires a boolean column, got "),
        (binding("samples", filter="flag=is.maybe"), "invalid value for is filter"),
        (binding("samples", filter=f"number=in.({','.join(map(str, range(101)))})"), "Maximum 100"),
        (binding("samples", filter="word~tea"), 'Error parsing `filter` params: ["word~tea"]'),
        (binding("samples", filter="word=tea"), 'Error parsing `filter` params: ["tea"]'),
        (binding("samples", filter="word=has.tea"), 'Error parsing `filter` params: ["has", "tea"]'),
        (binding("samples", filter="word=in.tea"), "`in` filter value must be wrapped by parentheses"),
        (binding("samples", filter="word=eq.a,,"), "filter must not contain empty segments"),
        (binding("samples", select="word"), "Error parsing `select` params"),
        (binding("*", select=["id"]), "Column selection is not supported for wildcard subscriptions"),
        ({"event": "*"}, "Please provide at least a `schema` or `table`"),
    ],
)
async def test_invalid_bindings_are_reported_at_once(
    server: RealtimeServer, name: str, ada: Actor, params: dict[str, Any], problem: str
) -> None:
    # The client of version 1 could not parse some of these in the reply.
    async with server.wire(version=2) as wire:
        reply = await wire.join(name, token=server.token(ada), postgres_changes=[params])
        assert reply.payload["status"] == "ok"
        system = (await wire.take("system")).payload
        assert (system["extension"], system["status"], system["channel"]) == ("postgres_changes", "error", name)
        assert problem in system["message"]
        # The channel itself stays open.
        server.send(name, "still here", {}, private=False)
        assert (await wire.take("broadcast")).payload["event"] == "still here"


async def test_waiting_for_the_subscription(server: RealtimeServer, name: str, ada: Actor) -> None:
    wait = {"wait": True, "timeout": 10_000}
    async with server.wire() as wire:
        reply = await wire.join(
            name,
            token=server.token(ada),
            postgres_changes=[binding("samples")],
            postgres_changes_options=wait,
        )
        key = add_sample(server, ada)
        assert reply.payload["status"] == "ok"
        assert (await next_change(wire))["record"]["id"] == key
        reply = await wire.join(name, postgres_changes=[binding("unpublished")], postgres_changes_options=wait)
        assert reply.payload["status"] == "error"
        assert reply.payload["response"]["reason"].startswith("RealtimeDisabledForConfiguration: Unable to subscribe")


async def test_the_whole_old_row_where_the_table_keeps_it(server: RealtimeServer, name: str) -> None:
    key = next(ids)
    large = "x" * 20_000  # Stored out of line, and so not in the log if it does not change.
    async with server.wire() as wire:
        await wire.enter(name, postgres_changes=[binding("open_samples", filter=f"id=in.({key},{key + 100000})")])
        server.run("insert into public.open_samples values (%s, %s)", key, large)
        server.run("update public.open_samples set id = id + 100000 where id = %s", key)
        server.run("delete from public.open_samples where id = %s", key + 100000)
        inserted, updated, deleted = [await next_change(wire) for _ in range(3)]
    assert inserted["record"] == updated["old_record"] == {"id": key, "word": large}
    assert updated["record"] == deleted["old_record"] == {"id": key + 100000, "word": large}


async def test_only_the_key_of_a_deleted_protected_row_is_sent(server: RealtimeServer, name: str, ada: Actor) -> None:
    key = next(ids)
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("guarded", filter=f"id=eq.{key}")])
        server.run("insert into public.guarded values (%s, %s, 'secret')", key, ada.id)
        await next_change(wire)
        server.run("update public.guarded set word = 'still a secret' where id = %s", key)
        updated = await next_change(wire)
        server.run("delete from public.guarded where id = %s", key)
        deleted = await next_change(wire)
    assert updated["old_record"]["word"] == "secret"
    assert (deleted["old_record"], deleted.get("record")) == ({"id": key}, None)


async def test_a_changed_key_is_sent(server: RealtimeServer, name: str, ada: Actor) -> None:
    key = add_sample(server, ada, word="x")
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples")])
        server.run("update public.samples set id = -id where id = %s", key)
        data = await next_change(wire)
    assert (data["old_record"], data["record"]["id"]) == ({"id": key}, -key)


@pytest.mark.parametrize(
    ("table", "insert", "error"),
    [
        ("keyless", "insert into public.keyless values (gen_random_uuid())", "Error 400: Bad Request, no primary key"),
        (
            "unreadable",
            "insert into public.unreadable select coalesce(max(id), 0) + 1 from public.unreadable",
            "Error 401: Unauthorized",
        ),
        (
            "failing",
            "insert into public.failing select coalesce(max(id), 0) + 1 from public.failing",
            "Error 500: Internal Server Error, RLS policy evaluation failed",
        ),
    ],
)
async def test_rows_that_cannot_be_shown(
    server: RealtimeServer, name: str, ada: Actor, table: str, insert: LiteralString, error: str
) -> None:
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding(table), binding("samples")])
        server.run(insert)
        data = await next_change(wire)
        assert (data["errors"], data["record"], data["columns"]) == ([error], {}, [])
        # Other subscribers are not affected.
        key = add_sample(server, ada)
        assert (await next_change(wire))["record"]["id"] == key


async def test_only_the_short_values_of_a_large_row_are_sent(server: RealtimeServer, name: str, ada: Actor) -> None:
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples")])
        key = add_sample(server, ada, word="x" * 1_100_000, number=1)
        data = await next_change(wire)
    assert data["errors"] == ["Error 413: Payload Too Large"]
    assert (data["record"]["id"], data["record"]["number"]) == (key, 1)
    assert "word" not in data["record"]


async def test_a_new_token_changes_which_rows_are_visible(server: RealtimeServer, name: str, ada: Actor) -> None:
    boris = server.person("Boris")
    async with server.wire() as wire:
        await wire.enter(name, token=server.token(ada), postgres_changes=[binding("samples")])
        await wire.send(f"realtime:{name}", "access_token", {"access_token": server.token(boris)})
        assert (await wire.take("system")).payload["message"] == "Subscribed to PostgreSQL"
        add_sample(server, ada)
        key = add_sample(server, boris)
        assert (await next_change(wire))["record"]["id"] == key


async def test_nothing_is_delivered_after_leaving(server: RealtimeServer, name: str, ada: Actor) -> None:
    async with server.wire() as wire, server.wire() as other:
        for client in (wire, other):
            await client.enter(name, token=server.token(ada), postgres_changes=[binding("samples")])
        await wire.call(name, "phx_leave", {})
        add_sample(server, ada)
        await next_change(other)  # The log has been followed to here.
        await wire.enter(f"{name}-2", token=server.token(ada), postgres_changes=[binding("samples")])
        key = add_sample(server, ada)
        assert (await next_change(wire))["record"]["id"] == key


async def test_many_changes_arrive_once_and_in_order(server: RealtimeServer, name: str, ada: Actor) -> None:
    boris = server.person("Boris")
    start = 1_000_000
    async with server.wire() as of_ada, server.wire() as of_boris:
        for wire, person in ((of_ada, ada), (of_boris, boris)):
            await wire.enter(name, token=server.token(person), postgres_changes=[binding("samples", "INSERT")])
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for number in range(20):
                connection.execute(
                    "insert into public.samples (id, owner_id)"
                    " select %s + n, case n %% 2 when 0 then %s else %s end::uuid from generate_series(0, 99) n",
                    [start + 100 * number, ada.id, boris.id],
                )
        for wire, first in ((of_ada, start), (of_boris, start + 1)):
            keys = [(await next_change(wire))["record"]["id"] for _ in range(1000)]
            assert keys == list(range(first, start + 2000, 2))


async def test_a_table_that_is_added_later(own_server: RealtimeServer, name: str) -> None:
    async with own_server.wire(own_server.config.secret_key) as wire:
        await wire.enter("before")
        own_server.run("drop publication supabase_realtime")
        own_server.run("create table public.news (id integer primary key)")
        own_server.run("grant select on public.news to service_role")
        own_server.run("create publication supabase_realtime for table public.news")
        await wire.enter(name, postgres_changes=[binding("news")])
        own_server.run("insert into public.news values (1)")
        assert (await next_change(wire))["record"] == {"id": 1}
