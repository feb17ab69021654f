"""Two sessions at the same moment: whatever is done while a right is withdrawn, or while something disappears, ends as
if one had come after the other.

Each pair of `table` runs four times, in copies of one story: one after the other in both orders, and at the same moment
in both orders: what comes first has done its work and holds its locks, the other starts (and waits, or does not), the
first commits, then the other. Refusals, results and everything that is in the database afterwards must be those of one
of the two serial runs; a deadlock, or a refusal that no code of ours stands for, never is.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest

from supabase_embedded.databases import Databases
from tests.races.command import Command
from tests.races.scene import Scene, Scenes
from tests.races.table import COMMANDS
from tests.races.withdrawals import OWNER, SELF, Withdrawal
from tests.support.counts import count

pytestmark = pytest.mark.xdist_group("races")

PAIRS = [(command, withdrawal) for command in COMMANDS for withdrawal in command.against]
SHORT = [(command, command.against[0]) for command in COMMANDS]
"""One pair a command, for every day; the long form runs the others as well."""
LONG = [pair for pair in PAIRS if pair not in SHORT]


class Session:
    """A connection on which one person does one thing in a transaction."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("set search_path = public, extensions")
        self.pid = self.connection.info.backend_pid

    def act(self, scene: Scene, who: str, statement: str, whose: str) -> str:
        """Do it, without committing, and return what came of it: the rows, or the SQLSTATE."""
        try:
            return self.do(scene, who, statement, whose)
        except psycopg.Error as error:
            return error.sqlstate or "no SQLSTATE"

    def do(self, scene: Scene, who: str, statement: str, whose: str) -> str:
        """Do it, without committing, and return the rows."""
        claims: dict[str, Any] = {}
        role = "none"
        if who != OWNER:
            role = "authenticated"
            person = scene.ids[who].strip("'")
            claims = {"sub": person, "session_id": person, "role": role}
            if who == "rosa":
                claims["app_metadata"] = {"role": "admin"}
        text = scene.fill(statement, whose)
        if re.match("insert|update|delete", text) and "auth.users" not in text:
            text += " returning *"
        settings = (
            f"select set_config('request.jwt.claims', '{json.dumps(claims)}', true), set_config('role', '{role}', true)"
        )
        cursor = self.connection.execute(cast(Any, f"begin; {settings}; {text}"))
        while cursor.nextset():
            pass
        rows = cursor.fetchall() if cursor.description else cursor.rowcount
        return scene.told(f"done {json.dumps(rows, default=str)}")

    def end(self) -> None:
        """Commit, or roll back what was refused."""
        self.connection.execute("commit")


class Stage:
    """Two sessions, copies of the story, and somebody who watches whether a session waits."""

    def __init__(self, databases: Databases, name: str) -> None:
        dsn = databases.clone(name)
        with psycopg.connect(databases.dsn(name, user="supabase_admin"), autocommit=True) as connection:
            connection.execute(cast(Any, f"alter database {name} set deadlock_timeout = '50ms'"))
        self.scenes = Scenes(dsn, databases.dsn(name, user="supabase_admin"))
        self.sessions = Session(dsn), Session(dsn)
        self.watcher = psycopg.connect(dsn, autocommit=True)
        self.pool = ThreadPoolExecutor(1)

    def close(self) -> None:
        self.pool.shutdown()
        for session in self.sessions:
            session.connection.close()
        self.watcher.close()
        self.scenes.close()

    def serial(self, scene: Scene, acts: list[tuple[str, str]], whose: str) -> list[str]:
        """Do one thing after the other."""
        outcomes = []
        for session, (who, statement) in zip(self.sessions, acts, strict=True):
            outcomes.append(session.act(scene, who, statement, whose))
            session.end()
        return outcomes

    def at_once(self, scene: Scene, acts: list[tuple[str, str]], whose: str) -> list[str]:
        """Do both: the second starts when the first has done its work, and ends after it."""
        first, second = self.sessions
        outcome = first.act(scene, *acts[0], whose)
        other = self.pool.submit(second.act, scene, *acts[1], whose)
        self._until_it_waits(other, second)
        first.end()
        outcomes = [outcome, other.result(timeout=60)]
        second.end()
        return outcomes

    def _until_it_waits(self, other: Future[str], session: Session) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                other.result(timeout=0.003)
                return
            except TimeoutError:
                pass
            waiting = self.watcher.execute("select from pg_locks where pid = %s and not granted", [session.pid])
            if waiting.rowcount:
                return
        raise AssertionError("the second session neither ends nor waits")


@pytest.fixture(scope="module")
def stage(databases: Databases) -> Iterator[Stage]:
    name = f"races_{uuid4().hex}"
    stage = Stage(databases, name)
    yield stage
    stage.close()
    databases.drop(name)


def check(stage: Stage, command: Command, withdrawal: Withdrawal) -> None:
    whose = command.who
    mine = (command.who, command.statement)
    other = (whose if withdrawal.who == SELF else withdrawal.who, withdrawal.statement)
    scenes = stage.scenes.copy(4, f"{command} {withdrawal.name}")
    ends: list[tuple[str, str, str]] = []
    for scene, acts, run in (
        (scenes[0], [mine, other], stage.serial),
        (scenes[1], [other, mine], stage.serial),
        (scenes[2], [mine, other], stage.at_once),
        (scenes[3], [other, mine], stage.at_once),
    ):
        outcomes = run(scene, acts, whose)
        if acts[0] is other:
            outcomes.reverse()
        ends.append((*outcomes, stage.scenes.state(scene)))  # type: ignore[arg-type]
    for end, order in zip(ends[2:], ("command first", "withdrawal first"), strict=True):
        assert end in ends[:2], _story(order, ends[:2], end)
        count("session pairs")
    for outcome in (outcome for end in ends for outcome in end[:2]):
        assert outcome.startswith(("done", "MG")) or outcome in {"42501", *command.refusals}, outcome


def _story(order: str, serial: list[tuple[str, str, str]], end: tuple[str, str, str]) -> str:
    """Say how an end differs from the nearest serial one."""
    lines = [order]
    for one in serial:
        before, after = set(one[2].splitlines()), set(end[2].splitlines())
        lines += [
            f"one after the other: {one[0][:300]} | {one[1][:300]}",
            f"at the same moment:  {end[0][:300]} | {end[1][:300]}",
            *(f"  - {line[:400]}" for line in sorted(before - after)[:8]),
            *(f"  + {line[:400]}" for line in sorted(after - before)[:8]),
        ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("command", "withdrawal"), SHORT, ids=lambda part: str(getattr(part, "name", part)).replace(" ", "_")
)
def test_every_command_and_what_concerns_it_most(stage: Stage, command: Command, withdrawal: Withdrawal) -> None:
    check(stage, command, withdrawal)


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "withdrawal"), LONG, ids=lambda part: str(getattr(part, "name", part)).replace(" ", "_")
)
def test_every_command_and_all_that_concerns_it(stage: Stage, command: Command, withdrawal: Withdrawal) -> None:
    check(stage, command, withdrawal)


def test_every_command_of_a_client_is_in_the_table(dsn: str) -> None:
    """A new function of the API, or a new right to write a table, needs a row."""
    with psycopg.connect(dsn) as connection:
        functions = {
            row[0]
            for row in connection.execute(
                "select proname::text from pg_proc where pronamespace = 'public'::regnamespace"
                " and has_function_privilege('authenticated', oid, 'execute')"
            )
        }
        verbs = {
            f"{verb} {table}"
            for table, verb in connection.execute(
                """
                select relname::text, verb
                from pg_class cross join unnest('{insert,update,delete}'::text[]) as verb
                where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                  and case verb
                    when 'delete' then has_table_privilege('authenticated', pg_class.oid, verb)
                    else has_any_column_privilege('authenticated', pg_class.oid, verb)
                  end
                """
            )
        }
    found = re.compile(r"^select [^(]*?(\w+)\(|^(insert) into (\w+) |^(update) (\w+) |^(delete) from (\w+) ")
    named = {
        " ".join(filter(None, match.groups())) for command in COMMANDS if (match := found.match(command.statement))
    }
    assert functions - named == set()
    assert verbs - named == set()
