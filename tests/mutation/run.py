"""Take guards of the database away, one at a time, and see that a test fails.

    python -m tests.mutation.run                       every guard
    python -m tests.mutation.run --seconds 20          as many as that takes: what was changed first, then a sample
    python -m tests.mutation.run --update              every guard, and write down which test notices which

All happens in one process and on one server: tests are collected once; each guard is taken out of the database that
they share and of every copy that they make; then the test that noticed the last time runs (killers.json), then others
that have to do with it, until one fails. A guard that none misses must stand in reasons.toml, with the reason.

After a guard is added or reworded, `python -m tests.mutation.run --update --new --near 60` looks for its test.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.access.test_grants import granted
from tests.mutation.laboratory import Laboratory
from tests.mutation.mutants import Mutant, find_mutants
from tests.sql.test_constraints import bare_world, violated
from tests.sql.violations import VIOLATIONS
from tests.support.actors import Actors

ROOT = Path(__file__).parent.parent.parent

KILLERS = Path(__file__).parent / "killers.json"

REASONS = Path(__file__).parent / "reasons.toml"

FOLDERS = ("tests/access", "tests/sql", "tests/races")

SLOW = ("test_hot_queries.py", "test_seed.py")
"""They fill databases of their own, and are about no guard."""

LONGEST = 30
"""Seconds for one test: without its guard it may never end."""

_LOCK = re.compile(r"private\.(lock|hold)_|advisory")

GRANTS = "test_every_grant_is_expected"


class Runner:
    """A pytest plugin that runs tests by need, instead of each once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.killers: dict[str, str] = json.loads(KILLERS.read_text(encoding="utf-8"))["killers"]
        self.reasons: dict[str, str] = tomllib.loads(REASONS.read_text(encoding="utf-8"))
        self.found: dict[str, str] = {}
        self.survivors: list[Mutant] = []
        self.listed: list[Mutant] = []
        self.unknown_reasons: list[str] = []
        self.kinds: Counter[str] = Counter()
        self.untried: list[Mutant] = []
        self.total = 0
        self.mutants: list[Mutant] = []
        self.reach: dict[str, set[str]] | None = None
        self.trusted: dict[str, bool] = {}
        self.kept: pytest.Function | None = None
        self.gave_up = False

    def pytest_configure(self) -> None:
        import hypothesis  # Not before pytest, which rewrites its assertions.

        hypothesis.settings.register_profile(
            "mutation", phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], derandomize=True, database=None
        )
        hypothesis.settings.load_profile("mutation")

    def _give_up(self, *_: object) -> None:
        self.gave_up = True
        raise TimeoutError(f"the test took longer than {LONGEST} seconds")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {
            item.nodeid: item
            for item in session.items
            if isinstance(item, pytest.Function)
            and not {"stack", "api"} & set(item.fixturenames)
            and item.path.name not in SLOW
            # Of races one pair is short, and all of them are many.
            and (not item.get_closest_marker("long") or item.nodeid.startswith("tests/races"))
        }
        # What is set up for longer than a test is taken down by looking forward to a test of another folder.
        self.others = {folder: next(i for i in session.items if not i.nodeid.startswith(folder)) for folder in FOLDERS}
        races = [item for nodeid, item in self.items.items() if nodeid.startswith(FOLDERS[-1])]
        self.siblings = {
            item.nodeid: other
            for item in races
            for other in [next((i for i in races if i.path == item.path and i is not item), None)]
            if other is not None
        }
        self.sources = {nodeid: _source(item) for nodeid, item in self.items.items()}
        signal.signal(signal.SIGALRM, self._give_up)
        with Laboratory() as self.laboratory:
            assert self._passes(next(i for key, i in self.items.items() if GRANTS in key)), "the rights are as expected"
            with self.laboratory.connect() as connection:
                mutants = find_mutants(connection)
            self._all(mutants)
        return True

    def _all(self, mutants: list[Mutant]) -> None:
        self.total = len(mutants)
        self.mutants = mutants
        ids = {mutant.id for mutant in mutants}
        self.unknown_reasons = [name for name in self.reasons if name not in ids]
        self.killers = {name: test for name, test in self.killers.items() if name in ids and test in self.items}
        if self.options.only:
            mutants = [mutant for mutant in mutants if re.search(self.options.only, mutant.id)]
        rights = [mutant for mutant in mutants if mutant.kind.startswith("right")]
        if self.options.sample:
            rights = Random(self.options.seed).sample(rights, 60)
        if not self.options.new:
            self._rights(rights)
            self._checks([mutant for mutant in mutants if mutant.kind == "CHECK"])
        mutants = [mutant for mutant in mutants if mutant.function]
        if self.options.new:
            mutants = [mutant for mutant in mutants if mutant.id not in self.killers]
        if self.options.sample:
            mutants = self._sample(mutants)
        else:
            # Those whose test is not known take longest.
            mutants.sort(key=lambda mutant: (mutant.id not in self.killers, bool(_LOCK.search(mutant.id))))
        end = time.monotonic() + self.options.seconds
        for mutant in mutants:
            if time.monotonic() > end:
                self.untried = mutants[mutants.index(mutant) :]
                break
            if mutant.id in self.reasons:
                self.listed.append(mutant)
                continue
            began = time.monotonic()
            if self.reach is None and mutant.id not in self.killers and self.options.learn:
                self._learn()
                end += time.monotonic() - began
            killer = self._killer(mutant, end + 60)
            if killer is None:
                self.survivors.append(mutant)
            else:
                self.found[mutant.id] = killer
                self.kinds[mutant.kind] += 1
            self._say(f"{time.monotonic() - began:6.1f} s  {mutant.id}  <-  {killer}")
            if self.options.update:
                self.write()

    def _say(self, line: str) -> None:
        if self.options.verbose and sys.__stdout__ is not None:
            sys.__stdout__.write(line + "\n")
            sys.__stdout__.flush()

    def _rights(self, mutants: list[Mutant]) -> None:
        """Every right is listed in a file; the test that compares the two is a query."""
        with self.laboratory.connect() as connection:
            expected = granted(Actors(connection))
            for mutant in mutants:
                connection.execute("begin")
                connection.execute(mutant.spoil.encode())
                if granted(Actors(connection)) == expected:
                    self.survivors.append(mutant)
                else:
                    self.kinds[mutant.kind] += 1
                connection.execute("rollback")

    def _checks(self, mutants: list[Mutant]) -> None:
        """Every CHECK has a statement that it must refuse (tests/sql/test_constraints.py); it is one query."""
        assert self.laboratory.databases is not None
        with bare_world(self.laboratory.databases) as connection:
            for mutant in mutants:
                name = mutant.id.split(" without ")[1]
                with connection.transaction(force_rollback=True):
                    connection.execute(mutant.spoil.encode())
                    if name not in VIOLATIONS or violated(connection, VIOLATIONS[name]) == name:
                        self.survivors.append(mutant)
                    else:
                        self.kinds[mutant.kind] += 1

    def _killer(self, mutant: Mutant, end: float) -> str | None:
        """The first test that fails without a guard and passes with it."""
        tried: set[str] = set()
        while True:
            failing = None
            candidates = [nodeid for nodeid in self._candidates(mutant) if nodeid not in tried]
            with self.laboratory.spoiled(mutant):
                for nodeid in candidates:
                    if time.monotonic() > end:
                        break
                    tried.add(nodeid)
                    if not self._passes(self.items[nodeid]):
                        failing = nodeid
                        break
                self._let_go()
            if failing is None:
                return None
            if failing not in self.trusted:
                self.trusted[failing] = self._passes(self.items[failing])
                self._let_go()
            if self.trusted[failing]:
                return failing

    def _learn(self) -> None:
        """Run every test once, to see which functions each runs."""
        self.reach = {}
        with self.laboratory.tracking():
            self.laboratory.take_calls()
            for nodeid, item in self.items.items():
                if nodeid.startswith(("tests/access", "tests/sql/test_constraints")):  # About rights, policies, CHECKs.
                    continue
                began = time.monotonic()
                self.trusted[nodeid] = self._passes(item)
                self._say(f"{time.monotonic() - began:6.1f} s  {nodeid} {self.trusted[nodeid]}")
                self.reach[nodeid] = self.laboratory.take_calls()

    def _sample(self, mutants: list[Mutant]) -> list[Mutant]:
        """Those that a change touches, then others of which it is known which test notices."""
        changed = _changed_files()
        touched = [mutant for mutant in mutants if re.search(rf"\b{re.escape(mutant.subject)}\b", changed)]
        known = [mutant for mutant in mutants if mutant not in touched and mutant.id in self.killers]
        chance = Random(self.options.seed)
        return [*chance.sample(touched, len(touched)), *chance.sample(known, len(known))]

    def _candidates(self, mutant: Mutant) -> Iterator[str]:
        """Tests in the order in which they are likely to notice."""
        known = self.killers.get(mutant.id)
        if known is not None:
            yield known
        same = Counter(test for name, test in self.killers.items() if _object(name) == _object(mutant.id))
        codes = set(re.findall(r"MG\d{3}", mutant.id)) | ({"42501"} if "private.deny" in mutant.id else set())

        values = set(re.findall(r"'([a-z_]{3,})'|new\.([a-z_]{3,})", mutant.id))
        named = {one for pair in values for one in pair if one} - {"user_id", "space_id"}
        # What it locks by: lock_space, hold_account ...
        lock = re.search(r" without private\.((?:lock|hold)_\w+)", mutant.id)
        waits = f"{mutant.subject} > {lock[1]}" if lock else f"{mutant.subject}'"
        # users__take_id -> take, id
        does = mutant.id.rpartition("__")[2].split("_") if mutant.kind == "trigger" else []
        runs = mutant.function.rpartition(".")[2]
        # set_leader -> leader, check_user_values -> user
        stem = re.sub(r"^(check|fill|guard|hold|keep|admit|set)_|_(values|delete)$", "", mutant.subject).rstrip("s")

        def score(nodeid: str) -> float:
            function, module = self.sources[nodeid]
            name = nodeid.rpartition("/")[2]
            words = 3.0 * any(code in function for code in codes) + any(code in module for code in codes)
            words += 9 * any(f"[{code}]" in name for code in codes)
            words += 2 * (mutant.subject in function) + (mutant.subject in module)
            if "together" in nodeid or "races" in nodeid:
                words += 4 if _LOCK.search(mutant.id) else -4
            words += 2 * sum(word in nodeid for word in does) + 4 * (f"[{mutant.subject}]" in name)
            words += 2 * (mutant.kind == "trigger" and runs in function)
            words += 12 * (waits in function and "test_waiting" in nodeid)
            words += 6 * ("private.deny" in mutant.id and "test_triggers_stand_behind" in nodeid)
            words += 3 * any(one in name for one in named) + 1.5 * any(f'"{one}"' in function for one in named)
            words += 2 * (stem in name) + 2 * ("test_errors" in nodeid and "check_" in mutant.id) + (stem in function)
            return words + min(same[nodeid], 3)

        scores = {nodeid: score(nodeid) for nodeid in self.items if nodeid != known}
        if self.reach is not None and mutant.function:
            reach = self.reach
            scores = {key: value for key, value in scores.items() if mutant.function in reach.get(key, ())}
        ranked = sorted(scores, key=lambda nodeid: -scores[nodeid])
        yield from ranked[: self.options.near or None]

    def _passes(self, item: pytest.Function) -> bool:
        """Run a test. What tests of one file share stays up while they run one after another."""
        sibling = self.siblings.get(item.nodeid)
        if self.kept is not None and (sibling is None or sibling.path != self.kept.path):
            self._let_go()
        self.kept = sibling and item
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.gave_up = False
            signal.alarm(LONGEST)
            try:
                reports = runtestprotocol(item, nextitem=sibling or self._other(item), log=False)
            finally:
                signal.alarm(0)
        if self.gave_up:
            self._reconnect(item)
        if any(report.failed for report in reports):
            self._let_go()
            return False
        return True

    def _reconnect(self, item: pytest.Function) -> None:
        """Let the next test connect anew: a connection that was left in the middle of a statement is of no use."""
        for fixture in item._fixtureinfo.name2fixturedefs.get("warm_connection", ()):
            fixture.finish(item._request)

    def _let_go(self) -> None:
        """Take down what tests of a file share."""
        if self.kept is not None:
            self.kept.session._setupstate.teardown_exact(self._other(self.kept))
            self.kept = None

    def _other(self, item: pytest.Item) -> pytest.Item:
        return self.others[next(folder for folder in FOLDERS if item.nodeid.startswith(folder))]

    def write(self) -> None:
        """Keep which test noticed which guard's absence."""
        killers = {name: test for name, test in sorted((self.killers | self.found).items())}
        about = "Made by `python -m tests.mutation.run --update`; do not edit. Which test notices that a guard is gone."
        KILLERS.write_text(json.dumps({"about": about, "killers": killers}, indent=1) + "\n", encoding="utf-8")


def _object(name: str) -> str:
    return name.split(" without ")[0]


def _source(item: pytest.Function) -> tuple[str, str]:
    module = item.path.read_text(encoding="utf-8")
    cases = str(item.callspec.params) if hasattr(item, "callspec") else ""
    try:
        return inspect.getsource(item.function) + cases, module
    except OSError:
        return module, module


def _changed_files() -> str:
    """What git says has changed since the branch began, or in the last commit; nothing where there is no git."""
    for base in ("main...HEAD", "origin/main...HEAD", "HEAD~1"):
        result = subprocess.run(
            ["git", "diff", "--unified=0", base, "--", "supabase/migrations"], cwd=ROOT, capture_output=True, text=True
        )
        if result.returncode == 0 and result.stdout:
            return result.stdout
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what was found, and return 0 if every guard tried is noticed by a test or has a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--near", type=int, default=0, help="how many tests to try at most; all of them by default")
    parser.add_argument("--only", default="", help="a regular expression for the mutants to try")
    parser.add_argument("--learn", action="store_true", help="see first which functions each test runs")
    parser.add_argument("--new", action="store_true", help="only those of which no test is known that notices")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    runner = Runner(options)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(
            [*FOLDERS, "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "0"],
            plugins=[runner],
        )
    if code:
        sys.stdout.write(said.getvalue())
    if options.update:
        runner.write()
    summary: dict[str, Any] = {
        "mutants": runner.total, "killed": sum(runner.kinds.values()), "listed": len(runner.listed),
        "not tried": len(runner.untried),
        "survived": [mutant.id for mutant in runner.survivors], "kinds": dict(runner.kinds),
        "reasons without a guard": runner.unknown_reasons,
    }  # fmt: skip
    sys.stdout.write(json.dumps(summary, indent=1) + "\n")
    return 1 if code or runner.survivors or runner.unknown_reasons else 0


if __name__ == "__main__":
    sys.exit(main())
