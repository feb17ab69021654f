"""What takes long begins first, so that at the end no process waits for another's last tests.

Where a test is named, what it does in one go takes seconds. Where a group is named, its tests share something
long-lived and run in one process, one after another. Their order among each other, and that of all other tests, stays
random.
"""

from __future__ import annotations

from collections import Counter

import pytest

# Group, or file and test without its parameters -> about how many seconds it takes. It need not be exact.
SECONDS = {
    "tests/live": 40,
    "tests/functions": 30,
    "tests/embedded/server": 30,
    "tests/embedded": 25,
    "tests/functions/newsletter": 25,
    "tests/embedded/realtime": 22,
    "tests/access/test_matrix.py": 12,
    "tests/benchmarks/test_database.py::test_it_measures_everything": 40,
    "tests/testing/test_testing.py::test_the_guide_works_as_it_stands": 10,
    "tests/mutation/test_guards.py::test_guards_that_a_change_touches_and_a_sample_of_the_others": 12,
    "tests/functions/deliver/test_crash.py::test_no_email_is_lost_or_doubled": 12,
    "tests/sql/test_ledger_properties.py::test_the_ledger_adds_up_whatever_happens": 10,
    "tests/sql/test_life_cycle.py": 10,
    "tests/sql/test_ledger_together.py": 10,
    "tests/functions/pictures/test_derive.py": 8,
    "races": 10,
    "tests/migrations/test_supabase_command.py": 10,
    "tests/embedded/test_stack.py": 10,
    "tests/simulation/test_year.py::test_some_months": 8,
    "tests/simulation/test_year.py::test_a_story_that_goes_wrong_is_told_in_a_few_lines": 8,
    "tests/functions/render/test_units.py::test_the_renderer_passes_its_tests": 8,
    "tests/sdk/_async/test_faults.py::test_calls_over_a_faulty_network_happen_once_or_say_so": 7,
    "tests/sdk/_sync/test_faults.py::test_calls_over_a_faulty_network_happen_once_or_say_so": 5,
    "tests/local/test_cli.py::test_runs_in_the_background_until_it_is_stopped": 5,
    "tests/sdk/test_forks.py": 5,
    "tests/sdk/test_live_forks.py": 5,
    "tests/embedded/test_databases.py": 5,
    "tests/sql/test_streaks.py": 5,
    "tests/functions/newsletter/test_leaving.py::test_an_upload_under_way_while_the_account_goes_stores_nothing": 4,
    "tests/simulation/test_year.py::test_a_seed_reproduces_a_run_exactly": 4,
    "tests/sql/test_taken_is_read.py::test_what_is_taken_is_read": 4,
    "tests/functions/test_units.py::test_what_functions_share_passes_its_tests": 4,
    "tests/fuzz/test_commands.py": 4,
    "tests/sdk/test_shared_session.py::test_each_refreshes_once_at_most_and_nobody_is_signed_out": 4,
    "tests/embedded/test_postgres_server.py::test_initialising_can_be_killed_at_any_moment": 3,
    "tests/migrations/test_schedule.py::test_pg_cron_runs_what_is_listed": 3,
}

_OF_A_TEST = 0.05  # Seconds that one of a group takes that is not listed.


class OrderPlugin:
    """Sorts the tests once they are in random order. Works together with xdist's `--no-loadscope-reorder`."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put what takes long before what does not."""
        sizes = Counter(map(_group, items))

        def seconds(item: pytest.Item) -> float:
            group = _group(item)
            if group is None:
                return SECONDS.get(item.nodeid.split("[")[0], 0)
            return SECONDS.get(group, _OF_A_TEST * sizes[group])

        items.sort(key=seconds, reverse=True)


def _group(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("xdist_group")
    return None if mark is None else str(mark.args[0])
