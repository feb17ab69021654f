"""What rendering costs in memory: the platform gives a function 256 MB; half is to spare.

The processor is measured by `python -m benchmarks.paper`: other work on the machine makes it slower.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functions.render.conftest import PICTURES, Job, Renderer
from tests.functions.render.newsletters import every_script, large, newsletter_row
from tests.support.long import long

HALF_THE_BYTES = 128 * 1024 * 1024
# With the 90 MB of an idle process 196: sixty are to spare.
MOST_OF_THE_BYTES = 106 * 1024 * 1024

PARTS = [*long("page", "mail"), "pdf"]


def bytes_above_idle(render: Renderer, job: Job) -> int:
    """Return how many more bytes a process has had that has rendered nothing yet, as a function that wakes up."""
    render({"newsletter": newsletter_row({})})
    idle = render.peak_bytes()
    render(job)
    return render.peak_bytes() - idle


@pytest.mark.parametrize("part", PARTS)
def test_fifty_responses_with_twenty_pictures_take_at_most_half(
    fresh_render: Callable[[], Renderer], tmp_path: Path, part: str
) -> None:
    job = large(tmp_path, PICTURES / "tall.jpg")
    outputs = {
        "page": str(tmp_path / "page.html"),
        "mail": {"html": str(tmp_path / "mail.html"), "text": str(tmp_path / "mail.txt")},
        "pdf": str(tmp_path / "letter.pdf"),
    }
    assert bytes_above_idle(fresh_render(), job | {part: outputs[part]}) < HALF_THE_BYTES


@pytest.mark.long
def test_fifty_responses_in_every_script_fit(fresh_render: Callable[[], Renderer], tmp_path: Path) -> None:
    """The worst that there is: every typeface for one newsletter, and all emoji unpacked."""
    job = {"newsletter": every_script(), "pdf": str(tmp_path / "letter.pdf")}
    assert bytes_above_idle(fresh_render(), job) < MOST_OF_THE_BYTES
