"""Act on a database as a person, as nobody, or as a secret key, the way a Data API session does.

```python
with Actors(connection) as act:
    ada, boris = act.person("Ada"), act.person("Boris")
    space = ada.insert("spaces", name="Test Book Club")
    with boris.refused("42501"):
        boris.call("assign_curator", space_id=space["id"], user_id=boris.id)
```

Everything happens in one transaction that is rolled back, so a test leaves nothing behind. A refusal is caught in a
savepoint, so the story goes on after it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, LiteralString, Self, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

Row = dict[str, Any]


class Actors:
    """A connection as role `postgres` on which people act."""

    def __init__(self, connection: psycopg.Connection[Any], *, commit: bool = False) -> None:
        self.connection = connection
        self.commit = commit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.commit and kind is None:
            self.connection.commit()
        else:
            self.connection.rollback()

    def person(self, name: str, **metadata: Any) -> Actor:
        """Sign somebody up; `metadata` becomes the app_metadata of their tokens."""
        user_id = uuid.uuid4()
        self.as_owner()
        self.connection.execute(
            "insert into auth.users (id, aud, role, email, raw_user_meta_data, email_confirmed_at)"
            " values (%s, 'authenticated', 'authenticated', %s, %s, now())",
            [user_id, f"{name.lower()}.{user_id.hex[:8]}@example.test", Jsonb({"display_name": name})],
        )
        return Actor(self, "authenticated", user_id, name, metadata)

    def known(self, user_id: uuid.UUID | str, name: str = "", **metadata: Any) -> Actor:
        """Act as somebody who has an account already."""
        return Actor(self, "authenticated", uuid.UUID(str(user_id)), name, metadata)

    def anon(self) -> Actor:
        return Actor(self, "anon", None, "anon", {})

    def service(self) -> Actor:
        return Actor(self, "service_role", None, "service", {})

    def as_owner(self) -> None:
        """Go back to being `postgres`, the role of migrations."""
        self.connection.execute("select set_config('request.jwt.claims', '', true), set_config('role', 'none', true)")

    def run(self, query: str, *arguments: Any) -> list[Row]:
        """Run a statement as `postgres`, past all policies."""
        self.as_owner()
        return self._rows(query, arguments)

    def one(self, query: str, *arguments: Any) -> Any:
        """Return the single value of a statement, as `postgres`."""
        (row,) = self.run(query, *arguments)
        (value,) = row.values()
        return value

    def _rows(self, query: str | sql.Composed, arguments: tuple[Any, ...] | list[Any]) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            statement = query if isinstance(query, sql.Composed) else cast(LiteralString, query)
            cursor.execute(statement, [_adapt(argument) for argument in arguments])
            return cursor.fetchall() if cursor.description is not None else []  # `select from` has no columns.


@dataclass(frozen=True)
class Actor:
    """Somebody with a role and a token."""

    actors: Actors
    role: str
    user_id: uuid.UUID | None
    name: str
    app_metadata: Mapping[str, Any]

    @property
    def id(self) -> uuid.UUID:
        assert self.user_id is not None
        return self.user_id

    def act(self) -> None:
        """Make the following statements this actor's."""
        claims: Row = {"role": self.role}
        if self.user_id is not None:
            claims |= {"sub": str(self.user_id), "app_metadata": dict(self.app_metadata)}
        self.actors.connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
            [json.dumps(claims), self.role],
        )

    def run(self, query: str, *arguments: Any) -> list[Row]:
        """Run a statement with this actor's rights, and return its rows."""
        self.act()
        return self.actors._rows(query, arguments)

    def count(self, query: str, *arguments: Any) -> int:
        """Return how many rows a statement returns or touches with this actor's rights."""
        self.act()
        return self.actors.connection.execute(cast(LiteralString, query), [_adapt(a) for a in arguments]).rowcount

    def insert(self, table: str, **values: Any) -> Row:
        """Insert a row as the Data API does, and return it."""
        self.act()
        statement = sql.SQL("insert into public.{} ({}) values ({}) returning *").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        (row,) = self.actors._rows(statement, list(values.values()))
        return row

    def update(self, table: str, key: Any, **values: Any) -> list[Row]:
        """Update by id as the Data API does, and return the rows that were changed: none where a policy hides them."""
        self.act()
        statement = sql.SQL("update public.{} set {} where id = %s returning *").format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in values),
        )
        return self.actors._rows(statement, [*values.values(), key])

    def delete(self, table: str, key: Any) -> list[Row]:
        """Delete by id as the Data API does, and return the rows that are gone: none where a policy hides them."""
        self.act()
        return self.actors._rows(
            sql.SQL("delete from public.{} where id = %s returning *").format(sql.Identifier(table)), [key]
        )

    def select(self, table: str, **equals: Any) -> list[Row]:
        """Read the rows of a table that this actor may see."""
        self.act()
        statement = sql.SQL("select * from public.{}").format(sql.Identifier(table))
        if equals:
            statement += sql.SQL(" where ") + sql.SQL(" and ").join(
                sql.SQL("{} = %s").format(sql.Identifier(column)) for column in equals
            )
        return self.actors._rows(statement, list(equals.values()))

    def rows(self, function: str, **arguments: Any) -> list[Row]:
        """Call a function of the API by parameter names, and return its rows."""
        self.act()
        statement = sql.SQL("select * from public.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(name)) for name in arguments),
        )
        return self.actors._rows(statement, list(arguments.values()))

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function of the API that returns one row, or one value, and return that."""
        (row,) = self.rows(function, **arguments)
        return row[function] if set(row) == {function} else row

    @contextmanager
    def refused(self, sqlstate: str) -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
        """Expect the block to be refused with this SQLSTATE; what it did is undone and the transaction goes on."""
        self.act()
        with pytest.raises(psycopg.Error) as caught:
            with self.actors.connection.transaction():
                yield caught
        assert caught.value.sqlstate == sqlstate, caught.value


def _adapt(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value
