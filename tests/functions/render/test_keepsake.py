"""A keepsake: one sheet with one response."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.functions.render.conftest import Render
from tests.functions.render.newsletters import newsletter_row, response_row
from tests.functions.render.paper import (
    figures,
    lines,
    texts,
    tokens,
)


@pytest.mark.parametrize("brief", [True, False])
def test_a_keepsake_is_one_sheet_with_question_picture_and_words(
    render: Render, shapes: dict[str, str], tmp_path: Path, brief: bool
) -> None:
    path = tmp_path / "keepsake.pdf"
    said = "The tram, again." if brief else tokens(120, "kept")
    job = {
        "newsletter": newsletter_row({"Show us where you read.": [response_row("Chloé", said, image_path="wide")]}),
        "pictures": {"responses": shapes},
        "keepsake": str(path),
    }
    assert render(job)["pages"] == 1
    first = path.read_bytes()
    render(job)
    assert path.read_bytes() == first
    pdf = PdfReader(path)
    assert [float(value) for value in pdf.pages[0].mediabox] == [0, 0, 419.53, 595.28]
    (text,) = texts(path)
    for part in ("Show us where you read.", said.split()[0], said.split()[-1], "Chloé", "TR", "Test Readers", "Week 7"):
        assert part in text
    assert list(figures(pdf)) == ["Picture by Chloé, in answer to “Show us where you read.”"]
    for line in lines(path)[0]:
        assert 40 < line.left and line.right < 419.53 - 40 and line.bottom > 30


def test_a_keepsake_of_many_words_goes_on(render: Render, tmp_path: Path) -> None:
    path = tmp_path / "keepsake.pdf"
    job = {
        "newsletter": newsletter_row({"Well?": [response_row("Chloé", tokens(1200, "kept"))]}),
        "keepsake": str(path),
    }
    pages = render(job)["pages"]
    assert pages > 1
    found = re.findall(r"keptw\d+", "\n".join(texts(path)))
    assert len(found) >= 1200 and len(set(found)) == 1200
