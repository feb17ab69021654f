"""Count what tests went through (inputs, pairs, weeks) and print the totals at the end, also with several workers.

```python
count("fuzz inputs")
count("simulated weeks", 52)
```
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

_counts: Counter[str] = Counter()


def count(name: str, number: int = 1) -> None:
    """Add to what the summary of this run of pytest prints under a name."""
    _counts[name] += number


class CountsPlugin:
    """Bring the counts of all workers together and print them."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["counts"] = dict(_counts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        _counts.update(getattr(node, "workeroutput", {}).get("counts", {}))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if _counts:
            terminalreporter.section("counts")
            for name, number in sorted(_counts.items()):
                terminalreporter.write_line(f"{number:>8,} {name}")
