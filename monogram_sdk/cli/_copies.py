"""Hold a newsletter's file that somebody kept against the file that the project shows.

What a browser or a reader of PDFs draws cannot be told from words alone: markup hides words, and draws others from
attributes, frames and annotations. So only the project's own file, but for what no program shows, is the same;
words are compared to say where another file differs.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from monogram_sdk import Monogram

_PDF = b"%PDF-"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_SAVED_FROM = re.compile(rb"\A(<!doctype html>)\s*(?:<!-- saved from url=\(\d{4}\)[^<>\s]+ -->\s*)?", re.IGNORECASE)
"""The start of a page, with the comment that browsers write there when they save it. Elsewhere it may be no comment."""

_WORDS_BEFORE = 2
_WORDS_AFTER = 8
_EXCERPT = 60
_BEFORE = 20


class Outcome(StrEnum):
    """How a file compares with what the project shows."""

    SAME = "SAME"
    """It is the same file."""
    SAME_LINES = "SAME_LINES"
    """The same but for what nobody sees: line ends, a byte order mark, white space at the end of lines or of the file,
    and the comment "saved from url" that browsers write."""
    SAME_WORDS_ONLY = "SAME_WORDS_ONLY"
    """Another file with the same words and links. What a browser or a reader shows of it may differ."""
    ALTERED = "ALTERED"
    """It says something else, or cannot be opened."""


@dataclass(frozen=True)
class Comparison:
    """How a file compares with what the project shows.

    Attributes:
        outcome: The result.
        difference: For people: where they begin to differ; of a file with the same words, what to do.
    """

    outcome: Outcome
    difference: str = ""


def compare(client: Monogram, newsletter_id: UUID, kept: bytes) -> Comparison:
    """Hold a file against the same newsletter as the project shows it, words and all.

    Args:
        client: A client with the project's secret key.
        newsletter_id: The newsletter.
        kept: The file.

    Raises:
        MonogramError: The project's own file cannot be had.
    """
    if kept.lstrip()[: len(_PDF)] == _PDF:
        shown: list[bytes] = []
        for paper in ("print", "screen"):
            for size in ("A4", "LETTER"):
                file = client.newsletters.pdf(newsletter_id, size=size, paper=paper)
                if kept == file:
                    return Comparison(Outcome.SAME)
                if kept.rstrip(_WHITE_SPACE) == file.rstrip(_WHITE_SPACE):
                    return Comparison(Outcome.SAME_LINES)
                shown.append(file)
        return _by_words(
            kept,
            shown,
            _words_of_pdf,
            "A PDF that another program saved anew is like this, and one with notes: look at it next to what "
            "`newsletters.pdf()` returns, which is the project's own",
        )
    page = client.newsletters.html(newsletter_id)
    if kept == page:
        return Comparison(Outcome.SAME)
    if _lines(kept) == _lines(page):
        return Comparison(Outcome.SAME_LINES)
    return _by_words(
        kept,
        [page],
        _words_of_page,
        "A page that a browser saved by “Save as” is like this, and one of another version of Monogram: look at it "
        "next to what `newsletters.html()` returns, which is the project's own",
    )


def _lines(page: bytes) -> list[bytes]:
    """Return a page without what no browser shows and no program that saves it is bound to keep."""
    text = page.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = _SAVED_FROM.sub(rb"\1", text).rstrip(_WHITE_SPACE)
    return [line.rstrip(_WHITE_SPACE) for line in text.split(b"\n")]


@dataclass(frozen=True)
class _Word:
    """What is compared, and what people are told of it: of styles, programs and data only what they are."""

    text: str
    kind: str = ""

    @property
    def told(self) -> str:
        """The word for people. What cannot be seen, or steers a terminal, is written as its number."""
        if self.kind:
            return f"[{self.kind}]"
        return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in self.text)


def _by_words(kept: bytes, shown: list[bytes], words_of: Callable[[bytes], list[_Word]], advice: str) -> Comparison:
    """Compare with the first file; the others are the same newsletter on other paper, whose pages end elsewhere."""
    try:
        ours = words_of(kept)
    except Exception:  # What somebody made of a file may fail a reader in any way.
        return Comparison(Outcome.ALTERED, "it cannot be opened: it is damaged, or not complete")
    originals = [words_of(file) for file in shown]
    if ours in originals:
        return Comparison(Outcome.SAME_WORDS_ONLY, advice)
    original = originals[0]
    place = next(at for at, (mine, theirs) in enumerate(zip_longest(ours, original)) if mine != theirs)
    return Comparison(Outcome.ALTERED, _difference(ours, original, place))


def _difference(ours: list[_Word], original: list[_Word], place: int) -> str:
    mine, theirs = (words[place] if place < len(words) else None for words in (ours, original))
    if mine is not None and theirs is not None and mine.kind and mine.kind == theirs.kind:
        return f"it has another {mine.kind} than the newsletter"
    pairs = zip(mine.told, theirs.told, strict=False) if mine is not None and theirs is not None else ()
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return f"it says {_from(ours, place, same)} where the newsletter says {_from(original, place, same)}"


def _from(words: list[_Word], place: int, same: int) -> str:
    """Return the words around a place, short; of a long word the part after as many letters as are the same."""
    if place >= len(words):
        return "nothing more"
    before = " ".join(word.told for word in words[max(place - _WORDS_BEFORE, 0) : place])
    found = " ".join(word.told for word in words[place : place + _WORDS_AFTER])
    if same > _BEFORE:
        found = f"…{found[same - _BEFORE // 2 :]}"
    if len(before) > _BEFORE:
        before = f"…{before[-_BEFORE:]}"
    text = f"{before} {found}".strip()
    return f"“{text}”" if len(text) <= _EXCERPT else f"“{text[:_EXCERPT]}…”"


def _words_in(text: str) -> list[_Word]:
    return [
        _Word(word, "data" if word.lower().startswith("data:") or ";base64," in word else "") for word in text.split()
    ]


def _words_of_page(data: bytes) -> list[_Word]:
    page = _Page()
    page.feed(data.decode("utf-8-sig"))
    page.close()
    return page.words


def _words_of_pdf(data: bytes) -> list[_Word]:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # It says there what it thinks of a damaged file.
    words: list[_Word] = []
    for page in PdfReader(io.BytesIO(data)).pages:
        words += _words_in(page.extract_text())
        for reference in page.get("/Annots") or ():
            note = reference.get_object()
            words += _words_in(str(note.get("/Contents", "")))
            link = note.get("/A")
            if link is not None:
                words.append(_Word(str(link.get_object().get("/URI"))))
    return words


class _Page(HTMLParser):
    """The words of a page, its links, and what could change either: programs and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[_Word] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Take the links and programs that a tag holds."""
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self._take_opaque(value or "", "style" if name == "style" else "program")
            elif name in ("href", "alt", "srcdoc"):
                self.words += _words_in(value or "")

    def handle_data(self, data: str) -> None:
        """Take words, styles and programs."""
        if self.cdata_elem in ("style", "script"):
            self._take_opaque(data, "style" if self.cdata_elem == "style" else "program")
        else:
            self.words += _words_in(data)

    def _take_opaque(self, text: str, kind: str) -> None:
        self.words.append(_Word(" ".join(text.split()), kind))
