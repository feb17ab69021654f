"""Hold a newsletter's file that somebody kept against the file that the project shows.

What a browser or a reader of PDFs draws cannot be told from words alone: markup hides words, and draws others from
attributes, frames and annotations. So only a file as Monogram hands it out, but for what no program shows, is the same.
A page that was shown to one reader has links of its own, to other newsletters and with a token: the function
`newsletter` writes the same links into the stored page anew, and the bytes are compared. What a program saved anew is
compared whole, as a browser or a reader of PDFs takes it apart: what it may have changed is a short list, and all else
is altered.
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

from monogram_sdk.cli._words import DRAWING, Word, difference, first_difference

if TYPE_CHECKING:
    from monogram_sdk import Monogram

_PDF = b"%PDF-"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_SAVED_FROM = re.compile(rb"\A(<!doctype html>)\s*(?:<!-- saved from url=\(\d{4}\)([^<>\s]+) -->\s*)?", re.IGNORECASE)
"""The start of a page, with the comment that browsers write there when they save it. Elsewhere it may be no comment."""

_STORED = ((b"\n<!--feed-->\n<style>", b"\n\n<style>"), (b"\n<!--around-->\n<footer ", b"\n\n<footer "))
"""Where a page, as it lies in storage, has nothing yet of what is around it."""

_FUNCTION = "/functions/v1/newsletter"
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NEIGHBOUR = re.compile(rb'<a class="(prev|next)" rel="(?:prev|next)" href="([^"]*)"')
_ALL = b'<a class="all" href="'
_FEED = re.compile(rb'<link rel="alternate" type="application/atom\+xml" title="([^"]*)" href="')
_BESIDE_IT = re.compile(
    rb'<a class="(prev|next)" rel="(?:prev|next)" href="[^"<>]*"><span>[^<>]*</span> <b>([^<>]*)</b> '
    rb"<bdi(?: lang=\"[\w-]+\")?>([^<>]*)</bdi></a>"
)
"""What a page says of the newsletters before and after it: week and title."""

_CANONICAL = re.compile(rb'<link rel="canonical" href="([^"]*)">')


class Outcome(StrEnum):
    """How a file compares with what the project shows."""

    SAME = "SAME"
    """It is a file as the project hands it out."""
    SAME_LINES = "SAME_LINES"
    """The same but for what nobody sees: line ends, a byte order mark, white space at the end of lines or of the file,
    and the comment "saved from url" that browsers write."""
    SAME_LETTER = "SAME_LETTER"
    """The same but for what it says of a newsletter before or after it that the project does not have: that, nobody can
    compare."""
    SAME_WORDS_ONLY = "SAME_WORDS_ONLY"
    """A program saved it anew, and all that it is made of is the same. What is shown of it may differ."""
    DRAWN_ANEW = "DRAWN_ANEW"
    """A PDF with other drawing. Nothing is known of what it shows."""
    ALTERED = "ALTERED"
    """It says or shows something else, or cannot be opened."""


@dataclass(frozen=True)
class Comparison:
    """How a file compares with what the project shows.

    Attributes:
        outcome: The result.
        difference: For people: where they begin to differ; of a file that cannot be told, why.
        lacks_pictures: Whether it has pictures that are not in the file, and so were not compared.
    """

    outcome: Outcome
    difference: str = ""
    lacks_pictures: bool = False


def compare(client: Monogram, newsletter_id: UUID, kept: bytes, *, response_id: UUID | None = None) -> Comparison:
    """Hold a file against the same newsletter as the project shows it, words and all.

    Args:
        client: A client with the project's secret key.
        newsletter_id: The newsletter.
        kept: The file.
        response_id: Of a keepsake: the response that it shows.

    Raises:
        MonogramError: The project's own file cannot be had.
    """
    if kept.lstrip()[: len(_PDF)] == _PDF:
        return _compare_pdf(kept, _pdfs(client, newsletter_id, response_id))
    return _compare_page(client, newsletter_id, kept)


def marks_of(content: bytes) -> list[str]:
    """Return what a file says for programs that it is, from where Monogram writes it: a text of people never counts."""
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
        except NewsletterNotFoundError:  # It names a response that no newsletter has.
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
    "A PDF that another program saved anew is like this: look at it next to what `newsletters.pdf()` or `keepsake()` "
    "returns, which is the project's own"
)
_DRAWN_ANEW = (
    "A PDF that another program wrote from what it shows is like this, and one of another version of Monogram: look at "
    "it next to what `newsletters.pdf()` or `keepsake()` returns, which is the project's own"
)
_OTHER_PAGE = (
    "A page that a browser saved by “Save as” is like this: look at it next to what `newsletters.html()` returns, "
    "which is the project's own"
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
    # Where the project and its pages are now, and where they were when the page was made.
    places: list[dict[str, str]] = [{}, _addresses_in(file, newsletter_id)]
    shown = [_page(client, newsletter_id, around, place) for place in places]
    for page in shown:
        if outcome := _same(plain, page):
            return Comparison(outcome, lacks_pictures=_lacks_pictures(page, newsletter_id))
    lost = around.neighbours - _Around.of(shown[0], newsletter_id).neighbours
    told = _told_in(plain)
    # The function writes what the copy says of a newsletter that there is not into the page, as words and nothing else.
    if lost:
        for place in places:
            page = _page(client, newsletter_id, around, place | told)
            if _same(plain, page) and not around.neighbours - _Around.of(page, newsletter_id).neighbours:
                lacks = _lacks_pictures(page, newsletter_id)
                return Comparison(Outcome.SAME_LETTER, _lost(around, lost, told), lacks)
    return _by_words(Reader([file, *shown], kept, newsletter_id), plain, [file, *shown], _OTHER_PAGE)


def _lacks_pictures(page: bytes, newsletter_id: UUID) -> bool:
    return re.search(rf' src="(?:\.\./)?{newsletter_id}/'.encode(), page) is not None


def _told_in(page: bytes) -> dict[str, str]:
    """Return what a page says of the newsletters before and after it, by the names that the function knows."""
    told: dict[str, str] = {}
    for kind, week, title in _BESIDE_IT.findall(page):
        name = "previous" if kind == b"prev" else "next"
        if number := re.search(r"\d+", week.decode("utf-8", "replace")):
            told[f"{name}_week"] = str(int(number[0]))
            told[f"{name}_title"] = unescape(title.decode("utf-8", "replace"))
    return told


def _lost(around: _Around, lost: set[str], told: dict[str, str]) -> str:
    beside = {"previous": around.previous, "next": around.next}
    names = [name for name, newsletter in beside.items() if newsletter in lost]
    titles = " and ".join(f"“{Word(told[f'{name}_title']).told}”" for name in names)
    which = " and ".join(str(beside[name]) for name in names)
    return (
        f"It leads to {which}, which the project does not have, and whether it ever did is not known. So what the copy "
        f"says there ({titles}) was compared with nothing. The rest of the file is what the project shows"
    )


def _same(kept: bytes, shown: bytes) -> Outcome | None:
    if kept == shown:
        return Outcome.SAME
    return Outcome.SAME_LINES if _lines(kept) == _lines(shown) else None


def _lines(page: bytes) -> list[bytes]:
    """Return a page without what no browser shows and no program that saves it is bound to keep."""
    text = page.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = _SAVED_FROM.sub(rb"\1", text).rstrip(_WHITE_SPACE)
    return [line.rstrip(_WHITE_SPACE) for line in text.split(b"\n")]


@dataclass(frozen=True)
class _Around:
    """What a page holds that is not the same for each of its readers; the names are those of the function."""

    previous: str | None = None
    next: str | None = None
    all: bool = False
    feed: str | None = None
    reading: str | None = None
    folder: bool = False

    @classmethod
    def of(cls, page: bytes, newsletter_id: UUID) -> _Around:
        """Read it in a page, whoever made that."""
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
        """The newsletters to which it leads."""
        return {one for one in (self.previous, self.next) if one is not None}


def _page(client: Monogram, newsletter_id: UUID, around: _Around, place: dict[str, str]) -> bytes:
    """Have the page made that somebody was shown."""
    asked = {name: "1" if value is True else value for name, value in vars(around).items() if value} | place
    from monogram_sdk._contents import LETTER
    from monogram_sdk._engine.request import Request

    path = f"{_FUNCTION}/{newsletter_id}/copy?{urlencode(asked)}"
    request = Request("GET", path, headers={"accept": "*/*"}, content=LETTER)
    return client.newsletters._engine.send(request).content  # pyright: ignore[reportPrivateUsage]


def _addresses_in(page: bytes, newsletter_id: UUID) -> dict[str, str]:
    """Return where the project and its pages were when it made this page."""
    found: dict[str, str] = {}
    if canonical := _CANONICAL.search(page):
        found["template"] = unescape(canonical[1].decode()).replace(str(newsletter_id), "{id}")
    if pdf := re.search(rf'<a href="([^"]*){_FUNCTION}/{newsletter_id}\.pdf"'.encode(), page):
        found["project"] = unescape(pdf[1].decode())
    return found


def _by_words(words_of: Callable[[bytes], list[Word]], kept: bytes, shown: list[bytes], advice: str) -> Comparison:
    """Compare with each file of the same newsletter, and tell where the one that is nearest differs."""
    try:
        ours = words_of(kept)
    except Exception:  # What somebody made of a file may fail a reader in any way.
        return Comparison(Outcome.ALTERED, "it cannot be opened: it is damaged, or not complete")
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
