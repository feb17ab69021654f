"""What rendering costs: the platform gives a function two seconds of processor and 256 MB; half is to spare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functions.render.conftest import PICTURES, Renderer
from tests.functions.render.letters import answer, large, newsletter
from tests.functions.render.scripts import EMOJI, SAMPLES, Sample

HALF_THE_SECONDS = 1.0
HALF_THE_BYTES = 128 * 1024 * 1024
MOST_OF_THE_SECONDS = 1.7
ALL_THE_BYTES = 256 * 1024 * 1024

PARTS = ["page", "mail", "pdf"]


def is_kept(cost: tuple[float, int]) -> bool:
    """Return True if seconds and bytes are within the budget."""
    return cost[0] < HALF_THE_SECONDS and cost[1] < HALF_THE_BYTES


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
    # slower, never faster, so one of three within the budget shows that it is kept.
    costs = []
    for _ in range(3):
        render = fresh_render()
        render({"newsletter": newsletter({})})
        idle = render.peak_bytes()
        seconds = render(job | {part: outputs[part]})["cpuSeconds"]
        costs.append((seconds, render.peak_bytes() - idle))
        if is_kept(costs[-1]):
            break
    assert is_kept(costs[-1]), costs


def test_fifty_answers_in_every_script_fit(fresh_render: Callable[[], Renderer], tmp_path: Path) -> None:
    """The worst that there is: every typeface for one letter. It has no half to spare, but fits."""
    samples = [*SAMPLES.values(), Sample("Emo 🦊 Ji", " and ".join(EMOJI))]
    answers = [
        answer(f"{name} {index}", ((text + " ") * (600 // len(text) + 1))[:600])
        for index, (name, text) in enumerate(samples[index % len(samples)] for index in range(50))
    ]
    costs = []
    for _ in range(3):
        render = fresh_render()
        render({"newsletter": newsletter({})})
        job = {"newsletter": newsletter({"Which script?": answers}), "pdf": str(tmp_path / "letter.pdf")}
        costs.append((render(job)["cpuSeconds"], render.peak_bytes()))
        if costs[-1][0] < MOST_OF_THE_SECONDS and costs[-1][1] < ALL_THE_BYTES:
            break
    assert costs[-1][0] < MOST_OF_THE_SECONDS and costs[-1][1] < ALL_THE_BYTES, costs
