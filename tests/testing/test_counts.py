"""The counts that tests print are the sums over all workers."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("options", [[], ["-p", "xdist", "-n", "2"]], ids=["alone", "two_workers"])
def test_counts_are_summed_and_printed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # To import them takes longer than all else.
    pytester.makeconftest(
        """
        from tests.support.counts import CountsPlugin

        def pytest_configure(config):
            config.pluginmanager.register(CountsPlugin())
        """
    )
    pytester.makepyfile(
        """
        import pytest
        from tests.support.counts import count

        @pytest.mark.parametrize("number", range(4))
        def test_something(number):
            count("sheep", 1000)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(passed=4)
    result.stdout.re_match_lines([r"=+ counts =+", r" +4,000 sheep"])
