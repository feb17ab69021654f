"""Every guard that the database has, from its catalogue, and the statement that takes it away.

A guard is a statement of a function that refuses, checks or locks; a trigger; a CHECK; a right of a role. Rights are
taken away and given in excess. Policies have their own test, beside the matrix that they are for
(tests/access/test_matrix.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

_OURS = "('public'::regnamespace, 'private'::regnamespace)"
_GUARD = re.compile(
    r"\bperform\s+(private\.(?:fail|deny|require_\w+|check_\w+|lock_\w+|hold_\w+|keep_\w+|guard_\w+|spend_\w+|limit_\w+)"
    r"|pg_advisory_xact_lock)\s*\("
)


@dataclass(frozen=True)
class Mutant:
    """One guard, and how to take it away and put it back, as a superuser."""

    id: str
    kind: str
    subject: str
    """The function or table that it is about, without its schema."""
    spoil: str
    restore: str
    function: str = ""
    """The function, with its schema, that a test must run to notice; none for rights and constraints."""


def find_mutants(connection: psycopg.Connection[Any]) -> list[Mutant]:
    """Return all mutants of a database, in a fixed order."""
    found = [*_functions(connection), *_triggers(connection), *_checks(connection), *_rights(connection)]
    assert len({mutant.id for mutant in found}) == len(found)
    return found


def statements(source: str) -> Iterator[tuple[int, int]]:
    """Where in a function each guarding statement begins and ends, its semicolon included."""
    for match in _GUARD.finditer(source):
        depth, is_text, position = 0, False, match.end() - 1
        while True:
            character = source[position]
            if character == "'":
                is_text = not is_text  # A doubled quote ends a text and begins the next.
            elif not is_text:
                depth += (character == "(") - (character == ")")
                if character == ";" and depth == 0:
                    break
            position += 1
        yield match.start(), position + 1


def _functions(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    rows = connection.execute(
        f"""
        select oid::regproc::text, pg_get_functiondef(oid)
        from pg_catalog.pg_proc
        where pronamespace in {_OURS} and prolang = (select oid from pg_catalog.pg_language where lanname = 'plpgsql')
        order by 1, oid
        """.encode()
    ).fetchall()
    for name, definition in rows:
        seen: Counter[str] = Counter()
        for start, end in statements(definition):
            text = re.sub(r"\s+", " ", definition[start + len("perform ") : end - 1])
            seen[text] += 1
            which = f" #{seen[text]}" if seen[text] > 1 else ""
            spoiled = f"{definition[:start]}null;{definition[end:]}"
            yield Mutant(
                f"{name} without {text[:150]}{which}", "guard of a function", name.split(".")[-1],
                spoiled, definition, name,
            )  # fmt: skip


def _triggers(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    rows = connection.execute(
        f"""
        select quote_ident(nspname) || '.' || quote_ident(relname), tgname, tgfoid::regproc::text
        from pg_catalog.pg_trigger join pg_catalog.pg_proc on pg_proc.oid = tgfoid
        join pg_catalog.pg_class on pg_class.oid = tgrelid
        join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where not tgisinternal and tgparentid = 0 and pronamespace in {_OURS}
        order by 1, 2
        """.encode()
    ).fetchall()
    for table, name, function in rows:
        change = f"alter table {table} {{}} trigger {name}"
        yield Mutant(
            f"{table} without trigger {name}", "trigger", table.split(".")[-1],
            change.format("disable"), change.format("enable"), function,
        )  # fmt: skip


def _checks(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    rows = connection.execute(
        f"""
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        from pg_catalog.pg_constraint
        where contype = 'c' and connamespace in {_OURS} and conrelid <> 0
        order by 1, 2
        """.encode()
    ).fetchall()
    for table, name, definition in rows:
        yield Mutant(
            f"{table} without {name}", "CHECK", table.split(".")[-1],
            f"alter table {table} drop constraint {name}",
            f"alter table {table} add constraint {name} {definition} not valid",
        )  # fmt: skip


def _rights(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    rows = connection.execute(
        f"""
        with roles as (
          select oid, rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role')
        )
        select lower(privilege_type), '', 'table ' || c.oid::regclass::text, rolname, c.relname
        from pg_catalog.pg_class c cross join aclexplode(c.relacl) join roles on roles.oid = grantee
        where relnamespace in {_OURS} and relkind = 'r'
        union all
        select lower(privilege_type), '(' || quote_ident(attname) || ')', 'table ' || c.oid::regclass::text, rolname,
          c.relname
        from pg_catalog.pg_class c join pg_catalog.pg_attribute on attrelid = c.oid
        cross join aclexplode(attacl) join roles on roles.oid = grantee
        where relnamespace in {_OURS} and relkind = 'r'
        union all
        select lower(privilege_type), '', 'function ' || p.oid::regprocedure::text, rolname, p.proname
        from pg_catalog.pg_proc p cross join aclexplode(p.proacl) join roles on roles.oid = grantee
        where pronamespace in {_OURS}
        order by 3, 1, 2, 4
        """.encode()
    ).fetchall()
    for privilege, columns, target, role, subject in rows:
        right = f"{privilege} {columns} on {target}"
        yield Mutant(
            f"{role} without {right}", "right taken away", subject,
            f"revoke {right} from {role}", f"grant {right} to {role}",
        )  # fmt: skip
    tables = connection.execute(
        f"select oid::regclass::text, relname from pg_catalog.pg_class where relkind = 'r' and relnamespace in {_OURS}"
        " order by 1".encode()
    ).fetchall()
    held = {(privilege + columns, target, role) for privilege, columns, target, role, _ in rows}
    for table, subject in tables:
        for role in ("anon", "authenticated"):
            for privilege in ("select", "insert", "update", "delete"):
                if (privilege, f"table {table}", role) not in held:
                    columns = [
                        row[1] for row in rows if (row[0], row[2], row[3]) == (privilege, f"table {table}", role)
                    ]
                    again = "".join(f"; grant {privilege} {one} on {table} to {role}" for one in columns)
                    yield Mutant(
                        f"{role} with {privilege} on {table}", "right too many", subject,
                        f"grant {privilege} on {table} to {role}", f"revoke {privilege} on {table} from {role}{again}",
                    )  # fmt: skip
