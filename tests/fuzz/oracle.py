"""What must be true of every reply, whatever the request."""

from __future__ import annotations

import re

import psycopg

_INPUT = ("MG", "22", "23", "54", "42501", "428C9")
"""What becomes 4xx: ours, data, constraints, limits, "not allowed", and a column that nobody fills."""

_INTERNALS = re.compile(
    r"\bprivate\.|\bPL/pgSQL\b|\bpg_catalog\b|\bsearch_path\b|\bSQL (function|statement)\b|security definer"
    r"|cache lookup|\b(function|relation|column|operator|schema) \S+ does not exist\b",
    re.IGNORECASE,
)


def complaint(error: psycopg.Error, private_names: frozenset[str]) -> str | None:
    """Say what is wrong with a refusal; None where it is as it should be.

    Args:
        error: PostgreSQL's error.
        private_names: Names that who asked must not learn.
    """
    state = error.sqlstate or "no SQLSTATE"
    if not state.startswith(_INPUT):
        return f"SQLSTATE {state}: {error}"
    said = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)))
    return indiscretion(said, private_names)


def indiscretion(said: str, private_names: frozenset[str]) -> str | None:
    """Say what the words of a refusal tell of what is inside; None where they tell nothing."""
    if found := _INTERNALS.search(said):
        return f"the refusal tells {found[0]!r}: {said[:300]}"
    if told := private_names & set(re.findall(r"[a-z_]+", said)):
        return f"the refusal names {sorted(told)}, which nobody outside knows: {said[:300]}"
    return None
