"""Copies of a newsletter's PDF that another program has saved or changed."""

from __future__ import annotations

import io

from pypdf import PageObject, PdfWriter
from pypdf.annotations import FreeText

from monogram_sdk.models import Newsletter


def mark_of(newsletter: Newsletter) -> bytes:
    return f"\n%monogram:{newsletter.id}:{newsletter.code}:{newsletter.ledger_root}\n".encode()


def saved_again(pdf: bytes) -> bytes:
    """A PDF as another program saves it anew."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.add_metadata({"/Title": "Saved anew"})
    saved = io.BytesIO()
    writer.write(saved)
    return saved.getvalue()


def covered(pdf: bytes, words: str) -> bytes:
    """A PDF with a white note over its first page."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.add_annotation(0, FreeText(text=words, rect=(50, 550, 400, 650), background_color="ffffff"))
    covered = io.BytesIO()
    writer.write(covered)
    return covered.getvalue()


def page_saying(words: str) -> PageObject:
    """A page of a PDF with some words."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    page = PageObject.create_blank_page(width=100, height=100)
    font = DictionaryObject()
    font.update(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
         NameObject("/BaseFont"): NameObject("/Helvetica")}
    )  # fmt: skip
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F"): font})})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F 12 Tf ({words}) Tj ET".encode())
    page[NameObject("/Contents")] = stream
    return page
