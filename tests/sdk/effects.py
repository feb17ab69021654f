"""The results of calls over a faulty network, compared with the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

import psycopg

from monogram_sdk import MonogramError

# How often each key has happened. A key names one call's effect.
_HAPPENED = {
    "avatar": "select value, count(*) from effects.changes where what = 'avatar' group by 1",
    "bio": "select value, count(*) from effects.changes where what = 'bio' group by 1",
    "create space": "select name, count(*) from public.spaces group by 1",
    "delete response": "select key, 1 - (select count(*) from public.responses where id::text = key) from keys",
    "delete space": "select key, 1 - (select count(*) from public.spaces where id::text = key) from keys",
    "draft": "select prompt_id || ' ' || user_id, count(*) from public.responses group by 1",
    "edit": "select content, count(*) from public.responses group by 1",
    "generate newsletter": "select space_id::text, count(*) from public.newsletters group by 1",
    "gift": "select message, count(*) from public.token_gifts group by 1",
    "invite": "select space_id || ' ' || max_uses, count(*) from public.space_invites group by 1",
    "join": """
        select space_id || ' ' || actor_id, count(*) from public.space_events
        where kind = 'member.joined' group by 1""",
    "leave": """
        select space_id || ' ' || actor_id, count(*) from public.space_events
        where kind = 'member.left' group by 1""",
    "mark read": """
        select key, case when exists (
          select from public.notifications
          where user_id = split_part(key, ' ', 1)::uuid and created_at < split_part(key, ' ', 2)::timestamptz
            and read_at is null
        ) then 0 else 1 end from keys""",
    "prompt": "select question, count(*) from public.prompts group by 1",
    "publish newsletter": """
        select space_id::text, count(*) from public.space_events where kind = 'newsletter.published' group by 1""",
    "publish prompts": """
        select space_id::text, count(*) from public.transactions
        join public.curator_rotations on curator_rotations.id = reference_id
        where type = 'EARN_CURATOR' group by 1""",
    "purchase": "select user_id || ' ' || item_id, count(*) from public.purchases group by 1",
    "select": "select value, count(*) from effects.changes where what = 'select' group by 1",
    "submit": "select content, count(*) from public.responses where is_published group by 1",
    "timezone": "select who || ' ' || value, count(*) from effects.changes where what = 'timezone' group by 1",
    "submit image": """
        select content, count(*) from public.responses
        join storage.objects on bucket_id = 'responses' and name = image_path group by 1""",
}

# What is overwritten leaves no trace in the tables, so each change of a value is written down while a test runs.
# Setting a value that is there already is none.
_RECORDER = """
    create schema effects;
    create table effects.changes (what text not null, who uuid not null, value text);
    create function effects.record() returns trigger language plpgsql security definer set search_path = '' as $$
    declare
      v_row jsonb := to_jsonb(new);
    begin
      insert into effects.changes (what, who, value)
      values (tg_argv[0], coalesce(v_row ->> 'user_id', v_row ->> 'id')::uuid, v_row ->> tg_argv[1]);
      return null;
    end;
    $$;
    create trigger effects__bio after update on public.users
      for each row when (new.bio is distinct from old.bio) execute function effects.record('bio', 'bio');
    create trigger effects__avatar after update on public.users
      for each row when (new.avatar_path is distinct from old.avatar_path)
      execute function effects.record('avatar', 'avatar_path');
    create trigger effects__timezone after update on public.settings
      for each row when (new.timezone is distinct from old.timezone)
      execute function effects.record('timezone', 'timezone');
    create trigger effects__select after update on public.responses
      for each row when (new.is_selected and not old.is_selected) execute function effects.record('select', 'id');
"""


@contextmanager
def recorded(dsn: str) -> Iterator[None]:
    """Write down, while the block runs, what people change and change again."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_RECORDER)
        try:
            yield
        finally:
            connection.execute("drop schema effects cascade")


# What must never be in the database, whatever the calls returned. Each query returns no row if all is well.
_NEVER = {
    "a balance that is not the sum of its entries": """
        select users.id from public.users join public.transactions on user_id = users.id
        where users.id = any (%(people)s) group by 1 having token_balance <> sum(amount)""",
    "a gift without its two entries": """
        select reference_id from public.transactions
        where type in ('SPEND_GIFT', 'EARN_GIFT') and user_id = any (%(people)s)
        group by 1 having count(*) <> 2 or sum(amount) <> 0""",
    "a purchase that was not paid once": """
        select purchases.id from public.purchases
        left join public.transactions on reference_id = purchases.id and type = 'SPEND_PURCHASE'
        where purchases.user_id = any (%(people)s) group by 1 having count(transactions.id) <> 1""",
    "a response that paid twice": """
        select user_id, reference_id from public.transactions
        where type = 'EARN_RESPONSE' and user_id = any (%(people)s) group by 1, 2 having count(*) > 1""",
    "a week that passed without a newsletter, or did not pass with one": """
        select spaces.id from public.spaces
        left join public.newsletters on space_id = spaces.id and newsletters.is_published
        where leader_id = any (%(people)s) group by 1 having current_week <> count(newsletters.id) + 1""",
    "an event that is missing": """
        select space_id from public.space_events join public.spaces on spaces.id = space_id
        where leader_id = any (%(people)s) group by 1 having max(seq) <> count(*)""",
}


class Outcome(Enum):
    """What a call said that it did."""

    DONE = "done"
    """It returned."""
    NOT_DONE = "not done"
    """It raised."""
    UNCERTAIN = "uncertain"
    """It raised, and said that it may have been done all the same."""


def outcome_of(error: MonogramError | None) -> Outcome:
    """Return the outcome of a call, given the error that it raised, or None if it returned."""
    if error is None:
        return Outcome.DONE
    return Outcome.UNCERTAIN if error.uncertain else Outcome.NOT_DONE


_ALLOWED = {Outcome.DONE: {1}, Outcome.NOT_DONE: {0}, Outcome.UNCERTAIN: {0, 1}}


@dataclass
class Effects:
    """The calls of a test, and what each said."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    told: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    avatars: dict[UUID, Counter[Outcome]] = field(default_factory=dict)
    """For each person, how many calls to set a picture had which outcome. Only the result names the picture."""

    def note(self, kind: str, key: str | None, error: MonogramError | None) -> None:
        """Note what a call said.

        Args:
            kind: What it was to do.
            key: Which effect it was to have; ``None`` for reads.
            error: What it raised.
        """
        self.calls[kind] += 1
        outcome = outcome_of(error)
        if error is not None:
            self.errors[f"{kind}: {type(error).__name__} {error.code or error.status or ''}".strip()] += 1
        if key is not None:
            self.outcomes[outcome.value] += 1
        if key is not None:
            assert self.told.setdefault(kind, {}).setdefault(key, outcome) is outcome, f"{kind} {key} was called twice"

    def count(self) -> int:
        """Return how many calls there were."""
        return sum(self.calls.values())

    def contradictions(self, dsn: str, people: list[UUID]) -> list[str]:
        """Return where the database contradicts what the calls of these people said, or itself."""
        with psycopg.connect(dsn) as connection:
            return [*self._contradicted(connection), *self._avatars(connection), *_impossible(connection, people)]

    def _contradicted(self, connection: psycopg.Connection) -> list[str]:
        found: list[str] = []
        for kind, told in self.told.items():
            keys = ", ".join("(%s::text)" for _ in told)
            query = f"with keys (key) as (values {keys}) {_HAPPENED[kind]}"
            happened = dict(connection.execute(query, list(told)).fetchall())  # type: ignore[call-overload]
            for key, outcome in told.items():
                if (times := happened.get(key, 0)) not in _ALLOWED[outcome]:
                    found.append(f"{kind} {key!r}: the call said {outcome.value}, and it happened {times} times")
        return found

    def _avatars(self, connection: psycopg.Connection) -> list[str]:
        query = "select who, count(*) from effects.changes where what = 'avatar' group by 1"
        happened = dict(connection.execute(query).fetchall())
        return [
            f"avatars of {person}: the calls said {dict(told)}, and it happened {happened.get(person, 0)} times"
            for person, told in self.avatars.items()
            if not 0 <= happened.get(person, 0) - told[Outcome.DONE] <= told[Outcome.UNCERTAIN]
        ]


def _impossible(connection: psycopg.Connection, people: list[UUID]) -> list[str]:
    found: list[str] = []
    for what, query in _NEVER.items():
        rows = connection.execute(query, {"people": people}).fetchall()  # type: ignore[call-overload]
        found += [f"{what}: {row}" for row in rows]
    return found


NATURAL = re.compile(r"memberships|leave_space|^DELETE|/auth/")
"""What has no key or id of its own: joining, leaving, deleting, and signing in."""


def pair(*ids: UUID) -> str:
    """Return the key of an effect that two ids name."""
    return " ".join(map(str, ids))


def summary(effects: Effects) -> str:
    """Return a line about a run."""
    return f"{effects.count()} calls, {dict(effects.outcomes)}, {dict(effects.errors)}"
