"""A second opinion on the policies, by somebody who did not write them: `pgrls` reads the catalogue and proves with Z3.

What it objects to on purpose stands here with the reason; anything else, and anything new, is a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from supabase_embedded.databases import Databases
from tests.support.counts import count

# Whole rules that go against a decision of ours, wherever they apply.
DECIDED = {
    "SEC002": "Row level security is not forced on owners: they are the role of migrations, and definer functions.",
    "SEC013": "Triggers are definer functions; each says in its comment why it is safe, and tests hold it to that.",
    "SEC016": "The platform's own: postgres and service_role are trusted.",
    "SEC029": "The platform's own: authenticator and the storage service become service_role for a secret key.",
    "SEC030": "Rows of gifts and purchases outlive accounts; a person who is null is nobody, who reads nothing.",
    "PERF003": "Partial and composite indexes serve these; test_hot_queries holds the plans against them.",
    "PERF004": "`column = any (array(select ...))` is an index scan; test_hot_queries shows it.",
}

# What everybody may see is so on purpose: the document's table, and domain.md section 4.
OPEN_TO_ALL = {
    "public.badges": "what can be earned is no secret",
    "public.reward_rules": "what taking part pays is no secret to who is signed in",
}
ACCEPTED = {
    *((rule, name) for rule in ("SEC049",) for name in OPEN_TO_ALL),
    *((rule, "public.badges.Everybody sees the badges") for rule in ("SEC005", "SEC008", "SEC038")),
    *((rule, "public.reward_rules.People see what taking part pays") for rule in ("SEC005", "SEC008", "SEC038")),
    # The role of the token decides, and no column: platform admins write every item.
    *(("SEC005", f"public.store_items.Platform admins {verb} items") for verb in ("add", "change", "delete")),
    # The order and the place of a prompt are unique within a week of a space, and whoever writes there sees them all.
    *(("SEC035", f"public.prompts (prompts_space_id_week_number_{column}_key)") for column in ("order", "place")),
}

# A policy that hides no row, but refuses: who holds a lock has a second to read. Nothing is proven of what calls a
# function, so proofs are made of a copy without it. Policies that restrict only ever take away.
CLOCK = "Who holds a lock reads for a second"
PLAIN = "calculates little"

# Tables of which somebody who is not signed in can read a row.
PUBLIC_ROWS = {
    "public.badges": "what can be earned",
    "public.newsletters": "published newsletters of spaces whose newsletters are public",
    "public.spaces": "public spaces",
    "public.store_items": "items for sale",
}


@pytest.fixture(scope="module")
def copy(databases: Databases) -> Iterator[str]:
    """A database like the shared one, without the policy that looks at the clock."""
    with psycopg.connect(databases.clone("unclocked"), autocommit=True) as connection:
        found = connection.execute("select tablename from pg_policies where policyname = %s", [CLOCK])
        for (table,) in found.fetchall():
            connection.execute(sql.SQL("drop policy {} on public.{}").format(*map(sql.Identifier, (CLOCK, table))))
    yield databases.dsn("unclocked")
    databases.drop("unclocked")


def pgrls(*arguments: str) -> dict[str, Any]:
    """Run the command on a database and read its report."""
    command = [str(Path(sys.executable).with_name("pgrls")), *arguments, "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.stdout.startswith("{"), result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_every_finding_is_decided(dsn: str) -> None:
    found = pgrls("lint", "--database-url", dsn, "--schemas", "public")["violations"]
    rules = Counter(one["rule_id"] for one in found)
    count("findings of pgrls, each decided", sum(rules.values()))
    open_questions = [
        (one["rule_id"], one["location"], one["message"])
        for one in found
        if one["rule_id"] not in DECIDED
        and (one["rule_id"], one["location"]) not in ACCEPTED
        and not (one["rule_id"] == "SEC005" and one["location"].endswith((f".{CLOCK}", PLAIN)))
    ]
    assert open_questions == []
    assert set(DECIDED) <= set(rules), "a reason is about a rule that finds nothing any more"


def test_nobody_who_is_not_signed_in_reads_a_row_that_is_not_public(copy: str) -> None:
    tables = pgrls("verify", "--database-url", copy, "--schemas", "public", "--mode", "anon")["tables"]
    verdicts = {one["table"]: one["verdict"] for one in tables}
    assert {table for table, verdict in verdicts.items() if verdict == "leak"} == set(PUBLIC_ROWS)
    assert Counter(verdicts.values())["isolated"] >= 8, verdicts


@pytest.mark.parametrize("mode", ["cross-tenant", "write", "escalation", "reachability"])
def test_no_row_of_another_is_proven_reachable(copy: str, mode: str) -> None:
    report = pgrls("verify", "--database-url", copy, "--schemas", "public", "--mode", mode)
    assert [one for one in report["tables"] if one["verdict"] == "leak"] == []
