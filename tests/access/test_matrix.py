"""Every cell of the access table, tried by everybody; every policy taken away and opened, to see that a cell tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, cast

import psycopg
import pytest

from tests.access.cells import CELLS, EVERYBODY, Cell
from tests.sql.test_replies import LONG_AGO
from tests.support.actors import Row
from tests.support.world import World, is_mistake, world_in

BLIND_STATEMENTS = {
    ("users", "update"): "update public.users set bio = 'x'",
    ("settings", "update"): "update public.settings set timezone = 'Europe/Athens'",
    ("settings", "delete"): "delete from public.settings",
    ("notifications", "update"): "update public.notifications set read_at = now()",
    ("purchases", "update"): "update public.purchases set is_active = true",
    ("space_invites", "update"): "update public.space_invites set revoked_at = now()",
}

# How an insert is refused besides by a policy: a trigger tells an outsider less than a policy would, and who is a
# member already is told so.
OTHER_REFUSALS = {
    "memberships-insert-private_space": {"MG109", "MG106"},
    "memberships-insert-private_space_with_a_code": {"MG106"},
    "memberships-insert-public_space": {"MG106"},
}

# Policies that a trigger stands behind: opened, they still let nobody through.
BACKED_BY_TRIGGERS = {
    ("spaces", "People create spaces that they lead"): "memberships__admit",
    ("memberships", "People join as themselves"): "memberships__admit",
    ("prompts", "Curators write prompts"): "prompts__fill",
    ("responses", "Members respond as themselves"): "responses__fill",
    ("newsletters", "Leaders write newsletters"): "newsletters__fill",
    ("purchases", "People buy for themselves"): "purchases__fill",
}


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with world_in(dsn) as world:
        yield world


class _Undo(Exception):
    """Rolls back what was tried."""


def succeeds(world: World, cell: Cell, name: str) -> bool:
    """Whether somebody is let do what a cell tries. Nothing of it remains."""
    actor = world.cast[name]
    arguments = world.arguments(actor) | {"case": str(cell)}
    connection = world.actors.connection
    touched = 0
    try:
        with connection.transaction():
            world.actors.as_owner()
            connection.execute("set local search_path = public")
            if cell.before is not None:
                connection.execute(cast(LiteralString, cell.before), arguments)
            actor.act()
            touched = connection.execute(cast(LiteralString, cell.statement), arguments).rowcount
            raise _Undo
    except _Undo:
        return touched > 0
    except psycopg.Error as error:
        assert error.sqlstate in {"42501"} | OTHER_REFUSALS.get(str(cell), set()) and not is_mistake(error), error
        return False


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_who_may(world: World, cell: Cell) -> None:
    assert {name for name in world.cast if succeeds(world, cell, name)} == set(cell.allowed)


def test_the_matrix_is_whole(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        tables = {
            row[0]
            for row in connection.execute("select tablename from pg_catalog.pg_tables where schemaname = 'public'")
        }
    commands = {"select", "insert", "update", "delete"}
    assert {(cell.table, cell.command) for cell in CELLS} == {
        (table, command) for table in tables for command in commands
    }


def blindly(world: World, table: str, command: str) -> int | None:
    """How many rows an outsider touches with a statement that reads none, so that no SELECT policy stands before it."""
    statement = BLIND_STATEMENTS.get((table, command))
    if statement is None:
        return None
    touched = 0
    try:
        with world.actors.connection.transaction():
            touched = world.cast["outsider"].count(statement)
            raise _Undo
    except _Undo:
        return touched
    except psycopg.errors.InsufficientPrivilege as error:  # The policy lets it at a row that a trigger keeps.
        assert not is_mistake(error), error
        return -1


@pytest.mark.parametrize(("table", "command"), BLIND_STATEMENTS)
def test_a_statement_without_where_touches_own_rows_only(world: World, table: str, command: str) -> None:
    visible = world.cast["outsider"].count(f"select from public.{table}")
    assert blindly(world, table, command) == visible < world.actors.one(f"select count(*) from public.{table}")


def policies(world: World) -> list[Row]:
    return world.actors.run(
        """
        select
          tablename, policyname, lower(cmd) as command, qual is not null as has_using,
          with_check is not null as has_check
        from pg_catalog.pg_policies
        where schemaname = 'public' and permissive = 'PERMISSIVE'
        order by tablename, policyname
        """
    )


def outcomes(world: World, table: str, command: str) -> dict[str, set[str]]:
    """Who gets through, for each cell that a policy for this command can matter to."""
    # Postgres asks the policy for SELECT as well when a statement with WHERE or RETURNING reads the row.
    commands = {"select", "update", "delete"} if command == "select" else {command}
    found = {}
    for cell in CELLS:
        if cell.table == table and cell.command in commands:
            try:
                found[str(cell)] = {name for name in sorted(EVERYBODY) if succeeds(world, cell, name)}
            except AssertionError as error:  # Another refusal than the expected one is a change, too.
                found[str(cell)] = {str(error)}
    return found


def expected(table: str, command: str) -> dict[str, set[str]]:
    commands = {"select", "update", "delete"} if command == "select" else {command}
    return {str(cell): set(cell.allowed) for cell in CELLS if cell.table == table and cell.command in commands}


def test_every_policy_matters(world: World) -> None:
    """Without a policy somebody is kept out; with it open somebody gets in. A cell of the matrix shows either."""
    unnoticed = []
    own_rows = {key: blindly(world, *key) for key in BLIND_STATEMENTS}
    for row in policies(world):
        table, policy, command = row["tablename"], row["policyname"], row["command"]
        drop = f'drop policy "{policy}" on public.{table}'
        clauses = " using (true)" * row["has_using"] + " with check (true)" * row["has_check"]
        loosen = f'alter policy "{policy}" on public.{table}{clauses}'
        for mutation in (drop, loosen):
            if mutation is loosen and (table, policy) in BACKED_BY_TRIGGERS:
                continue
            try:
                with world.actors.connection.transaction():
                    world.actors.run(mutation)
                    seen = outcomes(world, table, command) == expected(table, command)
                    if seen and blindly(world, table, command) == own_rows.get((table, command)):
                        unnoticed.append(mutation)
                    raise _Undo
            except _Undo:
                pass
    # What everybody may read anyway cannot be opened further.
    assert unnoticed == [
        'alter policy "Everybody sees the badges" on public.badges using (true)',
        'alter policy "People see what taking part pays" on public.reward_rules using (true)',
    ]


def test_whoever_holds_a_lock_reads_no_table_for_longer_than_a_second(world: World) -> None:
    """The one restrictive policy of each table, by everybody who sees a row in it."""
    refused = set()
    for cell in CELLS:
        for name in cell.allowed:
            if cell.command == "select" and name != "service":
                with world.cast[name].refused("MG003"):
                    world.cast[name].run(f"{LONG_AGO} select from public.{cell.table}")
                refused.add(cell.table)
    assert refused == {cell.table for cell in CELLS}


def test_triggers_stand_behind_the_policies_that_say_so(world: World) -> None:
    for (table, policy), trigger in BACKED_BY_TRIGGERS.items():
        try:
            with world.actors.connection.transaction():
                world.actors.run(f'alter policy "{policy}" on public.{table} with check (true)')
                assert outcomes(world, table, "insert") == expected(table, "insert")
                guarded, _, _ = trigger.partition("__")
                world.actors.run(f"alter table public.{guarded} disable trigger {trigger}")
                assert outcomes(world, table, "insert") != expected(table, "insert")
                raise _Undo
        except _Undo:
            pass
