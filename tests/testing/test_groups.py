"""The tests of a group stay together: the scheduler of pytest-xdist sees their groups. What takes long begins first."""

from __future__ import annotations

import os

import pytest

from tests.conftest import ROOT
from tests.support.order import SECONDS


@pytest.mark.xdist_group("apart")
def test_a_group_is_part_of_the_name_that_is_scheduled(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # In one process everything is together.
        assert request.node.nodeid.endswith("@apart")


def test_what_is_said_to_take_long_is_there() -> None:
    for name in SECONDS.keys() - {"races"}:
        path, _, test = name.partition("::")
        assert (ROOT / path).exists(), name
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_what_takes_long_comes_first(request: pytest.FixtureRequest) -> None:
    names = [item.nodeid.split("[")[0] for item in request.session.items]
    seconds = [SECONDS[name] for name in names if name in SECONDS]
    assert seconds == sorted(seconds, reverse=True)
