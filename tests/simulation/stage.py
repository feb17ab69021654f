"""A database whose clock the player sets, and how somebody acts on it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row

from tests.simulation.record import START, Record, Violation
from tests.simulation.story import Event

_SET = (
    "select set_config('monogram.now', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('role', %s, true);"
)

_STATE = """
select
  leader_id as leader, current_curator_id as curator, current_week as week, rotation_type::text as rotation,
  array(select user_id from public.memberships where space_id = spaces.id) as members,
  array(
    select id from public.prompts
    where space_id = spaces.id and week_number = spaces.current_week and is_published order by "order"
  ) as prompts,
  array(
    select id from public.prompts where space_id = spaces.id and week_number = spaces.current_week order by "order"
  ) as all_prompts,
  array(
    select id from public.prompts where space_id = spaces.id and week_number = spaces.current_week - 1 order by "order"
  ) as old_prompts,
  array(
    select id from public.responses
    where space_id = spaces.id and week_number = spaces.current_week and is_published order by created_at, id
  ) as responses,
  array(
    select id from public.newsletters where space_id = spaces.id and is_published order by week_number
  ) as newsletters
from public.spaces where id = %s
"""


class Stage:
    """One database on which events are played, with a clock of its own.

    Args:
        connection: To a database of its own whose clock was replaced (`replace_clock`), as `postgres`, autocommitting.
        seed: Of what the database itself draws: ids, and whose turn is RANDOM.
        is_trial: Everything happens in one transaction and is gone after `end()`.
    """

    def __init__(self, connection: psycopg.Connection[Any], seed: int, *, is_trial: bool = False) -> None:
        self.connection = connection
        self._before = b"release savepoint command; savepoint command; " if is_trial else b""
        if is_trial:
            self.connection.execute("begin")
            self.connection.execute("savepoint command")
        self.connection.execute("select setseed(%s)", [(seed % 10007) / 10007])
        self.seed = seed
        self.now = START
        self.record = Record()
        self.outcomes: Counter[str] = Counter()
        items = self.look("select id from public.store_items order by code")
        self.items = [row["id"] for row in items]

    def end(self) -> None:
        """End a trial: nothing of it remains."""
        self.connection.execute("rollback")

    # How things are said -------------------------------------------------------------------------------------------

    def look(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Read, or do, something as `postgres`, past all policies."""
        return self._send("none", None, query, arguments)

    def send(self, person: int | None, statement: str, *arguments: Any) -> list[dict[str, Any]] | None:
        """Do something as a person, or with a secret key as `None`; None where it was refused."""
        user_id = None if person is None else self.record.people.get(person)
        if person is not None and user_id is None:
            return None
        try:
            rows = self._send("service_role" if person is None else "authenticated", user_id, statement, arguments)
        except psycopg.Error as error:
            state = error.sqlstate or "none"
            if not (state.startswith("MG") or state == "42501"):
                raise Violation(f"a command was refused with {state}", f"{statement} {arguments}: {error}") from error
            self.outcomes[state] += 1
            return None
        self.outcomes["accepted"] += 1
        return rows

    def _send(
        self, role: str, user_id: uuid.UUID | None, statement: str, arguments: tuple[Any, ...]
    ) -> list[dict[str, Any]]:
        claims = "" if role == "none" else json.dumps({"role": role, **({"sub": str(user_id)} if user_id else {})})
        values = [self.now.isoformat(), claims, role, *arguments]
        with self.connection.cursor(row_factory=dict_row) as cursor:
            try:
                cursor.execute(self._before + (_SET + statement).encode(), values)
            except psycopg.Error:
                if self._before:
                    self.connection.execute("rollback to savepoint command")
                raise
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    # Events --------------------------------------------------------------------------------------------------------

    def play(self, event: Event) -> None:
        """Let one event happen, at its minute."""
        self.now = START + timedelta(minutes=event.minute)
        cast(Callable[[Event], None], getattr(self, event.kind))(event)

    def state(self, space: int) -> dict[str, Any] | None:
        space_id = self.record.spaces.get(space)
        rows = self.look(_STATE, space_id) if space_id else []
        return rows[0] if rows else None

    def number_of(self, user_id: uuid.UUID | None) -> int:
        return next((person for person, known in self.record.people.items() if known == user_id), -1)
