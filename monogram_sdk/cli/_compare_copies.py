"""Compare a copy of a newsletter with the project's own file.

Text alone does not determine what a browser or a PDF viewer shows: markup can hide text, and attributes, frames and
annotations can show other text. So a copy counts as the same only if it equals a file that Monogram serves, apart from
what no program shows. A page that was served to one reader has links of its own, to other newsletters and with a token:
the function `newsletter` writes the same links into the stored page again, and the bytes are compared. A copy that a
program has saved in its own way is parsed, and compared as a whole: the changes that programs make are a short list,
and a copy with any other change is altered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from monogram_sdk.cli._differences import DRAWING, Word, difference, first_difference

if TYPE_CHECKING:
    from monogram_sdk import Monogram

_PDF = b"%PDF-"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_SAVED_FROM = re.compile(rb"\A(<!doctype html>)\s*(?:<!-- saved from url=\(\d{4}\)([^<>\s]+) -->\s*)?", re.IGNORECASE)
"""The start of a page, with the comment that browsers insert when they save it. It counts only there."""

_STORED = ((b"\n<!--feed-->\n<style>", b"\n\n<style>"), (b"\n<!--around-->\n<footer ", b"\n\n<footer "))
"""Placeholders in the stored page, for what depends on the reader, with their replacements."""

_FUNCTION = "/functions/v1/newsletter"
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NEIGHBOUR = re.compile(rb'<a class="(prev|next)" rel="(?:prev|next)" href="([^"]*)"')
_ALL = b'<a class="all" href="'
_FEED = re.compile(rb'<link rel="alternate" type="application/atom\+xml" title="([^"]*)" href="')
_BESIDE_IT = re.compile(
    rb'<a class="(prev|next)" rel="(?:prev|next)" href="[^"<>]*"><span>[^<>]*</span> <b>([^<>]*)</b> '
    rb"<bdi(?: lang=\"[\w-]+\")?>([^<>]*)</bdi></a>"
)
"""The links to the newsletters before and after, with week and title."""

_CANONICAL = re.compile(rb'<link rel="canonical" href="([^"]*)">')


class Outcome(StrEnum):
    """The result of comparing a copy with the project's own file."""

    SAME = "SAME"
    """It equals a file that the project serves."""
    SAME_LINES = "SAME_LINES"
    """The same apart from what nobody sees: line ends, a byte order mark, white space at the end of lines or of the
    file, and the comment "saved from url" that browsers write."""
    SAME_LETTER = "SAME_LETTER"
    """The same apart from a link to a newsletter before or after it that the project does not have, so that the text of
    the link cannot be compared."""
    SAME_WORDS_ONLY = "SAME_WORDS_ONLY"
    """A program has saved it in its own way, with the same content. It may look different."""
    DRAWN_ANEW = "DRAWN_ANEW"
    """A PDF that is drawn differently. What it shows cannot be compared."""
    ALTERED = "ALTERED"
    """Its content differs, or it cannot be opened."""


@dataclass(frozen=True)
class Comparison:
    """The result of comparing a copy with the project's own file, with details.

    Attributes:
        outcome: The result.
        difference: The first difference, in words; if the result is not certain, the reason.
        lacks_pictures: Whether its pictures are in other files, and so were not compared.
    """

    outcome: Outcome
    difference: str = ""
    lacks_pictures: bool = False


def compare(client: Monogram, newsletter_id: UUID, kept: bytes, *, response_id: UUID | None = None) -> Comparison:
    """Compare a copy with the project's own file of the same newsletter.

    Args:
        client: A client with the project's secret key.
        newsletter_id: The newsletter.
        kept: The content of the copy.
        response_id: For a keepsake, the response that it shows.

    Raises:
        MonogramError: The project's own file could not be read.
    """
    if kept.lstrip()[: len(_PDF)] == _PDF:
        return _compare_pdf(kept, _pdfs(client, newsletter_id, response_id))
    return _compare_page(client, newsletter_id, kept)


def marks_of(content: bytes) -> list[str]:
    """Return the marks in a file that identify the newsletter, from where only Monogram writes them."""
    if content.lstrip()[: len(_PDF)] == _PDF:
        from monogram_sdk.cli._pdfs import marks_of as marks_of_pdf

        return marks_of_pdf(content)
    from monogram_sdk.cli._pages import marks_of as marks_of_page

    return marks_of_page(content)


def _pdfs(client: Monogram, newsletter_id: UUID, response_id: UUID | None) -> Iterator[bytes]:
    from monogram_sdk.errors import NewsletterNotFoundError

    if response_id is not None:
        try:
            yield client.newsletters.keepsake(response_id)
        except NewsletterNotFoundError:  # No newsletter has this response.
            pass
        else:
            return
    for paper in ("print", "screen"):
        for size in ("A4", "LETTER"):
            yield client.newsletters.pdf(newsletter_id, size=size, paper=paper)


def _compare_pdf(kept: bytes, files: Iterable[bytes]) -> Comparison:
    from monogram_sdk.cli._pdfs import words_of

    shown: list[bytes] = []
    for file in files:
        if kept == file:
            return Comparison(Outcome.SAME)
        if kept.rstrip(_WHITE_SPACE) == file.rstrip(_WHITE_SPACE):
            return Comparison(Outcome.SAME_LINES)
        shown.append(file)
    return _by_words(words_of, kept, shown, _OTHER_PDF)


_OTHER_PDF = (
    "This happens when another program has saved the PDF: compare it by eye with the project's own file, which "
    "`newsletters.pdf()` or `keepsake()` returns"
)
_DRAWN_ANEW = (
    "This happens when another program has printed it to a PDF, or it is from another version of Monogram: compare it "
    "by eye with the project's own file, which `newsletters.pdf()` or `keepsake()` returns"
)
_OTHER_PAGE = (
    "This happens when a browser has saved the page with “Save as”: compare it by eye with the project's own page, "
    "which `newsletters.html()` returns"
)


def _compare_page(client: Monogram, newsletter_id: UUID, kept: bytes) -> Comparison:
    from monogram_sdk.cli._pages import Reader

    file = client.newsletters.html(newsletter_id)
    plain = kept
    for mark, nothing in _STORED:
        plain = plain.replace(mark, nothing, 1)
    if outcome := _same(plain, file):
        return Comparison(outcome)
    around = _Around.of(kept, newsletter_id)
    # The URLs of the project and its pages now, and when the page was made.
    places: list[dict[str, str]] = [{}, _addresses_in(file, newsletter_id)]
    shown = [_page(client, newsletter_id, around, place) for place in places]
    for page in shown:
        if outcome := _same(plain, page):
            return Comparison(outcome, lacks_pictures=_lacks_pictures(page, newsletter_id))
    lost = around.neighbours - _Around.of(shown[0], newsletter_id).neighbours
    linked = _link_texts(plain)
    # If a linked newsletter does not exist, the function takes the text of the link from the copy, as plain text.
    if lost:
        for place in places:
            page = _page(client, newsletter_id, around, place | linked)
            if _same(plain, page) and not around.neighbours - _Around.of(page, newsletter_id).neighbours:
                lacks = _lacks_pictures(page, newsletter_id)
                return Comparison(Outcome.SAME_LETTER, _missing_neighbours(around, lost, linked), lacks)
    return _by_words(Reader([file, *shown], kept, newsletter_id), plain, [file, *shown], _OTHER_PAGE)


def _lacks_pictures(page: bytes, newsletter_id: UUID) -> bool:
    return re.search(rf' src="(?:\.\./)?{newsletter_id}/'.encode(), page) is not None


def _link_texts(page: bytes) -> dict[str, str]:
    """Return week and title of the newsletters before and after in a page, by the function's names for them."""
    texts: dict[str, str] = {}
    for kind, week, title in _BESIDE_IT.findall(page):
        name = "previous" if kind == b"prev" else "next"
        if number := re.search(r"\d+", week.decode("utf-8", "replace")):
            texts[f"{name}_week"] = str(int(number[0]))
            texts[f"{name}_title"] = unescape(title.decode("utf-8", "replace"))
    return texts


def _missing_neighbours(around: _Around, lost: set[str], linked: dict[str, str]) -> str:
    beside = {"previous": around.previous, "next": around.next}
    names = [name for name, newsletter in beside.items() if newsletter in lost]
    titles = " and ".join(f"“{Word(linked[f'{name}_title']).shown}”" for name in names)
    which = " and ".join(str(beside[name]) for name in names)
    return (
        f"It links to {which}, which the project does not have, and may never have had. So the text of the link "
        f"({titles}) could not be compared. The rest of the file is the same as the project's"
    )


def _same(kept: bytes, shown: bytes) -> Outcome | None:
    if kept == shown:
        return Outcome.SAME
    return Outcome.SAME_LINES if _lines(kept) == _lines(shown) else None


def _lines(page: bytes) -> list[bytes]:
    """Return the lines of a page, without what browsers do not show and programs may change when they save it."""
    text = page.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = _SAVED_FROM.sub(rb"\1", text).rstrip(_WHITE_SPACE)
    return [line.rstrip(_WHITE_SPACE) for line in text.split(b"\n")]


@dataclass(frozen=True)
class _Around:
    """The parts of a page that depend on its reader; the names are those of the function's parameters."""

    previous: str | None = None
    next: str | None = None
    all: bool = False
    feed: str | None = None
    reading: str | None = None
    folder: bool = False

    @classmethod
    def of(cls, page: bytes, newsletter_id: UUID) -> _Around:
        """Read them in a page, which may be forged."""
        beside: dict[bytes, str] = {}
        for kind, address in _NEIGHBOUR.findall(page):
            found = _UUID.findall(address)
            beside.setdefault(kind, found[-1].decode().lower() if found else "none")
        feed = _FEED.search(page)
        file = re.search(
            rf'href="([^"]*){newsletter_id}\.html(?:\?link=([A-Za-z0-9_-]{{32}}))?" download'.encode(), page
        )
        return cls(
            previous=beside.get(b"prev"),
            next=beside.get(b"next"),
            all=_ALL in page,
            feed=None if feed is None else unescape(feed[1].decode("utf-8", "replace")),
            reading=None if file is None or file[2] is None else file[2].decode(),
            folder=file is not None and file[1] == b"../",
        )

    @property
    def neighbours(self) -> set[str]:
        """The newsletters to which it links."""
        return {one for one in (self.previous, self.next) if one is not None}


def _page(client: Monogram, newsletter_id: UUID, around: _Around, place: dict[str, str]) -> bytes:
    """Render the page as it was served to a reader."""
    parameters = {name: "1" if value is True else value for name, value in vars(around).items() if value} | place
    from monogram_sdk._contents import NEWSLETTER
    from monogram_sdk._engine.request import Request

    path = f"{_FUNCTION}/{newsletter_id}/copy?{urlencode(parameters)}"
    request = Request("GET", path, headers={"accept": "*/*"}, content=NEWSLETTER)
    return client.newsletters._engine.send(request).content  # pyright: ignore[reportPrivateUsage]


def _addresses_in(page: bytes, newsletter_id: UUID) -> dict[str, str]:
    """Return the URLs of the project and its pages when a page was made."""
    found: dict[str, str] = {}
    if canonical := _CANONICAL.search(page):
        found["template"] = unescape(canonical[1].decode()).replace(str(newsletter_id), "{id}")
    if pdf := re.search(rf'<a href="([^"]*){_FUNCTION}/{newsletter_id}\.pdf"'.encode(), page):
        found["project"] = unescape(pdf[1].decode())
    return found


def _by_words(words_of: Callable[[bytes], list[Word]], kept: bytes, shown: list[bytes], advice: str) -> Comparison:
    """Compare with each file of the same newsletter, and describe the difference to the most similar one."""
    try:
        ours = words_of(kept)
    except Exception:  # A damaged or forged file can raise any error in a parser.
        return Comparison(Outcome.ALTERED, "it cannot be opened: it is damaged or incomplete")
    lacks_pictures = any(word.is_elsewhere for word in ours)
    nearest: tuple[int, list[Word]] = (-1, [])
    for original in map(words_of, shown):
        place = first_difference(ours, original)
        if place is None:
            return Comparison(Outcome.SAME_WORDS_ONLY, advice, lacks_pictures)
        nearest = max(nearest, (place, original), key=lambda found: found[0])
    place, original = nearest
    if all(not words or words[min(place, len(words) - 1)].kind == DRAWING for words in (ours, original)):
        return Comparison(Outcome.DRAWN_ANEW, _DRAWN_ANEW)
    return Comparison(Outcome.ALTERED, difference(ours, original, place), lacks_pictures)
