"""Cases that only `make test-long` runs, beside one that is always run.

```python
@pytest.mark.parametrize("device", ["light", *long("dark")])
```
"""

from __future__ import annotations

from typing import Any

import pytest


def long(*values: Any) -> list[Any]:
    """Mark cases of one argument as long."""
    return [pytest.param(value, marks=pytest.mark.long) for value in values]
