"""Every part of a response is in the page, in the PDF and in both forms of the email: whoever adds one is told here."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import get_args

import pytest

from monogram_sdk.models import NewsletterResponse
from tests.functions.render.conftest import PICTURES, Renderer
from tests.functions.render.newsletters import newsletter_row, response_row

TEXTS = [
    name
    for name, field in NewsletterResponse.model_fields.items()
    if str in (field.annotation, *get_args(field.annotation)) and not name.endswith("_path")
]


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "id"])
def test_a_text_of_a_response_is_in_every_form(render: Renderer, tmp_path: Path, name: str) -> None:
    word = "Quokkawombat"
    row = response_row("Ada", "Plain text.", image_path="upright.jpg") | {name: word}
    page, pdf = tmp_path / "page.html", tmp_path / "newsletter.pdf"
    email = {"html": str(tmp_path / "email.html"), "text": str(tmp_path / "email.txt")}
    job = {
        "newsletter": newsletter_row({"What?": [row]}),
        "pictures": {"responses": {"upright.jpg": str(PICTURES / "tall.jpg")}},
    }
    render(job | {"page": str(page), "pdf": str(pdf), "mail": email})
    pdf_text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
    forms = {"page": page.read_text(), "pdf": pdf_text} | {kind: Path(file).read_text() for kind, file in email.items()}
    assert {kind for kind, text in forms.items() if word not in text} == set()
