"""What rendering costs: the platform gives a function two seconds of processor and 256 MB; half is to spare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functions.render.conftest import PICTURES, Renderer
from tests.functions.render.letters import answer, large, newsletter

HALF_THE_SECONDS = 1.0
HALF_THE_BYTES = 128 * 1024 * 1024

PARTS = ["page", "mail", "pdf"]


@pytest.mark.parametrize("part", PARTS)
def test_fifty_answers_with_twenty_pictures_cost_at_most_half(
    fresh_render: Callable[[], Renderer], tmp_path: Path, part: str
) -> None:
    job = large(tmp_path, PICTURES / "tall.jpg")
    outputs = {
        "page": str(tmp_path / "page.html"),
        "mail": {"html": str(tmp_path / "mail.html"), "text": str(tmp_path / "mail.txt")},
        "pdf": str(tmp_path / "letter.pdf"),
    }
    # A process that has rendered nothing, as a function that wakes up. Other work on the machine makes the processor
    # slower, never faster, so the best of three is nearest to the truth.
    seconds, memory = [], []
    for _ in range(3):
        render = fresh_render()
        render({"newsletter": newsletter({})})
        idle = render.peak_bytes()
        seconds.append(render(job | {part: outputs[part]})["cpuSeconds"])
        memory.append(render.peak_bytes() - idle)
    assert min(seconds) < HALF_THE_SECONDS
    assert min(memory) < HALF_THE_BYTES


def test_pictures_that_must_be_converted_do_not_cost_more(fresh_render: Callable[[], Renderer], tmp_path: Path) -> None:
    names = [f"{index}.webp" for index in range(40)]
    for index, name in enumerate(names):
        # Bytes of their own, so that none is taken for another.
        (tmp_path / name).write_bytes((PICTURES / "dusk.webp").read_bytes() + bytes([index]))
    job = {
        "newsletter": newsletter({"Pictures?": [answer(name, None, image_path=name) for name in names]}),
        "pictures": {"responses": {name: str(tmp_path / name) for name in names}},
        "pdf": str(tmp_path / "letter.pdf"),
    }
    costs = [fresh_render()(job) for _ in range(3)]
    assert min(cost["cpuSeconds"] for cost in costs) < HALF_THE_SECONDS
    # 600 by 400 pixels each: sixteen are within the budget, the rest are words.
    assert len(costs[0]["pdfProblems"]) == 24
