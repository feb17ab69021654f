"""What each command waits for, in which order, and in which guard: `waits.txt`, which a person can read.

A guard holds a space, a person or a name of its own before it looks. Whether it does is seen from outside: while
another session holds these, the command waits in that guard and nowhere later. Each is released when the command has
waited for it, until the command goes through. A command without a right waits for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.races.command import Command
from tests.races.scene import Scenes
from tests.races.table import COMMANDS
from tests.races.test_two_sessions import Session
from tests.races.withdrawals import OWNER

pytestmark = pytest.mark.xdist_group("waiting")

EXPECTED = Path(__file__).parent / "waits.txt"
PEOPLE = ("ada", "boris", "chloe", "dmitri", "eleni", "femi", "olga", "rosa")


def also(who: str, name: str, statement: str) -> Command:
    return Command(who, name, statement, ())


MORE = [
    # With a secret key, policies hold nothing: what triggers hold is seen.
    also(OWNER, "edits a response", "update responses set content = 'Mine' where id = {response}"),
    also(OWNER, "rewords a prompt", "update prompts set question = 'Why?' where id = {open}"),
    also(OWNER, "deletes a prompt", "delete from prompts where id = {open}"),
    also(OWNER, "publishes the newsletter", "update newsletters set is_published = true where id = {newsletter}"),
    also(OWNER, "ends a membership", "delete from memberships where space_id = {club} and user_id = {eleni}"),
    also(OWNER, "deletes an account", "delete from auth.users where id = {eleni}"),
    also(OWNER, "deletes a person's row", "delete from users where id = {ada}"),
    also(OWNER, "takes somebody out of a newsletter", "select private.redact_newsletter({old_newsletter}, {dmitri})"),
    also(
        OWNER, "sends a gift for somebody",
        "insert into token_gifts (sender_id, recipient_id, amount) values ({dmitri}, {eleni}, 1)",
    ),
    also(OWNER, "buys for somebody", "insert into purchases (user_id, item_id) values ({dmitri}, {theme})"),
    also(OWNER, "pays a streak", "select private.earn({eleni}, 'response', 1, 'test', null, 'test')"),
    also("chloe", "makes an invite by a key", "select create_invite({club}, idempotency_key => 'key')"),
    also("dmitri", "buys by a key", "select purchase_item({theme}, 'key')"),
    # Without a right.
    also("olga", "generates without a right", "select generate_newsletter({club})"),
    also("dmitri", "publishes prompts without a right", "select publish_prompts({club})"),
    also("dmitri", "makes an invite without a right", "select create_invite({club})"),
    also("olga", "leaves without being in it", "select leave_space({club})"),
    also("olga", "joins without an invite", "insert into memberships (space_id) values ({club})"),
    also("olga", "joins by a code that was never made", "select join_space('nobody-made-it')"),
    also("olga", "opens a newsletter without a right", "select set_newsletter_visibility({old_newsletter}, 'PUBLIC')"),
]  # fmt: skip
ALL = [*COMMANDS, *MORE]


NAMES = {
    "the name of an account": "'account:' || {who}",
    "the name of all deletions": "'delete an account'",
    "the name of an invite": "'create_invite:' || encode(sha256(convert_to({who} || ':key', 'UTF8')), 'hex')",
    "the name of a purchase": "{who} || ':key'",
    "the name of somebody's gifts": "'gifts:' || {who}",
}
"""Locks of no row."""
_TRACES = {
    "the name of an account": "hold_entry|'account:'",
    "the name of all deletions": "delete an account",
    "the name of an invite": "create_invite:",
    "the name of a purchase": r"v_user_id::text \|\| ':'",
    "the name of somebody's gifts": "'gifts:'",
}


class Holder:
    """Somebody who holds whatever there is to wait for, and whoever runs into it."""

    def __init__(self, databases: Databases, name: str) -> None:
        dsn = databases.clone(name)
        self.scenes = Scenes(dsn, databases.dsn(name, user="supabase_admin"))
        (self.scene,) = self.scenes.copy(1, "waits")
        self.session = Session(dsn)
        self.session.connection.execute("set lock_timeout = '3ms'")
        self.connection = psycopg.connect(dsn)
        self.rows = {
            (table, str(place)): name
            for table, names in (("spaces", ("club", "park")), ("users", PEOPLE))
            for name in names
            for (place,) in self.connection.execute(
                cast(Any, f"select ctid::text from public.{table} where id = {self.scene.ids[name]}")
            )
        }
        self.connection.rollback()

    def close(self) -> None:
        self.session.connection.close()
        self.connection.close()
        self.scenes.close()

    def waits(self, command: Command) -> Iterator[str]:
        """Each thing that a command waits for, and in which functions, and what comes of it then."""
        held = {"club", "park", *PEOPLE, *NAMES}
        while True:
            self._hold(held)
            try:
                self.session.do(self.scene, command.who, command.statement, command.who)
            except psycopg.errors.LockNotAvailable as error:
                context = error.diag.context or ""
                what = self._what(context)
                assert what in held, context
                held.remove(what)
                yield f"{what} in {_functions(context)}"
            except psycopg.Error as error:
                yield f"then {error.sqlstate}"
                return
            else:
                return
            finally:
                self.session.connection.execute("rollback")
                self.connection.rollback()

    def _hold(self, held: set[str]) -> None:
        for table, names in (("spaces", ("club", "park")), ("users", PEOPLE)):
            ids = ", ".join(self.scene.ids[name] for name in names if name in held) or "null"
            self.connection.execute(
                cast(Any, f"select from public.{table} where id in ({ids}) order by id for no key update")
            )
        for name in NAMES.keys() & held:
            for person in PEOPLE:
                key = NAMES[name].format(who=self.scene.ids[person])
                self.connection.execute(cast(Any, f"select pg_advisory_xact_lock(hashtextextended({key}, 0))"))

    def _what(self, context: str) -> str:
        row = re.search(r'tuple (\(\d+,\d+\)) in relation "(\w+)"', context)
        if row:
            return self.rows[row[2], row[1]]
        return next(name for name, trace in _TRACES.items() if re.search(trace, context))


def _functions(context: str) -> str:
    """Return the functions that were running, the outermost first."""
    return " > ".join(reversed(re.findall(r'function "?(?:\w+\.)?(\w+)', context))) or "the statement itself"


@pytest.fixture(scope="module")
def holder(databases: Databases) -> Iterator[Holder]:
    name = f"waits_{uuid4().hex}"
    holder = Holder(databases, name)
    yield holder
    holder.close()
    databases.drop(name)


def expected() -> dict[str, list[str]]:
    parts = EXPECTED.read_text(encoding="utf-8").split("\n\n")[1:]
    return {lines[0]: [line.strip() for line in lines[1:]] for lines in (part.splitlines() for part in parts)}


WAITS = expected()


@pytest.mark.parametrize(
    ("command", "waits"), [(command, WAITS.get(f"{command.who} {command.name}")) for command in ALL], ids=map(str, ALL)
)
def test_where_a_command_waits(holder: Holder, command: Command, waits: list[str] | None) -> None:
    assert list(holder.waits(command)) == waits, "write down in waits.txt what is right"


def test_no_line_is_left_over() -> None:
    assert WAITS.keys() == {f"{command.who} {command.name}" for command in ALL}
