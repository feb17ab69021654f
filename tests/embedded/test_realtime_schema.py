"""Sending from the database as on the platform, on every version of Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from supabase_embedded.databases import Databases

MESSAGES: LiteralString = "select topic, event, payload, private, extension from realtime.messages"


@pytest.fixture
def warnings(postgres: psycopg.Connection) -> list[str]:
    """The warnings of the connection `postgres`."""
    heard: list[str] = []
    postgres.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
    return heard


def test_sends_an_object_to_a_private_topic(postgres: psycopg.Connection) -> None:
    postgres.execute("select realtime.send('{\"a\": 1}', 'greeting', 'room:1')")
    row = postgres.execute(MESSAGES).fetchone()
    assert row is not None
    topic, event, payload, private, extension = row
    assert (topic, event, private, extension) == ("room:1", "greeting", True, "broadcast")
    (message_id,) = postgres.execute("select id from realtime.messages").fetchone() or (None,)
    assert payload == {"a": 1, "id": str(message_id)}
    assert isinstance(message_id, UUID)


def test_keeps_an_id_that_the_payload_has(postgres: psycopg.Connection) -> None:
    postgres.execute("select realtime.send('{\"id\": 7}', 'greeting', 'room:1', false)")
    assert postgres.execute(MESSAGES).fetchall() == [("room:1", "greeting", {"id": 7}, False, "broadcast")]


@pytest.mark.parametrize("payload", [[1], "id", 3, ["id"]])
def test_a_payload_other_than_an_object_only_raises_a_warning(
    postgres: psycopg.Connection, warnings: list[str], payload: object
) -> None:
    postgres.execute("select realtime.send(%s, 'greeting', 'room:1')", [Jsonb(payload)])
    assert postgres.execute(MESSAGES).fetchall() == []
    assert [warning.partition(":")[0] for warning in warnings] == ["WarnSendingBroadcastMessage"]


def test_sending_checks_the_policies_of_the_caller_and_only_warns(
    postgres: psycopg.Connection, warnings: list[str]
) -> None:
    postgres.execute("set role authenticated")
    postgres.execute("select realtime.send('{}', 'greeting', 'room:1')")
    assert warnings == ['WarnSendingBroadcastMessage: new row violates row-level security policy for table "messages"']
    postgres.execute("reset role")
    postgres.execute(
        "create policy p on realtime.messages for insert to authenticated"
        " with check (realtime.topic() = 'room:1' and extension = 'broadcast')"
    )
    postgres.execute("set role authenticated")
    postgres.execute("select realtime.send('{}', 'greeting', 'room:1')")
    postgres.execute("select realtime.send('{}', 'greeting', 'room:2')")
    postgres.execute("reset role")
    assert [row[0] for row in postgres.execute(MESSAGES).fetchall()] == ["room:1"]


def test_sends_bytes(postgres: psycopg.Connection) -> None:
    postgres.execute("select realtime.send_binary('\\x0102', 'photo', 'room:1')")
    assert postgres.execute("select binary_payload, payload from realtime.messages").fetchall() == [(b"\1\2", None)]


def test_the_topic_is_null_unless_it_is_set(postgres: psycopg.Connection) -> None:
    assert postgres.execute("select realtime.topic()").fetchone() == (None,)
    with postgres.transaction():
        postgres.execute("set local realtime.topic = 'room:1'")
        assert postgres.execute("select realtime.topic()").fetchone() == ("room:1",)


def test_broadcasts_each_kind_of_change_of_a_row(postgres: psycopg.Connection) -> None:
    postgres.execute(
        """
        create function public.announce() returns trigger language plpgsql security definer set search_path = '' as $$
        begin
          perform realtime.broadcast_changes(
            'thing:' || coalesce(new.id, old.id), tg_op, tg_op, tg_table_name, tg_table_schema, new, old
          );
          return null;
        end $$;
        create trigger announces after insert or update or delete on public.things
          for each row execute function public.announce();
        """
    )
    (key,) = postgres.execute("insert into public.things (name) values ('a') returning id").fetchone() or (None,)
    postgres.execute("update public.things set name = 'b' where id = %s", [key])
    postgres.execute("delete from public.things where id = %s", [key])
    payloads = [row[0] for row in postgres.execute("select payload from realtime.messages order by inserted_at")]
    for payload in payloads:
        del payload["id"]
    a, b = {"id": key, "name": "a"}, {"id": key, "name": "b"}
    where = {"table": "things", "schema": "public"}
    assert payloads == [
        {"operation": "INSERT", "record": a, "old_record": None, **where},
        {"operation": "UPDATE", "record": b, "old_record": a, **where},
        {"operation": "DELETE", "record": None, "old_record": b, **where},
    ]


def test_broadcasting_an_unknown_operation_fails(postgres: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="Unexpected operation type: TRUNCATE"):
        postgres.execute(
            "select realtime.broadcast_changes('t', 'e', 'TRUNCATE', 'things', 'public', null::record, null::record)"
        )


def test_partitions_are_created_and_dropped(every_version: Databases, platform_dsn: str) -> None:
    def partitions(connection: psycopg.Connection) -> set[str]:
        query = "select inhrelid::regclass::text from pg_inherits where inhparent = 'realtime.messages'::regclass"
        return {str(name).removeprefix("realtime.messages_") for (name,) in connection.execute(query)}

    def days(first: int, last: int) -> set[str]:
        return {f"{datetime.now(UTC) + timedelta(days=day):%Y_%m_%d}" for day in range(first, last + 1)}

    assert platform_dsn
    with psycopg.connect(every_version.dsn("platform_test", user="supabase_admin"), autocommit=True) as connection:
        assert partitions(connection) == days(-1, 7)
        connection.execute("select realtime.send('{}', 'e', 't')")
        connection.execute("select realtime.maintain_partitions(now() + interval '2 days')")
        assert partitions(connection) == days(-1, 9)
        connection.execute("select realtime.maintain_partitions(now() + interval '20 days')")
        assert partitions(connection) == days(19, 27)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set role anon")
            connection.execute("select realtime.maintain_partitions()")
