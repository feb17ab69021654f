"""Make up commands: every function of the API and every verb of every table, with values that somebody might send.

Values are written as names (`@club`, an id of the `World`) or as SQL texts, so that a case reads the same in each run:
seed and number make it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import psycopg

NULL = "null"
_WORD = "Ω" * 10_001

TEXTS: tuple[Any, ...] = (
    "", " ", "x", "A line", "two\nlines", "\t\r\n", "\u200b\u2060", "\u3164", "\u202egnirts", "e\u0301" * 200,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ud7ff", "\uffff", "%s %(x)s",
    "'; drop table public.users; --", 'say "no"', "{}", "null",
    "\\x00", "a" * 81, "b" * 501, "c " * 3000, _WORD, "line\n" * 3000, "<script>alert(1)</script>",
    "=?UTF-8?Q?Hello?=", "a@example.test", "HTTPS://EXAMPLE.TEST/", "../../x", "0", "true", "\ufeffx",
    "@invite_code", "@club", "space", "everything", "BOUNCED", "Europe/Athens", "SENT", "key",
)  # fmt: skip
JSON: tuple[Any, ...] = (
    "{}", "[]", "null", "0", "1e400", '"x"', "true", '{"url": "https://example.test/"}', '{"url": "HTTPS://example.test"}',
    '{"url": 1}', '{"url": null}', '{"a": ' * 60 + "1" + "}" * 60, "[" * 3000 + "]" * 3000, '[{"id": "x"}]',
    '[{"id": null, "outcome": "SENT"}]', '{"x": "' + "y" * 70_000 + '"}', "{", '{"url": "\\u0000"}', '[1, [2, [3]]]',
    '{"metric": "purchases", "at_least": 1}', '{"metric": "purchases", "at_least": "many"}', '{"%s": 1}',
)  # fmt: skip
INTEGERS = (
    "0",
    "1",
    "-1",
    "2",
    "3",
    "10",
    "11",
    "52",
    "53",
    "100",
    "101",
    "2147483647",
    "-2147483648",
    "2147483648",
    "x",
)
POOL: dict[str, tuple[Any, ...]] = {
    "text": TEXTS,
    "integer": INTEGERS,
    "smallint": (*INTEGERS, "32768"),
    "bigint": (*INTEGERS, "1000000000000000", "9223372036854775807", "9223372036854775808", "1.5", "NaN"),
    "numeric": (*INTEGERS, "NaN", "Infinity", "1e1000"),
    "double precision": (*INTEGERS, "NaN", "Infinity", "-Infinity", "1e309", "1e300"),
    "boolean": ("true", "false", "maybe"),
    "timestamp with time zone": (
        "2026-11-29 00:00:00+00", "2099-01-01", "infinity", "-infinity", "20000-01-01", "0001-01-01 BC", "2027-02-29",
        "294276-12-31", "9999-12-31 23:59:59.999999+00", "yesterday", "epoch", "soon",
    ),
    "date": ("2026-11-29", "infinity", "2027-02-29", "x"),
    "jsonb": JSON,
    "interval": ("1 hour", "-1 hour", "x", "178000000 years"),
    "bytea": ("\\x00", "x"),
}  # fmt: skip
"""For each type what is sent. What no client can send (a NUL, a lone surrogate) a driver refuses."""


@dataclass(frozen=True)
class Case:
    """One command of one actor."""

    actor: str
    verb: str
    """call, insert, update, delete, upsert."""
    target: str
    """A function or a table of the API."""
    values: tuple[tuple[str, str, str | None], ...]
    """Name, type and what is sent, or None for null: arguments, or columns."""
    key: tuple[str, str] | None = None
    """The column and value by which rows are chosen."""
    required: int = 1
    """How many values there must be at least: what makes an error of the sender's own is not looked at."""

    def __str__(self) -> str:
        said = ", ".join(f"{name}={value if value is None else value[:80]!r}" for name, _, value in self.values)
        where = f" where {self.key[0]} = {self.key[1]!r}" if self.key else ""
        return f"{self.actor} {self.verb} {self.target}({said}){where}"

    def statement(self, ids: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The SQL that the Data API would make of it."""
        arguments: list[Any] = [resolve(value, ids) for _, _, value in self.values]
        names = [f'"{name}"' for name, _, _ in self.values]
        casts = [f"cast(%s as {kind})" for _, kind, _ in self.values]
        where = ""
        if self.key:
            where = f' where "{self.key[0]}"::text = %s'
        if self.verb == "call":
            named = ", ".join(f"{name} => {cast}" for name, cast in zip(names, casts, strict=True))
            return f"select * from public.{self.target}({named})", arguments
        if self.verb == "delete":
            return f"delete from public.{self.target}{where} returning *", [
                resolve(self.key[1], ids)
            ] if self.key else []
        if self.verb == "update":
            changes = ", ".join(f"{name} = {cast}" for name, cast in zip(names, casts, strict=True))
            key = [resolve(self.key[1], ids)] if self.key else []
            return f"update public.{self.target} set {changes}{where} returning *", [*arguments, *key]
        conflict = ""
        if self.verb == "upsert":
            changes = ", ".join(f"{name} = excluded.{name}" for name in names)
            conflict = f" on conflict ({self.key[0] if self.key else 'id'}) do update set {changes}"
        return (
            f"insert into public.{self.target} ({', '.join(names)}) values ({', '.join(casts)}){conflict} returning *",
            arguments,
        )

    def simpler(self) -> Iterator[Case]:
        """Cases with less in them."""
        for position, (name, kind, value) in enumerate(self.values):
            rest = self.values[:position] + self.values[position + 1 :]
            if len(rest) >= self.required:
                yield replace(self, values=rest)
            for smaller in (None, "x", "0", "{}"):
                if value is not None and value != smaller and (smaller is None or len(smaller) < len(value)):
                    yield replace(self, values=(*self.values[:position], (name, kind, smaller), *rest[position:]))


def resolve(value: str | None, ids: Mapping[str, Any]) -> Any:
    """What a name stands for, also within an array."""
    if value is None or not value.startswith(("@", "{@")):
        return value
    if value.startswith("{"):
        return "{" + ",".join(str(ids[name[1:]]) for name in value[1:-1].split(",")) + "}"
    return str(ids[value[1:]])


class Api:
    """What the catalogue says can be called and written.

    Args:
        connection: To a database with our migrations.
        names: The names of known ids.
        actors: Who acts.
    """

    def __init__(self, connection: psycopg.Connection[Any], names: list[str], actors: list[str]) -> None:
        self.actors = actors
        self.names = sorted(names)
        self.enums: dict[str, tuple[str, ...]] = {
            name: tuple(labels)
            for name, labels in connection.execute(
                "select format_type(enumtypid, null), array_agg(enumlabel::text order by enumsortorder)"
                " from pg_catalog.pg_enum group by 1"
            )
        }
        self.functions = connection.execute(
            """
            select proname, coalesce(array(
              select array[argument.name, format_type(argument.type, null)]
              from unnest(
                proargnames[1:pronargs], string_to_array(array_to_string(proargtypes::oid[], ' '), ' ')::oid[]
              ) as argument (name, type)
            ), '{}'), pronargs - pronargdefaults
            from pg_catalog.pg_proc
            where pronamespace = 'public'::regnamespace and prokind = 'f' and prorettype <> 'trigger'::regtype
            order by 1, oid
            """
        ).fetchall()
        self.tables = connection.execute(
            """
            select relname, array(
              select array[attname::text, format_type(atttypid, null)] from pg_catalog.pg_attribute
              where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum
            ), array(
              select attname::text from pg_catalog.pg_index join pg_catalog.pg_attribute
                on attrelid = indrelid and attnum = any (indkey)
              where indrelid = c.oid and indisprimary order by attnum
            )
            from pg_catalog.pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1
            """
        ).fetchall()

    def make(self, seed: int, number: int) -> Case:
        """Make up the case with this number; the same numbers make the same case."""
        chance = Random(f"fuzz {seed} {number}")
        actor = self.actors[number % len(self.actors)]
        index = number // len(self.actors)
        everything = len(self.functions) + 4 * len(self.tables)
        place = index % everything
        if place < len(self.functions):
            name, arguments, required = self.functions[place]
            chosen = [pair for n, pair in enumerate(arguments) if n < required or chance.random() < 0.8]
            values = tuple((a, kind, self.value(chance, a, kind)) for a, kind in chosen)
            return Case(actor, "call", name, values, required=required)
        table, columns, primary = self.tables[(place - len(self.functions)) // 4]
        verb = ("insert", "update", "delete", "upsert")[(place - len(self.functions)) % 4]
        few = chance.sample(columns, min(len(columns), chance.randrange(1, 6)))
        key = (chance.choice(primary), self.value(chance, "id", "uuid") or "x") if verb != "insert" else None
        if verb == "upsert":
            key = (", ".join(primary), "")
        values = () if verb == "delete" else tuple((c, kind, self.value(chance, c, kind)) for c, kind in few)
        return Case(actor, verb, table, values, key)

    def value(self, chance: Random, name: str, kind: str) -> str | None:
        """What is sent for something of a type: an id, more often than not one of that name."""
        if chance.random() < 0.06:
            return None
        if kind.endswith("[]"):
            if kind == "uuid[]" and chance.random() < 0.6:
                return "{" + ",".join(f"@{chance.choice(self.names)}" for _ in range(chance.randrange(1, 4))) + "}"
            return str(chance.choice(("{}", "{null}", "{a,b}", "{{1},{2}}", "{", "{1,1}", "{" + "x," * 2000 + "x}")))
        if kind == "uuid":
            plain = name.removesuffix("_id")
            guess = {"space": "club", "recipient": "eleni", "user": "chloe", "item": "item"}.get(plain, plain)
            if guess in self.names and chance.random() < 0.5:
                return f"@{guess}"
            odd = ("00000000-0000-0000-0000-000000000000", "6e6f626f-6479-4000-8000-000000000000", "x", "")
            return f"@{chance.choice(self.names)}" if chance.random() < 0.75 else chance.choice(odd)
        labels = self.enums.get(kind)
        if labels:
            return chance.choice((*labels, "NOBODY KNOWS", ""))
        return str(chance.choice(POOL.get(kind, TEXTS)))
